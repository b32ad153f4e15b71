// The plain definition of VQNT and of VCVT.Q2F (N8): a group at a time.
#include <bit>
#include <cmath>

#include "numerics/e4m3.h"
#include "numerics/numerics.h"
#include "numerics/tile.h"

namespace hadal::num::reference {
namespace {

// An exact value to binary32 for the conversion to E4M3: what binary32 would round away below 2^-126 keeps its sign and
// stays different from zero, and that is all E4M3 sees of it.
float narrow(double exact) {
  if (exact != 0 && std::fabs(exact) < 0x1p-126) return static_cast<float>(std::copysign(0x1p-126, exact));
  return static_cast<float>(exact);
}

uint8_t* digit(const QuantTile& q, int row, int col) {
  return q.base + static_cast<size_t>(col / 128) * q.block_bytes + static_cast<size_t>(row) * q.row_bytes + col % 128;
}

float* scale(const QuantTile& q, int row, int group) {
  return q.scale + static_cast<size_t>(row) * q.scale_row + static_cast<size_t>(group) * q.scale_group;
}

}  // namespace

void quantise(QuantTile d, Tile a, int rows, int cols, int digits, int group, int emin) {
  for (int r = 0; r < rows; ++r) {
    for (int g = 0; g * group < cols; ++g) {
      float amax = 0.0f;
      for (int c = g * group; c < (g + 1) * group && c < cols; ++c) {
        float x = std::fabs(load_at(a, r, c));
        if (x > amax) amax = x;  // false for NaN
      }
      int e = quantise_exponent(amax, emin);
      for (int c = g * group; c < (g + 1) * group; ++c) {
        double x = c < cols ? std::ldexp(static_cast<double>(load_at(a, r, c)), -e) : 0.0;
        uint8_t h = e4m3_from_float(narrow(x));
        *digit(d, r, c) = h;
        if (digits == 2)
          digit(d, r, c)[d.low_offset] = std::isnan(x) ? 0 : e4m3_from_float(narrow(x - e4m3_to_float(h)));
      }
      *scale(d, r, g) = std::ldexp(1.0f, e);
    }
  }
}

void dequantise(Tile d, QuantTile a, int rows, int cols, int group) {
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < cols; ++c) store_at(d, r, c, e4m3_to_float(*digit(a, r, c)) * *scale(a, r, c / group));
  }
}

}  // namespace hadal::num::reference
