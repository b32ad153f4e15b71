// The vector unit: the fast functions against the reference, bit for bit, on every instruction set compiled in.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>

#include "numerics/mma_engine.h"
#include "numerics/numerics.h"
#include "numerics/test_util.h"

namespace hadal::num {
namespace {

using test::Random;

// Runs `body` once for every instruction set of this machine that the library was compiled for.
void for_every_target(const std::function<void()>& body) {
  hwy::SetSupportedTargetsForTest(0);
  for (int64_t left = hwy::SupportedTargets(); left != 0; left &= left - 1) {
    const int64_t target = left & -left;
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    SCOPED_TRACE(hwy::TargetName(target));
    body();
    if (testing::Test::HasFatalFailure()) break;
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

// A tile with gaps between rows and random contents (NaN payloads included).
struct Memory {
  std::vector<uint32_t> words;
  Tile tile;
  Memory(Random& random, Type type, int rows, int cols, bool any) {
    const size_t size = type == Type::kF32 ? 4 : 2,
                 row = (static_cast<size_t>(cols) * size + 7) / 4 * 4 + 4 * static_cast<size_t>(random.below(3));
    words.resize((row * static_cast<size_t>(rows) + 64) / 4);
    tile = {reinterpret_cast<std::byte*>(words.data() + random.below(4)), row, type};
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < cols; ++c) {
        const float x = any ? random.any_float() : random.plain_float();
        std::byte* at = tile.base + static_cast<size_t>(r) * row + static_cast<size_t>(c) * size;
        const uint32_t bits = std::bit_cast<uint32_t>(x);
        const auto half = static_cast<uint16_t>(bits >> 16);
        std::memcpy(at, type == Type::kF32 ? static_cast<const void*>(&bits) : &half, size);
      }
    }
  }
  // The same tile on a copy of the memory.
  Tile on(std::vector<uint32_t>& copy) const {
    return {reinterpret_cast<std::byte*>(copy.data()) + (tile.base - reinterpret_cast<const std::byte*>(words.data())),
            tile.row_bytes, tile.type};
  }
};

using TileCall = std::function<void(Tile d)>;

// Both calls on copies of d's memory; every word must agree, also those around the tile.
void expect_same(Random& random, const Memory& d, const TileCall& slow, const TileCall& fast) {
  std::vector<uint32_t> expected = d.words, got = d.words;
  slow(d.on(expected));
  fast(d.on(got));
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(expected[i], got[i]) << std::hex << random.where() << " word " << i << " of " << expected.size();
  }
}

const int kColumns[] = {1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 127, 128, 129, 255, 300, 511, 513, 1100};

TEST(Vector, AluAndMulaEqualReferenceForEveryTypeAndBroadcast) {
  Random random;
  for_every_target([&] {
    for (int f = 0; f <= 9; ++f) {
      for (int types = 0; types < 8; ++types) {
        for (Bcast bc : {Bcast::kNone, Bcast::kRow, Bcast::kCol, Bcast::kScalar}) {
          const int rows = 1 + random.below(3), cols = kColumns[random.below(20)];
          const Memory a(random, types & 1 ? Type::kBf16 : Type::kF32, rows, cols, true);
          const Memory b(random, types & 2 ? Type::kBf16 : Type::kF32, rows, cols, true);
          const Memory d(random, types & 4 ? Type::kBf16 : Type::kF32, rows, cols, true);
          const auto op = static_cast<AluOp>(f);
          expect_same(
              random, d,
              [&](Tile t) {
                f == 9 ? reference::mula(t, a.tile, b.tile, bc, rows, cols)
                       : reference::alu(op, t, a.tile, b.tile, bc, rows, cols);
              },
              [&](Tile t) {
                f == 9 ? mula(t, a.tile, b.tile, bc, rows, cols) : alu(op, t, a.tile, b.tile, bc, rows, cols);
              });
          if (testing::Test::HasFatalFailure()) {
            ADD_FAILURE() << "operation " << f << " types " << types << " broadcast " << static_cast<int>(bc) << " "
                          << rows << "x" << cols;
            return;
          }
        }
      }
    }
  });
}

TEST(Vector, PackedColumnBroadcastTakesOneElementARow) {
  Random random;
  const Memory a(random, Type::kF32, 5, 40, true), d(random, Type::kF32, 5, 40, true);
  float column[5] = {1, -2, 3, 0.5f, 1e30f};
  const Tile b{reinterpret_cast<std::byte*>(column), sizeof(float), Type::kF32};
  expect_same(
      random, d, [&](Tile t) { reference::alu(AluOp::kMul, t, a.tile, b, Bcast::kCol, 5, 40); },
      [&](Tile t) { alu(AluOp::kMul, t, a.tile, b, Bcast::kCol, 5, 40); });
}

TEST(Vector, ResultsMayReplaceAnOperand) {
  Random random;
  for_every_target([&] {
    for (Type type : {Type::kF32, Type::kBf16}) {
      const Memory d(random, type, 3, 700, true), other(random, Type::kF32, 3, 700, true);
      expect_same(
          random, d, [&](Tile t) { reference::alu(AluOp::kAdd, t, t, other.tile, Bcast::kNone, 3, 700); },
          [&](Tile t) { alu(AluOp::kAdd, t, t, other.tile, Bcast::kNone, 3, 700); });
      expect_same(
          random, d, [&](Tile t) { reference::sfu(SfuOp::kExp2, t, t, 3, 700); },
          [&](Tile t) { sfu(SfuOp::kExp2, t, t, 3, 700); });
    }
  });
}

TEST(Vector, SfuEqualsReference) {
  Random random;
  for_every_target([&] {
    for (SfuOp f : {SfuOp::kExp2, SfuOp::kRcp, SfuOp::kRsqrt}) {
      for (int types = 0; types < 4; ++types) {
        for (int any = 0; any < 2; ++any) {
          const int cols = kColumns[random.below(20)];
          const Memory a(random, types & 1 ? Type::kBf16 : Type::kF32, 4, cols, any);
          const Memory d(random, types & 2 ? Type::kBf16 : Type::kF32, 4, cols, true);
          expect_same(
              random, d, [&](Tile t) { reference::sfu(f, t, a.tile, 4, cols); },
              [&](Tile t) { sfu(f, t, a.tile, 4, cols); });
          if (testing::Test::HasFatalFailure()) return;
        }
      }
    }
  });
}

bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](float x, float y) { return std::bit_cast<uint32_t>(x) == std::bit_cast<uint32_t>(y); });
}

