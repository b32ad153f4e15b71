// A whole model directory: the tensors that the architecture of config.json needs must all be there.
#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "model/model.h"

namespace hadal::model {
namespace {

constexpr int64_t kBlock = 128;

int64_t blocks(int64_t n) { return (n + kBlock - 1) / kBlock; }

class Checker {
 public:
  explicit Checker(const Model& model) : weights_(model.weights), c_(model.config) {}

  void run() const {
    bf16("model.embed_tokens.weight", {c_.vocab_size, c_.hidden_size});
    for (int64_t layer = 0; layer < c_.num_hidden_layers; ++layer) {
      const std::string prefix = fmt::format("model.layers.{}.", layer);
      bf16(prefix + "input_layernorm.weight", {c_.hidden_size});
      attention(prefix + "self_attn.");
      bf16(prefix + "post_attention_layernorm.weight", {c_.hidden_size});
      if (layer < c_.first_k_dense_replace) {
        mlp(prefix + "mlp.", c_.intermediate_size);
      } else {
        experts(prefix + "mlp.");
      }
    }
    bf16("model.norm.weight", {c_.hidden_size});
    bf16("lm_head.weight", {c_.vocab_size, c_.hidden_size});
  }

 private:
  void bf16(const std::string& name, std::initializer_list<int64_t> shape) const {
    weights_.require(name, Dtype::kBf16, {shape.begin(), shape.size()});
  }
  void fp8(const std::string& name, int64_t n, int64_t k) const {
    const int64_t shape[] = {n, k};
    const int64_t scale_shape[] = {blocks(n), blocks(k)};
    weights_.require(name + ".weight", Dtype::kE4m3, shape);
    weights_.require(name + ".weight_scale_inv", Dtype::kF32, scale_shape);
  }
  void attention(const std::string& prefix) const {
    const int64_t heads = c_.num_attention_heads;
    fp8(prefix + "q_a_proj", c_.q_lora_rank, c_.hidden_size);
    bf16(prefix + "q_a_layernorm.weight", {c_.q_lora_rank});
    fp8(prefix + "q_b_proj", heads * (c_.qk_nope_head_dim + c_.qk_rope_head_dim), c_.q_lora_rank);
    fp8(prefix + "kv_a_proj_with_mqa", c_.kv_lora_rank + c_.qk_rope_head_dim, c_.hidden_size);
    bf16(prefix + "kv_a_layernorm.weight", {c_.kv_lora_rank});
    fp8(prefix + "kv_b_proj", heads * (c_.qk_nope_head_dim + c_.v_head_dim), c_.kv_lora_rank);
    fp8(prefix + "o_proj", c_.hidden_size, heads * c_.v_head_dim);
  }
  void mlp(const std::string& prefix, int64_t width) const {
    fp8(prefix + "gate_proj", width, c_.hidden_size);
    fp8(prefix + "up_proj", width, c_.hidden_size);
    fp8(prefix + "down_proj", c_.hidden_size, width);
  }
  void experts(const std::string& prefix) const {
    bf16(prefix + "gate.weight", {c_.n_routed_experts, c_.hidden_size});
    const int64_t bias_shape[] = {c_.n_routed_experts};
    weights_.require(prefix + "gate.e_score_correction_bias", Dtype::kF32, bias_shape);
    for (int64_t e = 0; e < c_.n_routed_experts; ++e)
      mlp(fmt::format("{}experts.{}.", prefix, e), c_.moe_intermediate_size);
    mlp(prefix + "shared_experts.", c_.moe_intermediate_size * c_.n_shared_experts);
  }

  const Safetensors& weights_;
  const Config& c_;
};

}  // namespace

Model Model::load(const std::string& directory) {
  const std::filesystem::path base(directory);
  if (!std::filesystem::is_directory(base)) input_error(directory, "is not a directory; a model directory is needed");
  Model model;
  model.directory = directory;
  model.config = Config::load((base / "config.json").string());
  model.weights = Safetensors::open(directory);
  Checker(model).run();
  const std::string tokenizer = (base / "tokenizer.json").string();
  model.tokenizer = Tokenizer::load(tokenizer);
  if (model.tokenizer.size() > model.config.vocab_size) {
    input_error(tokenizer, "has token ids up to {}, config.json has a vocab_size of {}", model.tokenizer.size() - 1,
                model.config.vocab_size);
  }
  return model;
}

Fp8Linear fp8_linear(const Model& model, const std::string& name) {
  const Tensor* weight = model.weights.find(name + ".weight");
  check(weight != nullptr && weight->dtype == Dtype::kE4m3 && weight->shape.size() == 2, "no FP8 linear named {}",
        name);
  const Tensor* scale = model.weights.find(name + ".weight_scale_inv");
  Fp8Linear linear;
  linear.n = weight->shape[0];
  linear.k = weight->shape[1];
  const bool fits = scale != nullptr && scale->dtype == Dtype::kF32 &&
                    scale->shape == std::vector<int64_t>{blocks(linear.n), blocks(linear.k)};
  check(fits, "no scales that fit the FP8 linear {}", name);
  linear.q = reinterpret_cast<const uint8_t*>(weight->data.data());
  linear.scale = reinterpret_cast<const float*>(scale->data.data());
  return linear;
}

float Fp8Linear::scale_at(int64_t n_block, int64_t k_block) const {
  float value = 0;
  std::memcpy(
      &value,
      reinterpret_cast<const std::byte*>(scale) + sizeof(float) * static_cast<size_t>(n_block * blocks(k) + k_block),
      sizeof value);
  return value;
}

}  // namespace hadal::model
