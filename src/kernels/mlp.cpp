// Feed-forward layers that every row goes through: the dense MLP, and the shared expert of MoE layers.
#include "kernels/emitter.h"

namespace hadal::kernels {
namespace {

using isa::Alu;
using isa::Bc;

}  // namespace

void emit_swiglu(Emitter& e, Loc result, Loc acc, int rows, uint32_t pairs) {
  Builder& b = e.b;
  const int n = rows * static_cast<int>(pairs);
  const Vt gate{acc, 0, 4}, up{acc + 2, 0, 4}, h{result};
  b.alu(Alu::kMul, h, gate, e.scalar(kMinusLog2e), Bc::kScalar, n, 32);
  b.sfu(isa::Sfu::kExp2, h, h, n, 32);
  b.alu(Alu::kAdd, h, h, e.scalar(kOne), Bc::kScalar, n, 32);
  b.sfu(isa::Sfu::kRcp, h, h, n, 32);
  b.alu(Alu::kMul, h, h, gate, Bc::kNone, n, 32);
  b.alu(Alu::kMul, h, h, up, Bc::kNone, n, 32);
}

void emit_mlp_up(Emitter& e, const LayerWeights& w, uint64_t norm) {
  const Builder::Mark m = e.b.mark();
  const uint32_t pairs = w.mlp_up.tiles / 2;
  const uint32_t buffer_row = pairs * 2;
  const Share mine = share(pairs, e.core, e.p.cores);
  Matmul product(e, w.mlp_up, {mine.first * 2, mine.last * 2}, e.rows);
  product.prefetch();
  e.share_normal(norm, e.p.options.activation_digits, false);
  if (mine.size() > 0) {
    e.normalise(norm);
    const Activations a = e.normal(e.p.options.activation_digits);
    product.run(a, [&](Loc acc, uint32_t first, uint32_t tiles) {
      const Builder::Mark inner = e.b.mark();
      const Loc h = e.b.spm(static_cast<uint32_t>(e.rows) * tiles);
      emit_swiglu(e, h, acc, e.rows, tiles / 2);
      e.send(e.sharers(w.mlp_down.tiles), e.hidden, buffer_row, first, h, tiles, e.rows, tiles);
      e.b.release({inner.spm, e.b.mark().acc});
    });
  }
  e.exchange(isa::Unit::kVx, {}, {{Space::kSpm, e.hidden.line, static_cast<uint32_t>(e.rows) * buffer_row, true}});
  e.b.release(m);
}

void emit_mlp_down(Emitter& e, const LayerWeights& w) {
  const Builder::Mark m = e.b.mark();
  const Share mine = share(w.mlp_down.tiles, e.core, e.p.cores);
  if (mine.size() > 0) {
    Matmul product(e, w.mlp_down, mine, e.rows);
    product.prefetch();
    const Activations a =
        e.quantise(Vt{e.hidden}, e.rows, static_cast<int>(w.mlp_up.tiles) * 16, e.p.options.activation_digits);
    product.run(a, [&](Loc acc, uint32_t first, uint32_t tiles) {
      e.send_to_residual(e.ffn, first * 2, acc, tiles * 2, tiles * 2);
    });
  }
  e.b.release(m);
  e.add_residual(e.ffn);
}

}  // namespace hadal::kernels
