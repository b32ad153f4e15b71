// The task list of a forward step: work against the published totals, against the operator list that our compiler uses,
// and against itself under parallel plans.
#include "graph/forward.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "graph/graph.h"

namespace hadal::graph {
namespace {

model::Architecture shape(const std::string& name) {
  return model::Architecture::load(std::string(HADAL_SOURCE_DIR) + "/models/configs/" + name + ".json");
}

double total_macs(const std::vector<Task>& tasks) {
  double sum = 0;
  for (const Task& task : tasks) sum += macs(task) * task.repeat;
  return sum;
}

double attention_macs(const std::vector<Task>& tasks) {
  double sum = 0;
  for (const Task& task : tasks) {
    if (std::holds_alternative<AttentionTask>(task.work)) sum += macs(task) * task.repeat;
  }
  return sum;
}

StepShape decode(double sequences, double context) {
  StepShape s;
  s.sequences = sequences;
  s.context = context;
  return s;
}

TEST(Forward, DeepSeekV3DecodeIsThePublishedWork) {
  const model::Architecture a = shape("DeepSeek-V3");
  for (const auto& [context, gflop] : {std::pair{1024.0, 17.4}, {4096.0, 69.6}, {32768.0, 557.0}, {131072.0, 2227.0}}) {
    const std::vector<Task> tasks = forward(a, {}, decode(1, context));
    EXPECT_NEAR(2 * attention_macs(tasks) / 1e9 / gflop, 1, 0.005) << context;
    // 73.25 G of linear work: every parameter that works on a token, twice.
    EXPECT_NEAR(2 * (total_macs(tasks) - attention_macs(tasks)) / 1e9, 73.25, 0.3) << context;
  }
}

TEST(Forward, PrefillInItsExpandedFormNeedsLessAttention) {
  const model::Architecture a = shape("DeepSeek-V3");
  StepShape s;
  s.prefill = true;
  s.queries = s.context = 4096;
  const double expanded = attention_macs(forward(a, {}, s));
  EXPECT_NEAR(attention_macs(forward(a, {}, decode(4096, 2048.5))) / expanded, 3.4, 0.01);
}

TEST(Forward, AgreesWithTheOperatorsOfOurCompiler) {
  const auto file = std::string(HADAL_SOURCE_DIR) + "/models/hadal-tiny/config.json";
  for (const std::string& path : {file, std::string(HADAL_SOURCE_DIR) + "/models/configs/DeepSeek-V3.json"}) {
    const model::Config config = model::Config::load(path);
    const model::Architecture a = model::Architecture::load(path);
    for (const int64_t rows : {1, 7, 64}) {
      int64_t expected = 0;
      for (const Operator& op : step(config)) expected += macs(op, config, rows, 500);
      EXPECT_NEAR(total_macs(forward(a, {}, decode(static_cast<double>(rows), 500))) / static_cast<double>(expected), 1,
                  1e-9)
          << path << ", " << rows << " rows";
    }
  }
}

TEST(Forward, PlansShareTheSameWork) {
  const model::Architecture a = shape("DeepSeek-V3");
  ParallelPlan one, wide, split, staged;
  wide.dp = wide.ep = 64;
  split.tp = 8;
  staged.pp = 4;
  const auto linear = [&](const ParallelPlan& plan, double sequences) {
    return total_macs(forward(a, plan, decode(sequences, 4096)));
  };
  // 64 devices with 8 sequences each do what one with 512 does.
  EXPECT_NEAR(64 * linear(wide, 8) / linear(one, 512), 1, 1e-6);
  EXPECT_NEAR(4 * linear(staged, 32) / linear(one, 32), 1, 1e-9);
  // Every product but qkv_down, the router, the shared expert and the index is split by TP.
  EXPECT_LT(linear(split, 32), linear(one, 32) / 4);
}

TEST(Forward, HeadsSharedOutAddTwoExchangesAndNoWork) {
  const model::Architecture a = shape("DeepSeek-V3");
  StepShape s;
  s.prefill = true;
  s.sequences = 2;
  s.queries = s.context = 4096;
  ParallelPlan whole, staged;
  staged.heads_over = 32;
  const std::vector<Task> one = forward(a, whole, s), split = forward(a, staged, s);
  EXPECT_EQ(split.size(), one.size() + 2);
  EXPECT_EQ(total_macs(split), total_macs(one));
  for (const Task& task : split) {
    const auto* x = std::get_if<ExchangeTask>(&task.work);
    // Latents of all rows: 1,536 of FP8 for queries, 576 of BF16 for the cache. Results: 128 heads of 128 in BF16.
    if (task.name == "latent_gather") {
      EXPECT_EQ(x->tokens * x->token_bytes, 32.0 * 8192 * (1536 + 2 * 576));
    }
    if (task.name == "head_exchange") {
      EXPECT_EQ(x->tokens * x->token_bytes, 8192.0 * 2 * 128 * 128);
    }
  }
  s.prefill = false;
  EXPECT_EQ(forward(a, staged, s).size(), forward(a, whole, s).size());
}

TEST(Forward, SparseAttentionReadsAFixedNumberOfKeys) {
  const model::Architecture a = shape("DeepSeek-V3.2");
  EXPECT_EQ(attention_macs(forward(a, {}, decode(1, 8192))), attention_macs(forward(a, {}, decode(1, 131072))));
  EXPECT_LT(total_macs(forward(a, {}, decode(1, 8192))), total_macs(forward(a, {}, decode(1, 131072))));  // the index
  EXPECT_LT(total_macs(forward(a, {}, decode(1, 131072))),
            total_macs(forward(shape("DeepSeek-V3"), {}, decode(1, 131072))) / 5);
}

TEST(Forward, EveryModelHasWorkInBothPhases) {
  for (const auto& entry : std::filesystem::directory_iterator(std::string(HADAL_SOURCE_DIR) + "/models/configs")) {
    const model::Architecture a = model::Architecture::load(entry.path().string());
    SCOPED_TRACE(a.name);
    StepShape prefill;
    prefill.prefill = true;
    prefill.queries = prefill.context = 1000;
    const double p = total_macs(forward(a, {}, prefill)), d = total_macs(forward(a, {}, decode(1000, 1000)));
    // Within what latent attention, the last row's logits and compressors make of it, both phases do the same work.
    EXPECT_GT(p / d, 0.3);
    EXPECT_LT(p / d, 1.2);
    // Beside attention: every parameter a token meets but the embedding, once.
    const model::ParameterCount count = count_parameters(a);
    const double active = count.active - (a.tied_embeddings ? 0 : count.embedding);
    const std::vector<Task> one = forward(a, {}, decode(1, 1));
    EXPECT_NEAR((total_macs(one) - attention_macs(one)) / active, 1, 0.005);
  }
}

TEST(Forward, ExpertsThatSeeTokens) {
  EXPECT_NEAR(active_experts(256, 256, 1e6), 256, 1e-6);
  EXPECT_NEAR(active_experts(256, 256, 8), 256 * (1 - std::pow(255.0 / 256, 8)), 1e-9);
  EXPECT_EQ(active(0), 0);
  ParallelPlan plan;
  plan.ep = 144;
  plan.redundant_experts = 32;
  EXPECT_EQ(experts_per_device(shape("DeepSeek-V3"), plan), 2);
}

}  // namespace
}  // namespace hadal::graph
