// Re-tiled weights hold what the checkpoint held, where docs/machine.md section 6 says.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>

#include "base/error.h"
#include "kernels/digits.h"
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

// The one segment of an image, made.
class Made {
 public:
  explicit Made(ReadOnlyImage& image) {
    image.end_segment("weights");
    segment_ = image.take().at(0);
    segment_.prepare();
  }
  const std::byte* at(uint64_t line) const { return segment_.data.data() + (line - segment_.base_line) * 64; }
  float scale(const PanelMatrix& w, int64_t tile, int64_t group) const {
    float s;
    std::memcpy(&s, at(w.scale_line + static_cast<uint64_t>(tile) * w.scale_lines()) + group * 4, 4);
    return s;
  }
  uint8_t code(const PanelMatrix& w, int64_t k, int64_t c, uint32_t digit) const {
    const Place p = place(w, k, c, digit);
    return static_cast<uint8_t>(at(p.line)[p.byte]);
  }

 private:
  program::Segment segment_;
};

class Retile : public ::testing::Test {
 protected:
  Retile() : q_(kN * kK), scales_(kBlocksN * (kK / 128)) {
    std::mt19937 random(7);
    for (uint8_t& b : q_) b = static_cast<uint8_t>(random());
    for (float& s : scales_) s = std::ldexp(1.0f, static_cast<int>(random() % 20) - 10);
    weight_ = {"w.weight", model::Dtype::kE4m3, {kN, kK}, std::as_bytes(std::span(q_))};
    scale_ = {"w.weight_scale_inv", model::Dtype::kF32, {kBlocksN, kK / 128}, std::as_bytes(std::span(scales_))};
    linear_ = {kN, kK, &weight_, &scale_};
  }
  static constexpr int64_t kN = 160, kK = 256, kBlocksN = 2;
  std::vector<uint8_t> q_;
  std::vector<float> scales_;
  model::Tensor weight_, scale_;
  model::Linear linear_;
  ReadOnlyImage image_{64};
};

TEST_F(Retile, LinearKeepsEveryByteAndScale) {
  const PanelMatrix w = pack(image_, all_rows(linear_), 2);
  const Made made(image_);
  ASSERT_EQ(w.tiles, 5u);
  ASSERT_EQ(w.groups, 2u);
  ASSERT_EQ(w.digits, 1u);
  for (int64_t n = 0; n < kN; ++n) {
    for (int64_t k = 0; k < kK; ++k) {
      ASSERT_EQ(made.code(w, k, n, 0), q_[static_cast<size_t>(n * kK + k)]) << n << "," << k;
    }
    for (int64_t g = 0; g < 2; ++g) ASSERT_EQ(made.scale(w, n / 32, g), scales_[static_cast<size_t>(n / 128 * 2 + g)]);
  }
}

TEST_F(Retile, TransposedSwapsColumnsAndContraction) {
  const PanelMatrix w = pack_transposed(image_, linear_, 0, 1, 2);
  const Made made(image_);
  ASSERT_EQ(w.tiles, 8u);  // 256 columns
  ASSERT_EQ(w.groups, 1u);
  for (int64_t k = 0; k < 128; ++k) {
    for (int64_t c = 0; c < kK; ++c) ASSERT_EQ(made.code(w, k, c, 0), q_[static_cast<size_t>(k * kK + c)]);
  }
  for (int64_t t = 0; t < w.tiles; ++t) ASSERT_EQ(made.scale(w, t, 0), scales_[static_cast<size_t>(t * 32 / 128)]);
}

