// Dequantisation of GGUF blocks; layouts from the format that ggml publishes.
#include "model/blocks.h"

#include <bit>
#include <cstring>

#include "base/error.h"

namespace hadal::model {
namespace {

uint8_t byte_at(const std::byte* p, int i) { return static_cast<uint8_t>(p[i]); }

float half_at(const std::byte* p) {
  uint16_t code = 0;
  std::memcpy(&code, p, 2);
  return f16_to_float(code);
}

// d: f16, then 32 signed bytes.
void q8_0(const std::byte* p, float* out) {
  const float d = half_at(p);
  for (int i = 0; i < 32; ++i) out[i] = d * static_cast<float>(static_cast<int8_t>(byte_at(p, 2 + i)));
}

// Nibbles: elements 0..15 in the low halves of 16 bytes, 16..31 in the high ones.
void q4_0(const std::byte* p, float* out) {
  const float d = half_at(p);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>((byte_at(p, 2 + i) & 15) - 8);
    out[16 + i] = d * static_cast<float>((byte_at(p, 2 + i) >> 4) - 8);
  }
}

void q4_1(const std::byte* p, float* out) {
  const float d = half_at(p), m = half_at(p + 2);
  for (int i = 0; i < 16; ++i) {
    out[i] = d * static_cast<float>(byte_at(p, 4 + i) & 15) + m;
    out[16 + i] = d * static_cast<float>(byte_at(p, 4 + i) >> 4) + m;
  }
}

// As Q4_0 and Q4_1, with the fifth bits of all elements in four bytes before the nibbles.
void q5(const std::byte* bits, float d, int least, float m, float* out) {
  uint32_t high = 0;
  std::memcpy(&high, bits, 4);
  for (int i = 0; i < 32; ++i) {
    const int both = byte_at(bits, 4 + i % 16), nibble = i < 16 ? both & 15 : both >> 4;
    out[i] = d * static_cast<float>((nibble | static_cast<int>(high >> i & 1) << 4) + least) + m;
  }
}

void q5_0(const std::byte* p, float* out) { q5(p + 2, half_at(p), -16, 0, out); }
void q5_1(const std::byte* p, float* out) { q5(p + 4, half_at(p), 0, half_at(p + 2), out); }

// Pairs of bits in 64 bytes, each byte for elements 32 apart; a byte of scale and minimum for every 16.
void q2_k(const std::byte* p, float* out) {
  const float d = half_at(p + 80), dmin = half_at(p + 82);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, shift = i % 128 / 32 * 2, both = byte_at(p, i / 16);
    const int code = byte_at(p, 16 + half * 32 + i % 32) >> shift & 3;
    out[i] = d * static_cast<float>(both & 15) * static_cast<float>(code) - dmin * static_cast<float>(both >> 4);
  }
}

// Third bits in 32 bytes, pairs of bits as in Q2_K, 16 scales of six bits: low nibbles, then pairs of their top bits.
void q3_k(const std::byte* p, float* out) {
  const float d = half_at(p + 108);
  const std::byte* s = p + 96;
  for (int i = 0; i < 256; ++i) {
    const int group = i / 16, half = i / 128, shift = i % 128 / 32 * 2;
    const int low = group < 8 ? byte_at(s, group) & 15 : byte_at(s, group - 8) >> 4;
    const int scale = (low | (byte_at(s, 8 + group % 4) >> (group / 4 * 2) & 3) << 4) - 32;
    const int third = byte_at(p, i % 32) >> (i / 32) & 1;
    const int code = (byte_at(p, 32 + half * 32 + i % 32) >> shift & 3) - (third != 0 ? 0 : 4);
    out[i] = d * static_cast<float>(scale) * static_cast<float>(code);
  }
}

// Eight groups of 32 with 6-bit scales and minima packed in 12 bytes: the first four whole in bytes 0..3 and 4..7, the
// last four in the nibbles of bytes 8..11 with their top bits above those of the first.
// Q5_K has 32 bytes of fifth bits, one bit a group, before the nibbles.
void q45_k(const std::byte* p, bool fifth, float* out) {
  const float d = half_at(p), dmin = half_at(p + 2);
  const std::byte *s = p + 4, *high = p + 16, *q = p + (fifth ? 48 : 16);
  for (int g = 0; g < 8; ++g) {
    const int scale = g < 4 ? byte_at(s, g) & 63 : (byte_at(s, g + 4) & 15) | byte_at(s, g - 4) >> 6 << 4;
    const int minimum = g < 4 ? byte_at(s, g + 4) & 63 : byte_at(s, g + 4) >> 4 | byte_at(s, g) >> 6 << 4;
    const float step = d * static_cast<float>(scale), offset = dmin * static_cast<float>(minimum);
    for (int i = 0; i < 32; ++i) {
      const int both = byte_at(q, g / 2 * 32 + i), nibble = g % 2 == 0 ? both & 15 : both >> 4;
      const int top = fifth ? (byte_at(high, i) >> g & 1) << 4 : 0;
      out[g * 32 + i] = step * static_cast<float>(nibble | top) - offset;
    }
  }
}

