// The predictor on hadal-1 against the timing simulator: the bundled model, on which the chains were measured, and a
// larger random one, on which nothing was.
#include "base/temporary_directory.h"
#include "predict/cross_layer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "model/random_checkpoint.h"
#include "predict/test_util.h"

namespace hadal::predict {
namespace {

// Prints the errors and gives their median over operators that take any time.
double median_error(const StepCheck& step, const char* name) {
  std::vector<double> errors;
  for (const OperatorCheck& o : step.operators) {
    if (o.simulated_cycles < 0.005 * step.simulated_cycles) continue;
    const double error = 100 * (o.predicted_cycles / o.simulated_cycles - 1);
    GTEST_LOG_(INFO) << fmt::format("{:10} {:8.0f} simulated {:8.0f} predicted {:+6.1f} %", o.name, o.simulated_cycles,
                                    o.predicted_cycles, error);
    errors.push_back(std::abs(error));
  }
  std::sort(errors.begin(), errors.end());
  const double median = errors[errors.size() / 2];
  GTEST_LOG_(INFO) << fmt::format("{}, batch {}, context {}: step {:+.1f} %, median operator {:.1f} %", name,
                                  step.batch, step.context, 100 * (step.predicted_cycles / step.simulated_cycles - 1),
                                  median);
  return median;
}

double step_error(const StepCheck& step) { return 100 * std::abs(step.predicted_cycles / step.simulated_cycles - 1); }

TEST(CrossLayer, TheBundledModel) {
  const chip::Chip chip = chip::load(testing::chip_file("hadal-1"));
  const model::Model tiny = model::Model::load(std::string(HADAL_SOURCE_DIR) + "/models/hadal-tiny");
  // The chains were measured at the first two; the third lies between them, where operators do not follow their rows
  // smoothly.
  struct Point {
    int batch, context;
    double most_pct;
  };
  for (const Point& p : {Point{1, 64, 1}, {16, 64, 1}, {4, 200, 5}}) {
    const StepCheck step = check_step(tiny, chip, p.batch, p.context);
    EXPECT_LE(median_error(step, "hadal-tiny"), p.most_pct);
    EXPECT_LE(step_error(step), 3);
  }
}

struct Shape {
  int hidden, inter, expert, experts, heads, rank;
};

// A model of latent attention with one dense layer, and 4 experts a token in the others.
model::Config config_of(const Shape& s) {
  model::Config c = model::small_config();
  c.hidden_size = s.hidden;
  c.num_hidden_layers = 3;
  c.first_k_dense_replace = 1;
  c.intermediate_size = s.inter;
  c.moe_intermediate_size = s.expert;
  c.n_routed_experts = s.experts;
  c.num_experts_per_tok = 4;
  c.n_group = c.topk_group = 1;
  c.num_attention_heads = s.heads;
  c.q_lora_rank = s.rank;
  c.kv_lora_rank = 512;
  c.qk_nope_head_dim = c.v_head_dim = 128;
  c.qk_rope_head_dim = 64;
  c.vocab_size = 4096;
  return c;
}

TEST(CrossLayer, ALargerModelOfRandomWeights) {
  const chip::Chip chip = chip::load(testing::chip_file("hadal-1"));
  model::Config c = config_of({768, 1536, 256, 16, 8, 384});
  c.num_hidden_layers = 2;
  c.n_group = 4;
  c.topk_group = 2;
  c.vocab_size = 6144;
  const TemporaryDirectory directory;
  model::write_random_checkpoint(directory.path(), c);
  const model::Model model = model::Model::load(directory.path());
  // In the second, owners normalise rows.
  for (const auto& [batch, context] : {std::pair{1, 140}, {8, 40}}) {
    const StepCheck step = check_step(model, chip, batch, context);
    EXPECT_LE(median_error(step, "random"), 8);
    EXPECT_LE(step_error(step), 5);
  }
}

// Models like those that showed how chains grow with heads, columns and rows.
TEST(CrossLayer, ModelsOfManyShapes) {
  const chip::Chip chip = chip::load(testing::chip_file("hadal-1"));
  std::vector<double> steps, medians;
  for (const Shape& s : {Shape{384, 1024, 128, 16, 4, 256},
                         {512, 2048, 256, 32, 6, 512},
                         {640, 1280, 128, 32, 12, 256},
                         {1024, 2048, 256, 16, 8, 384},
                         {1024, 3072, 384, 48, 16, 512}}) {
    const TemporaryDirectory directory;
    model::write_random_checkpoint(directory.path(), config_of(s));
    const model::Model model = model::Model::load(directory.path());
    for (const int batch : {1, 4, 16}) {
      const StepCheck step = check_step(model, chip, batch, 48);
      medians.push_back(median_error(step, fmt::format("hidden {}, heads {}", s.hidden, s.heads).c_str()));
      steps.push_back(step_error(step));
    }
  }
  std::sort(steps.begin(), steps.end());
  std::sort(medians.begin(), medians.end());
  GTEST_LOG_(INFO) << fmt::format("steps: median {:.1f} %, most {:.1f} %; operators: {:.1f} %, {:.1f} %",
                                  steps[steps.size() / 2], steps.back(), medians[medians.size() / 2], medians.back());
  EXPECT_LE(steps[steps.size() / 2], 2);
  EXPECT_LE(steps.back(), 7);
  EXPECT_LE(medians[medians.size() / 2], 6);
  EXPECT_LE(medians.back(), 9);
}

}  // namespace
}  // namespace hadal::predict
