// The special function unit, one value at a time: integer arithmetic on shared tables, so that RTL can repeat it (N10).
#include <bit>
#include <cstdint>

#include "numerics/numerics.h"
#include "numerics/sfu_tables.h"

namespace hadal::num {
namespace {

constexpr uint32_t kInfinity = 0x7F800000u;

// The interpolated mantissa of a 23-bit fraction, 2^23..2^24 inclusive. Right shifts of negative values floor.
uint32_t interpolate(const int32_t* c0, const int32_t* c1, const int32_t* c2, uint32_t fraction) {
  uint32_t segment = fraction >> 16;
  int64_t t = fraction & 0xFFFF, square = ((t >> 4) * (t >> 4)) >> 12;
  int64_t y = c0[segment] + ((c1[segment] * t) >> 15) + ((c2[segment] * square) >> 11);
  return static_cast<uint32_t>((y + 8) >> 4);
}

// mantissa * 2^(exponent - 23) as binary32. The mantissa may be 2^24: the carry walks into the exponent field.
// Results below the normal range are rounded to nearest even from this 24-bit mantissa.
float compose(uint32_t sign, int exponent, uint32_t mantissa) {
  if (exponent > 127) return std::bit_cast<float>(sign | kInfinity);
  if (exponent >= -126) {
    return std::bit_cast<float>(sign | ((static_cast<uint32_t>(exponent + 127) << 23) + (mantissa - 0x800000)));
  }
  int shift = -126 - exponent;
  if (shift > 25) return std::bit_cast<float>(sign);
  uint32_t kept = mantissa >> shift, rest = mantissa & ((1u << shift) - 1), half = 1u << (shift - 1);
  kept += rest > half || (rest == half && (kept & 1));
  return std::bit_cast<float>(sign | kept);
}

// |x| = (1 + fraction * 2^-23) * 2^exponent for a finite non-zero x; subnormals are normalised.
struct Split {
  int exponent;
  uint32_t fraction;
};

Split split(uint32_t magnitude) {
  int field = static_cast<int>(magnitude >> 23);
  if (field != 0) return {field - 127, magnitude & 0x7FFFFF};
  int shift = std::countl_zero(magnitude) - 8;
  return {-126 - shift, (magnitude << shift) & 0x7FFFFF};
}

}  // namespace

float exp2(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x), magnitude = bits & 0x7FFFFFFF;
  if (magnitude > kInfinity) return std::bit_cast<float>(kCanonicalNan);
  if (x >= 128.0f) return std::bit_cast<float>(kInfinity);
  if (x < -149.5f) return 0.0f;
  // Floor to a fixed-point number with 23 fraction bits: the integer part is the exponent, the rest the fraction.
  int shift = static_cast<int>(magnitude >> 23) - 127;  // |x| = significand * 2^(shift - 23); shift <= 7 here
  int64_t significand = magnitude >> 23 == 0 ? 0 : (magnitude & 0x7FFFFF) | 0x800000;
  bool sticky = magnitude != 0 && magnitude >> 23 == 0;
  int64_t fixed = significand;
  if (shift >= 0) {
    fixed <<= shift;
  } else {
    int right = -shift < 25 ? -shift : 25;
    sticky = sticky || (fixed & ((int64_t{1} << right) - 1)) != 0;
    fixed >>= right;
  }
  if (bits >> 31) fixed = -fixed - sticky;
  return compose(0, static_cast<int>(fixed >> 23),
                 interpolate(kSfuExp2C0, kSfuExp2C1, kSfuExp2C2, static_cast<uint32_t>(fixed & 0x7FFFFF)));
}

float rcp(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x), magnitude = bits & 0x7FFFFFFF, sign = bits & 0x80000000;
  if (magnitude > kInfinity) return std::bit_cast<float>(kCanonicalNan);
  if (magnitude == kInfinity) return std::bit_cast<float>(sign);
  if (magnitude == 0) return std::bit_cast<float>(sign | kInfinity);
  Split s = split(magnitude);
  uint32_t mantissa = interpolate(kSfuRcpC0, kSfuRcpC1, kSfuRcpC2, s.fraction);
  // A power of two gives the mantissa 2^24 exactly; name it 2^23 one exponent up, where range checks are plain.
  int carry = mantissa >> 24;
  return compose(sign, -s.exponent - 1 + carry, mantissa >> carry);
}

float rsqrt(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x), magnitude = bits & 0x7FFFFFFF;
  if (magnitude == 0) return std::bit_cast<float>(kInfinity);
  if (magnitude > kInfinity || bits >> 31) return std::bit_cast<float>(kCanonicalNan);
  if (magnitude == kInfinity) return 0.0f;
  Split s = split(magnitude);
  bool odd = s.exponent & 1;
  uint32_t mantissa = odd ? interpolate(kSfuRsqrtOddC0, kSfuRsqrtOddC1, kSfuRsqrtOddC2, s.fraction)
                          : interpolate(kSfuRsqrtEvenC0, kSfuRsqrtEvenC1, kSfuRsqrtEvenC2, s.fraction);
  return compose(0, -((s.exponent - odd) / 2) - 1, mantissa);
}

}  // namespace hadal::num
