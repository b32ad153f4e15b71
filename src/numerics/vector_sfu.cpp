// VSFU on vectors: the interpolation of sfu.cpp in 32-bit lanes; rare lanes (subnormal, infinite, NaN) go through the
// scalar definition.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/vector_sfu.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "numerics/rows-inl.h"
#include "numerics/sfu_tables.h"

HWY_BEFORE_NAMESPACE();
namespace hadal::num::HWY_NAMESPACE {

// c1 t >> 15 needs 36 bits; halves of t need 28, and floors nest: floor((c1 th 2^8 + c1 tl) / 2^15) =
// floor((c1 th + floor(c1 tl / 2^8)) / 2^7).
HWY_INLINE VI interpolate(VI c0, VI c1, VI c2, VI fraction) {
  const I32 tag;
  VI t = hn::And(fraction, hn::Set(tag, 0xFFFF)), short_t = hn::ShiftRight<4>(t);
  VI square = hn::ShiftRight<12>(hn::Mul(short_t, short_t));
  VI low = hn::ShiftRight<8>(hn::Mul(c1, hn::And(t, hn::Set(tag, 0xFF))));
  VI linear = hn::ShiftRight<7>(hn::Add(hn::Mul(c1, hn::ShiftRight<8>(t)), low));
  VI y = hn::Add(hn::Add(c0, linear), hn::ShiftRight<11>(hn::Mul(c2, square)));
  return hn::ShiftRight<4>(hn::Add(y, hn::Set(tag, 8)));
}

HWY_INLINE VI interpolate(const int32_t* c0, const int32_t* c1, const int32_t* c2, VI fraction) {
  const I32 tag;
  VI segment = hn::ShiftRight<16>(fraction);
  return interpolate(hn::GatherIndex(tag, c0, segment), hn::GatherIndex(tag, c1, segment),
                     hn::GatherIndex(tag, c2, segment), fraction);
}

// The mantissa 2^23..2^24 at an exponent; 2^24 carries into the field.
HWY_INLINE VF compose(VI exponent, VI mantissa) {
  const I32 tag;
  return hn::BitCast(F32(), hn::Add(hn::ShiftLeft<23>(hn::Add(exponent, hn::Set(tag, 126))), mantissa));
}

template <class M>
HWY_INLINE VF patch(float (*scalar)(float), M rare, VF x, VF y) {
  if (HWY_LIKELY(hn::AllFalse(F32(), rare))) return y;
  HWY_ALIGN float from[kMaxLanes], to[kMaxLanes];
  HWY_ALIGN uint32_t picked[kMaxLanes];
  hn::Store(x, F32(), from);
  hn::Store(y, F32(), to);
  hn::Store(hn::BitCast(U32(), hn::VecFromMask(F32(), rare)), U32(), picked);
  for (int i = 0; i < lanes(); ++i) {
    if (picked[i] != 0) to[i] = scalar(from[i]);
  }
  return hn::Load(F32(), to);
}

struct Exp2Op {
  HWY_INLINE VF operator()(VF x, VF, VF) const {
    const F32 tag;
    const auto tiny = hn::Lt(x, hn::Set(tag, -149.5f)), huge = hn::Ge(x, hn::Set(tag, 128.0f));
    const auto subnormal = hn::AndNot(tiny, hn::Lt(x, hn::Set(tag, -126.0f)));
    const auto plain = hn::And(hn::Ge(x, hn::Set(tag, -126.0f)), hn::Lt(x, hn::Set(tag, 128.0f)));
    // Exact: a power of two, and |x| 2^23 < 2^31.
    VF scaled = hn::Mul(hn::IfThenElseZero(plain, x), hn::Set(tag, 0x1p23f));
    VI fixed = hn::ConvertTo(I32(), hn::Floor(scaled));
    VI mantissa = interpolate(kSfuExp2C0, kSfuExp2C1, kSfuExp2C2, hn::And(fixed, hn::Set(I32(), 0x7FFFFF)));
    VF y = compose(hn::ShiftRight<23>(fixed), mantissa);
    y = hn::IfThenElse(huge, hn::Inf(tag), hn::IfThenZeroElse(tiny, y));
    return patch(&num::exp2, hn::Or(subnormal, hn::IsNaN(x)), x, y);
  }
};

struct RcpOp {
  HWY_INLINE VF operator()(VF x, VF, VF) const {
    const I32 tag;
    VI bits = hn::BitCast(tag, x), magnitude = hn::And(bits, hn::Set(tag, 0x7FFFFFFF));
    VI exponent = hn::Sub(hn::ShiftRight<23>(magnitude), hn::Set(tag, 127));
    // Outside, the operand or the result is zero, subnormal, infinite or NaN.
    const auto rare = hn::Or(hn::Lt(exponent, hn::Set(tag, -126)), hn::Gt(exponent, hn::Set(tag, 125)));
    VI mantissa = interpolate(kSfuRcpC0, kSfuRcpC1, kSfuRcpC2, hn::And(bits, hn::Set(tag, 0x7FFFFF)));
    VF y = compose(hn::Sub(hn::Set(tag, -1), exponent), mantissa);
    return patch(&num::rcp, hn::RebindMask(F32(), rare), x, hn::CopySignToAbs(y, x));
  }
};

struct RsqrtOp {
  HWY_INLINE VF operator()(VF x, VF, VF) const {
    const I32 tag;
    VI bits = hn::BitCast(tag, x), exponent = hn::Sub(hn::ShiftRight<23>(bits), hn::Set(tag, 127));
    // Negative operands have negative fields.
    const auto rare = hn::Or(hn::Lt(exponent, hn::Set(tag, -126)), hn::Gt(exponent, hn::Set(tag, 127)));
    VI fraction = hn::And(bits, hn::Set(tag, 0x7FFFFF)), odd = hn::And(exponent, hn::Set(tag, 1));
    VI segment = hn::Add(hn::ShiftRight<16>(fraction), hn::ShiftLeft<7>(odd));
    VI mantissa = interpolate(hn::GatherIndex(tag, kRsqrt.c[0], segment), hn::GatherIndex(tag, kRsqrt.c[1], segment),
                              hn::GatherIndex(tag, kRsqrt.c[2], segment), fraction);
    VF y = compose(hn::Sub(hn::Set(tag, -1), hn::ShiftRight<1>(exponent)), mantissa);
    return patch(&num::rsqrt, hn::RebindMask(F32(), rare), x, y);
  }

