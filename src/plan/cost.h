// What a packaged chip costs to make: dies, known good die, interposer, memory, assembly and test losses.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plan/memory.h"
#include "plan/process.h"
#include "plan/yield.h"

namespace hadal::plan {

struct Package {
  std::string name, file;
  std::vector<Availability> availability;
  Figure interposer_price;  // USD/mm2
  Figure gap, rim;          // mm between parts; from the outer parts to the edge
  Figure stack_edge;        // mm of die edge a stack takes
  Figure largest;           // mm2
  Figure attach_yield;      // a die or stack placed
  Figure final_yield;
  Figure die_test, unit_test, other;  // USD
};
Package load_package(const std::string& path, Ledger& ledger);

// The reticle field of every lithography tool in use.
constexpr double kReticleWidthMm = 26, kReticleHeightMm = 33, kReticleMm2 = kReticleWidthMm * kReticleHeightMm;

struct DieCost {
  double area_mm2 = 0, height_mm = 0, dies_per_wafer = 0, yield = 0;  // height as in HarvestedDie
  double usd = 0;                                                     // a good die, tested
};
// wafer / (dies x yield) + test / yield: bad dies are tested too.
DieCost die_cost(const HarvestedDie& die, const Process& process, YieldModel model, double die_test_usd);

// The interposer (or substrate) under `dies` in a row, each with its stacks on both of its longer sides: as long as the
// row or the stacks along it, as wide as a die and a stack on each side that has one; gaps between parts, a rim around.
struct Outline {
  double length_mm = 0, width_mm = 0;
  double area_mm2() const { return length_mm * width_mm; }
};
Outline interposer_outline(double die_mm2, double die_height_mm, int dies, const Memory& memory, int stacks,
                           const Package& package);

struct UnitCost {
  DieCost die;
  int dies = 1, stacks = 0;
  double logic_usd = 0, memory_usd = 0, interposer_usd = 0, test_usd = 0, other_usd = 0;
  double interposer_mm2 = 0;
  double assembly_yield = 1;  // all attachments and the final test
  double yield_loss_usd = 0;  // what bad units took with them
  double total_usd = 0;
};
// `dies` equal known good dies and `stacks` of memory on one interposer. Unstacked memory sits on the board: it is
// bought but neither attached to the interposer nor lost with a bad unit.
UnitCost unit_cost(const HarvestedDie& die, int dies, const Process& process, YieldModel model, const Memory& memory,
                   int stacks, const Package& package);
// The same for a die whose cost is known.
UnitCost unit_cost(const DieCost& die, int dies, const Memory& memory, int stacks, const Package& package);
DieCost die_cost(double area_mm2, double yield, const Process& process, double die_test_usd);

// The same with every figure replaced by what `value` makes of it: one draw of a Monte-Carlo, or an end of its range.
using FigureValue = std::function<double(const Figure&)>;
Process with(const Process& process, const FigureValue& value);
Memory with(const Memory& memory, const FigureValue& value);
Package with(const Package& package, const FigureValue& value);

}  // namespace hadal::plan