// A sweep over all exponents with dense mantissas; the long version takes every float.
void sweep(uint32_t step) {
  constexpr int kRow = 4096;
  std::vector<float> x(kRow), slow(kRow), fast(kRow);
  auto tile = [](std::vector<float>& v) { return Tile{reinterpret_cast<std::byte*>(v.data()), 0, Type::kF32}; };
  uint64_t bits = 0;
  while (bits <= 0xFFFFFFFFu) {
    for (float& v : x) {
      v = std::bit_cast<float>(static_cast<uint32_t>(bits));
      bits += step;
    }
    for (SfuOp f : {SfuOp::kExp2, SfuOp::kRcp, SfuOp::kRsqrt}) {
      reference::sfu(f, tile(slow), tile(x), 1, kRow);
      sfu(f, tile(fast), tile(x), 1, kRow);
      ASSERT_TRUE(same_bits(slow, fast)) << static_cast<int>(f) << " before " << bits;
    }
  }
}

TEST(Vector, SfuSweepEqualsReference) {
  for_every_target([] { sweep(6007); });
}

TEST(Vector, LongSfuOfEveryFloatEqualsReference) {
  if (!test::long_run()) GTEST_SKIP() << "set HADAL_LONG=1";
  sweep(1);
}

TEST(Vector, ReduceEqualsReference) {
  Random random;
  for_every_target([&] {
    for (RedOp f : {RedOp::kSum, RedOp::kMax, RedOp::kAmax, RedOp::kArgmax}) {
      for (int types = 0; types < 4; ++types) {
        for (int cols : kColumns) {
          const bool any = random.chance(2);
          const Memory a(random, types & 1 ? Type::kBf16 : Type::kF32, 3, cols, any);
          const Memory d(random, types & 2 ? Type::kBf16 : Type::kF32, 3, 1, true);
          expect_same(
              random, d, [&](Tile t) { reference::reduce(f, t, a.tile, 3, cols); },
              [&](Tile t) { reduce(f, t, a.tile, 3, cols); });
          if (testing::Test::HasFatalFailure()) {
            ADD_FAILURE() << "reduction " << static_cast<int>(f) << " columns " << cols;
            return;
          }
        }
      }
    }
  });
}

float reduced(RedOp f, std::vector<float> row) {
  float result[2] = {};
  for (int fast = 0; fast < 2; ++fast) {
    Tile d{reinterpret_cast<std::byte*>(result + fast), 0, Type::kF32},
        a{reinterpret_cast<std::byte*>(row.data()), 0, Type::kF32};
    (fast ? reduce : reference::reduce)(f, d, a, 1, static_cast<int>(row.size()));
  }
  EXPECT_EQ(std::bit_cast<uint32_t>(result[0]), std::bit_cast<uint32_t>(result[1]));
  return result[0];
}

