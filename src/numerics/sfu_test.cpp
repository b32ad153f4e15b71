// The special function unit: every mantissa against long double, and the special values.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "numerics/numerics.h"
#include "numerics/test_util.h"

namespace hadal::num {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr uint32_t kMantissas = 1u << 23;

uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }
float value(uint32_t b) { return std::bit_cast<float>(b); }

// |got - exact| in units of the last place of the binade that got's 24-bit mantissa counts in.
long double error_ulp(float got, long double exact, int exponent) {
  return std::fabs(static_cast<long double>(got) - exact) * std::ldexp(1.0L, 23 - exponent);
}

// x = 1 + m 2^-23 gives EXP2 the fraction m exactly; [1, 2) holds every 23-bit fraction.
TEST(Sfu, Exp2OfEveryFraction) {
  long double worst = 0;
  float before = 0;
  for (uint32_t m = 0; m < kMantissas; ++m) {
    const float x = value(0x3F800000u | m), y = exp2(x);
    worst = std::max(worst, error_ulp(y, std::exp2(static_cast<long double>(x)), 1));
    ASSERT_LE(before, y) << "not monotone at " << m;
    before = y;
  }
  GTEST_LOG_(INFO) << "EXP2 " << worst << " ulp, monotone";
  EXPECT_LE(worst, 0.75L);
}

TEST(Sfu, RcpOfEveryMantissa) {
  long double worst = 0;
  float before = 2;
  for (uint32_t m = 0; m < kMantissas; ++m) {
    const float x = value(0x3F800000u | m), y = rcp(x);
    if (m > 0) worst = std::max(worst, error_ulp(y, 1 / static_cast<long double>(x), -1));
    ASSERT_GE(before, y) << "not monotone at " << m;
    before = y;
  }
  GTEST_LOG_(INFO) << "RCP " << worst << " ulp, monotone";
  EXPECT_LE(worst, 1.33L);
}

TEST(Sfu, RsqrtOfEveryMantissaOfBothParities) {
  long double worst = 0;
  float before = 2;
  for (uint32_t m = 0; m < 2 * kMantissas; ++m) {
    const float x = value(0x3F800000u + m), y = rsqrt(x);
    if (m > 0) worst = std::max(worst, error_ulp(y, 1 / std::sqrt(static_cast<long double>(x)), -1));
    ASSERT_GE(before, y) << "not monotone at " << m;
    before = y;
  }
  GTEST_LOG_(INFO) << "RSQRT " << worst << " ulp, monotone";
  EXPECT_LE(worst, 0.82L);
}

TEST(Sfu, PowersOfTwoAreExact) {
  for (int e = -149; e < 128; ++e) {
    const float x = std::ldexp(1.0f, e);
    ASSERT_EQ(exp2(static_cast<float>(e)), x);
    ASSERT_EQ(rcp(x), e < -127 ? kInfinity : std::ldexp(1.0f, -e)) << e;
    if (e % 2 == 0) {
      ASSERT_EQ(rsqrt(x), std::ldexp(1.0f, -e / 2)) << e;
    }
  }
}

TEST(Sfu, SpecialValues) {
  const float nan = value(0xFFC12345u);
  EXPECT_EQ(bits(exp2(nan)), kCanonicalNan);
  EXPECT_EQ(bits(rcp(nan)), kCanonicalNan);
  EXPECT_EQ(bits(rsqrt(nan)), kCanonicalNan);
  EXPECT_EQ(exp2(128.0f), kInfinity);
  EXPECT_EQ(exp2(kInfinity), kInfinity);
  EXPECT_EQ(bits(exp2(-kInfinity)), 0u);
  EXPECT_EQ(exp2(0.0f), 1.0f);
  EXPECT_EQ(exp2(-0.0f), 1.0f);
  EXPECT_EQ(bits(exp2(-149.5f)), 1u);
  EXPECT_EQ(bits(exp2(std::nextafter(-149.5f, -200.0f))), 0u);
  EXPECT_LT(exp2(std::nextafter(128.0f, 0.0f)), kInfinity);
  EXPECT_EQ(rcp(0.0f), kInfinity);
  EXPECT_EQ(rcp(-0.0f), -kInfinity);
  EXPECT_EQ(bits(rcp(kInfinity)), 0u);
  EXPECT_EQ(bits(rcp(-kInfinity)), 0x80000000u);
  EXPECT_EQ(rsqrt(0.0f), kInfinity);
  EXPECT_EQ(rsqrt(-0.0f), kInfinity);
  EXPECT_EQ(bits(rsqrt(kInfinity)), 0u);
  EXPECT_EQ(bits(rsqrt(-1.0f)), kCanonicalNan);
  EXPECT_EQ(bits(rsqrt(value(0x80000001u))), kCanonicalNan);
  EXPECT_EQ(bits(rsqrt(-kInfinity)), kCanonicalNan);
}

// The fraction is floored to 23 bits, which costs up to 1.39 ulp near 2 for operands below 1; never more.
TEST(Sfu, AnyOperandStaysWithinTheBound) {
  test::Random random;
  long double worst[3] = {};
  for (int i = 0; i < 2000000; ++i) {
    const float x = value(static_cast<uint32_t>(random.bits()));
    if (!std::isfinite(x)) continue;
    const long double wide = x;
    // Below -126 results are subnormal: their error is bounded in units of 2^-149 instead.
    if (x > -126 && x < 128)
      worst[0] = std::max(worst[0], error_ulp(exp2(x), std::exp2(wide), static_cast<int>(std::floor(x))));
    const float r = rcp(x);
    if (std::isnormal(r)) worst[1] = std::max(worst[1], error_ulp(r, 1 / wide, std::ilogb(r)));
    if (x > 0) worst[2] = std::max(worst[2], error_ulp(rsqrt(x), 1 / std::sqrt(wide), std::ilogb(rsqrt(x))));
  }
  GTEST_LOG_(INFO) << "any operand: EXP2 " << worst[0] << ", RCP " << worst[1] << ", RSQRT " << worst[2] << " ulp";
  EXPECT_LE(worst[0], 2.14L) << random.where();
  EXPECT_LE(worst[1], 1.33L) << random.where();
  EXPECT_LE(worst[2], 0.82L) << random.where();
}

TEST(Sfu, SubnormalResultsAreRoundedOnce) {
  for (int i = 0; i < 24 * 4096; ++i) {
    const float x = -126 - static_cast<float>(i) / 4096;
    if (x < -149.5f) {
      EXPECT_EQ(bits(exp2(x)), 0u);
      continue;
    }
    ASSERT_LE(std::fabs(static_cast<long double>(exp2(x)) - std::exp2(static_cast<long double>(x))) * 0x1p149L, 0.875L)
        << x;
  }
  for (uint32_t m = 0; m < kMantissas; m += 37) {
    for (uint32_t exponent : {253u, 254u}) {
      const float x = value(exponent << 23 | m);
      ASSERT_LE(std::fabs(static_cast<long double>(rcp(x)) - 1 / static_cast<long double>(x)) * 0x1p149L, 1.2L) << x;
    }
  }
}

}  // namespace
}  // namespace hadal::num
