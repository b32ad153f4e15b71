// A model as published: an immutable view of a Hugging Face directory (config.json, *.safetensors, tokenizer.json) or
// of a GGUF file. Weights are memory-mapped, never copied. Everything malformed is an input error with one clear line.
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

// From kQ80 to kIq4Xs the blocks of GGUF: 32 or 256 consecutive elements of k with scales of their own. kHalves: keys
// and values of latent attention as newer GGUF files hold them (Halves).
enum class Dtype : uint8_t {
  kF32,
  kF16,
  kBf16,
  kE4m3,
  kE8m0,
  kQ80,
  kQ40,
  kQ41,
  kQ50,
  kQ51,
  kQ2K,
  kQ3K,
  kQ4K,
  kQ5K,
  kQ6K,
  kIq4Nl,
  kIq4Xs,
  kHalves,
  kOther
};

struct Halves;

struct Tensor {
  std::string name;
  Dtype dtype = Dtype::kOther;
  std::vector<int64_t> shape;
  std::span<const std::byte> data;                 // exactly the tensor's bytes, inside the mapping
  std::shared_ptr<const Halves> halves = nullptr;  // kHalves, whose data is empty
};

// The projection of latents to keys and values in two tensors: [heads][rank][key], turned for a product with queries,
// and [heads][value][rank]. As one tensor it is [heads * (key + value)][rank].
struct Halves {
  Tensor keys, values;
  uint64_t serial = 0;  // no two are alike in a process
};

// The tensors of a checkpoint by their Hugging Face names: one or several safetensors files (model.safetensors or
// model.safetensors.index.json), or a GGUF file, whose names are translated.
class Weights {
 public:
  static Weights open(const std::string& directory);
  // Views of mapped files that `owner` keeps alive, from the file `path`.
  Weights(std::vector<Tensor> tensors, std::string path, std::shared_ptr<const void> owner);
  const Tensor* find(std::string_view name) const;
  // The tensor with one of these dtypes and this shape, or an input error that says what was expected.
  const Tensor& require(std::string_view name, std::span<const Dtype> dtypes, std::span<const int64_t> shape) const;
  const Tensor& require(std::string_view name, Dtype dtype, std::span<const int64_t> shape) const {
    return require(name, std::span(&dtype, 1), shape);
  }
  const std::vector<Tensor>& tensors() const;
  Weights();
  ~Weights();
  Weights(Weights&&) noexcept;
  Weights& operator=(Weights&&) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct Yarn {
  double factor = 1, beta_fast = 32, beta_slow = 1, mscale = 1, mscale_all_dim = 0;
  int64_t original_max_position_embeddings = 0;
};

// Llama 3: long wavelengths are stretched by `factor`, short ones kept, those between blended.
struct Llama3Rope {
  double factor = 1, low_freq_factor = 1, high_freq_factor = 4;
  int64_t original_max_position_embeddings = 0;
};

enum class Attention : uint8_t {
  kLatent,
  kGrouped
};                                                   // MLA; grouped queries (every head its own key is one case of it)
enum class Gate : uint8_t { kSigmoid, kSoftmax };    // score of an expert from its logit
enum class GroupRank : uint8_t { kTwoBest, kBest };  // score of a group: sum of its two best experts, or the best

// What a family's file (src/model/families) makes of config.json. The defaults are those of DeepSeek-V3.
struct Config {
  std::string model_type;
  int64_t vocab_size = 0, hidden_size = 0, num_hidden_layers = 0, intermediate_size = 0;
  int64_t max_position_embeddings = 0;
  double rms_norm_eps = 1e-6;
  bool tie_word_embeddings = false;  // the head is the embedding

  Attention attention = Attention::kLatent;
  int64_t num_attention_heads = 0;
  int64_t q_lora_rank = 0, kv_lora_rank = 0, qk_nope_head_dim = 0, qk_rope_head_dim = 0, v_head_dim = 0;  // kLatent
  int64_t num_key_value_heads = 0, head_dim = 0;                                                          // kGrouped
  bool qkv_bias = false, qk_norm = false;                                                                 // kGrouped

  double rope_theta = 10000, rope_linear_factor = 1;
  bool rope_interleaved = true;  // neighbours form a pair; otherwise element i and i + half
  double rope_amplitude = 1;     // of cos and sin
  std::optional<Yarn> yarn;
  std::optional<Llama3Rope> llama3;
  std::vector<float> rope_divisors;  // of the inverse frequencies, as GGUF files have them instead; or empty

  // Layers from first_k_dense_replace on have experts; n_shared_experts may be 0.
  int64_t first_k_dense_replace = 0, moe_intermediate_size = 0, n_routed_experts = 0, n_shared_experts = 0;
  int64_t num_experts_per_tok = 0, n_group = 1, topk_group = 1;
  Gate gate = Gate::kSigmoid;
  GroupRank group_rank = GroupRank::kTwoBest;
  bool gate_bias = true;  // e_score_correction_bias
  bool norm_topk_prob = false;
  double routed_scaling_factor = 1;
  int64_t num_nextn_predict_layers = 0;  // layers for multi-token prediction behind the others; the first is used

  int64_t bos_token_id = -1, eos_token_id = -1;
  bool prepend_bos = true;             // a prompt begins with bos_token_id, if there is one
  std::vector<int64_t> eos_token_ids;  // all that end a text; eos_token_id is the first
  bool fp8 = true;                     // quantization_config: linears are E4M3 in blocks
  int64_t weight_block_size = 128;

  bool dense(int64_t layer) const { return layer < first_k_dense_replace; }
  bool has_experts() const { return first_k_dense_replace < num_hidden_layers; }
  int64_t rope_dim() const { return attention == Attention::kLatent ? qk_rope_head_dim : head_dim; }
  bool ends(int64_t token) const;  // whether this token ends a text

  static Config load(const std::string& file);
  static Config parse(std::string_view json, const std::string& file);  // `file` names the text in errors
};

// Inverse frequencies [rope_dim/2] and the softmax scale, as transformers computes them (rope scaling included).
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
  std::string directory;  // or the GGUF file
  Config config;
  Weights weights;
  Tokenizer tokenizer;
  std::string chat_template;  // of a GGUF file's metadata; empty without one, and for directories
  // A Hugging Face directory, or a GGUF file. Checks that every tensor of the architecture is there with its dtype and
  // shape.
  static Model load(const std::string& path);
  // Whether the layer for multi-token prediction is there, number num_hidden_layers.
  bool has_mtp() const;
};

// A weight matrix [n][k] in the form the checkpoint holds it.
struct Linear {
  int64_t n = 0, k = 0;
  const Tensor* weight = nullptr;
  const Tensor* scale = nullptr;  // FP8: [ceil(n/128)][ceil(k/128)]
  bool fp8() const { return weight->dtype == Dtype::kE4m3; }
  const uint8_t* codes(int64_t row) const;                 // FP8: the k codes of a row
  float scale_at(int64_t n_block, int64_t k_block) const;  // FP8
  void read_row(int64_t row, std::span<float> out) const;  // k values, dequantised
};
Linear linear(const Model& model, const std::string& name);  // name without ".weight"

// All values of a tensor as FP32: vectors, embeddings.
std::vector<float> values(const Tensor& tensor);
// `out.size()` values from element `first` on (a multiple of 256 for GGUF blocks, as out.size() unless it ends there).
void read_values(const Tensor& tensor, int64_t first, std::span<float> out);

}  // namespace hadal::model
