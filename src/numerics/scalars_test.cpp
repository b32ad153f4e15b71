// The scalar formats against independent definitions: exhaustive where the inputs are few enough.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "numerics/numerics.h"
#include "numerics/test_util.h"
#include "numerics/test_wide.h"

namespace hadal::num {
namespace {

constexpr uint32_t kInf = 0x7F800000u;

uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }
float value(uint32_t b) { return std::bit_cast<float>(b); }

// The OCP definition in exact binary64 arithmetic.
double e4m3_definition(int code) {
  int exponent = code >> 3 & 15, fraction = code & 7;
  double magnitude = exponent == 0 ? std::ldexp(fraction / 8.0, -6) : std::ldexp(1 + fraction / 8.0, exponent - 7);
  return code & 0x80 ? -magnitude : magnitude;
}

// The nearest of the 127 magnitudes, the even code on ties: twice the value against the sum of its neighbours, both
// exact in binary64.
class NearestE4m3 {
 public:
  NearestE4m3() {
    for (int code = 0; code < 127; ++code) grid_[code] = e4m3_definition(code);
  }
  uint8_t operator()(float x) const {
    if (std::isnan(x)) return 0x7F;
    const int sign = std::signbit(x) ? 0x80 : 0;
    const double a = std::fabs(static_cast<double>(x));
    if (a >= 448) return static_cast<uint8_t>(sign | 0x7E);
    int low = 0, high = 126;  // grid[low] <= a < grid[high]
    while (high - low > 1) {
      int middle = (low + high) / 2;
      (grid_[middle] <= a ? low : high) = middle;
    }
    const double twice = 2 * a, sum = grid_[low] + grid_[high];
    const int pick = twice < sum ? low : twice > sum ? high : low % 2 == 0 ? low : high;
    return static_cast<uint8_t>(sign | pick);
  }

 private:
  double grid_[127];
};

TEST(E4m3, EveryCodeHasItsValue) {
  for (int code = 0; code < 256; ++code) {
    const float f = e4m3_to_float(static_cast<uint8_t>(code));
    if ((code & 0x7F) == 0x7F) {
      EXPECT_EQ(bits(f), kCanonicalNan);
      EXPECT_EQ(e4m3_to_fixed(static_cast<uint8_t>(code)), 0);
      EXPECT_EQ(e4m3_from_float(f), 0x7F);
    } else {
      EXPECT_EQ(f, e4m3_definition(code));
      EXPECT_EQ(std::signbit(f), code >= 128);
      EXPECT_EQ(e4m3_to_fixed(static_cast<uint8_t>(code)), e4m3_definition(code) * 512);
      EXPECT_EQ(e4m3_from_float(f), code);
    }
  }
}

TEST(E4m3, EveryProductOfTwoCodesIsExactInTheGroupUnit) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      if ((a & 0x7F) == 0x7F || (b & 0x7F) == 0x7F) continue;
      const int64_t product = int64_t{e4m3_to_fixed(static_cast<uint8_t>(a))} * e4m3_to_fixed(static_cast<uint8_t>(b));
      ASSERT_EQ(static_cast<double>(product) * 0x1p-18, e4m3_definition(a) * e4m3_definition(b)) << a << " " << b;
    }
  }
}

TEST(E4m3, RoundingOfEveryUpperHalfAndItsNeighbours) {
  const NearestE4m3 nearest;
  for (uint32_t upper = 0; upper < 0x10000; ++upper) {
    for (uint32_t lower : {0x0000u, 0x0001u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu}) {
      const float x = value(upper << 16 | lower);
      ASSERT_EQ(e4m3_from_float(x), nearest(x)) << std::hexfloat << x;
    }
  }
}

TEST(E4m3, LongRoundingOfEveryFloat) {
  if (!test::long_run()) GTEST_SKIP() << "set HADAL_LONG=1";
  const NearestE4m3 nearest;
  uint32_t b = 0;
  do {
    ASSERT_EQ(e4m3_from_float(value(b)), nearest(value(b))) << std::hexfloat << value(b);
  } while (++b != 0);
}

TEST(Bf16, EveryCodeSurvivesTheRoundTrip) {
  for (uint32_t code = 0; code < 0x10000; ++code) {
    const float x = bf16_to_float(static_cast<uint16_t>(code));
    ASSERT_EQ(bits(x), code << 16);
    ASSERT_EQ(bf16_from_float(x), std::isnan(x) ? 0x7FC0 : code);
  }
}

TEST(Bf16, RoundsToTheNearestNeighbourAndToEvenOnTies) {
  for (uint32_t code = 0; code < 0x7F80; ++code) {
    // Between a code and the next, in units of 2^-16 of their distance.
    for (uint32_t part : {0u, 1u, 0x7FFFu, 0x8000u, 0x8001u, 0xFFFFu}) {
      const uint32_t up = part > 0x8000 || (part == 0x8000 && code % 2 == 1);
      for (uint32_t sign : {0u, 0x8000u}) {
        ASSERT_EQ(bf16_from_float(value((sign | code) << 16 | part)), (sign | code) + up);
      }
    }
  }
}

TEST(Canonical, EveryNanBecomesOne) {
  for (uint32_t b : {0x7F800001u, 0xFF800001u, 0x7FFFFFFFu, 0xFFC00000u})
    EXPECT_EQ(bits(canonical(value(b))), kCanonicalNan);
  EXPECT_EQ(bits(canonical(-0.0f)), 0x80000000u);
  EXPECT_EQ(bits(canonical(value(kInf))), kInf);
}

uint32_t rounded_sum(int64_t sum) {
  return test::round_to_binary32({sum < 0, static_cast<test::Wide>(sum < 0 ? -sum : sum), -18});
}

TEST(FixedToFloat, RoundsOnce) {
  test::Random random;
  EXPECT_EQ(bits(fixed_to_float(0)), 0u);
  for (int shift = 0; shift < 46; ++shift) {
    for (int i = 0; i < 2000; ++i) {
      int64_t sum = static_cast<int64_t>(random.bits() >> (63 - shift));
      if (i % 4 == 0) sum &= ~int64_t{0} << (shift > 25 ? shift - 25 : 0);  // ties
      if (i % 2 == 1) sum = -sum;
      ASSERT_EQ(bits(fixed_to_float(sum)), rounded_sum(sum)) << sum << " " << random.where();
    }
  }
}

// E by its purpose: the smallest scale that keeps amax within 448, for amax well inside the normal range.
TEST(QuantiseExponent, IsTheSmallestScaleThatFits) {
  for (int exponent = -110; exponent < 128; ++exponent) {
    for (uint32_t fraction : {0u, 1u, 0x5FFFFFu, 0x600000u, 0x600001u, 0x7FFFFFu}) {
      const float amax = value(static_cast<uint32_t>(exponent + 127) << 23 | fraction);
      int e = -200;
      while (std::ldexp(static_cast<double>(amax), -e) > 448) ++e;
      EXPECT_EQ(quantise_exponent(amax, -126), e) << amax;
    }
  }
  EXPECT_EQ(quantise_exponent(0.0f, -126), -126);
  EXPECT_EQ(quantise_exponent(0.0f, -300), -126) << "the scale stays normal";
  EXPECT_EQ(quantise_exponent(value(1), -126), -126);
  EXPECT_EQ(quantise_exponent(1.0f, 5), 5);
  EXPECT_EQ(quantise_exponent(value(kInf), -126), 120);
}

}  // namespace
}  // namespace hadal::num
