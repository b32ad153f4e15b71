// Layers of every family as matrices and vectors in DRAM.
#include "kernels/weights.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#include "base/error.h"
#include "numerics/numerics.h"

namespace hadal::kernels {
namespace {

std::vector<float> rope_table(const model::Config& c, int64_t positions) {
  const std::vector<double> frequencies = model::rope_inverse_frequencies(c);
  const auto dim = static_cast<size_t>(c.rope_dim());
  const size_t width = (dim + 15) / 16 * 16;  // of cos and of sin: whole lines
  const auto amplitude = static_cast<float>(c.rope_amplitude);
  std::vector<float> table(static_cast<size_t>(positions) * width * 2);
  for (size_t p = 0; p < static_cast<size_t>(positions); ++p) {
    for (size_t i = 0; i < dim / 2; ++i) {
      // The angle is formed in binary32, as the published models do.
      const float angle = static_cast<float>(p) * static_cast<float>(frequencies[i]);
      const float cosine = static_cast<float>(std::cos(static_cast<double>(angle))) * amplitude;
      const float sine = static_cast<float>(std::sin(static_cast<double>(angle))) * amplitude;
      float* row = table.data() + p * width * 2;
      row[2 * i] = row[2 * i + 1] = cosine;
      row[width + 2 * i] = -sine;
      row[width + 2 * i + 1] = sine;
    }
  }
  return table;
}

std::vector<float> constants(const model::Config& c, int kv_tile) {
  std::vector<float> k(kConstants);
  k[kOne] = 1;
  k[kMinusOne] = -1;
  k[kEps] = static_cast<float>(c.rms_norm_eps);
  k[kInvHidden] = 1.0f / static_cast<float>(c.hidden_size);
  k[kInvQRank] = c.q_lora_rank > 0 ? 1.0f / static_cast<float>(c.q_lora_rank) : 0.0f;
  k[kInvKvRank] = c.kv_lora_rank > 0 ? 1.0f / static_cast<float>(c.kv_lora_rank) : 0.0f;
  k[kQueryScale] = static_cast<float>(model::attention_scale(c) * std::numbers::log2e);
  k[kMinusLog2e] = static_cast<float>(-std::numbers::log2e);
  k[kRouteScale] = static_cast<float>(c.routed_scaling_factor);
  k[kTopK] = static_cast<float>(c.num_experts_per_tok);
  k[kKvTile] = static_cast<float>(kv_tile);
  k[kTiny] = 1e-20f;
  k[kLog2e] = static_cast<float>(std::numbers::log2e);
  k[kInvHeadDim] = c.head_dim > 0 ? 1.0f / static_cast<float>(c.head_dim) : 0.0f;
  return k;
}

class Packer {
 public:
  Packer(ReadOnlyImage& image, const model::Model& model, const Plan& plan)
      : image_(image),
        model_(model),
        c_(model.config),
        plan_(plan),
        digits_(static_cast<uint32_t>(plan.options.weight_digits)) {}

  LayerWeights layer(int index) {
    const std::string prefix = fmt::format("model.layers.{}.", index), mlp = prefix + "mlp.";
    LayerWeights w;
    w.input_norm = vector(prefix + "input_layernorm.weight");
    w.post_norm = vector(prefix + "post_attention_layernorm.weight");
    if (c_.attention == model::Attention::kLatent) {
      latent_attention(w, prefix + "self_attn.");
    } else {
      grouped_attention(w, prefix + "self_attn.");
    }
    if (c_.dense(index)) {
      w.mlp_up = gate_up(mlp);
      w.mlp_down = matrix(mlp + "down_proj");
      image_.end_segment(fmt::format("layer.{}", index));
      return w;
    }
    if (c_.n_shared_experts > 0) {
      w.mlp_up = gate_up(mlp + "shared_experts.");
      w.mlp_down = matrix(mlp + "shared_experts.down_proj");
    }
    w.router = pack(image_, all_rows(linear(mlp + "gate")), 2);
    if (c_.gate_bias) w.router_bias = vector(mlp + "gate.e_score_correction_bias");
    image_.end_segment(fmt::format("layer.{}", index));
    for (int64_t x = 0; x < c_.n_routed_experts; ++x) {  // each apart: only those that are chosen are made
      const std::string expert = fmt::format("{}experts.{}.", mlp, x);
      w.expert_up.push_back(gate_up(expert));
      w.expert_down.push_back(matrix(expert + "down_proj"));
      image_.end_segment(fmt::format("layer.{}.expert.{}", index, x));
    }
    return w;
  }

