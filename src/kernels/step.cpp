// Lays out DRAM, re-tiles the weights once, and emits every core's program for every row bucket.
#include "kernels/step.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <thread>

#include "base/error.h"
#include "base/heap.h"
#include "kernels/emitter.h"
#include "kernels/plan.h"
#include "kernels/weights.h"

namespace hadal::kernels {
namespace {

uint64_t lines_of(int64_t words) { return static_cast<uint64_t>((words + 15) / 16); }

void require_shapes(const model::Model& model, const chip::Chip& chip) {
  const model::Config& c = model.config;
  const std::string where =
      std::filesystem::is_directory(model.directory) ? model.directory + "/config.json" : model.directory;
  auto multiple = [&](const char* key, int64_t value, int64_t of) {
    if (value % of != 0) input_error(where, "{} is {}; the kernels take multiples of {}", key, value, of);
  };
  multiple("hidden_size", c.hidden_size, 32);
  if (c.attention == model::Attention::kLatent) {
    multiple("q_lora_rank", c.q_lora_rank, 128);
    multiple("kv_lora_rank", c.kv_lora_rank, 128);
    multiple("qk_nope_head_dim", c.qk_nope_head_dim, 128);
    multiple("v_head_dim", c.v_head_dim, 128);
    if (c.qk_rope_head_dim != 64)
      input_error(where, "qk_rope_head_dim is {}; the cache layout takes 64", c.qk_rope_head_dim);
  } else if (c.head_dim > 256) {
    input_error(where, "head_dim is {}; the kernels take at most 256", c.head_dim);
  }
  // No published model is wider, and nothing wider was tried.
  if (c.hidden_size > 16384) input_error(where, "hidden_size is {}; the kernels take at most 16384", c.hidden_size);
  if (chip.cores > isa::kMaxCores) input_error(chip.file, "{} cores; a core mask holds {}", chip.cores, isa::kMaxCores);
}

// Sizes that follow from the chip: a big scratchpad affords long attention tiles and a deep weight ring.
void choose_tiles(Plan& plan, const chip::Chip& chip) {
  plan.small = chip.spm.bytes < 512 * 1024;
  const bool wide = plan.options.kv_format == KvFormat::kBf16 && plan.config->attention == model::Attention::kLatent;
  plan.kv_tile = plan.small ? 32 : wide ? 64 : 128;
  plan.slot_lines = plan.small ? 128 : 512;
  plan.slots = plan.small ? 2 : 4;
}

// The format of the cache and of heads in buffers.
void choose_cache(Plan& plan, const model::Config& c) {
  const bool fp8 = plan.options.kv_format == KvFormat::kFp8;
  if (c.attention == model::Attention::kGrouped) {
    plan.head_columns = c.head_dim <= 64 ? 64 : (c.head_dim + 127) / 128 * 128;
    plan.kv_row_lines = static_cast<uint32_t>(2 * plan.head_columns / 64 * (fp8 ? 1 : 2) + 1);
    return;
  }
  const int64_t bytes =
      fp8 ? c.kv_lora_rank + c.kv_lora_rank / 32 + 2 * c.qk_rope_head_dim : 2 * (c.kv_lora_rank + c.qk_rope_head_dim);
  plan.kv_row_lines = static_cast<uint32_t>((bytes + 63) / 64);
}

void emit(Emitter& e, const std::vector<graph::Operator>& operators) {
  Builder& b = e.b;
  const bool latent = e.c.attention == model::Attention::kLatent;
  b.set(kMaskRegister, (uint64_t{1} << e.p.cores) - 1);
  b.set(kHubRegister, uint64_t{1} << e.p.hub());
  b.ld(e.constants, b.dram(e.p.constants), 1, static_cast<int>(lines_of(kConstants)), 0, 0);
  for (size_t i = 0; i < e.record_rows.size(); ++i) {
    const Loc record = e.records + static_cast<uint32_t>(i) * 4;
    b.ld(record, b.dram(e.p.areas.step + static_cast<uint64_t>(e.record_rows[i]) * 4), 1, 4, 0, 0, Object::kStep);
    b.ldg(e.rope + static_cast<uint32_t>(i) * e.p.rope_lines, b.dram(e.p.rope), record, 1,
          static_cast<int>(e.p.rope_lines), e.p.rope_lines);
  }
  b.prm(isa::Prm::kIota, Vt{e.minus_iota}, Vt{e.minus_iota}, 1, e.p.kv_tile);
  b.alu(isa::Alu::kMul, Vt{e.minus_iota}, Vt{e.minus_iota}, e.scalar(kMinusOne), isa::Bc::kScalar, 1, e.p.kv_tile);
  for (size_t i = 0; i < operators.size(); ++i) {
    const graph::Operator& op = operators[i];
    b.set_operator(static_cast<uint32_t>(i));
    const LayerWeights* w = op.layer >= 0 ? &e.p.layers[static_cast<size_t>(op.layer)] : nullptr;
    switch (op.kind) {
      case graph::Kind::kEmbed: emit_embed(e); break;
      case graph::Kind::kQkv: emit_qkv(e, *w); break;
      case graph::Kind::kQkvDown: emit_qkv_down(e, *w); break;
      case graph::Kind::kKvWrite:
        latent ? emit_latent_kv_write(e, *w, op.layer) : emit_grouped_kv_write(e, *w, op.layer);
        break;
      case graph::Kind::kQUp: emit_q_up(e, *w); break;
      case graph::Kind::kQAbsorb: emit_q_absorb(e, *w); break;
      case graph::Kind::kAttention:
        latent ? emit_latent_attention(e, op.layer) : emit_grouped_attention(e, *w, op.layer);
        break;
      case graph::Kind::kVUp: emit_value_up(e, *w); break;
      case graph::Kind::kOutput: emit_output(e, *w); break;
      case graph::Kind::kMlpUp: emit_mlp_up(e, *w, w->post_norm); break;
      case graph::Kind::kMlpDown: emit_mlp_down(e, *w); break;
      case graph::Kind::kRouter: emit_router(e, *w); break;
      case graph::Kind::kExperts: emit_experts(e, *w); break;
      case graph::Kind::kCombine: emit_combine(e, *w); break;
      case graph::Kind::kLmHead:
        w == nullptr ? emit_lm_head(e, e.p.final_norm, e.p.lm_head) : emit_lm_head(e, w->head_norm, w->head);
        break;
      case graph::Kind::kKeepHidden: emit_keep_hidden(e); break;
      case graph::Kind::kDraftJoin: emit_draft_join(e, *w); break;
    }
  }
  b.halt();
}

// The streams of all cores, on all threads of the host. Of several failures that of the first core is reported.
std::vector<program::Stream> emit_cores(const Plan& plan, const std::vector<graph::Operator>& operators) {
  const auto cores = static_cast<size_t>(plan.cores);
  std::vector<program::Stream> streams(cores);
  std::vector<std::exception_ptr> failures(cores);
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  const auto work = [&] {
    for (size_t core = next++; core < cores && !failed; core = next++) {
      try {
        Emitter e(plan, static_cast<int>(core));
        emit(e, operators);
        streams[core] = e.b.finish();
      } catch (...) {
        failures[core] = std::current_exception();
        failed = true;
      }
    }
  };
  {
    std::vector<std::jthread> helpers;
    for (unsigned t = 1; t < std::min(std::thread::hardware_concurrency(), 16u); ++t) {
      helpers.emplace_back([&work] {
        work();
        trim_thread_heap();
      });
    }
    work();
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
  return streams;
}

}  // namespace

Compiled compile(const model::Model& model, const chip::Chip& chip, const CompileOptions& options) {
  require_shapes(model, chip);
  const model::Config& c = model.config;
  Compiled out;
  out.options = options;
  const bool latent = c.attention == model::Attention::kLatent;
  if (out.options.kv_format == KvFormat::kAuto) {
    out.options.kv_format = latent ? KvFormat::kFp8 : KvFormat::kBf16;
  }
  if (options.mtp && !model.has_mtp()) {
    input_error(model.directory,
                "has no layer for multi-token prediction (num_nextn_predict_layers); draft without it");
  }
  out.operators = graph::step(c, options.mtp);
  std::vector<int> buckets = options.row_buckets.empty() ? std::vector<int>{1, 4, 16, 32} : options.row_buckets;
  std::sort(buckets.begin(), buckets.end());
  for (const int rows : buckets) check(rows > 0, "a row bucket of {}", rows);
  const auto most_rows = static_cast<uint64_t>(buckets.back());

  Plan plan;
  plan.config = &c;
  plan.chip = &chip;
  plan.options = out.options;
  plan.cores = chip.cores;
  choose_tiles(plan, chip);
  const int64_t context = options.context > 0 ? options.context : c.max_position_embeddings;
  choose_cache(plan, c);
  plan.rope_lines = static_cast<uint32_t>(2 * lines_of(c.rope_dim()));
  plan.embed_lines = static_cast<uint32_t>(c.hidden_size * 2 / 64);

  ReadOnlyImage image(options.first_line);
  pack_weights(image, model, plan, context);

  uint64_t line = image.end_line() + 64;
  std::vector<program::Segment> areas;
  auto area = [&](const char* name, uint64_t lines) {
    areas.push_back({name, line, lines, true, {}, nullptr});
    const uint64_t first = line;
    line += (lines + 63) / 64 * 64 + 64;  // a gap, so that running over the end of an area is a fault
    return first;
  };
  plan.areas.step = area("step", most_rows * 4);
  plan.areas.kv_head_lines = static_cast<uint64_t>(context) * plan.kv_row_lines;
  plan.areas.kv_slot_lines = plan.areas.kv_head_lines * (latent ? 1 : static_cast<uint64_t>(c.num_key_value_heads));
  plan.areas.kv_layer_lines =
      plan.areas.kv_slot_lines * static_cast<uint64_t>(options.sequences + 1);  // one for padding rows
  plan.areas.kv_lines = plan.areas.kv_layer_lines * static_cast<uint64_t>(c.num_hidden_layers + (options.mtp ? 1 : 0));
  plan.areas.kv = area("kv", plan.areas.kv_lines);
  if (latent) {
    const uint64_t latents = most_rows * lines_of(c.num_attention_heads * c.kv_lora_rank);
    plan.areas.query = area("query", latents);
    plan.areas.attention = area("attention", latents);
  }
  if (c.has_experts()) {
    plan.areas.experts =
        area("experts", most_rows * static_cast<uint64_t>(c.num_experts_per_tok) * lines_of(c.hidden_size));
  }
  if (options.mtp) plan.areas.hidden = area("hidden", most_rows * lines_of(c.hidden_size));
  plan.areas.logits = area("logits", most_rows * plan.lm_head.tiles * 2);
  // Last, and only where it is used: other programs keep their addresses.
  if (rows_stream(c, chip, buckets.back(), options.owners_from)) {
    const int64_t columns = c.num_attention_heads * (c.qk_nope_head_dim + c.qk_rope_head_dim);
    plan.areas.heads = area("heads", most_rows * lines_of(columns));
  }
  if (line * 64 > chip.dram.bytes) {
    const uint64_t needed = line * 64;
    input_error(
        chip.file,
        "the model, its cache and buffers need {} MiB of DRAM and the chip has {} MiB: {} such chips would hold "
        "them, but programs are made for one; {}",
        needed >> 20, chip.dram.bytes >> 20, (needed + chip.dram.bytes - 1) / chip.dram.bytes,
        c.fp8 || options.weight_digits == 1 ? "a shorter context needs less"
                                            : "one digit a weight (--weight-digits 1) needs less");
  }

  std::vector<program::Segment> segments = image.take();
  segments.insert(segments.end(), areas.begin(), areas.end());

  out.layout = {.rows = plan.areas.step * 64,
                .logits = plan.areas.logits * 64,
                .logits_stride = plan.lm_head.tiles * 32ull * 4,
                .hidden_row_lines = lines_of(c.hidden_size),
                .kv = plan.areas.kv * 64,
                .kv_row_bytes = plan.kv_row_lines * 64ull,
                .kv_layer_bytes = plan.areas.kv_layer_lines * 64,
                .kv_slot_bytes = plan.areas.kv_slot_lines * 64,
                .kv_head_bytes = plan.areas.kv_head_lines * 64,
                .context = context,
                .kv_tile = plan.kv_tile};
  const auto emit_program = [&](const std::vector<graph::Operator>& operators) {
    program::Program program;
    program.chip = chip.name;
    program.segments = segments;
    for (const graph::Operator& op : operators) program.operators.push_back(op.name);
    program.cores = emit_cores(plan, operators);
    program.share_instructions();
    return program;
  };
  const auto add_bucket = [&](int rows) {
    plan.rows = rows;
    plan.draft = false;
    program::Program step = emit_program(out.operators);
    if (options.mtp) {
      plan.draft = true;
      out.drafts.push_back(emit_program(graph::draft(c)));
    }
    out.programs.push_back(std::move(step));
    out.rows.push_back(rows);
  };
  // Where one of the usual buckets does not fit the chip, the last is the largest of 3/4, 1/2 and 3/8 of it that does.
  for (const int rows : buckets) {
    bool fits = false;
    for (const int eighths : {8, 6, 4, 3}) {
      const int fewer = rows * eighths / 8;
      if (!out.rows.empty() && fewer <= out.rows.back()) break;
      try {
        add_bucket(fewer);
        fits = eighths == 8;
        break;
      } catch (const DoesNotFit&) {
        if (!options.row_buckets.empty() || out.rows.empty()) throw;
      }
    }
    if (!fits) break;
  }
  plan.rows = out.rows.back();
  plan.draft = false;
  if (plan.rows > 1) {
    std::vector<graph::Operator> operators = out.operators;
    std::erase_if(operators, [](const graph::Operator& op) { return op.kind == graph::Kind::kLmHead; });
    out.without_logits = emit_program(operators);
  }
  return out;
}

}  // namespace hadal::kernels
