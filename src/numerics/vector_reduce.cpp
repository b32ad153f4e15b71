// VRED on vectors. Sums keep the architectural order of 128 lanes; maxima do not depend on order.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/vector_reduce.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "numerics/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hadal::num::HWY_NAMESPACE {

constexpr int kSumLanes = 128;
constexpr float kInfinity = std::numeric_limits<float>::infinity(), kNan = std::numeric_limits<float>::quiet_NaN();

// Adding the padding's +0 changes nothing: a lane that started at +0 is never -0.
HWY_INLINE void add_to_lanes(float* lane, const float* x) {
  for (int i = 0; i < kSumLanes; i += lanes()) {
    hn::Store(hn::Add(hn::Load(F32(), lane + i), hn::LoadU(F32(), x + i)), F32(), lane + i);
  }
}

HWY_INLINE float combine_lanes(float* lane) {
  int stride = kSumLanes / 2;
  for (; stride >= lanes(); stride /= 2) {
    for (int i = 0; i < stride; i += lanes()) {
      hn::Store(hn::Add(hn::Load(F32(), lane + i), hn::Load(F32(), lane + i + stride)), F32(), lane + i);
    }
  }
  for (; stride > 0; stride /= 2) {
    for (int i = 0; i < stride; ++i) lane[i] = lane[i] + lane[i + stride];
  }
  return lane[0];
}

// Calls f(pointer to `step` elements, first column) over a row, the last ones padded.
template <class F>
HWY_INLINE void for_blocks(const Tile& a, int row, int cols, int step, float padding, F f) {
  HWY_ALIGN float buffer[kSumLanes];
  for (int c = 0; c < cols; c += step) {
    const int n = cols - c < step ? cols - c : step;
    const float* x = load_row(a.type, element(a, row, c), n, buffer);
    if (n < step) {
      if (x != buffer) std::memcpy(buffer, x, static_cast<size_t>(n) * sizeof(float));
      for (int i = n; i < step; ++i) buffer[i] = padding;
      x = buffer;
    }
    if (!f(x, c)) return;
  }
}

float sum_row(const Tile& a, int row, int cols) {
  HWY_ALIGN float lane[kSumLanes] = {};
  for_blocks(a, row, cols, kSumLanes, 0.0f, [&](const float* x, int) HWY_ATTR {
    add_to_lanes(lane, x);
    return true;
  });
  return combine_lanes(lane);
}

// The maximum of the row, or of its absolute values; NaN when there is one.
float max_row(const Tile& a, int row, int cols, bool absolute) {
  const float floor = absolute ? 0.0f : -kInfinity;
  VF best = hn::Set(F32(), floor);
  auto nan = hn::Zero(F32());
  const VF keep = hn::BitCast(F32(), hn::Set(U32(), absolute ? 0x7FFFFFFFu : 0xFFFFFFFFu));
  for_blocks(a, row, cols, kSumLanes, floor, [&](const float* x, int) HWY_ATTR {
    for (int i = 0; i < kSumLanes; i += lanes()) {
      VF v = hn::And(hn::LoadU(F32(), x + i), keep);
      nan = hn::Or(nan, hn::VecFromMask(F32(), hn::IsNaN(v)));
      best = hn::IfThenElse(hn::Eq(best, v), hn::And(best, v), hn::IfThenElse(hn::Gt(v, best), v, best));
    }
    return true;
  });
  HWY_ALIGN float values[kMaxLanes];
  if (!hn::AllFalse(F32(), hn::MaskFromVec(nan))) return kNan;
  hn::Store(best, F32(), values);
  float result = values[0];
  for (int i = 1; i < lanes(); ++i) {
    if (values[i] > result || (values[i] == result && std::signbit(result))) result = values[i];
  }
  return result;
}

// The first NaN, or else the first element equal to the maximum.
float argmax_row(const Tile& a, int row, int cols) {
  const float largest = max_row(a, row, cols, false);
  const bool nan = std::isnan(largest);
  const VF wanted = hn::Set(F32(), largest);
  int found = 0;
  for_blocks(a, row, cols, kSumLanes, -kInfinity, [&](const float* x, int c) HWY_ATTR {
    for (int i = 0; i < kSumLanes; i += lanes()) {
      VF v = hn::LoadU(F32(), x + i);
      auto at = hn::FindFirstTrue(F32(), nan ? hn::IsNaN(v) : hn::Eq(v, wanted));
      if (at >= 0) {
        found = c + i + static_cast<int>(at);
        return false;
      }
    }
    return true;
  });
  return static_cast<float>(found);
}

void reduce(RedOp f, Tile d, Tile a, int rows, int cols) {
  for (int r = 0; r < rows; ++r) {
    float result = f == RedOp::kSum      ? sum_row(a, r, cols)
                   : f == RedOp::kArgmax ? argmax_row(a, r, cols)
                                         : max_row(a, r, cols, f == RedOp::kAmax);
    store_at(d, r, 0, result);
  }
}

}  // namespace hadal::num::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hadal::num {
HWY_EXPORT(reduce);
void reduce(RedOp f, Tile d, Tile a, int rows, int cols) { HWY_DYNAMIC_DISPATCH(reduce)(f, d, a, rows, cols); }
}  // namespace hadal::num
#endif
