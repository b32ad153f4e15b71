// MMA in binary64 on whatever vectors the machine has: every product and every partial sum of a group is a multiple of
// 2^-18 below 2^27, so binary64 holds it exactly in any order and fused or not.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/mma_portable.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <bit>
#include <cstring>

#include "numerics/e4m3.h"
#include "numerics/mma_engine.h"
#include "numerics/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hadal::num::HWY_NAMESPACE {

constexpr int kColumns = 16, kMaxGroup = 128, kRowBlock = 4, kRowChunk = 64;
using DoubleTag = hn::CappedTag<double, 8>;
using FloatTag = hn::Rebind<float, DoubleTag>;
using WordTag = hn::Rebind<uint32_t, DoubleTag>;

// One line of codes (16 columns x 4 k) to binary64. NaN codes give some number here and are handled apart.
template <bool kAdd>
HWY_INLINE void decode_line(const uint8_t* line, double* to) {
  const DoubleTag d64;
  const FloatTag f32;
  const WordTag u32;
  for (int c = 0; c < kColumns; c += static_cast<int>(hn::Lanes(d64))) {
    auto word = hn::LoadU(u32, reinterpret_cast<const uint32_t*>(line + c * 4));
    for (int k = 0; k < 4; ++k) {
      auto wide = hn::PromoteTo(d64, e4m3_values(f32, word));
      if (kAdd) wide = hn::Add(wide, hn::Load(d64, to + k * kColumns + c));
      hn::Store(wide, d64, to + k * kColumns + c);
      word = hn::ShiftRight<8>(word);
    }
  }
}

// Bit c: column c of the panel has a NaN code.
HWY_INLINE uint32_t nan_columns(const uint8_t* lines, int bytes) {
  const hn::CappedTag<uint8_t, 64> u8;
  const auto low7 = hn::Set(u8, 0x7F);
  auto largest = hn::Zero(u8);
  for (int i = 0; i < bytes; i += static_cast<int>(hn::Lanes(u8))) {
    largest = hn::Max(largest, hn::And(hn::LoadU(u8, lines + i), low7));
  }
  if (hn::AllFalse(u8, hn::Eq(largest, low7))) return 0;
  uint32_t columns = 0;
  for (int i = 0; i < bytes; ++i) columns |= uint32_t{is_nan_e4m3(lines[i])} << (i % 64 / 4);
  return columns;
}

const uint8_t* panel_lines(const Mma& op, const uint8_t* digits, int g, int panel, uint8_t* packed) {
  const uint8_t* from = digits + b_offset(op, g, panel);
  if (op.layout == BLayout::kBlocked) return from;
  for (int k = 0; k < op.group; ++k) {
    for (int c = 0; c < kColumns; ++c) {
      size_t at =
          op.layout == BLayout::kRows ? static_cast<size_t>(c) * op.b_n + k : static_cast<size_t>(k) * op.b_n + c;
      packed[k / 4 * 64 + c * 4 + k % 4] = from[at];
    }
  }
  return packed;
}

struct Panel {
  alignas(64) double b[kMaxGroup][kColumns];
  alignas(64) float scales[kColumns];
  uint32_t nan = 0;
};

void prepare_panel(const Mma& op, int g, int panel, Panel& out) {
  alignas(64) uint8_t packed[kMaxGroup * kColumns];
  const uint8_t* lines = panel_lines(op, op.b, g, panel, packed);
  const int bytes = op.group * kColumns;
  out.nan = nan_columns(lines, bytes);
  for (int k = 0; k < op.group; k += 4) decode_line<false>(lines + k * kColumns, out.b[k]);
  if (op.b_low != nullptr) {
    lines = panel_lines(op, op.b_low, g, panel, packed);
    out.nan |= nan_columns(lines, bytes);
    for (int k = 0; k < op.group; k += 4) decode_line<true>(lines + k * kColumns, out.b[k]);
  }
  for (int c = 0; c < kColumns; ++c) out.scales[c] = b_scale(op, g, panel * kColumns + c);
}

// The row as binary64; true when it holds a NaN.
bool prepare_row(const Mma& op, int g, int row, double* to) {
  size_t at = a_offset(op, g, row);
  bool nan = false;
  for (int k = 0; k < op.group; ++k) {
    uint8_t h = op.a[at + k], l = op.a_low != nullptr ? op.a_low[at + k] : 0;
    nan = nan || is_nan_e4m3(h) || is_nan_e4m3(l);
    to[k] = (kE4m3Fixed[h] + kE4m3Fixed[l]) * 0x1p-9;
  }
  return nan;
}

