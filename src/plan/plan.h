// A plan: what each chip to be built is, costs and takes, what each fleet costs to run, and when building pays.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "plan/activity.h"
#include "plan/scenario.h"

namespace hadal::plan {

struct BuildReport {
  const Build* build = nullptr;
  double clock_hz = 0, reachable_clock_hz = 0;  // declared (scaled with the process), and what synthesis supports today
  std::string slowest_block;                    // which sets the latter
  ChipArea area;
  // The die with other values of what it reaches of its cells, and its area over their ranges.
  std::function<HarvestedDie(const FigureValue&)> die;
  Quantiles die_mm2;
  bool fits_reticle = true, fits_package = true;
  PhaseActivity activity;
  Power power;              // mean over the chips of a fleet
  double most_power_w = 0;  // of the phase that takes more
  OperationEnergy energy;   // of one die
  UnitCost unit;
  Quantiles unit_usd;  // over the ranges of area, wafer, defects, memory and packaging
  double wafers = 0;   // for the volume
  Forecast forecast;
  std::string tapeout_p50, volume_p50, volume_p10, volume_p90;  // dates
  Subject subject;
  std::vector<RuleStatus> rules;
  Availability process, memory, package;
  std::vector<ServingPoint> points;  // scaled or predicted
};

// Building against a rented or bought fleet that carries the same day.
struct BreakEven {
  std::string against;
  double saving_usd_per_month = 0;  // of running it, capital left out, once it is there; the other got cheaper by then
  double capital_usd = 0;           // of the chips, with servers
  std::string date;                 // when what was spent is back; empty: never
  bool within_life = false;         // before the chips are written off
  double scale = 0;                 // how many such days' load it takes to be back within their life; 0: never
};

// What export rules look at in a chip to be built.
Subject subject_of(const Build& build, const ChipArea& area, double clock_hz, const std::string& buyer);

struct OptionReport {
  const Option* option = nullptr;
  FleetResult base;  // with the figures as they stand
  // Over the ranges of all inputs, the assignment kept and its chips scaled with their rates.
  Quantiles usd_per_mtoken_in, usd_per_mtoken_out, usd_per_day;
  std::vector<double> samples_usd_per_day;  // run by run, the same draws for every option
  double beats_first = 0;                   // share of runs in which a day costs less than with the first option
  std::vector<std::pair<std::string, std::vector<RuleStatus>>> rules;  // by kind of chip
  const BuildReport* built = nullptr;
  double nre_usd_per_day = 0;        // part of the cost that repays the NRE, shared by the build's volume
  double nre_alone_usd_per_day = 0;  // what that part would be if this fleet had to repay all of it
  std::vector<BreakEven> break_even;
};

struct Comparison {
  std::string name;
  double predicted = 0, published = 0;
  double error() const { return predicted / published - 1; }
};

struct Plan {
  Scenario scenario;
  std::vector<BuildReport> builds;
  std::vector<OptionReport> options;
  std::vector<Comparison> published;  // of the first option
};

// Rates of chips to be built. Empty where it knows none: then those of the reference are scaled.
class BuildRates {
 public:
  virtual ~BuildRates() = default;
  virtual std::vector<ServingPoint> points(const Build& build, double clock_hz, const Workload& workload) const = 0;
};

Plan make_plan(Scenario scenario, Facts& facts, const BuildRates* predicted = nullptr);

// Day on which `nre` (spent evenly until `volume_months`) and `capital` are back, in months from the start, while the
// alternative costs `alternative` and the built fleet `running` a month (capital left out); infinity: never.
double break_even_months(double nre_usd, double capital_usd, double volume_months, double alternative_usd,
                         double running_usd);

}  // namespace hadal::plan
