// The cost of a step as the timing simulator has it.
#include "serve/stepper.h"

namespace hadal::serve {

StepCost SessionStepper::step(std::span<const runtime::Row> rows) {
  session_.step(rows);
  const runtime::TimingTotals timing = session_.take_timing();
  return {timing.sum.cycles, static_cast<double>(timing.sum.cycles) / session_.chip().clock_hz,
          timing.sum.energy.total()};
}

}  // namespace hadal::serve
