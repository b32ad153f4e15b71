// The shape of a published model without its weights: what a performance model needs of config.json, for every family
// it knows (deepseek_v3, deepseek_v32, deepseek_v4, qwen3, qwen3_moe, llama).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hadal::model {

enum class AttentionKind {
  kMla,     // one compressed latent and a rotary key a token, shared by all heads (DeepSeek V2 to V3.2)
  kGqa,     // keys and values of kv_heads heads
  kLatent,  // one latent head whose key is its value, a sliding window, compressed entries beyond it (DeepSeek V4)
};

enum class WeightFormat { kBf16, kFp8, kFp4 };

struct Architecture {
  std::string name, family;
  int64_t vocab = 0, hidden = 0, layers = 0, heads = 0, kv_heads = 0, head_dim = 0;
  bool tied_embeddings = false;
  AttentionKind attention = AttentionKind::kGqa;
  // MLA and latent attention
  int64_t q_lora = 0, kv_lora = 0, nope_dim = 0, rope_dim = 0, v_dim = 0;
  // Index of sparse attention; 0: none
  int64_t index_heads = 0, index_dim = 0, index_topk = 0;
  // Latent attention (V4): grouped output projection, window, tokens a compressed entry stands for in each layer (0:
  // none)
  int64_t o_groups = 0, o_lora = 0, window = 0;
  std::vector<int64_t> compress_ratios;
  int64_t hyper_connections = 0;  // width of the residual state; 0: the plain residual
  // Feed-forward
  int64_t dense_layers = 0, dense_inter = 0;  // the first layers, with one wide MLP
  int64_t experts = 0, shared_experts = 0, experts_per_token = 0, moe_inter = 0, group_limit = 0, groups = 0;
  int64_t mtp_layers = 0;
  WeightFormat linear_weights = WeightFormat::kBf16, expert_weights = WeightFormat::kBf16;

  // A config.json; what is missing or impossible is an input error with its line. `name` is the file's, or its
  // folder's.
  static Architecture load(const std::string& file);
  static Architecture parse(std::string_view json, const std::string& file);

  int64_t moe_layers() const { return experts > 0 ? layers - dense_layers : 0; }
};

// Bytes of one weight, block scales left out.
double weight_bytes(WeightFormat format);

// Parameters of the main model (without MTP), of one layer's attention and of one expert, and those that a token meets
// (all but the experts that are not chosen).
struct ParameterCount {
  double total = 0, active = 0, attention_layer = 0, expert = 0, embedding = 0;
};
ParameterCount count_parameters(const Architecture& a);

// Bytes that the cache of one sequence takes at `context` tokens, with `element_bytes` a number (2 BF16, 1 FP8).
// MLA: layers x (kv_lora + rope); GQA: layers x 2 x kv_heads x head_dim; V4: window and compressed entries.
double kv_bytes(const Architecture& a, double context, double element_bytes);

}  // namespace hadal::model
