// Conversions between the number formats, one value at a time (N1, N3, N7, N8).
#include <bit>
#include <cmath>
#include <limits>

#include "numerics/e4m3.h"
#include "numerics/numerics.h"

namespace hadal::num {
namespace {

constexpr uint32_t kSign = 0x80000000u, kInfinity = 0x7F800000u;

// value / 2^shift, rounded to nearest, ties to even.
uint32_t shift_right_rne(uint32_t value, int shift) {
  if (shift > 31) return 0;
  uint32_t half = (1u << shift) >> 1, rest = value & ((1u << shift) - 1), kept = value >> shift;
  return kept + (shift > 0 && (rest > half || (rest == half && (kept & 1))));
}

}  // namespace

float canonical(float x) { return std::isnan(x) ? std::bit_cast<float>(kCanonicalNan) : x; }

int32_t e4m3_to_fixed(uint8_t code) { return kE4m3Fixed[code]; }

float e4m3_to_float(uint8_t code) {
  if (is_nan_e4m3(code)) return std::bit_cast<float>(kCanonicalNan);
  float magnitude = static_cast<float>(kE4m3Fixed[code & 0x7F]) * 0x1p-9f;
  return code & 0x80 ? -magnitude : magnitude;
}

uint8_t e4m3_from_float(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x), magnitude = bits & ~kSign;
  if (magnitude > kInfinity) return kE4m3Nan;
  uint32_t sign = bits >> 31 << 7;
  if (magnitude >= std::bit_cast<uint32_t>(448.0f)) return static_cast<uint8_t>(sign | kE4m3Max);
  int exponent = static_cast<int>(magnitude >> 23) - 127;
  uint32_t code;
  if (exponent >= -6) {
    // Three fraction bits stay; a carry moves into the exponent field as it should.
    code = shift_right_rne(magnitude, 20) - (120u << 3);
  } else {
    // Below 2^-6 codes count units of 2^-9. A binary32 subnormal is far below half a unit.
    uint32_t significand = (magnitude & 0x7FFFFF) | 0x800000;
    code = exponent < -126 ? 0 : shift_right_rne(significand, 14 - exponent);
  }
  return static_cast<uint8_t>(sign | code);
}

float bf16_to_float(uint16_t code) { return std::bit_cast<float>(static_cast<uint32_t>(code) << 16); }

uint16_t bf16_from_float(float x) {
  if (std::isnan(x)) return kCanonicalNan >> 16;
  return static_cast<uint16_t>(shift_right_rne(std::bit_cast<uint32_t>(x), 16));
}

float fixed_to_float(int64_t sum) {
  // int64 -> binary32 rounds once, to nearest even; the power of two is exact.
  return static_cast<float>(sum) * 0x1p-18f;
}

int quantise_exponent(float amax, int emin) {
  uint32_t bits = std::bit_cast<uint32_t>(amax) & ~kSign;
  int exponent = static_cast<int>(bits >> 23) - 127 - 8 + ((bits & 0x7FFFFF) > 0x600000);
  int floor = emin < -126 ? -126 : emin;
  return exponent < floor ? floor : exponent;
}

}  // namespace hadal::num
