// The operator list: attention over latents (MLA in the absorbed form) or over grouped keys, dense layers or experts.
#include "graph/graph.h"

#include <fmt/format.h>

namespace hadal::graph {

std::vector<Operator> step(const model::Config& c) {
  std::vector<Operator> ops;
  auto add = [&](Kind kind, int layer, const char* name, int64_t n, int64_t k, int64_t count = 1) {
    ops.push_back({kind, layer, layer < 0 ? name : fmt::format("L{}.{}", layer, name), n, k, count});
  };
  const int64_t hidden = c.hidden_size, heads = c.num_attention_heads;
  add(Kind::kEmbed, -1, "embed", hidden, 0);
  for (int layer = 0; layer < c.num_hidden_layers; ++layer) {
    if (c.attention == model::Attention::kGrouped) {
      const int64_t dim = c.head_dim, kv_heads = c.num_key_value_heads;
      add(Kind::kQkv, layer, "qkv", (heads + 2 * kv_heads) * dim, hidden);
      add(Kind::kKvWrite, layer, "kv_write", 2 * kv_heads * dim, 0);
      add(Kind::kAttention, layer, "attention", dim, dim, heads);
      add(Kind::kOutput, layer, "output", hidden, heads * dim);
    } else {
      const int64_t q_head = c.qk_nope_head_dim + c.qk_rope_head_dim;
      add(Kind::kQkvDown, layer, "qkv_down", c.q_lora_rank + c.kv_lora_rank + c.qk_rope_head_dim, hidden);
      add(Kind::kKvWrite, layer, "kv_write", c.kv_lora_rank + c.qk_rope_head_dim, 0);
      add(Kind::kQUp, layer, "q_up", heads * q_head, c.q_lora_rank > 0 ? c.q_lora_rank : hidden);
      add(Kind::kQAbsorb, layer, "q_absorb", c.kv_lora_rank, c.qk_nope_head_dim, heads);
      add(Kind::kAttention, layer, "attention", c.kv_lora_rank + c.qk_rope_head_dim, c.kv_lora_rank, heads);
      add(Kind::kVUp, layer, "v_up", c.v_head_dim, c.kv_lora_rank, heads);
      add(Kind::kOutput, layer, "output", hidden, heads * c.v_head_dim);
    }
    if (c.dense(layer)) {
      add(Kind::kMlpUp, layer, "mlp_up", 2 * c.intermediate_size, hidden);
      add(Kind::kMlpDown, layer, "mlp_down", hidden, c.intermediate_size);
    } else {
      add(Kind::kRouter, layer, "router", c.n_routed_experts, hidden);
      add(Kind::kExperts, layer, "experts", 3 * c.moe_intermediate_size, hidden, c.n_routed_experts);
      add(Kind::kCombine, layer, "combine", hidden, c.moe_intermediate_size * c.n_shared_experts);
    }
  }
  add(Kind::kLmHead, -1, "lm_head", c.vocab_size, hidden);
  return ops;
}

int64_t macs(const Operator& op, const model::Config& c, int64_t rows, int64_t context) {
  switch (op.kind) {
    case Kind::kEmbed:
    case Kind::kKvWrite: return 0;
    case Kind::kAttention: return rows * op.count * context * (op.n + op.k);
    case Kind::kExperts: return rows * c.num_experts_per_tok * op.n * op.k;
    case Kind::kRouter: return rows * (op.n + 2 * c.moe_intermediate_size * c.n_shared_experts) * op.k;
    default: return rows * op.count * op.n * op.k;
  }
}

}  // namespace hadal::graph
