// The product for every vector width of the host, chosen at run time.
#include "runtime/reference_matmul.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "runtime/reference_matmul.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace hadal::runtime::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

constexpr size_t kRows = 4;

// Four rows (x[0..3], which may repeat) times one panel.
void RowsByPanel(const float* const x[kRows], const float* HWY_RESTRICT panel, size_t depth,
                 float tile[kRows][Panels::kColumns]) {
  const hn::CappedTag<float, Panels::kColumns / 2> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t c = 0; c < Panels::kColumns; c += 2 * lanes) {
    auto a0 = hn::Zero(d), a1 = hn::Zero(d), b0 = hn::Zero(d), b1 = hn::Zero(d);
    auto c0 = hn::Zero(d), c1 = hn::Zero(d), d0 = hn::Zero(d), d1 = hn::Zero(d);
    const float* w = panel + c;
    for (size_t k = 0; k < depth; ++k, w += Panels::kColumns) {
      const auto w0 = hn::LoadU(d, w), w1 = hn::LoadU(d, w + lanes);
      const auto xa = hn::Set(d, x[0][k]), xb = hn::Set(d, x[1][k]), xc = hn::Set(d, x[2][k]), xd = hn::Set(d, x[3][k]);
      // Two roundings, not a fused multiply-add: equal on every host.
      a0 = hn::Add(a0, hn::Mul(xa, w0));
      a1 = hn::Add(a1, hn::Mul(xa, w1));
      b0 = hn::Add(b0, hn::Mul(xb, w0));
      b1 = hn::Add(b1, hn::Mul(xb, w1));
      c0 = hn::Add(c0, hn::Mul(xc, w0));
      c1 = hn::Add(c1, hn::Mul(xc, w1));
      d0 = hn::Add(d0, hn::Mul(xd, w0));
      d1 = hn::Add(d1, hn::Mul(xd, w1));
    }
    hn::StoreU(a0, d, tile[0] + c);
    hn::StoreU(a1, d, tile[0] + c + lanes);
    hn::StoreU(b0, d, tile[1] + c);
    hn::StoreU(b1, d, tile[1] + c + lanes);
    hn::StoreU(c0, d, tile[2] + c);
    hn::StoreU(c1, d, tile[2] + c + lanes);
    hn::StoreU(d0, d, tile[3] + c);
    hn::StoreU(d1, d, tile[3] + c + lanes);
  }
}

void Matmul(const float* x, size_t rows, size_t x_stride, const Panels& b, MatmulLimits limits, float* y,
            size_t y_stride) {
  float tile[kRows][Panels::kColumns];
  for (size_t c = 0; c < limits.columns; c += Panels::kColumns) {
    const float* panel = b.data.data() + c * b.k;
    const size_t columns = std::min(Panels::kColumns, limits.columns - c);
    for (size_t r = 0; r < rows; r += kRows) {
      const float* from[kRows];
      for (size_t i = 0; i < kRows; ++i) from[i] = x + std::min(r + i, rows - 1) * x_stride;
      RowsByPanel(from, panel, limits.depth, tile);
      for (size_t i = 0; i < std::min(kRows, rows - r); ++i) {
        std::memcpy(y + (r + i) * y_stride + c, tile[i], columns * sizeof(float));
      }
    }
  }
}

}  // namespace hadal::runtime::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hadal::runtime {

HWY_EXPORT(Matmul);

void matmul(const float* x, size_t rows, size_t x_stride, const Panels& b, MatmulLimits limits, float* y,
            size_t y_stride) {
  check(limits.columns <= b.n && limits.depth <= b.k, "a product of {} x {} from panels of {} x {}", limits.depth,
        limits.columns, b.k, b.n);
  HWY_DYNAMIC_DISPATCH(Matmul)(x, rows, x_stride, b, limits, y, y_stride);
}

}  // namespace hadal::runtime
#endif