  // One row a token in BF16; other formats are rounded to it.
  uint64_t embedding(uint32_t row_lines) {
    const model::Tensor& tensor = *model_.weights.find("model.embed_tokens.weight");
    const auto row_bytes = static_cast<size_t>(c_.hidden_size) * 2;
    if (tensor.dtype == model::Dtype::kBf16 && row_bytes == row_lines * 64ull) {
      return image_.add_segment("embedding", tensor.data);  // as it stands in the file
    }
    constexpr int64_t kRowsAPart = 256;
    const int64_t rows = c_.vocab_size, hidden = c_.hidden_size;
    const uint64_t line = image_.reserve(static_cast<uint64_t>(rows) * row_lines,
                                         static_cast<size_t>((rows + kRowsAPart - 1) / kRowsAPart),
                                         [&tensor, rows, hidden, row_lines](std::byte* first, size_t part) {
                                           std::vector<float> row(static_cast<size_t>(hidden));
                                           const int64_t begin = static_cast<int64_t>(part) * kRowsAPart;
                                           for (int64_t r = begin; r < std::min(rows, begin + kRowsAPart); ++r) {
                                             model::read_values(tensor, r * hidden, row);
                                             std::byte* to = first + static_cast<uint64_t>(r) * row_lines * 64;
                                             for (size_t i = 0; i < row.size(); ++i) {
                                               const uint16_t code = num::bf16_from_float(row[i]);
                                               std::memcpy(to + 2 * i, &code, 2);
                                             }
                                           }
                                         });
    image_.made_from(tensor);
    image_.end_segment("embedding");
    return line;
  }

  PanelMatrix head() {
    const PanelMatrix w = pack(image_, all_rows(linear(c_.tie_word_embeddings ? "model.embed_tokens" : "lm_head")), 2);
    image_.end_segment("head");
    return w;
  }

  void next_token(LayerWeights& w, int64_t index) {
    const std::string prefix = fmt::format("model.layers.{}.", index);
    w.embedding_norm = vector(prefix + "enorm.weight");
    w.hidden_norm = vector(prefix + "hnorm.weight");
    w.head_norm = vector(prefix + "shared_head.norm.weight");
    w.join = matrix(prefix + "eh_proj");
    w.head = pack(image_, all_rows(linear(prefix + "shared_head.head")), 2);
    image_.end_segment("draft");
  }

  void tables(Plan& plan, int64_t positions) {
    plan.constants = image_.append(constants(c_, plan.kv_tile));
    plan.rope = image_.append(rope_table(c_, positions));
    plan.final_norm = vector("model.norm.weight");
    image_.end_segment("tables");
  }

  uint64_t vector(const std::string& name) { return pack_vector(image_, tensor(name)); }

 private:
  const model::Tensor& tensor(const std::string& name) const { return *model_.weights.find(name); }
  model::Linear linear(const std::string& name) {
    const model::Linear found = model::linear(model_, name);
    image_.made_from(*found.weight);
    return found;
  }
  PanelMatrix matrix(const std::string& name) { return pack(image_, all_rows(linear(name)), digits_); }

  // Gate and up projections interleaved by tile, so that a core's share always holds both halves of its columns.
  PanelMatrix gate_up(const std::string& prefix) {
    const model::Linear gate = linear(prefix + "gate_proj"), up = linear(prefix + "up_proj");
    const Tiles tiles{2 * all_rows(gate).count, [gate, up](size_t i) {
                        return rows_from(i % 2 == 0 ? gate : up, static_cast<int64_t>(i / 2) * 32);
                      }};
    return pack(image_, tiles, digits_);
  }

  void latent_attention(LayerWeights& w, const std::string& prefix) {
    w.kv_norm = vector(prefix + "kv_a_layernorm.weight");
    Tiles down;
    if (c_.q_lora_rank > 0) {
      w.q_norm = vector(prefix + "q_a_layernorm.weight");
      down = all_rows(linear(prefix + "q_a_proj"));
    }
    const Tiles latents = all_rows(linear(prefix + "kv_a_proj_with_mqa"));
    w.qkv_down = pack(image_,
                      {down.count + latents.count,
                       [down, latents](size_t i) { return i < down.count ? down.at(i) : latents.at(i - down.count); }},
                      digits_);
    w.q_up = matrix(prefix + (c_.q_lora_rank > 0 ? "q_b_proj" : "q_proj"));
    w.output = matrix(prefix + "o_proj");
    const model::Linear kv_b = linear(prefix + "kv_b_proj");
    const int64_t nope = c_.qk_nope_head_dim, head = nope + c_.v_head_dim;
    for (int64_t h = 0; h < c_.num_attention_heads; ++h) {
      w.key_up.push_back(pack_transposed(image_, kv_b, h * head, nope / 128, digits_));
      const auto tiles = static_cast<size_t>(c_.v_head_dim / 32);
      w.value_up.push_back(pack(image_, rows_from(kv_b, h * head + nope, tiles), digits_));
    }
  }

