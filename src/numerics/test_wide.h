// Binary32 by the book for the tests: integers wide enough to be exact, one rounding, no floating-point hardware.
#pragma once

#include <bit>
#include <cstdint>

namespace hadal::num::test {

__extension__ using Wide = unsigned __int128;

// (-1)^negative * magnitude * 2^exponent, plus something too small to matter but not zero when `sticky`.
struct Exact {
  bool negative = false;
  Wide magnitude = 0;
  int exponent = 0;
  bool sticky = false;
};

inline uint32_t round_to_binary32(Exact x) {
  const uint32_t sign = x.negative ? 0x80000000u : 0;
  if (x.magnitude == 0) return sign;
  bool sticky = x.sticky, half = false;
  while (x.magnitude < (Wide{1} << 23) && x.exponent > -149) x.magnitude <<= 1, --x.exponent;
  while (x.magnitude >= (Wide{1} << 24) || x.exponent < -149) {
    sticky = sticky || half;
    half = x.magnitude & 1;
    x.magnitude >>= 1, ++x.exponent;
  }
  if (half && (sticky || (x.magnitude & 1))) ++x.magnitude;
  if (x.magnitude == (Wide{1} << 24)) x.magnitude >>= 1, ++x.exponent;
  const auto mantissa = static_cast<uint32_t>(x.magnitude);
  if (x.exponent + 150 >= 255 && mantissa >= 0x800000) return sign | 0x7F800000u;
  return sign |
         (mantissa < 0x800000 ? mantissa : (static_cast<uint32_t>(x.exponent + 150) << 23 | (mantissa & 0x7FFFFF)));
}

// A finite binary32 number.
inline Exact unpack(float f) {
  const auto bits = std::bit_cast<uint32_t>(f);
  const uint32_t field = bits >> 23 & 255, fraction = bits & 0x7FFFFF;
  return {bits >> 31 != 0, field == 0 ? fraction : fraction | 0x800000u,
          field == 0 ? -149 : static_cast<int>(field) - 150};
}

inline uint32_t multiply(float a, float b) {
  const Exact x = unpack(a), y = unpack(b);
  return round_to_binary32({x.negative != y.negative, x.magnitude * y.magnitude, x.exponent + y.exponent});
}

inline uint32_t add(float a, float b) {
  Exact x = unpack(a), y = unpack(b);
  if (x.magnitude == 0 && y.magnitude == 0) return x.negative && y.negative ? 0x80000000u : 0;
  if (x.magnitude == 0) return std::bit_cast<uint32_t>(b);
  if (y.magnitude == 0) return std::bit_cast<uint32_t>(a);
  if (x.exponent < y.exponent) std::swap(x, y);
  // Beyond 80 places the smaller operand is only a hint of which side the exact sum lies on.
  int shift = x.exponent - y.exponent;
  if (shift > 80) {
    x.magnitude = (x.magnitude << 80) - (x.negative != y.negative ? 1 : 0);
    x.exponent -= 80;
    x.sticky = true;
    return round_to_binary32(x);
  }
  x.magnitude <<= shift;
  x.exponent = y.exponent;
  if (x.negative == y.negative) return round_to_binary32({x.negative, x.magnitude + y.magnitude, x.exponent});
  if (x.magnitude == y.magnitude) return 0;
  const bool larger = x.magnitude > y.magnitude;
  return round_to_binary32(
      {larger ? x.negative : y.negative, larger ? x.magnitude - y.magnitude : y.magnitude - x.magnitude, x.exponent});
}

}  // namespace hadal::num::test