 private:
  // The two tables of RSQRT one after the other, so that the exponent's parity is an index bit.
  struct Tables {
    int32_t c[3][2 * kSfuSegments];
  };
  static constexpr Tables kRsqrt = [] {
    Tables t{};
    const int32_t* parts[3][2] = {
        {kSfuRsqrtEvenC0, kSfuRsqrtOddC0}, {kSfuRsqrtEvenC1, kSfuRsqrtOddC1}, {kSfuRsqrtEvenC2, kSfuRsqrtOddC2}};
    for (int k = 0; k < 3; ++k) {
      for (int i = 0; i < 2 * kSfuSegments; ++i) t.c[k][i] = parts[k][i / kSfuSegments][i % kSfuSegments];
    }
    return t;
  }();
};

template <class F>
HWY_INLINE void sfu_tile(Tile d, Tile a, int rows, int cols, F f) {
  HWY_ALIGN float buffer[2][kChunk];
  const float none = 0.0f;
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < cols; c += kChunk) {
      const int n = cols - c < kChunk ? cols - c : kChunk;
      float* z = result_row(d.type, element(d, r, c), buffer[1]);
      map_row<false>(load_row(a.type, element(a, r, c), n, buffer[0]), &none, true, z, n, f);
      store_row(d.type, element(d, r, c), n, z);
    }
  }
}

void sfu(SfuOp f, Tile d, Tile a, int rows, int cols) {
  switch (f) {
    case SfuOp::kExp2: return sfu_tile(d, a, rows, cols, Exp2Op());
    case SfuOp::kRcp: return sfu_tile(d, a, rows, cols, RcpOp());
    case SfuOp::kRsqrt: return sfu_tile(d, a, rows, cols, RsqrtOp());
  }
}

}  // namespace hadal::num::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hadal::num {
HWY_EXPORT(sfu);
void sfu(SfuOp f, Tile d, Tile a, int rows, int cols) { HWY_DYNAMIC_DISPATCH(sfu)(f, d, a, rows, cols); }
}  // namespace hadal::num
#endif