TEST(Bf16Digits, TwoDigitsRecoverAlmostEveryBit) {
  constexpr int64_t kN = 40, kK = 128;
  std::mt19937 random(11);
  std::normal_distribution<float> normal(0.0f, 0.02f);
  std::vector<uint16_t> codes(kN * kK);
  for (uint16_t& c : codes) c = num::bf16_from_float(normal(random));
  const model::Tensor tensor{"t", model::Dtype::kBf16, {kN, kK}, std::as_bytes(std::span(codes))};
  ReadOnlyImage image(64);
  const PanelMatrix w = pack(image, all_rows({kN, kK, &tensor, nullptr}), 2);
  const Made made(image);
  ASSERT_EQ(w.tiles, 2u);
  for (int64_t n = 0; n < 64; ++n) {
    const float s = made.scale(w, n / 32, 0);
    for (int64_t k = 0; k < kK; ++k) {
      const float value = (num::e4m3_to_float(made.code(w, k, n, 0)) + num::e4m3_to_float(made.code(w, k, n, 1))) * s;
      const float wanted = n < kN ? num::bf16_to_float(codes[static_cast<size_t>(n * kK + k)]) : 0.0f;
      // Core numerics N8: absolute error at most 2^-18.8 of the largest value, which is below 448 scales.
      ASSERT_NEAR(value, wanted, 448.0f * s * std::exp2(-18.8f)) << n << "," << k;
    }
  }
}

// Rows in another order, a contraction with a hole, and zeros past both ends.
TEST(Rearranged, RowsAndContractionGoWhereTheyAreTold) {
  constexpr int64_t kN = 8, kK = 100;
  std::mt19937 random(12);
  std::vector<float> values(kN * kK);
  for (float& v : values) v = std::ldexp(static_cast<float>(random() % 16), -3);  // exact in one digit
  values[5] = 1.875f;
  const model::Tensor tensor{"t", model::Dtype::kF32, {kN, kK}, std::as_bytes(std::span(values))};
  TileSource tile{{kN, kK, &tensor, nullptr}, {}};
  for (size_t c = 0; c < 32; ++c) tile.rows[c] = c < kN ? kN - 1 - static_cast<int64_t>(c) : -1;
  ContractionMap map;
  for (int64_t k = 0; k < 130; ++k) map.push_back(k < 50 ? k : k < 80 ? -1 : k - 30);
  ReadOnlyImage image(64);
  const PanelMatrix w = pack(image, listed({tile}), 1, map);
  const Made made(image);
  ASSERT_EQ(w.groups, 2u);
  for (int64_t c = 0; c < 32; ++c) {
    for (int64_t k = 0; k < 256; ++k) {
      const bool there = c < kN && k < 130 && map[static_cast<size_t>(k)] >= 0;
      const float wanted = there ? values[static_cast<size_t>((kN - 1 - c) * kK + map[static_cast<size_t>(k)])] : 0.0f;
      ASSERT_EQ(num::e4m3_to_float(made.code(w, k, c, 0)) * made.scale(w, 0, k / 128), wanted) << c << "," << k;
    }
  }
}

TEST(Rearranged, WeightsThatAreNotFiniteAreRefused) {
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    std::vector<float> values(40 * 130, 0.5f);
    values[39 * 130 + 129] = bad;
    const model::Tensor tensor{"layer.weight", model::Dtype::kF32, {40, 130}, std::as_bytes(std::span(values))};
    ReadOnlyImage image(64);
    pack(image, all_rows({40, 130, &tensor, nullptr}), 2);
    try {
      const Made made(image);
      FAIL() << bad;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kInput);
      EXPECT_EQ(std::string(e.what()), "layer.weight: holds a weight that is not finite; finite numbers are needed");
    }
  }
}

TEST(Digits, EqualTheDefinition) {
  std::mt19937 random(13);
  for (int round = 0; round < 20000; ++round) {
    float values[kDigitGroup];
    for (float& v : values) {
      const int exponent = static_cast<int>(random() % 40) - 30;
      v = std::ldexp(static_cast<float>(random() % (1 << 24)) * 0x1p-24f, exponent);
      if (v > 448) v = 448;
      if (random() % 2 != 0) v = -v;
    }
    uint8_t high[kDigitGroup], low[kDigitGroup];
    digits_of(values, 1.0f, high, low);
    for (int i = 0; i < kDigitGroup; ++i) {
      ASSERT_EQ(high[i], num::e4m3_from_float(values[i])) << values[i];
      ASSERT_EQ(low[i], num::e4m3_from_float(values[i] - num::e4m3_to_float(high[i]))) << values[i];
    }
  }
}

}  // namespace
}  // namespace hadal::kernels
