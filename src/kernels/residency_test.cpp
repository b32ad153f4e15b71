// What comes and goes is whole while it is held, and goes in the order of its use.
#include "kernels/residency.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace hadal::kernels {
namespace {

class Block : public Resident {
 public:
  Block(uint64_t bytes, uint64_t value) : Resident(bytes), words_(bytes / 8), value_(value) {}
  int fills = 0;
  bool there() const { return words_.front() == value_ && words_.back() == value_; }

 private:
  void fill() override {
    ++fills;
    std::fill(words_.begin(), words_.end(), value_);
  }
  void clear() override { std::fill(words_.begin(), words_.end(), 0); }
  std::vector<uint64_t> words_;
  uint64_t value_;
};

TEST(Residency, TheLeastRecentlyUsedGoes) {
  Residency residency(250);
  Block a(100, 1), b(100, 2), c(100, 3), d(100, 4);
  for (Block* block : {&a, &b, &c, &d}) residency.expect(block->bytes());
  EXPECT_TRUE(residency.bounded());
  residency.make(a);
  residency.make(b);
  EXPECT_TRUE(a.there() && b.there());
  residency.make(a);  // used again
  residency.make(c);
  EXPECT_TRUE(a.there() && !b.there() && c.there());
  EXPECT_EQ(a.fills, 1);
  // What is held stays, though it is the oldest.
  ++a.held();
  residency.make(d);
  EXPECT_TRUE(a.there() && !c.there() && d.there());
  residency.make(b);
  EXPECT_TRUE(a.there() && b.there() && !d.there());
  EXPECT_EQ(b.fills, 2);
  // Where everything is held the bound is passed.
  ++b.held();
  residency.make(c);
  EXPECT_TRUE(a.there() && b.there() && c.there());
  EXPECT_EQ(residency.most_bytes(), 300u);
  EXPECT_EQ(residency.made_bytes(), 600u);
  --a.held();
  --b.held();
  residency.make(d);
  EXPECT_TRUE(!a.there() && d.there());
  for (Block* block : {&a, &b, &c, &d}) residency.forget(*block);
}

TEST(Residency, WhatFitsIsNotBounded) {
  Residency residency(200);
  residency.expect(200);
  EXPECT_FALSE(residency.bounded());
  residency.expect(1);
  EXPECT_TRUE(residency.bounded());
}

// Threads hold, look and let go; whoever drops what another looks at makes it read zeros.
TEST(Residency, NothingGoesWhileSomebodyLooks) {
  constexpr size_t kBlocks = 12;
  Residency residency(3 * 4096);
  std::vector<std::unique_ptr<Block>> blocks;
  for (size_t i = 0; i < kBlocks; ++i) {
    blocks.push_back(std::make_unique<Block>(4096, i + 1));
    residency.expect(4096);
  }
  std::atomic<int> missing = 0;
  {
    std::vector<std::jthread> threads;
    for (uint32_t t = 0; t < 4; ++t) {
      threads.emplace_back([&, t] {
        std::mt19937 random(t);
        for (int i = 0; i < 20000; ++i) {
          Block& block = *blocks[random() % kBlocks];
          ++block.held();
          residency.make(block);
          if (!block.there()) ++missing;
          --block.held();
        }
      });
    }
  }
  EXPECT_EQ(missing, 0);
  EXPECT_LE(residency.most_bytes(), (3 + 4) * 4096u);
  EXPECT_GT(residency.made_bytes(), 1000 * 4096u);
  for (const auto& block : blocks) residency.forget(*block);
}

}  // namespace
}  // namespace hadal::kernels
