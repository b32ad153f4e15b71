// Multi-token prediction: a step leaves its hidden states in DRAM, a draft joins them to the tokens that followed.
#include "kernels/emitter.h"

namespace hadal::kernels {
namespace {

constexpr int kHiddenRegister = 11;

}  // namespace

void emit_keep_hidden(Emitter& e) {
  const uint32_t lines = lines_of(e.c.hidden_size);
  for (size_t i = 0; i < e.own_rows.size(); ++i) {
    const Builder::Mark m = e.b.mark();
    const auto at = static_cast<uint32_t>(e.own_rows[i]) * lines;
    const Vt normal{e.b.spm(lines)};
    e.rms_norm(normal, e.own_x(i), e.p.final_norm, kInvHidden, 1, static_cast<int>(e.c.hidden_size));
    e.b.st(e.b.dram(e.p.areas.hidden + at), normal.at, 1, static_cast<int>(lines), 0, 0, Object::kHidden);
    e.b.release(m);
  }
}

void emit_draft_join(Emitter& e, const LayerWeights& w) {
  Builder& b = e.b;
  const uint32_t lines = lines_of(e.c.hidden_size);
  const auto hidden = static_cast<int>(e.c.hidden_size);
  for (size_t i = 0; i < e.own_rows.size(); ++i) {
    const Builder::Mark m = b.mark();
    const Loc record = e.records + static_cast<uint32_t>(i) * 4;
    const Loc bf16 = b.spm(e.p.embed_lines), both = b.spm(2 * lines), state = b.spm(lines);
    const Vt embedding{b.spm(lines)};
    e.fetch_embedding(bf16, record + 3);
    b.cvt(isa::Cvt::kB2f, embedding, Vt{bf16}, 1, hidden);
    e.rms_norm(Vt{both}, embedding, w.embedding_norm, kInvHidden, 1, hidden);
    const uint64_t window = e.p.areas.hidden / kWindowLines * kWindowLines;
    b.ldr(kHiddenRegister, record + 2, 4);
    if (window > 0) b.add(kHiddenRegister, kHiddenRegister, 0, static_cast<int64_t>(window));
    b.ld(state, {kHiddenRegister, static_cast<uint32_t>(e.p.areas.hidden % kWindowLines)}, 1, static_cast<int>(lines),
         0, 0, Object::kHidden);
    e.rms_norm(Vt{both + lines}, Vt{state}, w.hidden_norm, kInvHidden, 1, hidden);
    e.send(e.all_cores(), e.join, 0, static_cast<uint32_t>(e.own_rows[i]) * 2 * lines, both, 2 * lines, 1, 0);
    b.release(m);
  }
  const auto rows = static_cast<uint32_t>(e.rows);
  e.exchange(isa::Unit::kVx, {}, {{Space::kSpm, e.join.line, rows * 2 * lines, true}});
  const Builder::Mark m = b.mark();
  const Share mine = share(w.join.tiles, e.core, e.p.cores);
  if (mine.size() > 0) {
    Matmul product(e, w.join, mine, e.rows);
    product.prefetch();
    const Activations a = e.quantise(Vt{e.join}, e.rows, 2 * hidden, e.p.options.activation_digits);
    product.run(a, [&](Loc acc, uint32_t first, uint32_t tiles) {
      e.send(e.all_cores(), e.delta, lines, first * 2, acc, tiles * 2, e.rows, tiles * 2);
    });
  }
  e.exchange(isa::Unit::kVx, {}, {{Space::kSpm, e.delta.line, rows * lines, true}});
  b.release(m);
  b.prm(isa::Prm::kCopy, Vt{e.x}, Vt{e.delta}, e.rows, hidden);
}

}  // namespace hadal::kernels
