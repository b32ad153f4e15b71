// The reference MMA against N1-N6 computed again in wide integers, on matrices laid out by the text of docs/machine.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "numerics/numerics.h"
#include "numerics/test_util.h"
#include "numerics/test_wide.h"

namespace hadal::num {
namespace {

using test::Random;

// sig * 2^e in units of 2^-9, from the fields.
int64_t fixed_of(uint8_t code) {
  const int exponent = code >> 3 & 15, significand = (code & 7) | (exponent != 0 ? 8 : 0);
  const int64_t magnitude = int64_t{significand} << std::max(exponent - 1, 0);
  return code & 0x80 ? -magnitude : magnitude;
}

float from_bits(uint32_t b) { return std::bit_cast<float>(b); }

struct Shape {
  int m, n, groups, group;
  BLayout layout;
  bool two_a, two_b;
  int k() const { return groups * group; }
};

// Line x 64 + byte of B[k][c], literally the table of section 6.
size_t b_byte(const Shape& s, size_t bns, size_t bgs, size_t k, size_t c) {
  switch (s.layout) {
    case BLayout::kBlocked: return ((k / 128) * bgs + (c / 16) * bns + (k % 128) / 4) * 64 + (c % 16) * 4 + k % 4;
    case BLayout::kRows: return (c * bns + (k / 128) * bgs) * 64 + k % 128;
    default: return ((k / 128) * bgs + (k % 128) * bns) * 64 + c;
  }
}

void run(Random& random, const Shape& s) {
  const auto m = static_cast<size_t>(s.m), n = static_cast<size_t>(s.n), k = static_cast<size_t>(s.k());
  const size_t blocks = (k + 127) / 128, ars = 2 + static_cast<size_t>(random.below(2)), ags = m * ars;
  const size_t bns = s.layout == BLayout::kBlocked ? 32 : s.layout == BLayout::kRows ? 2 * blocks : (n + 63) / 64;
  const size_t bgs = s.layout == BLayout::kBlocked ? n / 16 * bns : s.layout == BLayout::kRows ? 2 : 128 * bns;
  const size_t a_bytes = ags * blocks * 64, b_bytes = (bgs * blocks + bns * n) * 64;
  std::vector<uint8_t> a[2], b[2];
  for (int digit = 0; digit < 2; ++digit) {
    a[digit].resize(a_bytes);
    b[digit].resize(b_bytes);
    for (auto* v : {&a[digit], &b[digit]}) {
      for (uint8_t& code : *v) {
        code = static_cast<uint8_t>(random.bits());
        if ((code & 0x7F) == 0x7F) code = 0x7E;
      }
    }
  }
  std::vector<float> sa(m * static_cast<size_t>(s.groups)), sb(n * static_cast<size_t>(s.groups)), alpha(m), acc(m * n);
  for (auto* v : {&sa, &sb, &alpha, &acc}) {
    for (float& f : *v) f = random.plain_float();
  }
  const int start = random.below(3);
  Mma op;
  op.m = s.m, op.n = s.n, op.groups = s.groups, op.group = s.group, op.layout = s.layout;
  op.clear = start == 0, op.rescale = start == 1;
  op.a = a[0].data(), op.a_low = s.two_a ? a[1].data() : nullptr, op.a_row = ars * 64, op.a_block = ags * 64;
  op.b = b[0].data(), op.b_low = s.two_b ? b[1].data() : nullptr, op.b_n = bns * 64, op.b_block = bgs * 64;
  op.sa = sa.data(), op.sa_group = m, op.sb = sb.data(), op.sb_n = 1, op.sb_group = n, op.alpha = alpha.data();
  const std::vector<float> before = acc;
  op.acc = acc.data(), op.acc_row = n;
  reference::mma(op);
  for (size_t r = 0; r < m; ++r) {
    for (size_t c = 0; c < n; ++c) {
      float expected = start == 0 ? 0.0f : before[r * n + c];
      if (start == 1) expected = from_bits(test::multiply(expected, alpha[r]));
      for (size_t g = 0; g < static_cast<size_t>(s.groups); ++g) {
        int64_t sum = 0;
        for (size_t i = g * static_cast<size_t>(s.group); i < (g + 1) * static_cast<size_t>(s.group); ++i) {
          const size_t at_a = ((i / 128) * ags + r * ars) * 64 + i % 128, at_b = b_byte(s, bns, bgs, i, c);
          // All digit products, as the passes hh, hl, lh, ll of N8.
          for (int da = 0; da <= s.two_a; ++da) {
            for (int db = 0; db <= s.two_b; ++db) sum += fixed_of(a[da][at_a]) * fixed_of(b[db][at_b]);
          }
        }
        const float f =
            from_bits(test::round_to_binary32({sum < 0, static_cast<test::Wide>(sum < 0 ? -sum : sum), -18}));
        const float scale = from_bits(test::multiply(sa[g * m + r], sb[g * n + c]));
        expected = from_bits(test::add(expected, from_bits(test::multiply(f, scale))));
      }
      ASSERT_EQ(std::bit_cast<uint32_t>(acc[r * n + c]), std::bit_cast<uint32_t>(expected))
          << random.where() << " row " << r << " column " << c;
    }
  }
}

TEST(MmaReference, EqualsWideIntegers) {
  Random random;
  for (BLayout layout : {BLayout::kBlocked, BLayout::kRows, BLayout::kTransposed}) {
    for (int group : {128, 64, 32}) {
      for (int digits = 0; digits < 4; ++digits) {
        run(random,
            {3, 32 * (1 + digits % 2), 1 + random.below(5), group, layout, (digits & 1) != 0, (digits & 2) != 0});
        if (testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

// The test's own arithmetic against the machine's, which is binary32 too.
TEST(MmaReference, WideArithmeticIsBinary32) {
  Random random;
  for (int i = 0; i < 300000; ++i) {
    const float a = random.any_float(), b = random.chance(3)
                                                ? -a * from_bits(0x3F800000u + static_cast<uint32_t>(random.below(9)))
                                                : random.any_float();
    if (!std::isfinite(a) || !std::isfinite(b)) continue;
    ASSERT_EQ(test::multiply(a, b), std::bit_cast<uint32_t>(a * b)) << random.where() << " " << a << " " << b;
    ASSERT_EQ(test::add(a, b), std::bit_cast<uint32_t>(a + b)) << random.where() << " " << a << " " << b;
  }
}

float one_product(uint8_t a_code, uint8_t b_code, float sa, float sb, float acc, bool clear) {
  std::vector<uint8_t> a(128), b(128 * 32);
  a[7] = a_code;
  b[128 * 4 + 7] = b_code;
  std::vector<float> result(32, acc);
  Mma op;
  op.m = 1, op.n = 32, op.groups = 1, op.layout = BLayout::kRows, op.clear = clear;
  op.a = a.data(), op.a_row = op.a_block = 128, op.b = b.data(), op.b_n = 128, op.b_block = 128;
  op.sa = &sa, op.sb = &sb, op.sb_shift = 31, op.acc = result.data(), op.acc_row = 32;
  reference::mma(op);
  return result[4];
}

TEST(MmaReference, Corners) {
  const uint32_t nan = kCanonicalNan;
  auto bits = [](float x) { return std::bit_cast<uint32_t>(x); };
  EXPECT_EQ(bits(one_product(0x7F, 0, 1, 1, 0, true)), nan) << "a NaN digit makes the sum NaN even against zero";
  EXPECT_EQ(bits(one_product(0, 0xFF, 1, 1, 0, true)), nan);
  EXPECT_EQ(one_product(0x7E, 0x7E, 1, 1, 0, true), 448.0f * 448.0f);
  EXPECT_EQ(one_product(0x7E, 0xFE, 1, 1, 1, false), 1 - 448.0f * 448.0f);
  EXPECT_EQ(bits(one_product(0x80, 0x38, 1, 1, -0.0f, true)), 0u) << "an empty sum is +0, and +0 + +0 = +0";
  EXPECT_EQ(bits(one_product(0, 0, -1, 1, -0.0f, false)), 0x80000000u) << "-0 + (+0 x -1) = -0";
  EXPECT_EQ(bits(one_product(0, 0, 1, 1, -0.0f, false)), 0u);
  EXPECT_EQ(bits(one_product(0, 0, from_bits(0x7F800000u), 1, 0, true)), nan) << "0 x Inf";
  EXPECT_EQ(bits(one_product(0x38, 0x38, from_bits(0x7F800000u), 1, from_bits(0xFF800000u), false)), nan)
      << "Inf - Inf";
  EXPECT_EQ(bits(one_product(0x38, 0x38, 0x1p-126f, 0x1p-20f, 0, true)), 1u << 3) << "subnormal scales are kept";
  EXPECT_EQ(bits(one_product(0x38, 0x38, 1, 1, from_bits(0xFFC00001u), false)), nan) << "NaN results are canonical";
}

}  // namespace
}  // namespace hadal::num
