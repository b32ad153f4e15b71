// Branchless conversion to E4M3.
#include "kernels/digits.h"

#include <bit>

namespace hadal::kernels {
namespace {

constexpr uint32_t kSign = 0x80000000u;

struct Digit {
  uint32_t code;
  float value;
};

// Codes from 2^-6 on keep three fraction bits; below they count units of 2^-9, which adding 2^14 rounds to.
inline Digit digit(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x), magnitude = bits & ~kSign, sign = bits & kSign;
  const uint32_t rounded = magnitude + 0x7FFFF + (magnitude >> 20 & 1);
  const float shifted = std::bit_cast<float>(magnitude) + 16384.0f;
  const bool small = magnitude < 0x3C800000u;  // 2^-6
  const uint32_t code = small ? std::bit_cast<uint32_t>(shifted) & 15 : (rounded >> 20) - (120u << 3);
  const uint32_t value = small ? std::bit_cast<uint32_t>(shifted - 16384.0f) : rounded & 0xFFF00000u;
  return {code | sign >> 24, std::bit_cast<float>(value | sign)};
}

}  // namespace

float largest(const float* values) {
  uint32_t top = 0;  // magnitudes order as integers, with infinity and NaN on top
  for (int i = 0; i < kDigitGroup; ++i) {
    const uint32_t magnitude = std::bit_cast<uint32_t>(values[i]) & ~kSign;
    top = magnitude > top ? magnitude : top;
  }
  return std::bit_cast<float>(top);
}

void digits_of(const float* values, float inverse, uint8_t* high, uint8_t* low) {
  for (int i = 0; i < kDigitGroup; ++i) {
    const float x = values[i] * inverse;
    const Digit h = digit(x);
    high[i] = static_cast<uint8_t>(h.code);
    low[i] = static_cast<uint8_t>(digit(x - h.value).code);
  }
}

}  // namespace hadal::kernels
