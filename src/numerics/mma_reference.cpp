// The plain definition of MMA (N2-N6): one output element at a time, one product at a time, in exact integers.
#include <bit>

#include "numerics/e4m3.h"
#include "numerics/numerics.h"

namespace hadal::num::reference {
namespace {

struct Digits {
  int32_t value = 0;  // the sum of the digits, in units of 2^-9
  bool nan = false;
};

Digits read(const uint8_t* high, const uint8_t* low, size_t at) {
  Digits d{e4m3_to_fixed(high[at]), is_nan_e4m3(high[at])};
  if (low != nullptr) {
    d.value += e4m3_to_fixed(low[at]);
    d.nan = d.nan || is_nan_e4m3(low[at]);
  }
  return d;
}

size_t offset_of_b(const Mma& op, size_t k, size_t c) {
  size_t block = k / 128 * op.b_block, in_block = k % 128;
  switch (op.layout) {
    case BLayout::kBlocked: return block + c / 16 * op.b_n + in_block / 4 * 64 + c % 16 * 4 + k % 4;
    case BLayout::kRows: return block + c * op.b_n + in_block;
    case BLayout::kTransposed: return block + in_block * op.b_n + c;
  }
  return 0;
}

}  // namespace

void mma(const Mma& op) {
  for (int r = 0; r < op.m; ++r) {
    for (int c = 0; c < op.n; ++c) {
      float& acc = op.acc[r * op.acc_row + c];
      for (int g = 0; g < op.groups; ++g) {
        int64_t sum = 0;
        bool nan = false;
        for (int i = 0; i < op.group; ++i) {
          size_t k = static_cast<size_t>(g) * op.group + i;
          Digits a = read(op.a, op.a_low, k / 128 * op.a_block + r * op.a_row + k % 128);
          Digits b = read(op.b, op.b_low, offset_of_b(op, k, c));
          sum += int64_t{a.value} * b.value;
          nan = nan || a.nan || b.nan;
        }
        float f = nan ? std::bit_cast<float>(kCanonicalNan) : fixed_to_float(sum);
        float s = op.sa[g * op.sa_group + r] * op.sb[(c >> op.sb_shift) * op.sb_n + g * op.sb_group];
        float product = f * s;
        float old = acc;
        if (g == 0 && op.clear) old = 0.0f;
        if (g == 0 && op.rescale) old = old * op.alpha[r];
        acc = canonical(old + product);
      }
    }
  }
}

}  // namespace hadal::num::reference
