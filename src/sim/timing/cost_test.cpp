// The closed-form costs of MM and VX instructions.
#include "sim/timing/cost.h"

#include <gtest/gtest.h>

#include "sim/timing/trace_builder.h"

namespace hadal::sim::timing {
namespace {

using testing::Builder;
using testing::test_chip;

Issue mma(uint32_t m, uint32_t n, uint32_t groups, uint8_t flags = 0, uint32_t group = 128) {
  CoreTrace core;
  Builder(core).mma(m, n, groups, flags, group);
  return core.issues[0];
}

Issue vx(isa::Op op, uint32_t rows, uint32_t cols, uint8_t func = 0) {
  CoreTrace core;
  Builder(core).vx(op, 0, 4096, 8192, rows, cols, func);
  core.issues[0].d_acc = core.issues[0].a_acc = true;  // out of the way of the SPM
  return core.issues[0];
}

TEST(MatrixCost, MmaCyclesFollowGridShape) {
  for (const int rows : {8, 16, 32}) {
    for (const int cols : {8, 32}) {
      for (const int depth : {8, 16}) {
        chip::Chip chip = test_chip();
        chip.matrix = {.rows = rows, .cols = cols, .depth = depth, .latency_cycles = 24};
        chip.spm.bank_bytes = chip.acc.bank_bytes = 64;
        const CostModel model(chip);
        for (const uint32_t m : {1u, 31u, 32u, 33u, 128u}) {
          for (const uint32_t n : {32u, 256u}) {
            const uint64_t row_tiles = (m + rows - 1) / rows, col_tiles = (n + cols - 1) / cols;
            EXPECT_EQ(model.mma(mma(m, n, 3)).cycles, row_tiles * col_tiles * 3 * (128 / depth))
                << rows << "x" << cols << "x" << depth << " m=" << m << " n=" << n;
          }
        }
      }
    }
  }
}

TEST(MatrixCost, DigitPassesMultiplyCycles) {
  const CostModel model(test_chip());
  const uint64_t one = model.mma(mma(64, 256, 4)).cycles;
  EXPECT_EQ(model.mma(mma(64, 256, 4, isa::flag::kDa)).cycles, 2 * one);
  EXPECT_EQ(model.mma(mma(64, 256, 4, isa::flag::kDb)).cycles, 2 * one);
  EXPECT_EQ(model.mma(mma(64, 256, 4, isa::flag::kDa | isa::flag::kDb)).cycles, 4 * one);
  EXPECT_EQ(model.mma(mma(64, 256, 4, isa::flag::kDa)).macs, 64u * 256 * 512);
  EXPECT_EQ(model.mma(mma(64, 256, 4, isa::flag::kDa)).digit_macs, 2u * 64 * 256 * 512);
}

// 128 fix-ups a cycle drain a 32 x 32 tile in 8 cycles, whatever the group size.
TEST(MatrixCost, FixupsLimitSmallGroups) {
  const CostModel model(test_chip());
  EXPECT_EQ(model.mma(mma(32, 256, 4, 0, 32)).cycles, 4u * 8 * 8);
  EXPECT_EQ(model.mma(mma(16, 256, 4, 0, 32)).cycles, 4u * 8 * 4);
  EXPECT_EQ(model.mma(mma(8, 256, 4, 0, 32)).cycles, 4u * 8 * 2);  // now 32 / 16 dot cycles
}

TEST(MatrixCost, SameAccumulatorWaitsForTheFixup) {
  const CostModel model(test_chip());
  EXPECT_EQ(model.mma(mma(1, 32, 10, 0, 32)).cycles, 10 * kAccTurnaround);
  EXPECT_EQ(model.mma(mma(1, 32, 1, 0, 32)).cycles, 2u);
}

TEST(MatrixCost, StridesThatShareBanksSlowTheFill) {
  const CostModel model(test_chip());
  Issue i = mma(64, 256, 4);
  const uint64_t dense = model.mma(i).cycles;
  i.sstride = 16;  // every row in the same two line slots of sixteen
  EXPECT_EQ(model.mma(i).cycles, 4 * dense);
  i.sstride = 22;
  EXPECT_EQ(model.mma(i).cycles, dense);
  Issue t = mma(64, 256, 4, isa::flag::kBt);
  t.bstride = 11;
  EXPECT_EQ(model.mma(t).cycles, dense);
  t.bstride = 16;
  EXPECT_GT(model.mma(t).cycles, dense);
}

TEST(VectorCost, PassesFollowLanes) {
  chip::Chip chip = test_chip();
  for (const int lanes : {16, 64, 128}) {
    chip.vector.lanes = lanes;
    const CostModel model(chip);
    const uint64_t passes = 10 * ((300 + lanes - 1) / lanes);
    EXPECT_EQ(model.vector(vx(isa::Op::kVcvt, 10, 300)).cycles, kVxIssueCycles + passes);
    const uint64_t sfu = 10 * ((300 + lanes / 4 - 1) / (lanes / 4));
    EXPECT_EQ(model.vector(vx(isa::Op::kVsfu, 10, 300)).cycles, kVxIssueCycles + sfu);
  }
}

TEST(VectorCost, SumOfOneRowWaitsForTheAdder) {
  const CostModel model(test_chip());
  EXPECT_EQ(model.vector(vx(isa::Op::kVred, 1, 1280)).cycles, kVxIssueCycles + 10 * kAddCycles);
  EXPECT_EQ(model.vector(vx(isa::Op::kVred, 4, 1280)).cycles, kVxIssueCycles + 40);  // four rows interleave
  chip::Chip narrow = test_chip();
  narrow.vector.lanes = 16;
  // Eight passes a chunk hide the adder; seven more fold 128 sums into 16.
  EXPECT_EQ(CostModel(narrow).vector(vx(isa::Op::kVred, 2, 1280)).cycles, kVxIssueCycles + 2 * (80 + 7));
}

TEST(VectorCost, QuantisePassesGrowWithDigits) {
  const CostModel model(test_chip());
  Issue i = vx(isa::Op::kVqnt, 16, 512);
  i.digits = 1;
  EXPECT_EQ(model.vector(i).cycles, kVxIssueCycles + 2 * 64);
  i.digits = 2;
  EXPECT_EQ(model.vector(i).cycles, kVxIssueCycles + 3 * 64);
}

TEST(VectorCost, MemoryBandwidthBoundsWideOperands) {
  const CostModel model(test_chip());
  Issue i = vx(isa::Op::kValu, 64, 128, static_cast<uint8_t>(isa::Alu::kMul));
  i.a_acc = i.b_acc = false;
  EXPECT_EQ(model.vector(i).cycles, kVxIssueCycles + 64);  // two operands of 512 B: just what the SPM has
  i.d_acc = false;
  EXPECT_EQ(model.vector(i).cycles, kVxIssueCycles + 96);
}

TEST(VectorCost, WordMovesHaveTheirOwnRates) {
  const CostModel model(test_chip());
  auto prm = [&](isa::Prm f, uint32_t rows, uint32_t cols) {
    return model.vector(vx(isa::Op::kVprm, rows, cols, static_cast<uint8_t>(f))).cycles - kVxIssueCycles;
  };
  EXPECT_EQ(prm(isa::Prm::kTranspose, 64, 64), 4u * 32);
  EXPECT_EQ(prm(isa::Prm::kGather, 1, 800), 100u);
  EXPECT_EQ(prm(isa::Prm::kCopy, 4, 256), 8u);
  EXPECT_EQ(model.vector(vx(isa::Op::kVsel, 1, 1600, static_cast<uint8_t>(isa::Sel::kCompress))).cycles,
            kVxIssueCycles + 100);
  EXPECT_EQ(model.vector(vx(isa::Op::kVsel, 1, 1600, static_cast<uint8_t>(isa::Sel::kHist))).cycles,
            kVxIssueCycles + 200 + 16);
}

}  // namespace
}  // namespace hadal::sim::timing
