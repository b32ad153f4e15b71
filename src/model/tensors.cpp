// Embedding, layers, norm, head.
#include "model/tensors.h"

#include <fmt/format.h>

#include <utility>

namespace hadal::model {
namespace {

class Walk {
 public:
  Walk(const Config& config, const std::function<void(const ArchitectureTensor&)>& use) : c_(config), use_(use) {}

  void run(bool mtp) const {
    use_({"model.embed_tokens.weight", TensorRole::kEmbedding, c_.vocab_size, c_.hidden_size});
    for (int64_t l = 0; l < c_.num_hidden_layers; ++l) layer(l);
    if (mtp) next_token(fmt::format("model.layers.{}.", c_.num_hidden_layers));
    norm("model.norm", c_.hidden_size);
    if (!c_.tie_word_embeddings) matrix("lm_head.weight", c_.vocab_size, c_.hidden_size);
  }

 private:
  void layer(int64_t index) const {
    const std::string prefix = fmt::format("model.layers.{}.", index);
    norm(prefix + "input_layernorm", c_.hidden_size);
    if (c_.attention == Attention::kLatent) {
      latent_attention(prefix + "self_attn.");
    } else {
      grouped_attention(prefix + "self_attn.");
    }
    norm(prefix + "post_attention_layernorm", c_.hidden_size);
    if (c_.dense(index)) {
      mlp(prefix + "mlp.", c_.intermediate_size);
    } else {
      experts(prefix + "mlp.");
    }
  }
  // Multi-token prediction: joins the normalised embedding of the next token to the normalised hidden state.
  void next_token(const std::string& prefix) const {
    layer(c_.num_hidden_layers);
    norm(prefix + "enorm", c_.hidden_size);
    norm(prefix + "hnorm", c_.hidden_size);
    linear(prefix + "eh_proj", c_.hidden_size, 2 * c_.hidden_size);
    norm(prefix + "shared_head.norm", c_.hidden_size);
    matrix(prefix + "shared_head.head.weight", c_.vocab_size, c_.hidden_size);
  }
  void latent_attention(const std::string& prefix) const {
    const int64_t heads = c_.num_attention_heads, queries = heads * (c_.qk_nope_head_dim + c_.qk_rope_head_dim);
    if (c_.q_lora_rank > 0) {
      linear(prefix + "q_a_proj", c_.q_lora_rank, c_.hidden_size);
      norm(prefix + "q_a_layernorm", c_.q_lora_rank);
      linear(prefix + "q_b_proj", queries, c_.q_lora_rank);
    } else {
      linear(prefix + "q_proj", queries, c_.hidden_size);
    }
    linear(prefix + "kv_a_proj_with_mqa", c_.kv_lora_rank + c_.qk_rope_head_dim, c_.hidden_size);
    norm(prefix + "kv_a_layernorm", c_.kv_lora_rank);
    linear(prefix + "kv_b_proj", heads * (c_.qk_nope_head_dim + c_.v_head_dim), c_.kv_lora_rank);
    linear(prefix + "o_proj", c_.hidden_size, heads * c_.v_head_dim);
  }
  void grouped_attention(const std::string& prefix) const {
    const int64_t queries = c_.num_attention_heads * c_.head_dim, keys = c_.num_key_value_heads * c_.head_dim;
    for (const auto& [name, n] : {std::pair{"q_proj", queries}, {"k_proj", keys}, {"v_proj", keys}}) {
      linear(prefix + name, n, c_.hidden_size);
      if (c_.qkv_bias) use_({prefix + name + ".bias", TensorRole::kBias, n, 0});
    }
    if (c_.qk_norm) {
      norm(prefix + "q_norm", c_.head_dim);
      norm(prefix + "k_norm", c_.head_dim);
    }
    linear(prefix + "o_proj", c_.hidden_size, queries);
  }
  void mlp(const std::string& prefix, int64_t width) const {
    linear(prefix + "gate_proj", width, c_.hidden_size);
    linear(prefix + "up_proj", width, c_.hidden_size);
    linear(prefix + "down_proj", c_.hidden_size, width);
  }
  void experts(const std::string& prefix) const {
    matrix(prefix + "gate.weight", c_.n_routed_experts, c_.hidden_size);
    if (c_.gate_bias) use_({prefix + "gate.e_score_correction_bias", TensorRole::kGateBias, c_.n_routed_experts, 0});
    for (int64_t e = 0; e < c_.n_routed_experts; ++e)
      mlp(fmt::format("{}experts.{}.", prefix, e), c_.moe_intermediate_size);
    if (c_.n_shared_experts > 0) mlp(prefix + "shared_experts.", c_.moe_intermediate_size * c_.n_shared_experts);
  }
  void norm(const std::string& name, int64_t size) const { use_({name + ".weight", TensorRole::kNorm, size, 0}); }
  void matrix(std::string name, int64_t n, int64_t k) const { use_({std::move(name), TensorRole::kMatrix, n, k}); }
  void linear(std::string name, int64_t n, int64_t k) const { use_({std::move(name), TensorRole::kLinear, n, k}); }

  const Config& c_;
  const std::function<void(const ArchitectureTensor&)>& use_;
};

}  // namespace

void for_each_tensor(const Config& config, bool mtp, const std::function<void(const ArchitectureTensor&)>& use) {
  Walk(config, use).run(mtp);
}

}  // namespace hadal::model
