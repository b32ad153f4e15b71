// Shares of layers against every way to cut them.
#include "kernels/stages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace hadal::kernels {
namespace {

// The smallest largest share over all cuts of the layers from `first` on into `chips`.
uint64_t by_trial(const std::vector<uint64_t>& layers, size_t first, int chips, uint64_t begin, uint64_t end) {
  const auto share = [&](size_t from, size_t to) {
    return std::accumulate(layers.begin() + static_cast<std::ptrdiff_t>(from),
                           layers.begin() + static_cast<std::ptrdiff_t>(to), uint64_t{0}) +
           (from == 0 ? begin : 0) + (to == layers.size() ? end : 0);
  };
  if (chips == 1) return share(first, layers.size());
  uint64_t best = UINT64_MAX;
  for (size_t cut = first + 1; cut + static_cast<size_t>(chips) - 1 <= layers.size(); ++cut) {
    best = std::min(best, std::max(share(first, cut), by_trial(layers, cut, chips - 1, begin, end)));
  }
  return best;
}

TEST(Cuts, TheFullestChipIsAsEmptyAsCanBe) {
  for (uint32_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    std::vector<uint64_t> layers(2 + random() % 8);
    for (uint64_t& lines : layers) lines = 1 + random() % 50;
    const uint64_t begin = random() % 60, end = random() % 60;
    const auto count = static_cast<int64_t>(layers.size());
    const auto lines = [&](int64_t first, int64_t until) {
      uint64_t sum = (first == 0 ? begin : 0) + (until == count ? end : 0);
      for (int64_t l = first; l < until; ++l) sum += layers[static_cast<size_t>(l)];
      return sum;
    };
    const Cuts cuts(count, lines);
    for (int chips = 1; chips <= count; ++chips) {
      const std::vector<graph::Stage> stages = cuts.into(chips);
      ASSERT_EQ(stages.size(), static_cast<size_t>(chips));
      int64_t next = 0;
      uint64_t largest = 0;
      for (const graph::Stage& stage : stages) {
        ASSERT_EQ(stage.first, next);
        ASSERT_GT(stage.end, stage.first);
        next = stage.end;
        largest = std::max(largest, lines(stage.first, stage.end));
      }
      ASSERT_EQ(next, count);
      EXPECT_EQ(largest, cuts.largest(chips));
      EXPECT_EQ(largest, by_trial(layers, 0, chips, begin, end));
      const int fewest = cuts.fewest(largest);
      EXPECT_LE(cuts.largest(fewest), largest);
      if (fewest > 1) {
        EXPECT_GT(cuts.largest(fewest - 1), largest);
      }
    }
    EXPECT_EQ(cuts.fewest(0), 0);
  }
}

}  // namespace
}  // namespace hadal::kernels
