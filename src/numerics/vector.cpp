// VALU and VMULA on whatever vectors the machine has.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/vector.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "numerics/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace hadal::num::HWY_NAMESPACE {

// f over a whole tile, a row and a chunk at a time.
template <bool kReadB, bool kReadD, class F>
HWY_INLINE void map_tile(Tile d, Tile a, Tile b, Bcast bc, int rows, int cols, F f) {
  HWY_ALIGN float buffer[3][kChunk];
  const bool one_b = !kReadB || bc == Bcast::kCol || bc == Bcast::kScalar;
  for (int r = 0; r < rows; ++r) {
    float single = 0.0f;
    if (kReadB && one_b) single = load_at(b, bc == Bcast::kCol ? r : 0, 0);
    for (int c = 0; c < cols; c += kChunk) {
      const int n = cols - c < kChunk ? cols - c : kChunk;
      const float* x = load_row(a.type, element(a, r, c), n, buffer[0]);
      const float* y = &single;
      if (!one_b) y = load_row(b.type, element(b, bc == Bcast::kRow ? 0 : r, c), n, buffer[1]);
      float* z = result_row(d.type, element(d, r, c), buffer[2]);
      if (kReadD) load_row(d.type, element(d, r, c), n, buffer[2]);
      map_row<kReadD>(x, y, one_b, z, n, f);
      store_row(d.type, element(d, r, c), n, z);
    }
  }
}

struct AddOp {
  HWY_INLINE VF operator()(VF a, VF b, VF) const { return canonical(hn::Add(a, b)); }
};
struct SubOp {
  HWY_INLINE VF operator()(VF a, VF b, VF) const { return canonical(hn::Sub(a, b)); }
};
struct MulOp {
  HWY_INLINE VF operator()(VF a, VF b, VF) const { return canonical(hn::Mul(a, b)); }
};
// Equal operands differ at most in the sign of zero, which And and Or settle.
struct MaxOp {
  HWY_INLINE VF operator()(VF a, VF b, VF) const {
    VF x = hn::IfThenElse(hn::Eq(a, b), hn::And(a, b), hn::IfThenElse(hn::Gt(a, b), a, b));
    return hn::IfThenElse(hn::IsNaN(a), quiet_nan(), canonical(x));  // b's NaN is in x already
  }
};
struct MinOp {
  HWY_INLINE VF operator()(VF a, VF b, VF) const {
    VF x = hn::IfThenElse(hn::Eq(a, b), hn::Or(a, b), hn::IfThenElse(hn::Lt(a, b), a, b));
    return hn::IfThenElse(hn::IsNaN(a), quiet_nan(), canonical(x));
  }
};
struct AbsOp {
  HWY_INLINE VF operator()(VF a, VF, VF) const { return canonical(hn::Abs(a)); }
};
struct SelOp {
  HWY_INLINE VF operator()(VF a, VF b, VF d) const {
    return canonical(hn::IfThenElse(hn::Eq(b, hn::Zero(F32())), d, a));
  }
};
struct CmpgeOp {
  HWY_INLINE VF operator()(VF a, VF b, VF) const { return hn::IfThenElseZero(hn::Ge(a, b), hn::Set(F32(), 1.0f)); }
};
struct CmpeqOp {
  HWY_INLINE VF operator()(VF a, VF b, VF) const { return hn::IfThenElseZero(hn::Eq(a, b), hn::Set(F32(), 1.0f)); }
};
struct MulaOp {
  HWY_INLINE VF operator()(VF a, VF b, VF d) const { return canonical(hn::Add(hn::Mul(a, b), d)); }
};

void alu(AluOp f, Tile d, Tile a, Tile b, Bcast bc, int rows, int cols) {
  switch (f) {
    case AluOp::kAdd: return map_tile<true, false>(d, a, b, bc, rows, cols, AddOp());
    case AluOp::kSub: return map_tile<true, false>(d, a, b, bc, rows, cols, SubOp());
    case AluOp::kMul: return map_tile<true, false>(d, a, b, bc, rows, cols, MulOp());
    case AluOp::kMax: return map_tile<true, false>(d, a, b, bc, rows, cols, MaxOp());
    case AluOp::kMin: return map_tile<true, false>(d, a, b, bc, rows, cols, MinOp());
    case AluOp::kAbs: return map_tile<false, false>(d, a, b, bc, rows, cols, AbsOp());
    case AluOp::kSel: return map_tile<true, true>(d, a, b, bc, rows, cols, SelOp());
    case AluOp::kCmpge: return map_tile<true, false>(d, a, b, bc, rows, cols, CmpgeOp());
    case AluOp::kCmpeq: return map_tile<true, false>(d, a, b, bc, rows, cols, CmpeqOp());
  }
}

void mula(Tile d, Tile a, Tile b, Bcast bc, int rows, int cols) {
  map_tile<true, true>(d, a, b, bc, rows, cols, MulaOp());
}

}  // namespace hadal::num::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hadal::num {
HWY_EXPORT(alu);
HWY_EXPORT(mula);

void alu(AluOp f, Tile d, Tile a, Tile b, Bcast bc, int rows, int cols) {
  HWY_DYNAMIC_DISPATCH(alu)(f, d, a, b, bc, rows, cols);
}

void mula(Tile d, Tile a, Tile b, Bcast bc, int rows, int cols) { HWY_DYNAMIC_DISPATCH(mula)(d, a, b, bc, rows, cols); }
}  // namespace hadal::num
#endif
