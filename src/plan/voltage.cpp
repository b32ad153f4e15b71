// Bisection of the alpha-power law.
#include "plan/voltage.h"

#include <fmt/format.h>

#include <cmath>

namespace hadal::plan {

VoltageModel read_voltage(const chip::Section& section, const std::string& stem, Ledger& ledger) {
  const chip::Section s = section.section("voltage", {"nominal", "threshold", "exponent", "lowest"});
  VoltageModel m;
  m.nominal = ledger.read(s, stem, "nominal", Dimension::kNone, 0.3, 2);
  m.threshold = ledger.read(s, stem, "threshold", Dimension::kNone, 0.05, 1);
  m.exponent = ledger.read(s, stem, "exponent", Dimension::kNone, 1, 2);
  m.lowest = ledger.read(s, stem, "lowest", Dimension::kNone, 0.1, 2);
  if (!(m.threshold.value < m.lowest.value && m.lowest.value <= m.nominal.value)) {
    s.refuse("lowest", fmt::format("{} must be above the threshold of {} and at most the nominal {}", m.lowest.value,
                                   m.threshold.value, m.nominal.value));
  }
  return m;
}

double supply_voltage(const VoltageModel& m, double ratio) {
  const auto speed = [&](double v) { return std::pow(v - m.threshold.value, m.exponent.value) / v; };
  const double wanted = ratio * speed(m.nominal.value);
  double low = m.lowest.value, high = 4 * m.nominal.value;
  if (speed(low) >= wanted) return low;
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2;
    (speed(middle) < wanted ? low : high) = middle;
  }
  return high;
}

}  // namespace hadal::plan
