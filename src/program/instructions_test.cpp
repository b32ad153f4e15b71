// Sequences of instructions against plain vectors of them: whatever is done to one is done to the other.
#include "program/instructions.h"

#include <gtest/gtest.h>

#include <random>

namespace hadal::program {
namespace {

isa::Encoded word(uint32_t value) { return {{value, value * 7, 0, value % 3}}; }

using Plain = std::vector<isa::Encoded>;

void expect_equal(const Instructions& found, const Plain& expected) {
  ASSERT_EQ(found.size(), expected.size());
  ASSERT_EQ(found.empty(), expected.empty());
  ASSERT_TRUE(std::equal(found.begin(), found.end(), expected.begin(), expected.end()));
  for (size_t pc = 0; pc < expected.size(); ++pc) ASSERT_EQ(found[pc], expected[pc]) << pc;
}

TEST(Instructions, AreWhatWasPutThere) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  std::vector<Instructions> found(4);
  std::vector<Plain> expected(4);
  for (int step = 0; step < 20000; ++step) {
    const size_t which = random() % 4;
    const isa::Encoded given = word(random() % (step < 10000 ? 40 : 4000));
    switch (random() % 40) {
      case 0: {  // a copy shares its table until either grows
        const size_t from = random() % 4;
        found[which] = found[from];
        expected[which] = expected[from];
        break;
      }
      case 1: {
        Instructions* all[] = {found.data(), &found[1], &found[2], &found[3]};
        Instructions::share(all);
        for (const Instructions& one : found) ASSERT_EQ(one.table(), found[0].table());
        break;
      }
      case 2:
        if (random() % 8 != 0) break;
        found[which].clear();
        expected[which].clear();
        break;
      case 3:
        if (expected[which].empty()) break;
        found[which].pop_back();
        expected[which].pop_back();
        break;
      case 4:
      case 5:
        if (expected[which].empty()) break;
        found[which].set(step % expected[which].size(), given);
        expected[which][step % expected[which].size()] = given;
        break;
      default: found[which].push_back(given); expected[which].push_back(given);
    }
    if (step % 50 != 0) continue;
    for (size_t i = 0; i < 4; ++i) {
      expect_equal(found[i], expected[i]);
      for (size_t j = 0; j < 4; ++j) ASSERT_EQ(found[i] == found[j], expected[i] == expected[j]);
    }
  }
}

TEST(Instructions, DifferentOnesAreKeptOnce) {
  Instructions a, b{word(2), word(9)};
  for (uint32_t i = 0; i < 1000; ++i) a.push_back(word(i % 5));
  EXPECT_EQ(a.table()->size(), 5u);
  Instructions* both[] = {&a, &b};
  Instructions::share(both);
  EXPECT_EQ(a.table(), b.table());
  EXPECT_EQ(a.table()->size(), 6u);
  EXPECT_EQ(b.numbers()[0], a.numbers()[2]);
  const Instructions copy = a;
  a.push_back(word(77));  // the others do not see it
  EXPECT_EQ(copy.table()->size(), 6u);
  EXPECT_EQ(a.table()->size(), 7u);
  EXPECT_EQ(copy.size(), 1000u);
}

}  // namespace
}  // namespace hadal::program
