// The list of families, and what they share in reading config.json.
#include <array>

#include "model/family.h"

namespace hadal::model {

std::span<const Family* const> families() {
  static constexpr std::array kAll = {&kDeepseekV2, &kDeepseekV3, &kLlama, &kQwen2, &kQwen3, &kQwen3Moe};
  return kAll;
}

void read_sizes(const Fields& fields, Config& c) {
  fields.expect("hidden_act", "silu");
  c.vocab_size = fields.integer("vocab_size", 1, 1 << 24);
  c.hidden_size = fields.integer("hidden_size", 1, kMaxDim);
  c.num_hidden_layers = fields.integer("num_hidden_layers", 1, kMaxCount);
  c.intermediate_size = fields.integer("intermediate_size", 1, kMaxDim);
  c.num_attention_heads = fields.integer("num_attention_heads", 1, kMaxCount);
  c.max_position_embeddings = fields.integer("max_position_embeddings", 1, kMaxPositions);
  c.rms_norm_eps = fields.positive("rms_norm_eps");
  c.tie_word_embeddings = fields.boolean_or("tie_word_embeddings", false);
}

void read_latent_attention(const Fields& fields, Config& c) {
  fields.expect("attention_bias", false);
  c.attention = Attention::kLatent;
  c.q_lora_rank = fields.integer_or("q_lora_rank", 1, kMaxDim, 0);
  c.kv_lora_rank = fields.integer("kv_lora_rank", 1, kMaxDim);
  c.qk_nope_head_dim = fields.integer("qk_nope_head_dim", 1, kMaxDim);
  c.qk_rope_head_dim = fields.integer("qk_rope_head_dim", 2, kMaxDim);
  c.v_head_dim = fields.integer("v_head_dim", 1, kMaxDim);
  if (c.qk_rope_head_dim % 2 != 0) {
    fields.fail("qk_rope_head_dim", "is {}; it must be even, rotation works on pairs", c.qk_rope_head_dim);
  }
  const int64_t kv_heads = fields.integer_or("num_key_value_heads", 1, kMaxCount, c.num_attention_heads);
  if (kv_heads != c.num_attention_heads) {
    fields.fail("num_key_value_heads", "is {}; it must equal num_attention_heads, which is {}", kv_heads,
                c.num_attention_heads);
  }
}

void read_grouped_attention(const Fields& fields, Config& c, int64_t default_head_dim) {
  c.attention = Attention::kGrouped;
  c.rope_interleaved = false;
  c.num_key_value_heads = fields.integer_or("num_key_value_heads", 1, kMaxCount, c.num_attention_heads);
  if (c.num_attention_heads % c.num_key_value_heads != 0) {
    fields.fail("num_key_value_heads", "is {}; it must divide num_attention_heads, which is {}", c.num_key_value_heads,
                c.num_attention_heads);
  }
  if (fields.find("head_dim") == nullptr && default_head_dim == 0 && c.hidden_size % c.num_attention_heads != 0) {
    fields.fail("num_attention_heads", "is {}; without head_dim it must divide hidden_size, which is {}",
                c.num_attention_heads, c.hidden_size);
  }
  const int64_t absent = default_head_dim != 0 ? default_head_dim : c.hidden_size / c.num_attention_heads;
  c.head_dim = fields.integer_or("head_dim", 2, 1 << 16, absent);
  if (c.head_dim < 2 || c.head_dim % 2 != 0) {
    fields.fail("head_dim", "is {}; it must be even, rotation works on pairs", c.head_dim);
  }
}

void check_experts(const Fields& fields, const Config& c, const char* experts_key) {
  if (c.num_experts_per_tok > c.n_routed_experts) {
    fields.fail("num_experts_per_tok", "is {}, more than the {} of {}", c.num_experts_per_tok, c.n_routed_experts,
                experts_key);
  }
}

void read_shared_and_routed(const Fields& fields, Config& c) {
  fields.expect("moe_layer_freq", 1);
  c.first_k_dense_replace = fields.integer("first_k_dense_replace", 0, c.num_hidden_layers);
  c.moe_intermediate_size = fields.integer("moe_intermediate_size", 1, kMaxDim);
  c.n_routed_experts = fields.integer("n_routed_experts", 1, kMaxCount);
  c.n_shared_experts = fields.integer("n_shared_experts", 1, kMaxCount);
  c.num_experts_per_tok = fields.integer("num_experts_per_tok", 1, kMaxCount);
  c.routed_scaling_factor = fields.positive("routed_scaling_factor");
  check_experts(fields, c, "n_routed_experts");
  if (c.n_group == 1 && c.topk_group == 1) return;  // no groups
  if (c.n_routed_experts % c.n_group != 0) {
    fields.fail("n_group", "is {}; it must divide n_routed_experts, which is {}", c.n_group, c.n_routed_experts);
  }
  const int64_t in_group = c.n_routed_experts / c.n_group;
  if (in_group < 2 && c.group_rank == GroupRank::kTwoBest) {
    fields.fail("n_group", "is {} for {} experts; a group is ranked by its two best experts and needs at least two",
                c.n_group, c.n_routed_experts);
  }
  if (c.topk_group > c.n_group) {
    fields.fail("topk_group", "is {}, more than the {} of n_group", c.topk_group, c.n_group);
  }
  if (c.num_experts_per_tok > c.topk_group * in_group) {
    fields.fail("num_experts_per_tok", "is {}; {} groups of {} experts offer only {}", c.num_experts_per_tok,
                c.topk_group, in_group, c.topk_group * in_group);
  }
}

void refuse_sliding_window(const Fields& fields) {
  if (fields.boolean_or("use_sliding_window", false)) {
    fields.fail("use_sliding_window", "is true; attention over a sliding window is not supported");
  }
  const nlohmann::json* layers = fields.find("layer_types");
  for (const nlohmann::json& type : layers != nullptr ? *layers : nlohmann::json::array()) {
    if (!type.is_string() || type.get_ref<const std::string&>() != "full_attention") {
      fields.fail("layer_types", "holds {}; only \"full_attention\" is supported", printable(type.dump()));
    }
  }
}

}  // namespace hadal::model
