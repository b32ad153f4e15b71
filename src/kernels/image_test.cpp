// Re-tiled weights hold what the checkpoint held, where docs/machine.md section 6 says.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>

#include "kernels/image.h"
#include "numerics/numerics.h"

namespace hadal::kernels {
namespace {

// Line and byte of B[k][c] in the blocked layout, written out from the machine page.
struct Place {
  uint64_t line, byte;
};
Place place(const PanelMatrix& w, int64_t k, int64_t c, uint32_t digit) {
  const uint64_t bns = w.groups * w.group_lines(), bgs = w.group_lines();
  return {w.line + static_cast<uint64_t>(k / 128) * bgs + static_cast<uint64_t>(c / 16) * bns +
              static_cast<uint64_t>(k % 128 / 4) + digit * 32,
          static_cast<uint64_t>(c % 16 * 4 + k % 4)};
}

float scale(ReadOnlyImage& image, const PanelMatrix& w, int64_t tile, int64_t group) {
  float s;
  std::memcpy(&s, image.at(w.scale_line + static_cast<uint64_t>(tile) * w.scale_lines()) + group * 4, 4);
  return s;
}

class Retile : public ::testing::Test {
 protected:
  Retile() : q_(kN * kK), scales_(kBlocksN * (kK / 128)) {
    std::mt19937 random(7);
    for (uint8_t& b : q_) b = static_cast<uint8_t>(random());
    for (float& s : scales_) s = std::ldexp(1.0f, static_cast<int>(random() % 20) - 10);
    linear_ = {kN, kK, q_.data(), scales_.data()};
  }
  static constexpr int64_t kN = 160, kK = 256, kBlocksN = 2;
  std::vector<uint8_t> q_;
  std::vector<float> scales_;
  model::Fp8Linear linear_;
  ReadOnlyImage image_{64};
};

TEST_F(Retile, LinearKeepsEveryByteAndScale) {
  const PanelMatrix w = pack_fp8(image_, linear_);
  ASSERT_EQ(w.tiles, 5u);
  ASSERT_EQ(w.groups, 2u);
  for (int64_t n = 0; n < kN; ++n) {
    for (int64_t k = 0; k < kK; ++k) {
      const Place p = place(w, k, n, 0);
      ASSERT_EQ(static_cast<uint8_t>(image_.at(p.line)[p.byte]), q_[static_cast<size_t>(n * kK + k)]) << n << "," << k;
    }
    for (int64_t g = 0; g < 2; ++g)
      ASSERT_EQ(scale(image_, w, n / 32, g), scales_[static_cast<size_t>(n / 128 * 2 + g)]);
  }
}

TEST_F(Retile, TransposedSwapsColumnsAndContraction) {
  const PanelMatrix w = pack_fp8_transposed(image_, linear_, 0, 1);
  ASSERT_EQ(w.tiles, 8u);  // 256 columns
  ASSERT_EQ(w.groups, 1u);
  for (int64_t k = 0; k < 128; ++k) {
    for (int64_t c = 0; c < kK; ++c) {
      const Place p = place(w, k, c, 0);
      ASSERT_EQ(static_cast<uint8_t>(image_.at(p.line)[p.byte]), q_[static_cast<size_t>(k * kK + c)]);
    }
  }
  for (int64_t t = 0; t < w.tiles; ++t) ASSERT_EQ(scale(image_, w, t, 0), scales_[static_cast<size_t>(t * 32 / 128)]);
}

TEST(Bf16Digits, TwoDigitsRecoverAlmostEveryBit) {
  constexpr int64_t kN = 40, kK = 128;
  std::mt19937 random(11);
  std::normal_distribution<float> normal(0.0f, 0.02f);
  std::vector<uint16_t> codes(kN * kK);
  for (uint16_t& c : codes) c = num::bf16_from_float(normal(random));
  const model::Tensor tensor{"t", model::Dtype::kBf16, {kN, kK}, std::as_bytes(std::span(codes))};
  ReadOnlyImage image(64);
  const PanelMatrix w = pack_bf16(image, tensor);
  ASSERT_EQ(w.tiles, 2u);
  for (int64_t n = 0; n < 64; ++n) {
    const float s = scale(image, w, n / 32, 0);
    for (int64_t k = 0; k < kK; ++k) {
      const Place high = place(w, k, n, 0), low = place(w, k, n, 1);
      const float value = (num::e4m3_to_float(static_cast<uint8_t>(image.at(high.line)[high.byte])) +
                           num::e4m3_to_float(static_cast<uint8_t>(image.at(low.line)[low.byte]))) *
                          s;
      const float wanted = n < kN ? num::bf16_to_float(codes[static_cast<size_t>(n * kK + k)]) : 0.0f;
      // Core numerics N8: absolute error at most 2^-18.8 of the largest value, which is below 448 scales.
      ASSERT_NEAR(value, wanted, 448.0f * s * std::exp2(-18.8f)) << n << "," << k;
    }
  }
}

}  // namespace
}  // namespace hadal::kernels
