// Widths of DeepSeek-V3: hidden states beyond what one scatter moves, heads beyond what one core's accumulators hold,
// experts of a team of cores. Bits must not depend on how many cores share the work, and must be those of the model.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <utility>

#include "base/temporary_directory.h"
#include "kernels/spread.h"
#include "model/random_checkpoint.h"
#include "runtime/reference.h"
#include "runtime/session.h"

namespace hadal::runtime {
namespace {

std::string chip_file(const char* name) { return std::string(HADAL_SOURCE_DIR) + "/chips/" + name + ".yaml"; }

model::Config wide_config() {
  model::Config c = model::small_config();
  c.hidden_size = 4160;  // 260 lines of FP32; STG moves 255
  c.num_hidden_layers = 2;
  c.first_k_dense_replace = 0;
  c.moe_intermediate_size = 192;  // 2.4 MB an expert
  c.n_routed_experts = 4;
  c.num_experts_per_tok = 2;
  c.n_group = c.topk_group = 1;
  c.num_attention_heads = 64;
  c.qk_nope_head_dim = 128;
  c.qk_rope_head_dim = 64;
  c.v_head_dim = 128;
  return c;
}

chip::Chip with_cores(int cores, int columns, uint64_t spm_bytes = 1 << 20) {
  chip::Chip chip = chip::load(chip_file("hadal-1"));
  chip.spm.bytes = spm_bytes;
  chip.cores = cores;
  chip.noc.columns = columns;
  return chip;
}

// Logits of a sequence of tokens, `together` rows a step, with every check of the simulator on.
std::vector<std::vector<float>> logits_of(const model::Model& model, const chip::Chip& chip,
                                          const std::vector<int32_t>& tokens, int together, int digits = 2) {
  SessionOptions options;
  options.compile.activation_digits = digits;
  options.compile.sequences = 1;
  options.compile.context = 256;
  options.compile.row_buckets = {together};
  Session session(model, chip, options);
  std::vector<std::vector<float>> all;
  for (size_t at = 0; at < tokens.size(); at += static_cast<size_t>(together)) {
    std::vector<Row> rows;
    for (size_t i = at; i < std::min(tokens.size(), at + static_cast<size_t>(together)); ++i) {
      rows.push_back({tokens[i], 0, static_cast<int64_t>(i)});
    }
    session.step(rows);
    for (size_t r = 0; r < rows.size(); ++r) all.push_back(session.logits(r));
  }
  return all;
}

TEST(SlowWideModel, CoresAndStepsDoNotChangeABitAndTheModelIsTheReferences) {
  const TemporaryDirectory directory;
  model::write_random_checkpoint(directory.path(), wide_config());
  const model::Model model = model::Model::load(directory.path());
  std::vector<int32_t> tokens;
  for (int i = 0; i < 6; ++i) tokens.push_back((i * 37 + 11) % 320);
  // 48 cores: experts in teams of 12, heads in two groups for one row (four rows: also two). Seven cores: whole experts
  // one after the other, all heads of a row on one core.
  const auto teams = logits_of(model, with_cores(48, 8), tokens, 1);
  EXPECT_EQ(teams, logits_of(model, with_cores(48, 8), tokens, 2));
  EXPECT_EQ(teams, logits_of(model, with_cores(7, 7), tokens, 2));
  EXPECT_EQ(teams, logits_of(model, with_cores(10, 5), tokens, 1));  // teams of two and three
  // So little scratchpad that buffers share lines: rows take more than a third of it.
  EXPECT_EQ(teams, logits_of(model, with_cores(48, 8, 640 << 10), tokens, 2));
  EXPECT_EQ(teams, logits_of(model, with_cores(10, 5, 640 << 10), tokens, 2));
  // Less still: queries pass through DRAM, values come as digits. With one digit an activation too.
  for (const auto& [cores, columns] : {std::pair{48, 8}, {10, 5}, {7, 7}, {4, 2}}) {
    const chip::Chip chip = with_cores(cores, columns, 640 << 10);
    ASSERT_TRUE(kernels::rows_stream(model.config, chip, 6));
    ASSERT_FALSE(kernels::rows_stream(model.config, chip, 2));
    EXPECT_EQ(teams, logits_of(model, chip, tokens, 6));
    EXPECT_EQ(logits_of(model, chip, tokens, 2, 1), logits_of(model, chip, tokens, 6, 1));
  }
  const std::vector<float> exact = Reference(model).logits(tokens);
  const size_t vocabulary = exact.size() / tokens.size();
  for (size_t t = 0; t < tokens.size(); ++t) {
    double squares = 0, error = 0;
    for (size_t v = 0; v < vocabulary; ++v) {
      const double x = exact[t * vocabulary + v];
      squares += x * x;
      error += std::pow(teams[t][v] - x, 2);
    }
    EXPECT_LT(std::sqrt(error / squares), 0.04) << t;  // measured 0.022 to 0.027: the FP8 cache
  }
}

}  // namespace
}  // namespace hadal::runtime
