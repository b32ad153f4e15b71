// Dequantisation of GGUF blocks (ggml's block_q8_0, q4_0, q4_1, q4_K, q6_K; layouts from its published format).
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

// Eight groups of 32 with 6-bit scales and minima packed in 12 bytes: the first four whole in bytes 0..3 and 4..7, the
// last four in the nibbles of bytes 8..11 with their top bits above those of the first.
void q4_k(const std::byte* p, float* out) {
  const float d = half_at(p), dmin = half_at(p + 2);
  const std::byte *s = p + 4, *q = p + 16;
  for (int g = 0; g < 8; ++g) {
    const int scale = g < 4 ? byte_at(s, g) & 63 : (byte_at(s, g + 4) & 15) | byte_at(s, g - 4) >> 6 << 4;
    const int minimum = g < 4 ? byte_at(s, g + 4) & 63 : byte_at(s, g + 4) >> 4 | byte_at(s, g) >> 6 << 4;
    const float step = d * static_cast<float>(scale), offset = dmin * static_cast<float>(minimum);
    for (int i = 0; i < 32; ++i) {
      const int both = byte_at(q, g / 2 * 32 + i);
      out[g * 32 + i] = step * static_cast<float>(g % 2 == 0 ? both & 15 : both >> 4) - offset;
    }
  }
}

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
    case Dtype::kQ4K: return {256, 144};
    case Dtype::kQ6K: return {256, 210};
    case Dtype::kOther: break;
  }
  return {0, 0};
}

void read_block(Dtype dtype, const std::byte* block, float* out) {
  switch (dtype) {
    case Dtype::kQ80: return q8_0(block, out);
    case Dtype::kQ40: return q4_0(block, out);
    case Dtype::kQ41: return q4_1(block, out);
    case Dtype::kQ4K: return q4_k(block, out);
    case Dtype::kQ6K: return q6_k(block, out);
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
