// The operator list: attention over latents (MLA in the absorbed form) or over grouped keys, dense layers or experts.
#include "graph/graph.h"

#include <fmt/format.h>

#include <utility>

namespace hadal::graph {

namespace {

class Lister {
 public:
  explicit Lister(const model::Config& c) : c_(c) {}

  void add(Kind kind, int layer, const char* name, int64_t n, int64_t k, int64_t count = 1) {
    ops_.push_back({kind, layer, layer < 0 ? name : fmt::format("L{}.{}", layer, name), n, k, count});
  }

  void layer(int l) {
    const int64_t hidden = c_.hidden_size, heads = c_.num_attention_heads;
    if (c_.attention == model::Attention::kGrouped) {
      const int64_t dim = c_.head_dim, kv_heads = c_.num_key_value_heads;
      add(Kind::kQkv, l, "qkv", (heads + 2 * kv_heads) * dim, hidden);
      add(Kind::kKvWrite, l, "kv_write", 2 * kv_heads * dim, 0);
      add(Kind::kAttention, l, "attention", dim, dim, heads);
      add(Kind::kOutput, l, "output", hidden, heads * dim);
    } else {
      const int64_t q_head = c_.qk_nope_head_dim + c_.qk_rope_head_dim;
      add(Kind::kQkvDown, l, "qkv_down", c_.q_lora_rank + c_.kv_lora_rank + c_.qk_rope_head_dim, hidden);
      add(Kind::kKvWrite, l, "kv_write", c_.kv_lora_rank + c_.qk_rope_head_dim, 0);
      add(Kind::kQUp, l, "q_up", heads * q_head, c_.q_lora_rank > 0 ? c_.q_lora_rank : hidden);
      add(Kind::kQAbsorb, l, "q_absorb", c_.kv_lora_rank, c_.qk_nope_head_dim, heads);
      add(Kind::kAttention, l, "attention", c_.kv_lora_rank + c_.qk_rope_head_dim, c_.kv_lora_rank, heads);
      add(Kind::kVUp, l, "v_up", c_.v_head_dim, c_.kv_lora_rank, heads);
      add(Kind::kOutput, l, "output", hidden, heads * c_.v_head_dim);
    }
    if (c_.dense(l)) {
      add(Kind::kMlpUp, l, "mlp_up", 2 * c_.intermediate_size, hidden);
      add(Kind::kMlpDown, l, "mlp_down", hidden, c_.intermediate_size);
    } else {
      add(Kind::kRouter, l, "router", c_.n_routed_experts, hidden);
      add(Kind::kExperts, l, "experts", 3 * c_.moe_intermediate_size, hidden, c_.n_routed_experts);
      add(Kind::kCombine, l, "combine", hidden, c_.moe_intermediate_size * c_.n_shared_experts);
    }
  }

  std::vector<Operator> take() { return std::move(ops_); }

 private:
  const model::Config& c_;
  std::vector<Operator> ops_;
};

}  // namespace

std::vector<Operator> step(const model::Config& c, bool keep_hidden) { return step(c, keep_hidden, whole_model(c)); }

std::vector<Operator> step(const model::Config& c, bool keep_hidden, const Stage& stage) {
  Lister list(c);
  if (stage.begins()) {
    list.add(Kind::kEmbed, -1, "embed", c.hidden_size, 0);
  } else {
    list.add(Kind::kReceive, -1, "receive", c.hidden_size, 0);
  }
  for (int64_t l = stage.first; l < stage.end; ++l) list.layer(static_cast<int>(l));
  if (!stage.ends()) {
    list.add(Kind::kPassOn, -1, "pass_on", c.hidden_size, 0);
    return list.take();
  }
  if (keep_hidden) list.add(Kind::kKeepHidden, -1, "keep_hidden", c.hidden_size, 0);
  list.add(Kind::kLmHead, -1, "lm_head", c.vocab_size, c.hidden_size);
  return list.take();
}

std::vector<Operator> draft(const model::Config& c) {
  Lister list(c);
  const auto l = static_cast<int>(c.num_hidden_layers);
  list.add(Kind::kDraftJoin, l, "draft_join", c.hidden_size, 2 * c.hidden_size);
  list.layer(l);
  list.add(Kind::kLmHead, l, "lm_head", c.vocab_size, c.hidden_size);
  return list.take();
}

int64_t macs(const Operator& op, const model::Config& c, int64_t rows, int64_t context) {
  switch (op.kind) {
    case Kind::kEmbed:
    case Kind::kReceive:
    case Kind::kPassOn:
    case Kind::kKeepHidden:
    case Kind::kKvWrite: return 0;
    case Kind::kAttention: return rows * op.count * context * (op.n + op.k);
    case Kind::kExperts: return rows * c.num_experts_per_tok * op.n * op.k;
    case Kind::kRouter: return rows * (op.n + 2 * c.moe_intermediate_size * c.n_shared_experts) * op.k;
    default: return rows * op.count * op.n * op.k;
  }
}

}  // namespace hadal::graph