// N3-N6 on the sums of one row and panel.
HWY_INLINE void fix_up(const Mma& op, int g, int row, int panel, const double* sums, uint32_t nan, const Panel& b) {
  const DoubleTag d64;
  const FloatTag f32;
  const auto quiet = hn::BitCast(f32, hn::Set(WordTag(), kCanonicalNan));
  const auto sa = hn::Set(f32, op.sa[static_cast<size_t>(g) * op.sa_group + static_cast<size_t>(row)]);
  float* acc = op.acc + static_cast<size_t>(row) * op.acc_row + static_cast<size_t>(panel) * kColumns;
  alignas(64) float f[kColumns];
  for (int c = 0; c < kColumns; c += static_cast<int>(hn::Lanes(d64))) {
    hn::Store(hn::DemoteTo(f32, hn::Load(d64, sums + c)), f32, f + c);
  }
  for (int c = 0; nan != 0 && c < kColumns; ++c) {
    if (nan >> c & 1) f[c] = std::bit_cast<float>(kCanonicalNan);
  }
  for (int c = 0; c < kColumns; c += static_cast<int>(hn::Lanes(f32))) {
    auto s = hn::Mul(sa, hn::Load(f32, b.scales + c));
    auto old = g == 0 && op.clear ? hn::Zero(f32) : hn::LoadU(f32, acc + c);
    if (g == 0 && op.rescale) old = hn::Mul(old, hn::Set(f32, op.alpha[row]));
    auto sum = hn::Add(old, hn::Mul(hn::Load(f32, f + c), s));
    hn::StoreU(hn::IfThenElse(hn::IsNaN(sum), quiet, sum), f32, acc + c);
  }
}

template <int kRows>
HWY_INLINE void multiply(const Mma& op, int g, int row, int panel, const double (*a)[kMaxGroup], const bool* row_nan,
                         const Panel& b) {
  const DoubleTag d64;
  const int lanes = static_cast<int>(hn::Lanes(d64));
  alignas(64) double sums[kRows][kColumns];
  for (int c = 0; c < kColumns; c += 2 * lanes) {
    // Two vectors times four rows keep both multipliers busy; on the narrowest targets c steps over two elements.
    auto s00 = hn::Zero(d64), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
    for (int k = 0; k < op.group; ++k) {
      auto b0 = hn::Load(d64, b.b[k] + c), b1 = hn::Load(d64, b.b[k] + c + lanes);
      auto x = hn::Set(d64, a[0][k]);
      s00 = hn::MulAdd(x, b0, s00);
      s01 = hn::MulAdd(x, b1, s01);
      if (kRows > 1) {
        x = hn::Set(d64, a[1][k]);
        s10 = hn::MulAdd(x, b0, s10);
        s11 = hn::MulAdd(x, b1, s11);
        x = hn::Set(d64, a[2][k]);
        s20 = hn::MulAdd(x, b0, s20);
        s21 = hn::MulAdd(x, b1, s21);
        x = hn::Set(d64, a[3][k]);
        s30 = hn::MulAdd(x, b0, s30);
        s31 = hn::MulAdd(x, b1, s31);
      }
    }
    hn::Store(s00, d64, sums[0] + c);
    hn::Store(s01, d64, sums[0] + c + lanes);
    if (kRows > 1) {
      hn::Store(s10, d64, sums[1] + c);
      hn::Store(s11, d64, sums[1] + c + lanes);
      hn::Store(s20, d64, sums[2] + c);
      hn::Store(s21, d64, sums[2] + c + lanes);
      hn::Store(s30, d64, sums[3] + c);
      hn::Store(s31, d64, sums[3] + c + lanes);
    }
  }
  for (int r = 0; r < kRows; ++r) fix_up(op, g, row + r, panel, sums[r], row_nan[r] ? 0xFFFF : b.nan, b);
}

void mma(const Mma& op) {
  alignas(64) double a[kRowChunk][kMaxGroup];
  bool row_nan[kRowChunk];
  Panel b;
  for (int first = 0; first < op.m; first += kRowChunk) {
    const int rows = op.m - first < kRowChunk ? op.m - first : kRowChunk;
    for (int g = 0; g < op.groups; ++g) {
      for (int r = 0; r < rows; ++r) row_nan[r] = prepare_row(op, g, first + r, a[r]);
      for (int panel = 0; panel < op.n / kColumns; ++panel) {
        prepare_panel(op, g, panel, b);
        int r = 0;
        for (; r + kRowBlock <= rows; r += kRowBlock)
          multiply<kRowBlock>(op, g, first + r, panel, a + r, row_nan + r, b);
        for (; r < rows; ++r) multiply<1>(op, g, first + r, panel, a + r, row_nan + r, b);
      }
    }
  }
}

}  // namespace hadal::num::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hadal::num {
HWY_EXPORT(mma);
void mma_portable(const Mma& op) { HWY_DYNAMIC_DISPATCH(mma)(op); }
}  // namespace hadal::num
#endif
