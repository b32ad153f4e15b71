// VQNT and VCVT.Q2F on whatever vectors the machine has.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/quantise.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "numerics/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hadal::num::HWY_NAMESPACE {

constexpr int kMaxGroup = 128;
using U8 = hn::Rebind<uint8_t, F32>;

// RNE to E4M3, saturating; NaN to 0x7F. One code a lane.
HWY_INLINE VI to_e4m3(VF x) {
  const I32 tag;
  VF absolute = hn::Abs(x);
  VI bits = hn::BitCast(tag, absolute);
  VI odd = hn::And(hn::ShiftRight<20>(bits), hn::Set(tag, 1));
  VI normal = hn::Sub(hn::ShiftRight<20>(hn::Add(bits, hn::Add(odd, hn::Set(tag, 0x7FFFF)))), hn::Set(tag, 120 << 3));
  // Below 2^-6 codes count units of 2^-9, which is the last place of 2^14: adding it rounds.
  const VF magic = hn::Set(F32(), 0x1p14f);
  VI small = hn::Sub(hn::BitCast(tag, hn::Add(absolute, magic)), hn::BitCast(tag, magic));
  VI code = hn::IfThenElse(hn::Lt(bits, hn::Set(tag, 0x3C800000)), small, hn::Min(normal, hn::Set(tag, 0x7E)));
  VI sign = hn::BitCast(tag, hn::ShiftLeft<7>(hn::ShiftRight<31>(hn::BitCast(U32(), x))));
  return hn::IfThenElse(hn::RebindMask(tag, hn::IsNaN(x)), hn::Set(tag, 0x7F), hn::Or(code, sign));
}

// A code of a magnitude, and its value, which rounding has at hand.
struct Rounded {
  VI code;
  VF value;
};

HWY_INLINE Rounded round_magnitude(VF absolute) {
  const I32 tag;
  const VF magic = hn::Set(F32(), 0x1p14f);
  const VI bits = hn::BitCast(tag, absolute);
  const VI odd = hn::And(hn::ShiftRight<20>(bits), hn::Set(tag, 1));
  const VI sum = hn::Add(bits, hn::Add(odd, hn::Set(tag, 0x7FFFF)));
  const VF counted = hn::Add(absolute, magic);
  const auto small = hn::Lt(absolute, hn::Set(F32(), 0x1p-6f));
  const VI normal = hn::Sub(hn::ShiftRight<20>(sum), hn::Set(tag, 120 << 3));
  return {
      hn::IfThenElse(hn::RebindMask(tag, small), hn::Sub(hn::BitCast(tag, counted), hn::BitCast(tag, magic)), normal),
      hn::IfThenElse(small, hn::Sub(counted, magic), hn::BitCast(F32(), hn::And(sum, hn::Set(tag, ~0xFFFFF))))};
}

// Rounds x and stores its code; gives the value that was stored.
HWY_INLINE VF store_digit(VF x, uint8_t* to) {
  const I32 tag;
  const Rounded r = round_magnitude(hn::Abs(x));
  const VI sign = hn::BitCast(tag, hn::ShiftLeft<7>(hn::ShiftRight<31>(hn::BitCast(U32(), x))));
  hn::StoreU(hn::DemoteTo(U8(), hn::Or(r.code, sign)), U8(), to);
  return hn::CopySign(r.value, x);
}

// Where all elements are finite and the scale is at least 1: nothing saturates and nothing underflows.
HWY_INLINE void quantise_ordinary(const float* from, VF scale, int n, int digits, uint8_t* high, size_t low_offset) {
  for (int i = 0; i < n; i += lanes()) {
    const VF v = hn::Mul(hn::LoadU(F32(), from + i), scale);
    const VF stored = store_digit(v, high + i);
    if (digits == 2) store_digit(hn::Sub(v, stored), high + low_offset + i);
  }
}

// The bits of the largest magnitude; beyond those of infinity if there is a NaN.
HWY_INLINE uint32_t largest_bits(const float* x, int n) {
  const U32 tag;
  hn::Vec<U32> best = hn::Zero(tag);
  for (int i = 0; i < n; i += lanes()) best = hn::Max(best, hn::BitCast(tag, hn::Abs(hn::LoadU(F32(), x + i))));
  return hn::GetLane(hn::MaxOfLanes(tag, best));
}

// NaN left out.
HWY_INLINE float largest(const float* x, int n) {
  VF best = hn::Zero(F32());
  for (int i = 0; i < n; i += lanes()) {
    VF v = hn::Abs(hn::LoadU(F32(), x + i));
    best = hn::IfThenElse(hn::Gt(v, best), v, best);  // false for NaN
  }
  return hn::GetLane(hn::MaxOfLanes(F32(), best));
}

