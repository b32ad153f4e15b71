// The cost of a step as the timing simulator has it.
#include "serve/stepper.h"

namespace hadal::serve {

StepCost SessionStepper::step(std::span<const runtime::Row> rows) {
  session_.step(rows);
  const runtime::TimingTotals timing = session_.take_timing();
  const sim::EnergyBreakdown& e = timing.sum.energy;
  return {timing.sum.cycles, static_cast<double>(timing.sum.cycles) / session_.chip().clock_hz,
          e.matrix + e.vector + e.spm + e.acc + e.dram + e.noc + e.control + e.leakage};
}

}  // namespace hadal::serve
