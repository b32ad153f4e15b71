// The operator list against counts made by hand.
#include <gtest/gtest.h>

#include "graph/graph.h"

namespace hadal::graph {
namespace {

// DeepSeek-V3 as published.
model::Config v3() {
  model::Config c;
  c.vocab_size = 129280;
  c.hidden_size = 7168;
  c.num_hidden_layers = 61;
  c.first_k_dense_replace = 3;
  c.intermediate_size = 18432;
  c.moe_intermediate_size = 2048;
  c.n_routed_experts = 256;
  c.n_shared_experts = 1;
  c.num_experts_per_tok = 8;
  c.num_attention_heads = 128;
  c.q_lora_rank = 1536;
  c.kv_lora_rank = 512;
  c.qk_nope_head_dim = c.v_head_dim = 128;
  c.qk_rope_head_dim = 64;
  return c;
}

TEST(Step, ListsEveryLayerInOrder) {
  const std::vector<Operator> ops = step(v3());
  EXPECT_EQ(ops.front().kind, Kind::kEmbed);
  EXPECT_EQ(ops.back().kind, Kind::kLmHead);
  EXPECT_EQ(ops.size(), 2u + 3 * 9 + 58 * 10);
  EXPECT_EQ(ops[1].name, "L0.qkv_down");
}

TEST(Step, StagesDoTogetherWhatAStepDoes) {
  const model::Config c = v3();
  const std::vector<Operator> whole = step(c, true);
  for (const std::vector<int64_t>& cuts : {std::vector<int64_t>{0, 61}, {0, 1, 61}, {0, 7, 14, 60, 61}}) {
    std::vector<Operator> all;
    for (size_t i = 0; i + 1 < cuts.size(); ++i) {
      const Stage stage{cuts[i], cuts[i + 1], 61};
      EXPECT_EQ(stage.whole(), cuts.size() == 2);
      std::vector<Operator> ops = step(c, true, stage);
      EXPECT_EQ(ops.front().kind == Kind::kReceive, i > 0);
      EXPECT_EQ(ops.back().kind == Kind::kPassOn, i + 2 < cuts.size());
      std::erase_if(ops, [](const Operator& op) { return op.kind == Kind::kReceive || op.kind == Kind::kPassOn; });
      all.insert(all.end(), ops.begin(), ops.end());
    }
    ASSERT_EQ(all.size(), whole.size());
    for (size_t i = 0; i < all.size(); ++i) {
      EXPECT_EQ(all[i].name, whole[i].name);
      EXPECT_EQ(macs(all[i], c, 4, 100), macs(whole[i], c, 4, 100));
    }
  }
}

TEST(Step, LinearWorkOfV3MatchesItsActiveParameters) {
  // Published: 36.63 G active parameters without the embedding; one multiply-accumulate each.
  const model::Config c = v3();
  int64_t linear = 0;
  for (const Operator& op : step(c)) linear += macs(op, c, 1, 0);
  EXPECT_NEAR(static_cast<double>(linear), 36.63e9, 0.01e9);
}

TEST(Step, AbsorbedAttentionOfV3MatchesItsPublishedFlop) {
  // 69.6 GFLOP a token at 4 K context in the absorbed form: 2 x 128 x 4096 x (576 + 512) x 61.
  const model::Config c = v3();
  int64_t attention = 0;
  for (const Operator& op : step(c)) {
    if (op.kind == Kind::kAttention) attention += macs(op, c, 1, 4096);
  }
  EXPECT_NEAR(2.0 * static_cast<double>(attention), 69.6e9, 0.1e9);
}

}  // namespace
}  // namespace hadal::graph