  // Where element j of a head's buffer comes from: rotated heads hold their pairs side by side, and a head may be
  // shorter than its buffer (-1: zero).
  int64_t head_element(int64_t j, bool rotated) const {
    if (j >= c_.head_dim) return -1;
    return !rotated || c_.rope_interleaved ? j : j / 2 + j % 2 * (c_.head_dim / 2);
  }
  std::vector<int64_t> head_rows(int64_t heads, bool rotated) const {
    std::vector<int64_t> rows;
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t j = 0; j < plan_.head_columns; ++j) {
        const int64_t element = head_element(j, rotated);
        rows.push_back(element < 0 ? -1 : h * c_.head_dim + element);
      }
    }
    return rows;
  }

  void grouped_attention(LayerWeights& w, const std::string& prefix) {
    struct Part {
      const char* name;
      int64_t heads;
      bool rotated;
    };
    const Part parts[] = {{"q_proj", c_.num_attention_heads, true},
                          {"k_proj", c_.num_key_value_heads, true},
                          {"v_proj", c_.num_key_value_heads, false}};
    std::vector<TileSource> tiles;
    for (const Part& part : parts) {
      const model::Linear source = linear(prefix + part.name);
      const std::vector<int64_t> rows = head_rows(part.heads, part.rotated);
      for (size_t n = 0; n < rows.size(); n += 32) {
        TileSource tile{source, {}};
        std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(n), 32, tile.rows.begin());
        tiles.push_back(tile);
      }
      if (!c_.qkv_bias) continue;
      const uint64_t line = pack_vector(image_, tensor(prefix + part.name + ".bias"), rows);
      if (w.qkv_bias == 0) w.qkv_bias = line;  // the three follow each other
    }
    w.qkv = pack(image_, listed(std::move(tiles)), digits_);
    if (c_.qk_norm) {
      std::vector<int64_t> elements;
      for (int64_t j = 0; j < c_.head_dim; ++j) elements.push_back(head_element(j, true));
      w.query_norm = pack_vector(image_, tensor(prefix + "q_norm.weight"), elements);
      w.key_norm = pack_vector(image_, tensor(prefix + "k_norm.weight"), elements);
    }
    ContractionMap padded;
    if (plan_.head_columns != c_.head_dim) padded = head_rows(c_.num_attention_heads, false);
    w.output = pack(image_, all_rows(linear(prefix + "o_proj")), digits_, std::move(padded));
  }

  ReadOnlyImage& image_;
  const model::Model& model_;
  const model::Config& c_;
  const Plan& plan_;
  const uint32_t digits_;
};

}  // namespace

void pack_weights(ReadOnlyImage& image, const model::Model& model, Plan& plan, int64_t positions) {
  const model::Config& c = model.config;
  Packer packer(image, model, plan);
  packer.tables(plan, positions);
  const bool drafts = plan.options.mtp && plan.stage.ends();
  if (plan.stage.begins() || drafts) plan.embed = packer.embedding(plan.embed_lines);
  for (int64_t layer = plan.stage.first; layer < plan.stage.end; ++layer)
    plan.layers.push_back(packer.layer(static_cast<int>(layer)));
  if (!plan.stage.ends()) return;
  plan.lm_head = packer.head();
  if (!drafts) return;
  plan.layers.push_back(packer.layer(static_cast<int>(c.num_hidden_layers)));
  packer.next_token(plan.layers.back(), c.num_hidden_layers);
}

WeightLines weight_lines(const model::Model& model, const Plan& plan, int64_t positions) {
  ReadOnlyImage ruler = ReadOnlyImage::ruler();
  Packer packer(ruler, model, plan);
  uint64_t before = 0;
  const auto added = [&] { return ruler.end_line() - std::exchange(before, ruler.end_line()); };
  WeightLines out;
  Plan scratch = plan;
  packer.tables(scratch, positions);
  out.tables = added();
  packer.embedding(plan.embed_lines);
  out.embedding = added();
  for (int64_t layer = 0; layer < model.config.num_hidden_layers; ++layer) {
    packer.layer(static_cast<int>(layer));
    out.layers.push_back(added());
  }
  packer.head();
  out.head = added();
  if (!plan.options.mtp) return out;
  LayerWeights draft = packer.layer(static_cast<int>(model.config.num_hidden_layers));
  packer.next_token(draft, model.config.num_hidden_layers);
  out.draft = added();
  return out;
}

}  // namespace hadal::kernels
