// A model as published: an immutable view of a Hugging Face directory (config.json, *.safetensors, tokenizer.json).
// Weights are memory-mapped, never copied. Everything malformed is an input error with one clear line.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hadal::model {

enum class Dtype : uint8_t { kF32, kF16, kBf16, kE4m3, kOther };

struct Tensor {
  std::string name;
  Dtype dtype = Dtype::kOther;
  std::vector<int64_t> shape;
  std::span<const std::byte> data;  // exactly the tensor's bytes, inside the mapping
};

// Tensors of one or several safetensors files (model.safetensors or model.safetensors.index.json), by mmap.
class Safetensors {
 public:
  static Safetensors open(const std::string& directory);
  const Tensor* find(std::string_view name) const;
  // The tensor with this dtype and shape, or an input error that says what was expected.
  const Tensor& require(std::string_view name, Dtype dtype, std::span<const int64_t> shape) const;
  const std::vector<Tensor>& tensors() const;
  Safetensors();
  ~Safetensors();
  Safetensors(Safetensors&&) noexcept;
  Safetensors& operator=(Safetensors&&) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct Yarn {
  double factor = 1, beta_fast = 32, beta_slow = 1, mscale = 1, mscale_all_dim = 0;
  int64_t original_max_position_embeddings = 0;
};

// config.json of model_type deepseek_v3.
struct Config {
  std::string model_type;
  int64_t vocab_size = 0, hidden_size = 0, num_hidden_layers = 0, first_k_dense_replace = 0, intermediate_size = 0;
  int64_t moe_intermediate_size = 0, n_routed_experts = 0, n_shared_experts = 0, num_experts_per_tok = 0;
  int64_t n_group = 1, topk_group = 1, num_attention_heads = 0;
  int64_t q_lora_rank = 0, kv_lora_rank = 0, qk_nope_head_dim = 0, qk_rope_head_dim = 0, v_head_dim = 0;
  int64_t max_position_embeddings = 0;
  bool norm_topk_prob = false;
  double routed_scaling_factor = 1, rms_norm_eps = 1e-6, rope_theta = 10000;
  std::optional<Yarn> yarn;
  int64_t bos_token_id = -1, eos_token_id = -1;
  int64_t weight_block_size = 128;
  static Config load(const std::string& file);
  static Config parse(std::string_view json, const std::string& file);  // `file` names the text in errors
};

// Inverse frequencies [qk_rope_head_dim/2] and the softmax scale, as transformers computes them (YaRN included).
std::vector<double> rope_inverse_frequencies(const Config& config);
double attention_scale(const Config& config);

// A byte-level BPE tokenizer as a GGUF file has it.
struct TokenizerParts {
  enum Type : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };
  std::vector<std::string> tokens;  // by id: tokenizer.ggml.tokens
  std::vector<std::string> merges;  // "LEFT RIGHT" by rank: tokenizer.ggml.merges
  std::vector<int32_t> types;       // Type by id: tokenizer.ggml.token_type; empty: all normal
  std::string pre_tokenizer;        // the name of how text is split: tokenizer.ggml.pre
};

// Byte-level BPE tokenizer.json.
class Tokenizer {
 public:
  static Tokenizer load(const std::string& file);
  static Tokenizer parse(std::string_view json, const std::string& file);  // `file` names the text in errors
  // Control tokens become special ones, user-defined ones added ones. `where` names the source in errors.
  static Tokenizer from_parts(const TokenizerParts& parts, const std::string& where);
  std::vector<int32_t> encode(std::string_view text, bool special_tokens = true) const;  // no bos added
  std::string decode(std::span<const int32_t> ids, bool skip_special = true) const;      // raw bytes joined
  std::string token_bytes(int32_t id) const;
  int32_t size() const;
  Tokenizer();
  ~Tokenizer();
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct Model {
  std::string directory;
  Config config;
  Safetensors weights;
  Tokenizer tokenizer;
  // Checks that every tensor of the architecture is there with its dtype and shape.
  static Model load(const std::string& directory);
};

// An FP8 linear as stored: w[n][k] = q[n][k] * scale[n/128][k/128].
struct Fp8Linear {
  int64_t n = 0, k = 0;
  const uint8_t* q = nullptr;
  const float* scale = nullptr;  // [ceil(n/128)][ceil(k/128)]; use scale_at: the mapping may be unaligned
  float scale_at(int64_t n_block, int64_t k_block) const;
};
Fp8Linear fp8_linear(const Model& model, const std::string& name);  // name without ".weight"

}  // namespace hadal::model