TEST(Vector, ReductionCorners) {
  const float nan = std::bit_cast<float>(0x7FC00000u), inf = std::bit_cast<float>(0x7F800000u);
  EXPECT_EQ(reduced(RedOp::kArgmax, {1, 3, 3, 2}), 1);
  EXPECT_EQ(reduced(RedOp::kArgmax, {1, nan, 3, nan}), 1);
  EXPECT_EQ(reduced(RedOp::kArgmax, {-inf, -inf}), 0);
  EXPECT_EQ(reduced(RedOp::kArgmax, {-0.0f, 0.0f}), 0);
  EXPECT_EQ(std::bit_cast<uint32_t>(reduced(RedOp::kMax, {-0.0f, 0.0f, -0.0f})), 0u);
  EXPECT_EQ(std::bit_cast<uint32_t>(reduced(RedOp::kMax, {-0.0f, -0.0f})), 0x80000000u);
  EXPECT_EQ(reduced(RedOp::kAmax, {-5, 4}), 5);
  EXPECT_EQ(std::bit_cast<uint32_t>(reduced(RedOp::kSum, {-0.0f, -0.0f})), 0u);
  // 128 lanes: 1 + 2^-24 is lost in a lane but 2^-24 + 2^-24 of two lanes survives the combination.
  std::vector<float> row(256, 0.0f);
  row[0] = 1, row[128] = 0x1p-24f;
  EXPECT_EQ(reduced(RedOp::kSum, row), 1.0f);
  row[128] = 0, row[1] = 0x1p-24f, row[3] = 0x1p-24f;
  EXPECT_EQ(reduced(RedOp::kSum, row), 1.0f + 0x1p-23f);
}

TEST(Vector, QuantiseAndDequantiseEqualReference) {
  Random random;
  for_every_target([&] {
    for (int group : {32, 64, 128}) {
      for (int digits : {1, 2}) {
        for (int cols : kColumns) {
          const int rows = 1 + random.below(4), emin = random.chance(2) ? -126 : random.below(40) - 20;
          const Memory a(random, random.chance(2) ? Type::kBf16 : Type::kF32, rows, cols, random.chance(2));
          const int padded = (cols + group - 1) / group * group;
          struct Out {
            std::vector<uint8_t> digits;
            std::vector<float> scales;
            QuantTile tile;
          } out[2];
          const size_t row = 128 + 8 * static_cast<size_t>(random.below(3)), block = row * static_cast<size_t>(rows);
          const size_t plane = block * static_cast<size_t>((padded + 127) / 128),
                       groups = static_cast<size_t>(padded / group);
          for (Out& o : out) {
            o.digits.assign(2 * plane, 0x55);
            o.scales.assign(groups * static_cast<size_t>(rows), -1.0f);
            o.tile = {o.digits.data(),          row, block, static_cast<ptrdiff_t>(plane), o.scales.data(), 1,
                      static_cast<size_t>(rows)};
          }
          reference::quantise(out[0].tile, a.tile, rows, cols, digits, group, emin);
          quantise(out[1].tile, a.tile, rows, cols, digits, group, emin);
          ASSERT_EQ(out[0].digits, out[1].digits) << random.where();
          ASSERT_EQ(out[0].scales, out[1].scales) << random.where();
          for (size_t i = 0; i < plane; ++i) {
            if (random.chance(50)) out[0].digits[i] = static_cast<uint8_t>(random.bits());
          }
          for (float& s : out[0].scales) s = random.chance(4) ? random.any_float() : s;
          const Memory d(random, random.chance(2) ? Type::kBf16 : Type::kF32, rows, cols, true);
          expect_same(
              random, d, [&](Tile t) { reference::dequantise(t, out[0].tile, rows, cols, group); },
              [&](Tile t) { dequantise(t, out[0].tile, rows, cols, group); });
          if (testing::Test::HasFatalFailure()) return;
        }
      }
    }
  });
}

// Groups that need no care for NaN, infinity and underflow: values of every size, and those around each tie of a code.
TEST(Vector, QuantiseOrdinaryGroupsEqualReference) {
  std::vector<float> values;
  for (uint64_t bits = 0; bits < 0x43E00000; bits += 30011) values.push_back(std::bit_cast<float>(uint32_t(bits)));
  for (int code = 0; code < 0x7E; ++code) {
    const float tie = (e4m3_to_float(uint8_t(code)) + e4m3_to_float(uint8_t(code + 1))) / 2;
    for (const float x : {tie, std::nextafter(tie, 0.0f), std::nextafter(tie, 500.0f)}) {
      values.push_back(x);
      values.push_back(e4m3_to_float(uint8_t(code)) + x / 64);  // the same of the second digit, nearly
    }
  }
  for_every_target([&] {
    for (size_t first = 0; first < values.size(); first += 31) {
      alignas(64) float x[32];
      for (size_t i = 0; i < 31; ++i) x[i] = values[std::min(first + i, values.size() - 1)] * (i % 2 == 0 ? 1 : -1);
      x[31] = 448.0f;  // makes the scale 1
      uint8_t digits[2][256];
      float scale[2];
      std::memset(digits, 0x55, sizeof digits);
      const Tile a{reinterpret_cast<std::byte*>(x), 0, Type::kF32};
      reference::quantise({digits[0], 128, 128, 128, &scale[0], 1, 1}, a, 1, 32, 2, 32, -126);
      quantise({digits[1], 128, 128, 128, &scale[1], 1, 1}, a, 1, 32, 2, 32, -126);
      ASSERT_EQ(scale[1], 1.0f);
      ASSERT_EQ(scale[0], scale[1]);
      ASSERT_EQ(std::memcmp(digits[0], digits[1], sizeof digits[0]), 0) << "from value " << first << ", " << x[0];
    }
  });
}

