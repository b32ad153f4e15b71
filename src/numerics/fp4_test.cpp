// LDX: every nibble under every scale distance, the layout, and the faults.
#include <gtest/gtest.h>

#include <cmath>

#include "numerics/numerics.h"
#include "numerics/test_util.h"

namespace hadal::num {
namespace {

constexpr float kE2m1[16] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.0f, -0.5f, -1, -1.5f, -2, -3, -4, -6};

TEST(Fp4, PanelsExpandExactlyWithinTheSpread) {
  test::Random random;
  for (int trial = 0; trial < 200; ++trial) {
    std::vector<uint8_t> source(17 * 64), panel(2048);
    std::vector<float> scales(16);
    for (uint8_t& byte : source) byte = static_cast<uint8_t>(random.bits());
    for (int c = 0; c < 16; ++c) {
      const int top = 14 + random.below(255 - 14);
      for (int g = 0; g < 4; ++g)
        source[1024 + static_cast<size_t>(c * 4 + g)] = static_cast<uint8_t>(top - random.below(15));
    }
    ASSERT_TRUE(expand_fp4_panel(source.data(), panel.data(), scales.data()));
    for (size_t k = 0; k < 128; ++k) {
      for (size_t c = 0; c < 16; ++c) {
        const size_t byte = k / 4 * 64 + c * 4 + k % 4;
        const uint8_t nibble = byte % 2 == 0 ? source[byte / 2] & 15 : source[byte / 2] >> 4;
        const double expected = std::ldexp(double{kE2m1[nibble]}, source[1024 + c * 4 + k / 32] - 127);
        const double got = static_cast<double>(e4m3_to_float(panel[byte])) * scales[c];
        ASSERT_EQ(got, expected) << random.where() << " k " << k << " column " << c;
        ASSERT_EQ(std::signbit(e4m3_to_float(panel[byte])), nibble >= 8);
      }
    }
  }
}

TEST(Fp4, ScalesAreTheLargestOfTheColumnLessSix) {
  std::vector<uint8_t> source(17 * 64), panel(2048);
  std::vector<float> scales(16);
  source[1024 + 4 * 3 + 2] = 14;  // column 3: scales 0, 0, 14, 0
  EXPECT_TRUE(expand_fp4_panel(source.data(), panel.data(), scales.data()));
  EXPECT_EQ(scales[3], std::ldexp(1.0f, 14 - 6 - 127));
  EXPECT_EQ(scales[0], std::ldexp(1.0f, 0 - 6 - 127)) << "a subnormal scale";
}

TEST(Fp4, FaultsOnWideSpreadAndNanScales) {
  std::vector<uint8_t> source(17 * 64), panel(2048);
  std::vector<float> scales(16);
  source[1024 + 5] = 15;
  EXPECT_FALSE(expand_fp4_panel(source.data(), panel.data(), scales.data()));
  source[1024 + 5] = 0xFF;
  EXPECT_FALSE(expand_fp4_panel(source.data(), panel.data(), scales.data()));
}

}  // namespace
}  // namespace hadal::num
