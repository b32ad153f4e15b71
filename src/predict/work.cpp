// Products and operations of a task over the peak of the units: what keeps them busy.
#include "predict/operators.h"

namespace hadal::predict {
namespace {

constexpr double kScoreOps = 8;  // vector operations a score, as in attention.cpp

}  // namespace

Work work(const Device& d, const graph::Task& task) {
  const double unit = d.cores * d.hz;
  Work w;
  if (const auto* g = std::get_if<graph::GemmTask>(&task.work)) {
    const graph::Format format =
        graph::format_bytes(g->activation) > graph::format_bytes(g->weight) ? g->activation : g->weight;
    w.matrix_s = g->m * g->groups * double(g->n) * double(g->k) / (d.mac_per_cycle(format) * unit);
  } else if (const auto* a = std::get_if<graph::AttentionTask>(&task.work)) {
    const double scores = a->sequences * a->queries * double(a->heads) * a->keys;
    w.matrix_s = scores * double(a->qk_dim + a->v_dim) / (d.chip.bf16_mac * unit);
    w.vector_s = scores * (1 / d.chip.special_op + kScoreOps / d.chip.vector_op) / unit;
  } else if (const auto* i = std::get_if<graph::IndexTask>(&task.work)) {
    const double pairs = i->rows * i->keys * double(i->heads);
    w.matrix_s = pairs * double(i->dim) / (d.mac_per_cycle(graph::Format::kFp8) * unit);
    w.vector_s = pairs * 2 / (unit * d.chip.vector_op);
  } else if (const auto* v = std::get_if<graph::VectorTask>(&task.work)) {
    w.vector_s = (v->operations / d.chip.vector_op + v->specials / d.chip.special_op) / unit;
  }
  w.matrix_s *= task.repeat;
  w.vector_s *= task.repeat;
  return w;
}

}  // namespace hadal::predict