// 2^e of a normal number; quantise_exponent() gives -126 to 120.
float power_of_two(int e) { return std::bit_cast<float>(static_cast<uint32_t>(e + 127) << 23); }

void quantise(QuantTile d, Tile a, int rows, int cols, int digits, int group, int emin) {
  HWY_ALIGN float x[kMaxGroup];
  for (int r = 0; r < rows; ++r) {
    for (int g = 0; g * group < cols; ++g) {
      const int c = g * group, n = cols - c < group ? cols - c : group;
      const float* from = load_row(a.type, element(a, r, c), n, x);
      if (n < group) {
        if (from != x) std::memcpy(x, from, static_cast<size_t>(n) * sizeof(float));
        std::fill(x + n, x + group, 0.0f);
        from = x;
      }
      const uint32_t bits = largest_bits(from, group);
      const bool finite = bits < 0x7F800000;
      const int e = quantise_exponent(finite ? std::bit_cast<float>(bits) : largest(from, group), emin);
      const VF scale = hn::Set(F32(), power_of_two(-e));
      uint8_t* high =
          d.base + static_cast<size_t>(c / 128) * d.block_bytes + static_cast<size_t>(r) * d.row_bytes + c % 128;
      d.scale[static_cast<size_t>(r) * d.scale_row + static_cast<size_t>(g) * d.scale_group] = power_of_two(e);
      if (finite && e <= 0) {
        quantise_ordinary(from, scale, group, digits, high, d.low_offset);
        continue;
      }
      for (int i = 0; i < group; i += lanes()) {
        const VF raw = hn::LoadU(F32(), from + i), zero = hn::Zero(F32());
        VF v = hn::Mul(raw, scale);
        // A product that underflows is tiny, not zero: the second digit keeps its sign.
        v = hn::IfThenElse(hn::AndNot(hn::Eq(raw, zero), hn::Eq(v, zero)), hn::CopySign(hn::Set(F32(), 0x1p-126f), raw),
                           v);
        VI h = to_e4m3(v);
        hn::StoreU(hn::DemoteTo(U8(), h), U8(), high + i);
        if (digits == 2) {
          VF rest = hn::IfThenZeroElse(hn::IsNaN(v), hn::Sub(v, e4m3_values(F32(), hn::BitCast(U32(), h))));
          hn::StoreU(hn::DemoteTo(U8(), to_e4m3(rest)), U8(), high + d.low_offset + i);
        }
      }
    }
  }
}

void dequantise(Tile d, QuantTile a, int rows, int cols, int group) {
  HWY_ALIGN float buffer[kMaxGroup];
  HWY_ALIGN uint8_t codes[kMaxGroup] = {};
  HWY_ALIGN float values[kMaxGroup];
  for (int r = 0; r < rows; ++r) {
    for (int g = 0; g * group < cols; ++g) {
      const int c = g * group, n = cols - c < group ? cols - c : group;
      const uint8_t* from =
          a.base + static_cast<size_t>(c / 128) * a.block_bytes + static_cast<size_t>(r) * a.row_bytes + c % 128;
      std::memcpy(codes, from, static_cast<size_t>(n));
      const VF scale =
          hn::Set(F32(), a.scale[static_cast<size_t>(r) * a.scale_row + static_cast<size_t>(g) * a.scale_group]);
      for (int i = 0; i < n; i += lanes()) {
        VI code = hn::PromoteTo(I32(), hn::Load(U8(), codes + i));
        const auto nan = hn::Eq(hn::And(code, hn::Set(I32(), 0x7F)), hn::Set(I32(), 0x7F));
        VF value = canonical(hn::Mul(e4m3_values(F32(), hn::BitCast(U32(), code)), scale));
        hn::Store(hn::IfThenElse(hn::RebindMask(F32(), nan), quiet_nan(), value), F32(), values + i);
      }
      std::byte* to = element(d, r, c);
      float* z = result_row(d.type, to, buffer);
      std::memcpy(z, values, static_cast<size_t>(n) * sizeof(float));
      store_row(d.type, to, n, z);
    }
  }
}

}  // namespace hadal::num::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hadal::num {
HWY_EXPORT(quantise);
HWY_EXPORT(dequantise);

void quantise(QuantTile d, Tile a, int rows, int cols, int digits, int group, int emin) {
  HWY_DYNAMIC_DISPATCH(quantise)(d, a, rows, cols, digits, group, emin);
}

void dequantise(Tile d, QuantTile a, int rows, int cols, int group) {
  HWY_DYNAMIC_DISPATCH(dequantise)(d, a, rows, cols, group);
}
}  // namespace hadal::num
#endif
