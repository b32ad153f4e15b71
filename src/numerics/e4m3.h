// E4M3 (OCP FN): tables of the 256 codes, shared by every implementation of the contract.
#pragma once

#include <array>
#include <cstdint>

namespace hadal::num {

// A code's value in units of 2^-9: sig * 2^e with sig in 0..15 and e in 0..14 (N1). NaN codes count 0 here; whoever
// sums keeps a separate NaN flag.
constexpr int32_t decode_e4m3(uint8_t code) {
  int exponent = (code >> 3) & 15, fraction = code & 7;
  if (exponent == 15 && fraction == 7) return 0;
  int32_t magnitude = exponent == 0 ? fraction : (8 + fraction) << (exponent - 1);
  return code & 0x80 ? -magnitude : magnitude;
}

constexpr bool is_nan_e4m3(uint8_t code) { return (code & 0x7F) == 0x7F; }

inline constexpr auto kE4m3Fixed = [] {
  std::array<int32_t, 256> table{};
  for (int code = 0; code < 256; ++code) table[code] = decode_e4m3(static_cast<uint8_t>(code));
  return table;
}();

inline constexpr uint8_t kE4m3Nan = 0x7F;
inline constexpr uint8_t kE4m3Max = 0x7E;  // 448

}  // namespace hadal::num
