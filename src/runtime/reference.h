// Every family in plain FP32 on the host, from the dequantised checkpoint and with expanded attention: what the chip's
// text is judged by. Weights that the chip quantises on load are used here as the checkpoint holds them. It shares
// nothing with the chip's kernels but the reader of the checkpoint.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/model.h"
#include "runtime/reference_matmul.h"

namespace hadal::runtime {

class Reference {
 public:
  // Holds every weight as FP32: four bytes a parameter. `model` may go afterwards.
  explicit Reference(const model::Model& model);

  // Logits [tokens][vocab_size] of a sequence from position 0. May be called from several threads at once.
  std::vector<float> logits(std::span<const int32_t> tokens) const;
  // What the layer for multi-token prediction says comes after token i + 1, for i up to the last but one:
  // [tokens - 1][vocab_size].
  std::vector<float> draft_logits(std::span<const int32_t> tokens) const;

 private:
  struct Mlp {
    Panels gate, up, down;
  };
  struct Layer {
    std::vector<float> input_norm, post_norm;
    Panels output;
    // Latent attention. Without compression of the queries q_b is the whole projection.
    std::vector<float> q_norm, kv_norm;
    Panels q_a, q_b, kv_a, kv_b;
    // Grouped attention.
    Panels query, key, value;
    std::vector<float> query_bias, key_bias, value_bias, query_norm, key_norm;
    Mlp mlp;  // dense, or the shared expert: empty where there is none
    Panels router;
    std::vector<float> bias;
    std::vector<Mlp> experts;
  };
  using Matrix = std::vector<float>;  // rows one after the other

  Matrix embed(std::span<const int32_t> tokens) const;
  void run_layer(const Layer& layer, size_t rows, Matrix& x) const;
  static Layer load_layer(const model::Model& model, int64_t index);
  static Mlp load_mlp(const model::Model& model, const std::string& prefix);
  Matrix norm(const Matrix& x, size_t stride, const std::vector<float>& weight) const;
  void rotate(float* head, size_t position) const;
  // Heads of queries [rows][heads][key] against keys and values given per head of them; [rows][heads][value].
  struct Heads {
    size_t heads = 0, shared_by = 1;  // queries, and how many of them use one key
    size_t key = 0, value = 0;        // widths
  };
  template <typename KeyAt, typename ValueAt>
  Matrix attend(const Heads& h, const Matrix& q, size_t rows, KeyAt key_at, ValueAt value_at) const;
  Matrix latent_attention(const Layer& layer, const Matrix& x, size_t rows) const;
  Matrix grouped_attention(const Layer& layer, const Matrix& x, size_t rows) const;
  Matrix project_heads(const Panels& w, const std::vector<float>& bias, const std::vector<float>& norm, bool rotated,
                       const Matrix& x, size_t rows) const;
  Matrix run_mlp(const Mlp& mlp, const Matrix& x, size_t rows) const;
  void add_experts(const Layer& layer, const Matrix& x, size_t rows, Matrix& sum) const;

  model::Config config_;
  std::vector<float> inverse_frequencies_;
  std::vector<float> embedding_, final_norm_;
  std::vector<Layer> layers_;
  Panels head_;
  // Multi-token prediction, where the checkpoint has it.
  Layer draft_layer_;
  std::vector<float> embedding_norm_, hidden_norm_, draft_norm_;
  Panels join_, draft_head_;
};

// Which experts a token goes to and with which weights, from its router logits.
struct Choice {
  size_t expert = 0;
  float weight = 0;
};
std::vector<Choice> route(const model::Config& config, std::span<const float> logits, std::span<const float> bias);

}  // namespace hadal::runtime
