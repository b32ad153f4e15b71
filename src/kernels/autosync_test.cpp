// What autosync inserts, on small sequences.
#include <gtest/gtest.h>

#include <map>

#include "kernels/builder.h"

namespace hadal::kernels {
namespace {

using isa::Op;
using isa::Unit;

chip::Chip chip_with_memory() {
  chip::Chip c;
  c.name = "test";
  c.cores = 1;
  c.spm.bytes = 64 * 1024;
  c.acc.bytes = 16 * 1024;
  return c;
}

std::vector<isa::Instr> decoded(Builder& b) {
  std::vector<isa::Instr> out;
  for (const isa::Encoded& e : b.finish().code) out.push_back(isa::decode(e));
  return out;
}

const isa::Instr& first(const std::vector<isa::Instr>& code, Op op) {
  for (const isa::Instr& i : code) {
    if (i.op == op) return i;
  }
  throw std::runtime_error("no such instruction");
}

int count(const std::vector<isa::Instr>& code, Op op) {
  return static_cast<int>(std::count_if(code.begin(), code.end(), [&](const isa::Instr& i) { return i.op == op; }));
}

// Every post is waited for and the other way round, as many times: loops then start each pass alike.
void expect_balanced(const std::vector<isa::Instr>& code) {
  std::map<int, int> tokens;
  for (const isa::Instr& i : code) {
    if (i.wcnt > 0) tokens[i.wsem] -= i.wcnt;
    if (i.pcnt > 0) tokens[i.psem] += i.pcnt;
  }
  for (const auto& [semaphore, left] : tokens) EXPECT_EQ(left, 0) << "semaphore " << semaphore;
}

class Autosync : public ::testing::Test {
 protected:
  const chip::Chip chip_ = chip_with_memory();
  Builder b_{chip_, 0};
};

TEST_F(Autosync, ReadAfterWriteInAnotherUnitGetsOneToken) {
  const Loc x = b_.spm(4), y = b_.spm(4);
  b_.ld(x, {0, 4096}, 1, 4, 0, 0);
  b_.prm(isa::Prm::kCopy, Vt{y}, Vt{x}, 1, 64);
  const auto code = decoded(b_);
  const isa::Instr& load = first(code, Op::kLd);
  const isa::Instr& copy = first(code, Op::kVprm);
  EXPECT_EQ(load.pcnt, 1);
  EXPECT_EQ(copy.wcnt, 1);
  EXPECT_EQ(load.psem, copy.wsem);
  EXPECT_EQ(count(code, Op::kSync), 0);
}

TEST_F(Autosync, ProgramOrderOfOneUnitCostsNothing) {
  const Loc x = b_.spm(4), y = b_.spm(4);
  b_.fill(Vt{x}, 1.0f, 1, 64);
  b_.prm(isa::Prm::kCopy, Vt{y}, Vt{x}, 1, 64);
  for (const isa::Instr& i : decoded(b_)) EXPECT_EQ(i.wcnt + i.pcnt, 0) << isa::disassemble(i);
}

TEST_F(Autosync, OverwritingWaitsForTheReader) {
  const Loc x = b_.spm(4), y = b_.spm(4);
  b_.ld(x, {0, 4096}, 1, 4, 0, 0);
  b_.prm(isa::Prm::kCopy, Vt{y}, Vt{x}, 1, 64);
  b_.ld(x, {0, 8192}, 1, 4, 0, 0);
  const auto code = decoded(b_);
  EXPECT_EQ(first(code, Op::kVprm).pcnt, 1);
  EXPECT_EQ(code.back().op, Op::kLd);
  EXPECT_EQ(code.back().wcnt, 1);
  EXPECT_EQ(code.back().wsem, first(code, Op::kVprm).psem);
}

TEST_F(Autosync, WhatFollowsFromAnEarlierWaitIsNotWaitedForAgain) {
  const Loc x = b_.spm(4), y = b_.spm(4), z = b_.spm(4);
  b_.ld(x, {0, 4096}, 1, 4, 0, 0);
  b_.ld(y, {0, 8192}, 1, 4, 0, 0);
  b_.prm(isa::Prm::kCopy, Vt{z}, Vt{y}, 1, 64);  // waits for the second load
  b_.prm(isa::Prm::kCopy, Vt{z}, Vt{x}, 1, 64);  // the first is finished then too
  const auto code = decoded(b_);
  EXPECT_EQ(code.back().wcnt, 0);
  expect_balanced(code);
}

TEST_F(Autosync, TwoConsumersGetATokenEach) {
  const Loc x = b_.spm(4), y = b_.spm(4);
  b_.ld(x, {0, 4096}, 1, 4, 0, 0);
  b_.prm(isa::Prm::kCopy, Vt{y}, Vt{x}, 1, 64);
  b_.st({0, 16384}, x, 1, 4, 0, 0, Object::kLogits);
  const auto code = decoded(b_);
  ASSERT_EQ(count(code, Op::kSync), 1);  // the second post of the load
  EXPECT_EQ(first(code, Op::kSync).unit, static_cast<uint8_t>(Unit::kLd));
  expect_balanced(code);
}

TEST_F(Autosync, LoopPassesTakeTheTokensTheyMake) {
  const Loc x = b_.spm(4), y = b_.spm(4);
  b_.fill(Vt{y}, 0.0f, 1, 64);
  b_.begin_loop(-1, 5, {isa::Step{1, 4}});
  b_.ld(x, {1, 4096}, 1, 4, 0, 0);
  b_.alu(isa::Alu::kAdd, Vt{y}, Vt{y}, Vt{x}, isa::Bc::kNone, 1, 64);
  b_.end_loop();
  b_.st({0, 16384}, y, 1, 4, 0, 0, Object::kLogits);
  b_.halt();
  const auto code = decoded(b_);
  const auto loop = std::find_if(code.begin(), code.end(), [](const isa::Instr& i) { return i.op == Op::kLoop; });
  ASSERT_NE(loop, code.end());
  ASSERT_GT(loop->len, 0);
  expect_balanced({loop + 1, loop + 1 + loop->len});
  expect_balanced(code);
}

// A body longer than the instruction memory becomes loops one behind the other, each with the tokens it makes, and
// what is configured in one still holds in the next.
TEST_F(Autosync, LongConditionsBecomeSeveralLoops) {
  const Loc x = b_.spm(4), y = b_.spm(4);
  b_.fill(Vt{y}, 0.0f, 1, 64);
  b_.begin_if(4);
  for (int i = 0; i < 1000; ++i) {
    b_.ld(x, {0, 4096}, 1, 4, 0, 0);
    b_.alu(isa::Alu::kAdd, Vt{y}, Vt{y}, Vt{x}, isa::Bc::kNone, 1, 64);
  }
  b_.end_if();
  b_.halt();
  const auto code = decoded(b_);
  int loops = 0, configurations = 0;
  size_t loaded = 0;
  for (size_t at = 0; at < code.size(); ++at) {
    if (code[at].op != Op::kLoop) continue;
    ++loops;
    EXPECT_EQ(code[at].src, 1);
    EXPECT_EQ(code[at].count, 4);
    ASSERT_LE(code[at].len, 1023);
    const std::vector<isa::Instr> body(code.begin() + static_cast<std::ptrdiff_t>(at) + 1,
                                       code.begin() + static_cast<std::ptrdiff_t>(at) + 1 + code[at].len);
    expect_balanced(body);
    loaded += static_cast<size_t>(count(body, Op::kLd));
    if (loops > 1) configurations += count(body, Op::kCfg);
  }
  EXPECT_EQ(loops, 4);
  EXPECT_EQ(configurations, 0);
  EXPECT_GT(count(code, Op::kCfg), 0);
  EXPECT_EQ(loaded, 1000u);
  expect_balanced(code);
}

TEST_F(Autosync, MarksNameTheSourceOperator) {
  const Loc x = b_.spm(4);
  b_.set_operator(3);
  b_.fill(Vt{x}, 0.0f, 1, 64);
  b_.set_operator(7);
  b_.fill(Vt{x}, 0.0f, 1, 64);
  const program::Stream stream = b_.finish();
  ASSERT_EQ(stream.marks.size(), 2u);
  EXPECT_EQ(stream.marks[0].op, 3u);
  EXPECT_EQ(stream.marks[1].op, 7u);
}

}  // namespace
}  // namespace hadal::kernels
