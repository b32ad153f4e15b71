// Rows of FP32 or BF16 elements as binary32, and loops over them, for the Highway target being compiled.
#if defined(HADAL_NUMERICS_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef HADAL_NUMERICS_ROWS_INL_H_
#undef HADAL_NUMERICS_ROWS_INL_H_
#else
#define HADAL_NUMERICS_ROWS_INL_H_
#endif

#include <hwy/highway.h>

#include "numerics/numerics.h"
#include "numerics/tile.h"

HWY_BEFORE_NAMESPACE();
namespace hadal::num::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F32 = hn::CappedTag<float, 16>;
using I32 = hn::Rebind<int32_t, F32>;
using U32 = hn::Rebind<uint32_t, F32>;
using VF = hn::Vec<F32>;
using VI = hn::Vec<I32>;

constexpr int kChunk = 512;  // elements converted at a time
constexpr int kMaxLanes = 16;

HWY_INLINE int lanes() { return static_cast<int>(hn::Lanes(F32())); }
HWY_INLINE VF quiet_nan() { return hn::BitCast(F32(), hn::Set(U32(), kCanonicalNan)); }
HWY_INLINE VF canonical(VF x) { return hn::IfThenElse(hn::IsNaN(x), quiet_nan(), x); }

// The values of E4M3 codes that are not NaN: their fields moved to binary32's and rebased. Codes without an exponent
// come out as 2^-7 (1 + M/8) instead of 2^-6 M/8. (Multiplying binary32 subnormals would need no case, but is slow.)
template <class D, class V = hn::Vec<D>>
HWY_INLINE V e4m3_values(D f32, hn::Vec<hn::Rebind<uint32_t, D>> code) {
  const hn::Rebind<uint32_t, D> u32;
  const auto fields = hn::ShiftLeft<20>(hn::And(code, hn::Set(u32, 0x7Fu)));
  const auto sign = hn::ShiftLeft<24>(hn::And(code, hn::Set(u32, 0x80u)));
  const V rebased = hn::BitCast(f32, hn::Add(fields, hn::Set(u32, 120u << 23)));
  const V small = hn::Sub(hn::Add(rebased, rebased), hn::Set(f32, 0x1p-6f));
  const V magnitude = hn::IfThenElse(hn::Lt(rebased, hn::Set(f32, 0x1p-6f)), small, rebased);
  return hn::Or(magnitude, hn::BitCast(f32, sign));
}

// Elements of a row as binary32: in place, or converted into `buffer`.
HWY_INLINE const float* load_row(Type type, const std::byte* from, int n, float* buffer) {
  if (type == Type::kF32) return reinterpret_cast<const float*>(from);
  const hn::Rebind<uint16_t, F32> u16;
  const auto* codes = reinterpret_cast<const uint16_t*>(from);
  int i = 0;
  for (; i + lanes() <= n; i += lanes()) {
    auto bits = hn::ShiftLeft<16>(hn::PromoteTo(U32(), hn::LoadU(u16, codes + i)));
    hn::StoreU(hn::BitCast(F32(), bits), F32(), buffer + i);
  }
  for (; i < n; ++i) buffer[i] = bf16_to_float(codes[i]);
  return buffer;
}

// Where the results of a row go: in place, or a buffer that store_row() converts. Their NaNs must be canonical already.
HWY_INLINE float* result_row(Type type, std::byte* to, float* buffer) {
  return type == Type::kF32 ? reinterpret_cast<float*>(to) : buffer;
}

HWY_INLINE void store_row(Type type, std::byte* to, int n, const float* results) {
  if (type == Type::kF32) return;
  const hn::Rebind<uint16_t, F32> u16;
  auto* codes = reinterpret_cast<uint16_t*>(to);
  int i = 0;
  for (; i + lanes() <= n; i += lanes()) {
    VF x = hn::LoadU(F32(), results + i);
    auto bits = hn::BitCast(U32(), x);
    auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(U32(), 1u));
    auto rounded = hn::ShiftRight<16>(hn::Add(bits, hn::Add(odd, hn::Set(U32(), 0x7FFFu))));
    hn::StoreU(hn::DemoteTo(u16, hn::BitCast(I32(), rounded)), u16, codes + i);
  }
  for (; i < n; ++i) codes[i] = bf16_from_float(results[i]);
}

// d[i] = f(a[i], b[i], d[i]); b is one value for all when `one_b`; d is read only when kReadD.
template <bool kReadD, class F>
HWY_INLINE void map_row(const float* a, const float* b, bool one_b, float* d, int n, F f) {
  const F32 tag;
  const VF zero = hn::Zero(tag), same = one_b ? hn::Set(tag, *b) : zero;
  int i = 0;
  for (; i + lanes() <= n; i += lanes()) {
    VF y = one_b ? same : hn::LoadU(tag, b + i);
    hn::StoreU(f(hn::LoadU(tag, a + i), y, kReadD ? hn::LoadU(tag, d + i) : zero), tag, d + i);
  }
  if (i == n) return;
  HWY_ALIGN float rest[3][kMaxLanes] = {};
  for (int j = i; j < n; ++j) {
    rest[0][j - i] = a[j];
    if (!one_b) rest[1][j - i] = b[j];
    if (kReadD) rest[2][j - i] = d[j];
  }
  VF y = one_b ? same : hn::Load(tag, rest[1]);
  hn::Store(f(hn::Load(tag, rest[0]), y, hn::Load(tag, rest[2])), tag, rest[2]);
  for (int j = i; j < n; ++j) d[j] = rest[2][j - i];
}

}  // namespace hadal::num::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
