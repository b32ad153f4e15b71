// The forward pass as the model's publication writes it, a whole sequence at a time.
#include "runtime/reference.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace hadal::runtime {
namespace {

size_t size(int64_t n) { return static_cast<size_t>(n); }

float e4m3(uint8_t code) {
  const int exponent = (code >> 3) & 15, fraction = code & 7;
  if ((code & 0x7F) == 0x7F) return std::numeric_limits<float>::quiet_NaN();
  const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(fraction), -9)
                                        : std::ldexp(static_cast<float>(8 + fraction), exponent - 10);
  return (code & 0x80) != 0 ? -magnitude : magnitude;
}

const model::Tensor& tensor(const model::Model& model, const std::string& name) {
  const model::Tensor* found = model.weights.find(name);
  check(found != nullptr, "no tensor named {}", name);
  return *found;
}

std::vector<float> values(const model::Tensor& tensor) {
  if (tensor.dtype == model::Dtype::kF32) {
    std::vector<float> out(tensor.data.size() / sizeof(float));
    std::memcpy(out.data(), tensor.data.data(), tensor.data.size());
    return out;
  }
  check(tensor.dtype == model::Dtype::kBf16, "{} is neither FP32 nor BF16", tensor.name);
  std::vector<float> out(tensor.data.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    uint16_t bits = 0;
    std::memcpy(&bits, tensor.data.data() + 2 * i, sizeof bits);
    out[i] = std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
  return out;
}

Panels from_bf16(const model::Model& model, const std::string& name) {
  const model::Tensor& weight = tensor(model, name);
  const std::vector<float> rows = values(weight);
  Panels out(size(weight.shape[0]), size(weight.shape[1]));
  for (size_t n = 0; n < out.n; ++n) {
    for (size_t k = 0; k < out.k; ++k) out.at(k, n) = rows[n * out.k + k];
  }
  return out;
}

Panels from_fp8(const model::Model& model, const std::string& name) {
  const model::Fp8Linear weight = model::fp8_linear(model, name);
  const int64_t block = model.config.weight_block_size;
  float decoded[256];
  for (int code = 0; code < 256; ++code) decoded[code] = e4m3(static_cast<uint8_t>(code));
  Panels out(size(weight.n), size(weight.k));
  for (int64_t n = 0; n < weight.n; ++n) {
    for (int64_t k = 0; k < weight.k; ++k) {
      out.at(size(k), size(n)) = decoded[weight.q[n * weight.k + k]] * weight.scale_at(n / block, k / block);
    }
  }
  return out;
}

// y = x w for all of w.
std::vector<float> product(const std::vector<float>& x, size_t rows, const Panels& w) {
  std::vector<float> y(rows * w.n);
  matmul(x.data(), rows, w.k, w, {w.n, w.k}, y.data(), w.n);
  return y;
}

void add(std::vector<float>& sum, const std::vector<float>& x) {
  for (size_t i = 0; i < sum.size(); ++i) sum[i] += x[i];
}

// Of the first `count` values.
void softmax(float* x, size_t count) {
  const float top = *std::max_element(x, x + count);
  double sum = 0;
  for (size_t i = 0; i < count; ++i) sum += x[i] = std::exp(x[i] - top);
  const auto scale = static_cast<float>(1 / sum);
  for (size_t i = 0; i < count; ++i) x[i] *= scale;
}

// Positions of the `count` largest values; the lower position wins a tie.
std::vector<size_t> largest(std::span<const float> x, size_t count) {
  std::vector<size_t> order(x.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return x[a] > x[b]; });
  order.resize(count);
  return order;
}

}  // namespace

std::vector<Choice> route(const model::Config& c, std::span<const float> logits, std::span<const float> bias) {
  const size_t experts = size(c.n_routed_experts), groups = size(c.n_group), in_group = experts / groups;
  std::vector<float> score(experts), ranked(experts), group(groups);
  for (size_t e = 0; e < experts; ++e) {
    score[e] = 1.0f / (1.0f + std::exp(-logits[e]));
    ranked[e] = score[e] + bias[e];
  }
  for (size_t g = 0; g < groups; ++g) {
    const auto members = std::span(ranked).subspan(g * in_group, in_group);
    for (const size_t best : largest(members, 2)) group[g] += members[best];
  }
  std::vector<bool> kept(groups);
  for (const size_t g : largest(group, size(c.topk_group))) kept[g] = true;
  for (size_t e = 0; e < experts; ++e) {
    if (!kept[e / in_group]) ranked[e] = -std::numeric_limits<float>::infinity();
  }
  std::vector<Choice> chosen;
  float sum = 1e-20f;
  for (const size_t e : largest(ranked, size(c.num_experts_per_tok))) {
    chosen.push_back({e, score[e]});
    sum += score[e];
  }
  for (Choice& choice : chosen) {
    if (c.norm_topk_prob) choice.weight /= sum;
    choice.weight *= static_cast<float>(c.routed_scaling_factor);
  }
  return chosen;
}

