// The forward pass as the model's publication writes it, a whole sequence at a time.
#include "runtime/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "base/error.h"

namespace hadal::runtime {
namespace {

size_t size(int64_t n) { return static_cast<size_t>(n); }

const model::Tensor& tensor(const model::Model& model, const std::string& name) {
  const model::Tensor* found = model.weights.find(name);
  check(found != nullptr, "no tensor named {}", name);
  return *found;
}

std::vector<float> values(const model::Model& model, const std::string& name) {
  return model::values(tensor(model, name));
}

Panels panels(const model::Model& model, const std::string& name) {
  const model::Linear weight = model::linear(model, name);
  Panels out(size(weight.n), size(weight.k));
  std::vector<float> row(out.k);
  for (size_t n = 0; n < out.n; ++n) {
    weight.read_row(static_cast<int64_t>(n), row);
    for (size_t k = 0; k < out.k; ++k) out.at(k, n) = row[k];
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
  std::vector<float> score(logits.begin(), logits.end()), ranked(experts), group(groups);
  if (c.gate == model::Gate::kSoftmax) {
    softmax(score.data(), experts);
  } else {
    for (float& s : score) s = 1.0f / (1.0f + std::exp(-s));
  }
  for (size_t e = 0; e < experts; ++e) ranked[e] = score[e] + (bias.empty() ? 0.0f : bias[e]);
  const size_t best_of = std::min<size_t>(in_group, c.group_rank == model::GroupRank::kTwoBest ? 2 : 1);
  for (size_t g = 0; g < groups; ++g) {
    const auto members = std::span(ranked).subspan(g * in_group, in_group);
    for (const size_t best : largest(members, best_of)) group[g] += members[best];
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
  return {panels(model, prefix + "gate_proj"), panels(model, prefix + "up_proj"), panels(model, prefix + "down_proj")};
}

Reference::Layer Reference::load_layer(const model::Model& model, int64_t l) {
  const model::Config& c = model.config;
  const std::string prefix = fmt::format("model.layers.{}.", l), attention = prefix + "self_attn.",
                    mlp = prefix + "mlp.";
  Layer layer;
  layer.input_norm = values(model, prefix + "input_layernorm.weight");
  layer.post_norm = values(model, prefix + "post_attention_layernorm.weight");
  layer.output = panels(model, attention + "o_proj");
  if (c.attention == model::Attention::kGrouped) {
    layer.query = panels(model, attention + "q_proj");
    layer.key = panels(model, attention + "k_proj");
    layer.value = panels(model, attention + "v_proj");
    if (c.qkv_bias) {
      layer.query_bias = values(model, attention + "q_proj.bias");
      layer.key_bias = values(model, attention + "k_proj.bias");
      layer.value_bias = values(model, attention + "v_proj.bias");
    }
    if (c.qk_norm) {
      layer.query_norm = values(model, attention + "q_norm.weight");
      layer.key_norm = values(model, attention + "k_norm.weight");
    }
  } else {
    if (c.q_lora_rank > 0) {
      layer.q_a = panels(model, attention + "q_a_proj");
      layer.q_norm = values(model, attention + "q_a_layernorm.weight");
    }
    layer.q_b = panels(model, attention + (c.q_lora_rank > 0 ? "q_b_proj" : "q_proj"));
    layer.kv_norm = values(model, attention + "kv_a_layernorm.weight");
    layer.kv_a = panels(model, attention + "kv_a_proj_with_mqa");
    layer.kv_b = panels(model, attention + "kv_b_proj");
  }
  if (c.dense(l)) {
    layer.mlp = load_mlp(model, mlp);
    return layer;
  }
  if (c.n_shared_experts > 0) layer.mlp = load_mlp(model, mlp + "shared_experts.");
  layer.router = panels(model, mlp + "gate");
  if (c.gate_bias) layer.bias = values(model, mlp + "gate.e_score_correction_bias");
  for (int64_t e = 0; e < c.n_routed_experts; ++e) {
    layer.experts.push_back(load_mlp(model, fmt::format("{}experts.{}.", mlp, e)));
  }
  return layer;
}

Reference::Reference(const model::Model& model) : config_(model.config) {
  for (const double f : model::rope_inverse_frequencies(config_)) inverse_frequencies_.push_back(static_cast<float>(f));
  embedding_ = values(model, "model.embed_tokens.weight");
  for (int64_t l = 0; l < config_.num_hidden_layers; ++l) layers_.push_back(load_layer(model, l));
  final_norm_ = values(model, "model.norm.weight");
  if (model.has_mtp()) {
    const std::string prefix = fmt::format("model.layers.{}.", config_.num_hidden_layers);
    draft_layer_ = load_layer(model, config_.num_hidden_layers);
    embedding_norm_ = values(model, prefix + "enorm.weight");
    hidden_norm_ = values(model, prefix + "hnorm.weight");
    draft_norm_ = values(model, prefix + "shared_head.norm.weight");
    join_ = panels(model, prefix + "eh_proj");
    draft_head_ = panels(model, prefix + "shared_head.head");
  }
  head_ = panels(model, config_.tie_word_embeddings ? "model.embed_tokens" : "lm_head");
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

// A pair is two neighbours, or an element and the one half a head further on.
void Reference::rotate(float* head, size_t position) const {
  const size_t half = inverse_frequencies_.size();
  const auto amplitude = static_cast<float>(config_.rope_amplitude);
  for (size_t i = 0; i < half; ++i) {
    float& first = head[config_.rope_interleaved ? 2 * i : i];
    float& second = head[config_.rope_interleaved ? 2 * i + 1 : i + half];
    const float angle = static_cast<float>(position) * inverse_frequencies_[i];
    const float cosine = std::cos(angle) * amplitude, sine = std::sin(angle) * amplitude, a = first, b = second;
    first = a * cosine - b * sine;
    second = a * sine + b * cosine;
  }
}

template <typename KeyAt, typename ValueAt>
Reference::Matrix Reference::attend(const Heads& h, const Matrix& q, size_t rows, KeyAt key_at,
                                    ValueAt value_at) const {
  constexpr size_t kBlock = 64;  // queries handled together: they skip the keys after the last of them
  const auto scale = static_cast<float>(model::attention_scale(config_));
  const size_t width = h.heads * h.key;
  Matrix out(rows * h.heads * h.value), scores(kBlock * rows);
  Panels keys(rows, h.key), values(h.value, rows);
  for (size_t head = 0; head < h.heads; ++head) {
    for (size_t r = 0; head % h.shared_by == 0 && r < rows; ++r) {
      for (size_t i = 0; i < h.key; ++i) keys.at(i, r) = key_at(head / h.shared_by, r, i);
      for (size_t i = 0; i < h.value; ++i) values.at(r, i) = value_at(head / h.shared_by, r, i);
    }
    for (size_t first = 0; first < rows; first += kBlock) {
      const size_t last = std::min(rows, first + kBlock);
      matmul(q.data() + first * width + head * h.key, last - first, width, keys, {last, h.key}, scores.data(), last);
      for (size_t r = first; r < last; ++r) {
        float* row = scores.data() + (r - first) * last;
        for (size_t i = 0; i <= r; ++i) row[i] *= scale;
        softmax(row, r + 1);
        std::fill(row + r + 1, row + last, 0.0f);
      }
      matmul(scores.data(), last - first, last, values, {h.value, last},
             out.data() + (first * h.heads + head) * h.value, h.heads * h.value);
    }
  }
  return out;
}

Reference::Matrix Reference::latent_attention(const Layer& layer, const Matrix& x, size_t rows) const {
  const size_t heads = size(config_.num_attention_heads), nope = size(config_.qk_nope_head_dim);
  const size_t value = size(config_.v_head_dim), latent = size(config_.kv_lora_rank);
  const size_t key = nope + size(config_.qk_rope_head_dim);
  Matrix q = layer.q_norm.empty()
                 ? product(x, rows, layer.q_b)
                 : product(norm(product(x, rows, layer.q_a), layer.q_a.n, layer.q_norm), rows, layer.q_b);
  Matrix compressed = product(x, rows, layer.kv_a);
  const Matrix kv = product(norm(compressed, layer.kv_a.n, layer.kv_norm), rows, layer.kv_b);
  for (size_t r = 0; r < rows; ++r) {
    rotate(compressed.data() + r * layer.kv_a.n + latent, r);
    for (size_t h = 0; h < heads; ++h) rotate(q.data() + r * layer.q_b.n + h * key + nope, r);
  }
  const auto own = [&](size_t h, size_t r) { return kv.data() + r * layer.kv_b.n + h * (nope + value); };
  const Matrix out = attend(
      {heads, 1, key, value}, q, rows,
      [&](size_t h, size_t r, size_t i) {
        return i < nope ? own(h, r)[i] : compressed[r * layer.kv_a.n + latent + i - nope];
      },
      [&](size_t h, size_t r, size_t i) { return own(h, r)[nope + i]; });
  return product(out, rows, layer.output);
}

// [rows][heads][head_dim] with bias, norm of each head and rotation, where the model has them.
Reference::Matrix Reference::project_heads(const Panels& w, const std::vector<float>& bias,
                                           const std::vector<float>& head_norm, bool rotated, const Matrix& x,
                                           size_t rows) const {
  const size_t dim = size(config_.head_dim);
  Matrix out = product(x, rows, w);
  for (size_t i = 0; !bias.empty() && i < out.size(); ++i) out[i] += bias[i % bias.size()];
  if (!head_norm.empty()) out = norm(out, dim, head_norm);
  for (size_t r = 0; rotated && r < rows; ++r) {
    for (size_t first = 0; first < w.n; first += dim) rotate(out.data() + r * w.n + first, r);
  }
  return out;
}

Reference::Matrix Reference::grouped_attention(const Layer& layer, const Matrix& x, size_t rows) const {
  const size_t heads = size(config_.num_attention_heads), dim = size(config_.head_dim);
  const Matrix q = project_heads(layer.query, layer.query_bias, layer.query_norm, true, x, rows);
  const Matrix k = project_heads(layer.key, layer.key_bias, layer.key_norm, true, x, rows);
  const Matrix v = project_heads(layer.value, layer.value_bias, {}, false, x, rows);
  const auto at = [&](const Matrix& m) {
    return [&m, &layer, dim](size_t h, size_t r, size_t i) { return m[r * layer.key.n + h * dim + i]; };
  };
  const Matrix out = attend({heads, heads / size(config_.num_key_value_heads), dim, dim}, q, rows, at(k), at(v));
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

Reference::Matrix Reference::embed(std::span<const int32_t> tokens) const {
  const size_t hidden = size(config_.hidden_size);
  Matrix x;
  for (const int32_t token : tokens) {
    check(token >= 0 && token < config_.vocab_size, "token {} outside the vocabulary", token);
    const auto from = embedding_.begin() + static_cast<std::ptrdiff_t>(size(token) * hidden);
    x.insert(x.end(), from, from + static_cast<std::ptrdiff_t>(hidden));
  }
  return x;
}

void Reference::run_layer(const Layer& layer, size_t rows, Matrix& x) const {
  const size_t hidden = size(config_.hidden_size);
  const Matrix a = norm(x, hidden, layer.input_norm);
  add(x, config_.attention == model::Attention::kLatent ? latent_attention(layer, a, rows)
                                                        : grouped_attention(layer, a, rows));
  const Matrix h = norm(x, hidden, layer.post_norm);
  Matrix result = layer.mlp.gate.n > 0 ? run_mlp(layer.mlp, h, rows) : Matrix(rows * hidden);
  if (!layer.experts.empty()) add_experts(layer, h, rows, result);
  add(x, result);
}

std::vector<float> Reference::logits(std::span<const int32_t> tokens) const {
  Matrix x = embed(tokens);
  for (const Layer& layer : layers_) run_layer(layer, tokens.size(), x);
  return product(norm(x, size(config_.hidden_size), final_norm_), tokens.size(), head_);
}

std::vector<float> Reference::draft_logits(std::span<const int32_t> tokens) const {
  check(join_.n > 0, "a draft without multi-token prediction");
  const size_t hidden = size(config_.hidden_size), rows = tokens.size() - 1;
  Matrix x = embed(tokens.first(rows));
  for (const Layer& layer : layers_) run_layer(layer, rows, x);
  const Matrix states = norm(norm(x, hidden, final_norm_), hidden, hidden_norm_);
  const Matrix next = norm(embed(tokens.subspan(1)), hidden, embedding_norm_);
  Matrix both(rows * 2 * hidden);
  for (size_t r = 0; r < rows; ++r) {
    std::copy_n(next.data() + r * hidden, hidden, both.data() + r * 2 * hidden);
    std::copy_n(states.data() + r * hidden, hidden, both.data() + (r * 2 + 1) * hidden);
  }
  Matrix drafted = product(both, rows, join_);
  run_layer(draft_layer_, rows, drafted);
  return product(norm(drafted, hidden, draft_norm_), rows, draft_head_);
}

}  // namespace hadal::runtime
