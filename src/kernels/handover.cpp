// The residual between chips in a row: FP32, every bit, through an area of DRAM that the host carries over the link.
#include "kernels/emitter.h"

namespace hadal::kernels {

// As the embedding comes: a row's owner loads it, and where every core keeps all rows sends it to all.
void emit_receive(Emitter& e) {
  const uint32_t lines = lines_of(e.c.hidden_size);
  for (size_t i = 0; i < e.own_rows.size(); ++i) {
    const Builder::Mark m = e.b.mark();
    const uint32_t at = static_cast<uint32_t>(e.own_rows[i]) * lines;
    const Loc row = e.by_owner ? e.own_x(i).at : e.b.spm(lines);
    e.b.ld(row, e.b.dram(e.p.areas.received + at), 1, static_cast<int>(lines), 0, 0, Object::kResidual);
    e.send_row_to_residual(i, row);
    e.b.release(m);
  }
  e.end_rows_to_residual();
}

void emit_pass_on(Emitter& e) {
  const uint32_t lines = lines_of(e.c.hidden_size);
  for (size_t i = 0; i < e.own_rows.size(); ++i) {
    const uint32_t at = static_cast<uint32_t>(e.own_rows[i]) * lines;
    e.b.st(e.b.dram(e.p.areas.passed_on + at), e.own_x(i).at, 1, static_cast<int>(lines), 0, 0, Object::kResidual);
  }
}

}  // namespace hadal::kernels
