// Lays out DRAM, re-tiles the weights once, and emits every core's program for every row bucket.
#include "kernels/step.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <filesystem>
#include <iterator>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/heap.h"
#include "kernels/emitter.h"
#include "kernels/plan.h"
#include "kernels/stages.h"
#include "kernels/weights.h"

namespace hadal::kernels {
namespace {

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
    const int layer = op.layer - static_cast<int>(e.p.stage.first);  // of this chip
    const LayerWeights* w = op.layer >= 0 ? &e.p.layers[static_cast<size_t>(layer)] : nullptr;
    switch (op.kind) {
      case graph::Kind::kEmbed: emit_embed(e); break;
      case graph::Kind::kQkv: emit_qkv(e, *w); break;
      case graph::Kind::kQkvDown: emit_qkv_down(e, *w); break;
      case graph::Kind::kKvWrite:
        latent ? emit_latent_kv_write(e, *w, layer) : emit_grouped_kv_write(e, *w, layer);
        break;
      case graph::Kind::kQUp: emit_q_up(e, *w); break;
      case graph::Kind::kQAbsorb: emit_q_absorb(e, *w); break;
      case graph::Kind::kAttention:
        latent ? emit_latent_attention(e, layer) : emit_grouped_attention(e, *w, layer);
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
      case graph::Kind::kReceive: emit_receive(e); break;
      case graph::Kind::kPassOn: emit_pass_on(e); break;
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

// What all stages share.
Plan plan_of(const model::Model& model, const chip::Chip& chip, const CompileOptions& options) {
  require_shapes(model, chip);
  const model::Config& c = model.config;
  if (options.mtp && !model.has_mtp()) {
    input_error(model.directory,
                "has no layer for multi-token prediction (num_nextn_predict_layers); draft without it");
  }
  Plan plan;
  plan.config = &c;
  plan.chip = &chip;
  plan.options = options;
  if (plan.options.kv_format == KvFormat::kAuto) {
    plan.options.kv_format = c.attention == model::Attention::kLatent ? KvFormat::kFp8 : KvFormat::kBf16;
  }
  plan.cores = chip.cores;
  choose_tiles(plan, chip);
  choose_cache(plan, c);
  plan.rope_lines = static_cast<uint32_t>(2 * lines_of(c.rope_dim()));
  plan.embed_lines = static_cast<uint32_t>(c.hidden_size * 2 / 64);
  return plan;
}

StepLayout layout_of(const Plan& plan, int64_t context) {
  const Areas& areas = plan.areas;
  return {.rows = areas.step * 64,
          .logits = areas.logits * 64,
          .logits_stride = plan.lm_head.tiles * 32ull * 4,
          .hidden_row_lines = lines_of(plan.config->hidden_size),
          .kv = areas.kv * 64,
          .kv_row_bytes = plan.kv_row_lines * 64ull,
          .kv_layer_bytes = areas.kv_layer_lines * 64,
          .kv_slot_bytes = areas.kv_slot_lines * 64,
          .kv_head_bytes = areas.kv_head_lines * 64,
          .context = context,
          .kv_tile = plan.kv_tile,
          .received = areas.received * 64,
          .passed_on = areas.passed_on * 64,
          .residual_row_bytes = lines_of(plan.config->hidden_size) * 64};
}

// The programs of a stage whose weights and areas have their places.
void add_programs(Compiled& out, Plan& plan, const std::vector<program::Segment>& segments,
                  const std::vector<int>& buckets) {
  const model::Config& c = *plan.config;
  const bool drafts = plan.options.mtp && plan.stage.ends();
  const auto emit_program = [&](const std::vector<graph::Operator>& operators) {
    program::Program program;
    program.chip = plan.chip->name;
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
    if (drafts) {
      plan.draft = true;
      out.drafts.push_back(emit_program(graph::draft(c)));
    }
    out.programs.push_back(std::move(step));
    out.rows.push_back(rows);
  };
  // Where one of the usual buckets does not fit the chip, the last is the largest of 3/4, 1/2 and 3/8 of it that does.
  const bool given = !plan.options.row_buckets.empty();
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
        if (given || out.rows.empty()) throw;
      }
    }
    if (!fits) break;
  }
  plan.rows = out.rows.back();
  plan.draft = false;
  if (plan.rows > 1 && plan.stage.ends()) {
    std::vector<graph::Operator> operators = out.operators;
    std::erase_if(operators, [](const graph::Operator& op) { return op.kind == graph::Kind::kLmHead; });
    out.without_logits = emit_program(operators);
  }
}

}  // namespace

std::vector<Compiled> compile_stages(const model::Model& model, const chip::Chip& chip, const CompileOptions& options) {
  const Plan common = plan_of(model, chip, options);
  const model::Config& c = model.config;
  std::vector<int> buckets = options.row_buckets;
  if (buckets.empty()) buckets.assign(kUsualRows.begin(), kUsualRows.end());
  std::sort(buckets.begin(), buckets.end());
  for (const int rows : buckets) check(rows > 0, "a row bucket of {}", rows);
  const auto most_rows = static_cast<uint64_t>(buckets.back());
  const int64_t context = options.context > 0 ? options.context : c.max_position_embeddings;

  const auto residency = std::make_shared<Residency>(options.host_bytes > 0 ? options.host_bytes : usual_host_bytes());
  struct Placed {
    Plan plan;
    ReadOnlyImage image;
  };
  std::vector<Placed> placed;
  for (const graph::Stage& stage : choose_stages(model, common, most_rows, context)) {
    placed.push_back({common, ReadOnlyImage(options.first_line, residency)});
    placed.back().plan.stage = stage;
    pack_weights(placed.back().image, model, placed.back().plan, context);
  }
  std::vector<Compiled> chips;
  uint64_t code_bytes = 0;
  for (Placed& one : placed) {
    Plan& plan = one.plan;
    Writable areas = place_areas(plan, one.image.end_line(), most_rows, context);
    check(areas.end_line * 64 <= chip.dram.bytes, "layers {} to {} take {} lines of DRAM", plan.stage.first,
          plan.stage.end, areas.end_line);
    plan.areas = areas.areas;
    std::vector<program::Segment> segments = one.image.take();  // now that all sizes are known
    std::move(areas.segments.begin(), areas.segments.end(), std::back_inserter(segments));
    Compiled& out = chips.emplace_back();
    out.options = plan.options;
    out.stage = plan.stage;
    out.residency = residency;
    out.operators = graph::step(c, plan.options.mtp, plan.stage);
    out.layout = layout_of(plan, context);
    add_programs(out, plan, segments, buckets);
    for (const program::Program& program : out.programs) {
      for (const program::Stream& stream : program.cores) code_bytes += stream.code.size() * sizeof(isa::Encoded);
    }
  }
  // The programs of a large model are gigabytes too; a simulator holds half as much again of them, decoded.
  if (options.host_bytes == 0 && residency->bounded()) residency->set_aside(code_bytes + code_bytes / 2);
  return chips;
}

Compiled compile(const model::Model& model, const chip::Chip& chip, const CompileOptions& options) {
  check(options.chips == 1, "one program for {} chips", options.chips);
  return std::move(compile_stages(model, chip, options).front());
}

}  // namespace hadal::kernels
