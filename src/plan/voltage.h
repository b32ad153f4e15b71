// What a lower clock saves: supply voltage and energy of an operation over the clock.
#pragma once

#include "plan/figure.h"

namespace hadal::plan {

// The alpha-power law (Sakurai and Newton, 1990): f ~ (V - threshold)^exponent / V. V in volts.
struct VoltageModel {
  Figure nominal, threshold, exponent;
  Figure lowest;  // what memories still work at: a slower clock saves no more
};
VoltageModel read_voltage(const chip::Section& section, const std::string& stem, Ledger& ledger);

// Volts at `ratio` of the clock that the nominal voltage carries.
double supply_voltage(const VoltageModel& model, double ratio);

}  // namespace hadal::plan