Reference::Mlp Reference::load_mlp(const model::Model& model, const std::string& prefix) {
  return {from_fp8(model, prefix + "gate_proj"), from_fp8(model, prefix + "up_proj"),
          from_fp8(model, prefix + "down_proj")};
}

Reference::Reference(const model::Model& model) : config_(model.config) {
  for (const double f : model::rope_inverse_frequencies(config_)) inverse_frequencies_.push_back(static_cast<float>(f));
  embedding_ = values(tensor(model, "model.embed_tokens.weight"));
  for (int64_t l = 0; l < config_.num_hidden_layers; ++l) {
    const std::string prefix = fmt::format("model.layers.{}.", l), attention = prefix + "self_attn.",
                      mlp = prefix + "mlp.";
    Layer& layer = layers_.emplace_back();
    layer.input_norm = values(tensor(model, prefix + "input_layernorm.weight"));
    layer.post_norm = values(tensor(model, prefix + "post_attention_layernorm.weight"));
    layer.q_norm = values(tensor(model, attention + "q_a_layernorm.weight"));
    layer.kv_norm = values(tensor(model, attention + "kv_a_layernorm.weight"));
    layer.q_a = from_fp8(model, attention + "q_a_proj");
    layer.q_b = from_fp8(model, attention + "q_b_proj");
    layer.kv_a = from_fp8(model, attention + "kv_a_proj_with_mqa");
    layer.kv_b = from_fp8(model, attention + "kv_b_proj");
    layer.output = from_fp8(model, attention + "o_proj");
    if (l < config_.first_k_dense_replace) {
      layer.mlp = load_mlp(model, mlp);
      continue;
    }
    layer.mlp = load_mlp(model, mlp + "shared_experts.");
    layer.router = from_bf16(model, mlp + "gate.weight");
    layer.bias = values(tensor(model, mlp + "gate.e_score_correction_bias"));
    for (int64_t e = 0; e < config_.n_routed_experts; ++e) {
      layer.experts.push_back(load_mlp(model, fmt::format("{}experts.{}.", mlp, e)));
    }
  }
  final_norm_ = values(tensor(model, "model.norm.weight"));
  head_ = from_bf16(model, "lm_head.weight");
}

// RMSNorm of the first weight.size() values of every row of `stride`.
Reference::Matrix Reference::norm(const Matrix& x, size_t stride, const std::vector<float>& weight) const {
  const size_t width = weight.size(), rows = x.size() / stride;
  Matrix out(rows * width);
  for (size_t r = 0; r < rows; ++r) {
    const float* from = x.data() + r * stride;
    double squares = 0;
    for (size_t i = 0; i < width; ++i) squares += static_cast<double>(from[i]) * from[i];
    const auto scale = static_cast<float>(1 / std::sqrt(squares / static_cast<double>(width) + config_.rms_norm_eps));
    for (size_t i = 0; i < width; ++i) out[r * width + i] = from[i] * scale * weight[i];
  }
  return out;
}

// Interleaved rotation: neighbours form a pair.
void Reference::rotate(float* pairs, size_t position) const {
  for (size_t i = 0; i < inverse_frequencies_.size(); ++i) {
    const float angle = static_cast<float>(position) * inverse_frequencies_[i];
    const float cosine = std::cos(angle), sine = std::sin(angle), a = pairs[2 * i], b = pairs[2 * i + 1];
    pairs[2 * i] = a * cosine - b * sine;
    pairs[2 * i + 1] = a * sine + b * cosine;
  }
}