// N8: two digits hold a BF16 element exactly down to 1/896 of the group's maximum, others to 2^-17.8 of it.
TEST(Vector, TwoDigitsHoldBf16) {
  Random random;
  std::vector<float> x(128), scales(1);
  std::vector<uint8_t> digits(256);
  for (int trial = 0; trial < 2000; ++trial) {
    float amax = 0;
    for (float& v : x) {
      v = bf16_to_float(bf16_from_float(random.plain_float()));
      amax = std::max(amax, std::fabs(v));
    }
    QuantTile q{digits.data(), 128, 128, 128, scales.data(), 1, 1};
    quantise(q, {reinterpret_cast<std::byte*>(x.data()), 0, Type::kF32}, 1, 128, 2, 128, -126);
    for (size_t i = 0; i < 128; ++i) {
      const float back = (e4m3_to_float(digits[i]) + e4m3_to_float(digits[128 + i])) * scales[0];
      if (std::fabs(x[i]) >= amax / 896) {
        ASSERT_EQ(back, x[i]) << random.where();
      } else {
        ASSERT_LE(std::fabs(back - x[i]), amax / 224 * 0x1p-10f) << random.where();
      }
    }
  }
}

TEST(Vector, QuantiseCorners) {
  float x[32] = {};
  x[0] = std::bit_cast<float>(0x7F800000u), x[1] = std::bit_cast<float>(0xFFC00001u), x[2] = -0.0f, x[3] = -1e-30f;
  uint8_t digits[256] = {};
  float scale = 0;
  quantise({digits, 128, 128, 128, &scale, 1, 1}, {reinterpret_cast<std::byte*>(x), 0, Type::kF32}, 1, 32, 2, 32, -126);
  EXPECT_EQ(digits[0], 0x7E) << "infinity saturates";
  EXPECT_EQ(digits[128], 0x7E) << "and so does what is left of it";
  EXPECT_EQ(digits[1], 0x7F) << "NaN";
  EXPECT_EQ(digits[129], 0);
  EXPECT_EQ(digits[2], 0x80) << "signs of zeros are kept";
  EXPECT_EQ(digits[130], 0);
  EXPECT_EQ(digits[3], 0x80);
  EXPECT_EQ(digits[131], 0x80);
  EXPECT_EQ(scale, 0x1p120f);
}

// The portable MMA on every instruction set; mma_test.cpp runs it on the best one only.
TEST(Vector, PortableMmaEqualsReferenceOnEveryTarget) {
  Random random;
  std::vector<uint8_t> a(128 * 7 * 2), b(128 * 2 * 32);
  std::vector<float> scales(64, 0.25f), slow(7 * 32), fast(7 * 32);
  for (auto* v : {&a, &b}) {
    for (uint8_t& code : *v) code = static_cast<uint8_t>(random.bits() & (random.chance(300) ? 0xFF : 0xFE));
  }
  for (BLayout layout : {BLayout::kBlocked, BLayout::kRows, BLayout::kTransposed}) {
    Mma op;
    op.m = 7, op.n = 32, op.groups = 2, op.layout = layout, op.clear = true;
    op.a = a.data(), op.a_row = 128, op.a_block = 128 * 7, op.b = b.data(), op.sa = scales.data(), op.sa_group = 7;
    op.b_n = layout == BLayout::kBlocked ? 2048 : layout == BLayout::kRows ? 256 : 32;
    op.b_block = layout == BLayout::kRows ? 128 : 4096;
    op.sb = scales.data(), op.sb_shift = 31, op.sb_group = 1, op.acc_row = 32;
    op.acc = slow.data();
    reference::mma(op);
    op.acc = fast.data();
    for_every_target([&] {
      mma_portable(op);
      ASSERT_TRUE(same_bits(slow, fast)) << random.where();
    });
  }
}

}  // namespace
}  // namespace hadal::num
