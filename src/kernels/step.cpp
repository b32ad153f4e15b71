// Lays out DRAM, re-tiles the weights once, and emits every core's program for every row bucket.
#include "kernels/step.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kernels/emitter.h"
#include "kernels/plan.h"

namespace hadal::kernels {
namespace {

constexpr uint64_t kFirstLine = 1024;  // address 0 stays unmapped, so that a forgotten address is a fault

uint64_t lines_of(int64_t words) { return static_cast<uint64_t>((words + 15) / 16); }

void require_shapes(const model::Model& model, const chip::Chip& chip) {
  const model::Config& c = model.config;
  const std::string where = model.directory + "/config.json";
  auto multiple = [&](const char* key, int64_t value, int64_t of) {
    if (value % of != 0) input_error(where, "{} is {}; the kernels take multiples of {}", key, value, of);
  };
  multiple("hidden_size", c.hidden_size, 128);
  multiple("q_lora_rank", c.q_lora_rank, 128);
  multiple("kv_lora_rank", c.kv_lora_rank, 128);
  multiple("qk_nope_head_dim", c.qk_nope_head_dim, 128);
  multiple("v_head_dim", c.v_head_dim, 128);
  multiple("intermediate_size", c.intermediate_size, 128);
  multiple("moe_intermediate_size", c.moe_intermediate_size, 128);
  if (c.qk_rope_head_dim != 64)
    input_error(where, "qk_rope_head_dim is {}; the cache layout takes 64", c.qk_rope_head_dim);
  if (c.hidden_size / 16 > 255) {
    input_error(where, "hidden_size is {}; gather and scatter move rows of at most 255 lines (4080 FP32)",
                c.hidden_size);
  }
  if (chip.cores > isa::kMaxCores) input_error(chip.file, "{} cores; a core mask holds {}", chip.cores, isa::kMaxCores);
}

std::vector<float> rope_table(const model::Config& c, int64_t positions) {
  const std::vector<double> frequencies = model::rope_inverse_frequencies(c);
  const auto dim = static_cast<size_t>(c.qk_rope_head_dim);
  std::vector<float> table(static_cast<size_t>(positions) * dim * 2);
  for (size_t p = 0; p < static_cast<size_t>(positions); ++p) {
    for (size_t i = 0; i < dim / 2; ++i) {
      // The angle is formed in binary32, as the published models do.
      const float angle = static_cast<float>(p) * static_cast<float>(frequencies[i]);
      const auto cosine = static_cast<float>(std::cos(static_cast<double>(angle)));
      const auto sine = static_cast<float>(std::sin(static_cast<double>(angle)));
      float* row = table.data() + p * dim * 2;
      row[2 * i] = row[2 * i + 1] = cosine;
      row[dim + 2 * i] = -sine;
      row[dim + 2 * i + 1] = sine;
    }
  }
  return table;
}

uint64_t vector(ReadOnlyImage& image, const model::Model& model, const std::string& name) {
  return image.append(bf16_values(*model.weights.find(name)));
}

// Gate and up projections interleaved by tile, so that a core's share always holds both halves of its columns.
PanelMatrix pack_gate_up(ReadOnlyImage& image, const model::Model& model, const std::string& prefix) {
  const model::Fp8Linear gate = model::fp8_linear(model, prefix + "gate_proj");
  const model::Fp8Linear up = model::fp8_linear(model, prefix + "up_proj");
  std::vector<TileSource> tiles;
  for (int64_t n = 0; n < gate.n; n += 32) {
    tiles.push_back({gate, n});
    tiles.push_back({up, n});
  }
  return pack_fp8(image, tiles);
}

LayerWeights pack_layer(ReadOnlyImage& image, const model::Model& model, int layer) {
  const model::Config& c = model.config;
  const std::string prefix = fmt::format("model.layers.{}.", layer), attention = prefix + "self_attn.",
                    mlp = prefix + "mlp.";
  auto linear = [&](const std::string& name) { return model::fp8_linear(model, name); };
  LayerWeights w;
  w.input_norm = vector(image, model, prefix + "input_layernorm.weight");
  w.post_norm = vector(image, model, prefix + "post_attention_layernorm.weight");
  w.q_norm = vector(image, model, attention + "q_a_layernorm.weight");
  w.kv_norm = vector(image, model, attention + "kv_a_layernorm.weight");
  std::vector<TileSource> down;
  for (const model::Fp8Linear& l : {linear(attention + "q_a_proj"), linear(attention + "kv_a_proj_with_mqa")}) {
    for (int64_t n = 0; n < l.n; n += 32) down.push_back({l, n});
  }
  w.qkv_down = pack_fp8(image, down);
  w.q_up = pack_fp8(image, linear(attention + "q_b_proj"));
  w.output = pack_fp8(image, linear(attention + "o_proj"));
  const model::Fp8Linear kv_b = linear(attention + "kv_b_proj");
  const int64_t nope = c.qk_nope_head_dim, head = nope + c.v_head_dim;
  for (int64_t h = 0; h < c.num_attention_heads; ++h) {
    w.key_up.push_back(pack_fp8_transposed(image, kv_b, h * head, nope / 128));
    std::vector<TileSource> value;
    for (int64_t n = 0; n < c.v_head_dim; n += 32) value.push_back({kv_b, h * head + nope + n});
    w.value_up.push_back(pack_fp8(image, value));
  }
  if (layer < c.first_k_dense_replace) {
    w.mlp_up = pack_gate_up(image, model, mlp);
    w.mlp_down = pack_fp8(image, linear(mlp + "down_proj"));
    return w;
  }
  w.mlp_up = pack_gate_up(image, model, mlp + "shared_experts.");
  w.mlp_down = pack_fp8(image, linear(mlp + "shared_experts.down_proj"));
  w.router = pack_bf16(image, *model.weights.find(mlp + "gate.weight"));
  const model::Tensor& bias = *model.weights.find(mlp + "gate.e_score_correction_bias");
  std::vector<float> values(static_cast<size_t>(c.n_routed_experts));
  std::memcpy(values.data(), bias.data.data(), values.size() * 4);
  w.router_bias = image.append(values);
  for (int64_t x = 0; x < c.n_routed_experts; ++x) {
    const std::string expert = fmt::format("{}experts.{}.", mlp, x);
    w.expert_up.push_back(pack_gate_up(image, model, expert));
    w.expert_down.push_back(pack_fp8(image, linear(expert + "down_proj")));
  }
  return w;
}

std::vector<float> constants(const model::Config& c, int kv_tile) {
  std::vector<float> k(kConstants);
  k[kOne] = 1;
  k[kMinusOne] = -1;
  k[kEps] = static_cast<float>(c.rms_norm_eps);
  k[kInvHidden] = 1.0f / static_cast<float>(c.hidden_size);
  k[kInvQRank] = 1.0f / static_cast<float>(c.q_lora_rank);
  k[kInvKvRank] = 1.0f / static_cast<float>(c.kv_lora_rank);
  k[kQueryScale] = static_cast<float>(model::attention_scale(c) * std::numbers::log2e);
  k[kMinusLog2e] = static_cast<float>(-std::numbers::log2e);
  k[kRouteScale] = static_cast<float>(c.routed_scaling_factor);
  k[kTopK] = static_cast<float>(c.num_experts_per_tok);
  k[kKvTile] = static_cast<float>(kv_tile);
  k[kTiny] = 1e-20f;
  return k;
}

// Sizes that follow from the chip: a big scratchpad affords long attention tiles and a deep weight ring.
void choose_tiles(Plan& plan, const chip::Chip& chip) {
  plan.small = chip.spm.bytes < 512 * 1024;
  plan.kv_tile = plan.small ? 32 : plan.options.kv_format == KvFormat::kBf16 ? 64 : 128;
  plan.slot_lines = plan.small ? 128 : 256;
  plan.slots = plan.small ? 2 : 8;
}

void emit(Emitter& e, const std::vector<graph::Operator>& operators) {
  Builder& b = e.b;
  b.set(kMaskRegister, (uint64_t{1} << e.p.cores) - 1);
  b.set(kHubRegister, uint64_t{1} << e.p.hub());
  b.ld(e.constants, {0, static_cast<uint32_t>(e.p.constants)}, 1, static_cast<int>(lines_of(kConstants)), 0, 0);
  for (size_t i = 0; i < e.own_rows.size(); ++i) {
    const Loc record = e.records + static_cast<uint32_t>(i) * 4;
    b.ld(record, {0, static_cast<uint32_t>(e.p.areas.step + static_cast<uint64_t>(e.own_rows[i]) * 4)}, 1, 4, 0, 0,
         Object::kStep);
    b.ldg(e.rope + static_cast<uint32_t>(i) * e.p.rope_lines, {0, static_cast<uint32_t>(e.p.rope)}, record, 1,
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
      case graph::Kind::kQkvDown: emit_qkv_down(e, *w); break;
      case graph::Kind::kKvWrite: emit_kv_write(e, *w, op.layer); break;
      case graph::Kind::kQUp: emit_q_up(e, *w); break;
      case graph::Kind::kQAbsorb: emit_q_absorb(e, *w); break;
      case graph::Kind::kAttention: emit_attention(e, op.layer); break;
      case graph::Kind::kVUp: emit_value_up(e, *w); break;
      case graph::Kind::kOutput: emit_output(e, *w); break;
      case graph::Kind::kMlpUp: emit_mlp_up(e, *w, w->post_norm); break;
      case graph::Kind::kMlpDown: emit_mlp_down(e, *w); break;
      case graph::Kind::kRouter: emit_router(e, *w); break;
      case graph::Kind::kExperts: emit_experts(e, *w); break;
      case graph::Kind::kCombine: emit_combine(e, *w); break;
      case graph::Kind::kLmHead: emit_lm_head(e); break;
    }
  }
  b.halt();
}

}  // namespace

Compiled compile(const model::Model& model, const chip::Chip& chip, const CompileOptions& options) {
  require_shapes(model, chip);
  const model::Config& c = model.config;
  Compiled out;
  out.options = options;
  out.operators = graph::step(c);
  std::vector<int> buckets = options.row_buckets.empty() ? std::vector<int>{1, 4, 16, 32} : options.row_buckets;
  std::sort(buckets.begin(), buckets.end());
  for (const int rows : buckets)
    check(std::has_single_bit(static_cast<unsigned>(rows)), "row bucket {} is not a power of two", rows);
  const auto most_rows = static_cast<uint64_t>(buckets.back());

  Plan plan;
  plan.config = &c;
  plan.chip = &chip;
  plan.options = options;
  plan.cores = chip.cores;
  choose_tiles(plan, chip);
  const int64_t context = options.context > 0 ? options.context : c.max_position_embeddings;
  const int64_t kv_bytes = options.kv_format == KvFormat::kBf16
                               ? 2 * (c.kv_lora_rank + c.qk_rope_head_dim)
                               : c.kv_lora_rank + c.kv_lora_rank / 32 + 2 * c.qk_rope_head_dim;
  plan.kv_row_lines = static_cast<uint32_t>((kv_bytes + 63) / 64);
  plan.rope_lines = static_cast<uint32_t>(lines_of(2 * c.qk_rope_head_dim));
  plan.embed_lines = static_cast<uint32_t>(c.hidden_size * 2 / 64);

  ReadOnlyImage image(kFirstLine);
  plan.constants = image.append(constants(c, plan.kv_tile));
  plan.rope = image.append(rope_table(c, context));
  const model::Tensor& embed = *model.weights.find("model.embed_tokens.weight");
  plan.embed = image.allocate(static_cast<uint64_t>(c.vocab_size) * plan.embed_lines);
  std::memcpy(image.at(plan.embed), embed.data.data(), embed.data.size());
  plan.final_norm = vector(image, model, "model.norm.weight");
  for (int layer = 0; layer < c.num_hidden_layers; ++layer) plan.layers.push_back(pack_layer(image, model, layer));
  plan.lm_head = pack_bf16(image, *model.weights.find("lm_head.weight"));

  uint64_t line = image.end_line() + 64;
  std::vector<program::Segment> areas;
  auto area = [&](const char* name, uint64_t lines) {
    areas.push_back({name, line, lines, true, {}, nullptr});
    const uint64_t first = line;
    line += (lines + 63) / 64 * 64 + 64;  // a gap, so that running over the end of an area is a fault
    return first;
  };
  plan.areas.step = area("step", most_rows * 4);
  plan.areas.kv_slot_lines = static_cast<uint64_t>(context) * plan.kv_row_lines;
  plan.areas.kv_layer_lines =
      plan.areas.kv_slot_lines * static_cast<uint64_t>(options.sequences + 1);  // one for padding rows
  plan.areas.kv_lines = plan.areas.kv_layer_lines * static_cast<uint64_t>(c.num_hidden_layers);
  plan.areas.kv = area("kv", plan.areas.kv_lines);
  const uint64_t latents = most_rows * lines_of(c.num_attention_heads * c.kv_lora_rank);
  plan.areas.query = area("query", latents);
  plan.areas.attention = area("attention", latents);
  plan.areas.experts =
      area("experts", most_rows * static_cast<uint64_t>(c.num_experts_per_tok) * lines_of(c.hidden_size));
  plan.areas.logits = area("logits", most_rows * plan.lm_head.tiles * 2);
  if (line * 64 > chip.dram.bytes) {
    input_error(chip.file, "the model, its cache and buffers need {} MiB of DRAM; the chip has {} MiB", line >> 14,
                chip.dram.bytes >> 20);
  }
  if (line >= uint64_t{1} << 28)
    input_error(chip.file, "programs reach the first 16 GiB of DRAM; {} MiB are needed", line >> 14);

  const auto bytes = std::make_shared<std::vector<std::byte>>(image.take());
  std::vector<program::Segment> segments{{"weights", kFirstLine, bytes->size() / 64, false, *bytes, bytes}};
  segments.insert(segments.end(), areas.begin(), areas.end());

  out.layout = {.rows = plan.areas.step * 64,
                .logits = plan.areas.logits * 64,
                .logits_stride = plan.lm_head.tiles * 32ull * 4,
                .kv = plan.areas.kv * 64,
                .kv_row_bytes = plan.kv_row_lines * 64ull,
                .kv_layer_bytes = plan.areas.kv_layer_lines * 64,
                .kv_slot_bytes = plan.areas.kv_slot_lines * 64,
                .context = context,
                .kv_tile = plan.kv_tile};
  for (const int rows : buckets) {
    plan.rows = rows;
    program::Program program;
    program.chip = chip.name;
    program.segments = segments;
    for (const graph::Operator& op : out.operators) program.operators.push_back(op.name);
    try {
      for (int core = 0; core < chip.cores; ++core) {
        Emitter e(plan, core);
        emit(e, out.operators);
        program.cores.push_back(e.b.finish());
      }
    } catch (const DoesNotFit&) {
      if (!options.row_buckets.empty() || out.rows.empty()) throw;
      break;  // the chip takes fewer rows at once
    }
    out.rows.push_back(rows);
    out.programs.push_back(std::move(program));
  }
  return out;
}

}  // namespace hadal::kernels