Reference::Matrix Reference::attention(const Layer& layer, const Matrix& x, size_t rows) const {
  constexpr size_t kBlock = 64;  // queries handled together: they skip the keys after the last of them
  const size_t heads = size(config_.num_attention_heads), nope = size(config_.qk_nope_head_dim);
  const size_t rope = size(config_.qk_rope_head_dim), value = size(config_.v_head_dim),
               latent = size(config_.kv_lora_rank);
  const size_t key = nope + rope;
  Matrix q = product(norm(product(x, rows, layer.q_a), layer.q_a.n, layer.q_norm), rows, layer.q_b);
  Matrix compressed = product(x, rows, layer.kv_a);
  const Matrix kv = product(norm(compressed, layer.kv_a.n, layer.kv_norm), rows, layer.kv_b);
  for (size_t r = 0; r < rows; ++r) {
    rotate(compressed.data() + r * layer.kv_a.n + latent, r);
    for (size_t h = 0; h < heads; ++h) rotate(q.data() + r * layer.q_b.n + h * key + nope, r);
  }
  const auto scale = static_cast<float>(model::attention_scale(config_));
  Matrix out(rows * heads * value), scores(kBlock * rows);
  for (size_t h = 0; h < heads; ++h) {
    Panels keys(rows, key), values(value, rows);
    for (size_t r = 0; r < rows; ++r) {
      const float* own = kv.data() + r * layer.kv_b.n + h * (nope + value);
      for (size_t i = 0; i < nope; ++i) keys.at(i, r) = own[i];
      for (size_t i = 0; i < rope; ++i) keys.at(nope + i, r) = compressed[r * layer.kv_a.n + latent + i];
      for (size_t i = 0; i < value; ++i) values.at(r, i) = own[nope + i];
    }
    for (size_t first = 0; first < rows; first += kBlock) {
      const size_t last = std::min(rows, first + kBlock);
      matmul(q.data() + first * layer.q_b.n + h * key, last - first, layer.q_b.n, keys, {last, key}, scores.data(),
             last);
      for (size_t r = first; r < last; ++r) {
        float* row = scores.data() + (r - first) * last;
        for (size_t i = 0; i <= r; ++i) row[i] *= scale;
        softmax(row, r + 1);
        std::fill(row + r + 1, row + last, 0.0f);
      }
      matmul(scores.data(), last - first, last, values, {value, last}, out.data() + (first * heads + h) * value,
             heads * value);
    }
  }
  return product(out, rows, layer.output);
}

Reference::Matrix Reference::run_mlp(const Mlp& mlp, const Matrix& x, size_t rows) const {
  Matrix gate = product(x, rows, mlp.gate);
  const Matrix up = product(x, rows, mlp.up);
  for (size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1.0f + std::exp(-gate[i])) * up[i];
  return product(gate, rows, mlp.down);
}

void Reference::add_experts(const Layer& layer, const Matrix& x, size_t rows, Matrix& sum) const {
  const size_t hidden = size(config_.hidden_size), experts = layer.experts.size();
  const Matrix logits = product(x, rows, layer.router);
  struct Visit {
    size_t row = 0;
    float weight = 0;
  };
  std::vector<std::vector<Visit>> visits(experts);
  for (size_t r = 0; r < rows; ++r) {
    for (const Choice& choice : route(config_, std::span(logits).subspan(r * experts, experts), layer.bias)) {
      visits[choice.expert].push_back({r, choice.weight});
    }
  }
  for (size_t e = 0; e < experts; ++e) {
    if (visits[e].empty()) continue;
    Matrix gathered;
    for (const Visit& visit : visits[e]) {
      const auto from = x.begin() + static_cast<std::ptrdiff_t>(visit.row * hidden);
      gathered.insert(gathered.end(), from, from + static_cast<std::ptrdiff_t>(hidden));
    }
    const Matrix result = run_mlp(layer.experts[e], gathered, visits[e].size());
    for (size_t v = 0; v < visits[e].size(); ++v) {
      float* to = sum.data() + visits[e][v].row * hidden;
      for (size_t i = 0; i < hidden; ++i) to[i] += visits[e][v].weight * result[v * hidden + i];
    }
  }
}

std::vector<float> Reference::logits(std::span<const int32_t> tokens) const {
  const size_t hidden = size(config_.hidden_size), rows = tokens.size();
  Matrix x;
  for (const int32_t token : tokens) {
    check(token >= 0 && token < config_.vocab_size, "token {} outside the vocabulary", token);
    const auto from = embedding_.begin() + static_cast<std::ptrdiff_t>(size(token) * hidden);
    x.insert(x.end(), from, from + static_cast<std::ptrdiff_t>(hidden));
  }
  for (const Layer& layer : layers_) {
    add(x, attention(layer, norm(x, hidden, layer.input_norm), rows));
    const Matrix h = norm(x, hidden, layer.post_norm);
    Matrix result = run_mlp(layer.mlp, h, rows);
    if (!layer.experts.empty()) add_experts(layer, h, rows, result);
    add(x, result);
  }
  return product(norm(x, hidden, final_norm_), rows, head_);
}

}  // namespace hadal::runtime
