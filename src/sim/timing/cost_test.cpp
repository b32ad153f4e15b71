// The closed-form costs of MM and VX instructions.
#include "sim/timing/cost.h"

#include <gtest/gtest.h>

#include <utility>

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
            const uint64_t dot = row_tiles * col_tiles * 3 * (128 / depth);
            const uint64_t lines = 3 * (row_tiles * col_tiles + col_tiles + 1);  // of scales: at most a cycle each
            const Cost cost = model.mma(mma(m, n, 3));
            EXPECT_GE(cost.cycles, dot) << rows << "x" << cols << "x" << depth << " m=" << m << " n=" << n;
            EXPECT_LE(cost.cycles, dot + lines) << rows << "x" << cols << "x" << depth << " m=" << m << " n=" << n;
          }
        }
      }
    }
  }
}

// Where the RTL has no other limit its cycles are these (hadal verify --kernels, an instruction of each).
TEST(MatrixCost, ScalesAndRowsOfATakeBanksFromB) {
  chip::Chip chip = test_chip();
  chip.matrix = {.rows = 8, .cols = 8, .depth = 16, .latency_cycles = 24};
  chip.spm = {.bytes = 65536, .banks = 8, .bank_bytes = 32};
  chip.acc = {.bytes = 16384, .banks = 4, .bank_bytes = 32};
  const CostModel model(chip);
  Issue decode = mma(1, 32, 4);
  decode.sstride = 2;
  EXPECT_NEAR(static_cast<double>(model.mma(decode).cycles), 150.2, 1.5);
  Issue rows = mma(8, 64, 2);
  rows.sstride = 2;
  EXPECT_NEAR(static_cast<double>(model.mma(rows).cycles), 154.4, 1.5);
  Issue rescaled = mma(8, 64, 1, isa::flag::kRsc);
  rescaled.sstride = 2;
  EXPECT_NEAR(static_cast<double>(model.mma(rescaled).cycles), 78.4, 1.5);
  Issue columns = mma(8, 64, 1, isa::flag::kBt);
  columns.sstride = 2;
  columns.bstride = 1;
  EXPECT_NEAR(static_cast<double>(model.mma(columns).cycles), 269.5 - 24, 1.5);  // the next one fills meanwhile
}

TEST(MatrixCost, DigitPassesMultiplyCycles) {
  const CostModel model(test_chip());
  // 512 cycles of the dot units a pass, and at most one for each line of scales.
  const uint64_t lines = 4 * (2 * 8 + 8 + 1);
  for (const auto& [flags, passes] :
       {std::pair{0, 1u}, std::pair{int{isa::flag::kDa}, 2u}, std::pair{int{isa::flag::kDb}, 2u},
        std::pair{isa::flag::kDa | isa::flag::kDb, 4u}}) {
    const uint64_t cycles = model.mma(mma(64, 256, 4, static_cast<uint8_t>(flags))).cycles;
    EXPECT_GE(cycles, passes * 512) << flags;
    EXPECT_LE(cycles, passes * 512 + lines) << flags;
  }
  EXPECT_EQ(model.mma(mma(64, 256, 4, isa::flag::kDa)).macs, 64u * 256 * 512);
  EXPECT_EQ(model.mma(mma(64, 256, 4, isa::flag::kDa)).digit_macs, 2u * 64 * 256 * 512);
}

// 128 fix-ups a cycle drain a 32 x 32 tile in 8 cycles, whatever the group size.
TEST(MatrixCost, FixupsLimitSmallGroups) {
  const CostModel model(test_chip());
  EXPECT_EQ(model.mma(mma(32, 256, 4, 0, 32)).cycles, 4u * 8 * 8);
  EXPECT_EQ(model.mma(mma(16, 256, 4, 0, 32)).cycles, 4u * 8 * 4);
  EXPECT_EQ(model.mma(mma(8, 256, 4, 0, 32)).cycles, 4u * 8 * 2 + 9);  // now 32 / 16 dot cycles, and lines of scales
}

TEST(MatrixCost, SameAccumulatorWaitsForTheFixup) {
  const CostModel model(test_chip());
  EXPECT_EQ(model.mma(mma(1, 32, 10, 0, 32)).cycles, 10 * kAccTurnaround);
  EXPECT_EQ(model.mma(mma(1, 32, 1, 0, 32)).cycles, 3u);  // two of the dot units, a line of scales
}

TEST(MatrixCost, StridesThatShareBanksSlowTheFill) {
  const CostModel model(test_chip());
  Issue i = mma(64, 256, 4);
  const uint64_t dense = model.mma(i).cycles;
  i.sstride = 16;  // every row in the same two line slots of sixteen
  EXPECT_NEAR(static_cast<double>(model.mma(i).cycles), 4.0 * static_cast<double>(dense),
              80.0);  // but for lines of scales
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
  EXPECT_EQ(model.vector(vx(isa::Op::kVred, 4, 1280)).cycles, kVxIssueCycles + 40);  // rows interleave
  chip::Chip narrow = test_chip();
  narrow.vector.lanes = 16;
  // Eight passes a chunk hide the adder; seven more fold 128 sums into 16, fewer where a row reaches fewer.
  EXPECT_EQ(CostModel(narrow).vector(vx(isa::Op::kVred, 2, 1280)).cycles, kVxIssueCycles + 2 * (80 + 7));
  EXPECT_EQ(CostModel(narrow).vector(vx(isa::Op::kVred, 2, 64)).cycles, kVxIssueCycles + 2 * (4 + 3));
  const auto max = static_cast<uint8_t>(isa::Red::kMax);
  EXPECT_EQ(CostModel(narrow).vector(vx(isa::Op::kVred, 2, 1280, max)).cycles, kVxIssueCycles + 2 * 80);
}

TEST(VectorCost, QuantisePassesGrowWithDigits) {
  const CostModel model(test_chip());
  Issue i = vx(isa::Op::kVqnt, 16, 512);
  i.digits = 1;
  EXPECT_EQ(model.vector(i).cycles, kVxIssueCycles + 64 * (2 + 1));
  i.digits = 2;
  EXPECT_EQ(model.vector(i).cycles, kVxIssueCycles + 64 * (3 + 1));
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
  EXPECT_EQ(prm(isa::Prm::kGather, 3, 800), 3u * (7 + 1));
  EXPECT_EQ(prm(isa::Prm::kCopy, 4, 256), 8u);
  EXPECT_EQ(model.vector(vx(isa::Op::kVsel, 1, 1600, static_cast<uint8_t>(isa::Sel::kCompress))).cycles,
            kVxIssueCycles + 100 + kCompressEndCycles);
  EXPECT_EQ(model.vector(vx(isa::Op::kVsel, 1, 1600, static_cast<uint8_t>(isa::Sel::kHist))).cycles,
            kVxIssueCycles + 200 + 16);
}

}  // namespace
}  // namespace hadal::sim::timing
