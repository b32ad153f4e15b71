// DeepSeek-V3 in plain FP32 on the host, from the dequantised checkpoint and with expanded attention: what the chip's
// text is judged by. It shares nothing with the chip's kernels but the reader of the checkpoint.
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

 private:
  struct Mlp {
    Panels gate, up, down;
  };
  struct Layer {
    std::vector<float> input_norm, post_norm, q_norm, kv_norm;
    Panels q_a, q_b, kv_a, kv_b, output;
    Mlp mlp;  // dense, or the shared expert
    Panels router;
    std::vector<float> bias;
    std::vector<Mlp> experts;
  };
  using Matrix = std::vector<float>;  // rows one after the other

  static Mlp load_mlp(const model::Model& model, const std::string& prefix);
  Matrix norm(const Matrix& x, size_t stride, const std::vector<float>& weight) const;
  void rotate(float* pairs, size_t position) const;
  Matrix attention(const Layer& layer, const Matrix& x, size_t rows) const;
  Matrix run_mlp(const Mlp& mlp, const Matrix& x, size_t rows) const;
  void add_experts(const Layer& layer, const Matrix& x, size_t rows, Matrix& sum) const;

  model::Config config_;
  std::vector<float> inverse_frequencies_;
  std::vector<float> embedding_, final_norm_;
  std::vector<Layer> layers_;
  Panels head_;
};

// Which experts a token goes to and with which weights, from its router logits.
struct Choice {
  size_t expert = 0;
  float weight = 0;
};
std::vector<Choice> route(const model::Config& config, std::span<const float> logits, std::span<const float> bias);

}  // namespace hadal::runtime
