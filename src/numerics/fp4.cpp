// Expansion of MX FP4 weight panels to E4M3 with one scale a column (LDX, N11).
#include <algorithm>
#include <array>
#include <cmath>

#include "numerics/e4m3.h"
#include "numerics/numerics.h"

namespace hadal::num {
namespace {

constexpr int kColumns = 16, kGroups = 4, kGroupBytes = 512;  // 32 k of a panel: 8 lines
constexpr int kHeadroom = 6;                                  // 6 * 2^6 = 384 is the largest power that stays below 448
constexpr int kMaxSpread = 14;                                // 2^-8 of E2M1's 0.5 is E4M3's smallest step
constexpr uint8_t kScaleNan = 0xFF;

// kCodes[d][nibble]: the E4M3 code of E2M1 x 2^(6 - d), for a scale d below the column's largest.
const std::array<std::array<uint8_t, 16>, kMaxSpread + 1> kCodes = [] {
  constexpr float kE2m1[8] = {0.0f, 0.5f, 1.0f, 1.5f, 2.0f, 3.0f, 4.0f, 6.0f};
  std::array<std::array<uint8_t, 16>, kMaxSpread + 1> table{};
  for (int below = 0; below <= kMaxSpread; ++below) {
    for (int nibble = 0; nibble < 16; ++nibble) {
      float magnitude = std::ldexp(kE2m1[nibble & 7], kHeadroom - below);
      table[below][nibble] = e4m3_from_float(nibble & 8 ? -magnitude : magnitude);
    }
  }
  return table;
}();

}  // namespace

bool expand_fp4_panel(const uint8_t* source, uint8_t* panel, float* scales) {
  const uint8_t* exponents = source + 1024;  // [column][group]
  const uint8_t* codes[kGroups][kColumns];
  for (int c = 0; c < kColumns; ++c) {
    int largest = 0;
    for (int g = 0; g < kGroups; ++g) {
      if (exponents[c * kGroups + g] == kScaleNan) return false;
      largest = std::max<int>(largest, exponents[c * kGroups + g]);
    }
    for (int g = 0; g < kGroups; ++g) {
      int below = largest - exponents[c * kGroups + g];
      if (below > kMaxSpread) return false;
      codes[g][c] = kCodes[below].data();
    }
    scales[c] = std::ldexp(1.0f, largest - kHeadroom - 127);
  }
  for (int g = 0; g < kGroups; ++g) {
    for (int i = 0; i < kGroupBytes / 2; ++i) {
      uint8_t pair = source[g * (kGroupBytes / 2) + i];
      const uint8_t* code = codes[g][i / 2 % kColumns];
      panel[g * kGroupBytes + 2 * i] = code[pair & 15];
      panel[g * kGroupBytes + 2 * i + 1] = code[pair >> 4];
    }
  }
  return true;
}

}  // namespace hadal::num
