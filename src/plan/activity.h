// What a workload keeps busy in a chip to be built, phase by phase.
#pragma once

#include <algorithm>
#include <vector>

#include "plan/area.h"
#include "plan/rates.h"

namespace hadal::plan {

// Chips run one phase each; `share` of them run prefill.
struct PhaseActivity {
  Activity prefill, decode;
  double prefill_share = 0;
  bool predicted = false;  // else both are what the build assumes
};
// Of the fastest point of each phase that meets the workload's limit, as the predictor has it; `assumed` where a phase
// has none that was predicted.
PhaseActivity activity_of(const std::vector<ServingPoint>& points, const Workload& workload, const Activity& assumed);

// Power over the chips of a fleet, and of the phase that takes more.
struct PhasePower {
  Power mean;
  double most_w = 0;
};
template <typename F>  // Power(Activity)
PhasePower phase_power(const PhaseActivity& a, const F& power) {
  const Power prefill = power(a.prefill), decode = power(a.decode);
  PhasePower out;
  out.most_w = std::max(prefill.total_w(), decode.total_w());
  for (double Power::*part : {&Power::matrix_w, &Power::sram_w, &Power::vector_w, &Power::control_w, &Power::memory_w,
                              &Power::static_w, &Power::clock_w}) {
    out.mean.*part = a.prefill_share * prefill.*part + (1 - a.prefill_share) * decode.*part;
  }
  return out;
}

}  // namespace hadal::plan
