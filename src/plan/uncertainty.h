// How sure a plan is: costs over the ranges of all inputs, with the assignment of the base case kept.
#pragma once

#include "plan/plan.h"

namespace hadal::plan {

constexpr int kCostRuns = 2000;

// Fills the quantiles and samples of every build and option. `members` are the fleets of the options as they stand.
// In each run every figure is drawn once, from a triangular distribution, for all options: a dear kWh is dear for all.
void sample(Plan& plan, const std::vector<std::vector<FleetMember>>& members);

}  // namespace hadal::plan
