// Experts of a single row by their rank, a team of cores each: the bits of experts that stay on their cores.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "runtime/family_cases.h"
#include "runtime/session.h"

namespace hadal::runtime {
namespace {

// Logits of the first tokens, one by one, and how many instructions a core's program has at most.
struct Outcome {
  std::vector<std::vector<float>> logits;
  size_t instructions = 0;
};

Outcome outcome(const testing::FamilyCase& c, const chip::Chip& chip, int64_t ranks_from, uint64_t first_line) {
  SessionOptions options;
  options.compile.sequences = 1;
  options.compile.context = 32;
  options.compile.first_line = first_line;
  options.compile.ranks_from = ranks_from;
  options.compile.row_buckets = {1};
  Session session(c.model, chip, options);
  EXPECT_EQ(program::defect(session.compiled().programs[0]), "");
  Outcome out;
  for (const program::Stream& core : session.compiled().programs[0].cores)
    out.instructions = std::max(out.instructions, core.code.size());
  for (int64_t position = 0; position < 12; ++position) {
    const Row row{c.tokens[static_cast<size_t>(position)], 0, position};
    session.step({&row, 1});
    out.logits.push_back(session.logits(0));
  }
  return out;
}

TEST(RankedExperts, GiveTheBitsOfExpertsOnTheirCores) {
  const chip::Chip whole = chip::load(testing::source_path("chips/hadal-1.yaml"));
  int tried = 0;
  for (const auto& golden : testing::families()["cases"]) {
    const testing::FamilyCase c(golden);
    if (!c.model.config.has_experts()) continue;
    SCOPED_TRACE(golden["name"].get<std::string>());
    for (const int cores : {48, 7}) {  // teams of different sizes
      chip::Chip chip = whole;
      chip.cores = cores;
      chip.noc.columns = cores == 48 ? 8 : 7;
      ASSERT_TRUE(kernels::experts_by_rank(c.model.config, cores, 1, 0)) << cores;
      ASSERT_FALSE(kernels::experts_by_rank(c.model.config, cores, 1, INT64_MAX));
      const Outcome expected = outcome(c, chip, INT64_MAX, 1024), ranked = outcome(c, chip, 0, 1024);
      EXPECT_EQ(ranked.logits, expected.logits) << cores;
      EXPECT_NE(ranked.instructions, expected.instructions);
      // Experts on both sides of the 16 GiB that an offset reaches.
      EXPECT_EQ(outcome(c, chip, 0, (uint64_t{1} << 28) - 3000).logits, expected.logits) << cores;
      ++tried;
    }
  }
  EXPECT_GE(tried, 6);
}

}  // namespace
}  // namespace hadal::runtime