void q4_k(const std::byte* p, float* out) { q45_k(p, false, out); }
void q5_k(const std::byte* p, float* out) { q45_k(p, true, out); }

// Low nibbles in 128 bytes, high pairs of bits in 64, 16 signed scales of 16 elements each, d last.
void q6_k(const std::byte* p, float* out) {
  const float d = half_at(p + 208);
  for (int half = 0; half < 2; ++half) {
    const std::byte *low = p + half * 64, *high = p + 128 + half * 32, *scale = p + 192 + half * 8;
    for (int i = 0; i < 128; ++i) {
      const int quarter = i / 32, in = i % 32;
      const int nibble = byte_at(low, (quarter % 2) * 32 + in) >> (quarter / 2 * 4) & 15;
      const int code = nibble | (byte_at(high, in) >> (2 * quarter) & 3) << 4;
      out[half * 128 + i] =
          d * static_cast<float>(static_cast<int8_t>(byte_at(scale, i / 16))) * static_cast<float>(code - 32);
    }
  }
}

// Sixteen levels, closer where weights are many.
constexpr float kIq4Levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

void iq4(const std::byte* p, float d, float* out) {
  for (int i = 0; i < 16; ++i) {
    out[i] = d * kIq4Levels[byte_at(p, i) & 15];
    out[16 + i] = d * kIq4Levels[byte_at(p, i) >> 4];
  }
}

void iq4_nl(const std::byte* p, float* out) { iq4(p + 2, half_at(p), out); }

// Eight groups of 32 with six-bit scales: top pairs of bits in two bytes, low nibbles in four.
void iq4_xs(const std::byte* p, float* out) {
  const float d = half_at(p);
  for (int g = 0; g < 8; ++g) {
    const int low = byte_at(p, 4 + g / 2) >> (g % 2 * 4) & 15, high = byte_at(p, 2 + g / 4) >> (g % 4 * 2) & 3;
    iq4(p + 8 + g * 16, d * static_cast<float>((low | high << 4) - 32), out + g * 32);
  }
}

}  // namespace

BlockSize block_size(Dtype dtype) {
  switch (dtype) {
    case Dtype::kF32: return {1, 4};
    case Dtype::kF16:
    case Dtype::kBf16: return {1, 2};
    case Dtype::kE4m3:
    case Dtype::kE8m0: return {1, 1};
    case Dtype::kQ80: return {32, 34};
    case Dtype::kQ40: return {32, 18};
    case Dtype::kQ41: return {32, 20};
    case Dtype::kQ50: return {32, 22};
    case Dtype::kQ51: return {32, 24};
    case Dtype::kQ2K: return {256, 84};
    case Dtype::kQ3K: return {256, 110};
    case Dtype::kQ4K: return {256, 144};
    case Dtype::kQ5K: return {256, 176};
    case Dtype::kQ6K: return {256, 210};
    case Dtype::kIq4Nl: return {32, 18};
    case Dtype::kIq4Xs: return {256, 136};
    case Dtype::kHalves:
    case Dtype::kOther: break;
  }
  return {0, 0};
}

void read_block(Dtype dtype, const std::byte* block, float* out) {
  switch (dtype) {
    case Dtype::kQ80: return q8_0(block, out);
    case Dtype::kQ40: return q4_0(block, out);
    case Dtype::kQ41: return q4_1(block, out);
    case Dtype::kQ50: return q5_0(block, out);
    case Dtype::kQ51: return q5_1(block, out);
    case Dtype::kQ2K: return q2_k(block, out);
    case Dtype::kQ3K: return q3_k(block, out);
    case Dtype::kQ4K: return q4_k(block, out);
    case Dtype::kQ5K: return q5_k(block, out);
    case Dtype::kQ6K: return q6_k(block, out);
    case Dtype::kIq4Nl: return iq4_nl(block, out);
    case Dtype::kIq4Xs: return iq4_xs(block, out);
    default: check(false, "not a block format");
  }
}

float f16_to_float(uint16_t code) {
  const uint32_t sign = static_cast<uint32_t>(code & 0x8000) << 16, exponent = code >> 10 & 31, fraction = code & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000u | fraction << 13);
  if (exponent == 0) {
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
}

}  // namespace hadal::model
