// The residual between chips in a row: FP32, every bit, through an area of DRAM that the host carries over the link.
#include "kernels/emitter.h"

namespace hadal::kernels {
namespace {

uint32_t row_lines(const Emitter& e) { return static_cast<uint32_t>(e.c.hidden_size / 16); }

}  // namespace

// As the embedding comes: a row's owner loads it, and where every core keeps all rows sends it to all.
void emit_receive(Emitter& e) {
  const uint32_t lines = row_lines(e);
  for (size_t i = 0; i < e.own_rows.size(); ++i) {
    const Builder::Mark m = e.b.mark();
    const uint32_t at = static_cast<uint32_t>(e.own_rows[i]) * lines;
    const Loc row = e.by_owner ? e.own_x(i).at : e.b.spm(lines);
    e.b.ld(row, e.b.dram(e.p.areas.received + at), 1, static_cast<int>(lines), 0, 0, Object::kResidual);
    if (!e.by_owner) e.send(e.all_cores(), e.x, 0, at, row, lines, 1, 0);
    e.b.release(m);
  }
  if (e.by_owner) return;
  e.exchange(isa::Unit::kVx, {}, {{Space::kSpm, e.x.line, static_cast<uint32_t>(e.rows) * lines, true}});
}

void emit_pass_on(Emitter& e) {
  const uint32_t lines = row_lines(e);
  for (size_t i = 0; i < e.own_rows.size(); ++i) {
    const uint32_t at = static_cast<uint32_t>(e.own_rows[i]) * lines;
    e.b.st(e.b.dram(e.p.areas.passed_on + at), e.own_x(i).at, 1, static_cast<int>(lines), 0, 0, Object::kResidual);
  }
}

}  // namespace hadal::kernels
