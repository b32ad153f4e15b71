// A space of chips around one described chip, and what each of them would be worth: what a search calls.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "plan/predicted.h"

namespace hadal::plan {

struct Design {
  uint64_t id = 0;  // mixed radix number of its choices: the same in every run over the same space
  DesignSpace::Supply supply;
  int cores = 0, rows = 0, columns = 0, stacks = 0, spare_cores = 0, dies = 1;  // of the package, over all its dies
  double spm_bytes = 0, link_bytes_per_s = 0, clock = 1;
};
Design design_of(const DesignSpace& space, uint64_t id);

// Objectives: less is better for the first four, more for tokens a joule.
struct Evaluation {
  uint64_t id = 0;
  std::string refused;        // why the chip cannot be, empty where it can
  double usd_per_mtoken = 0;  // a day's cost over its input and output tokens, NRE share included
  double nre_usd = 0, volume_months = 0, die_mm2 = 0;
  double tokens_per_j = 0;
  double usd_per_mtoken_out = 0, unit_usd = 0, yield = 0, tpp = 0;
  double power_w = 0;  // mean over the chips of a fleet
  double prefill_tokens_per_s = 0, decode_tokens_per_s = 0;
};

// Rules of possibility: the process, memory and package may be had by the buyer; die within the reticle; interposer
// within the package; power and export rules within the limits of the space; a decode rate within the latency limit.
// Fleets here are fractional: no whole groups. Everything is worked out exactly; what designs share is remembered.
class DesignEvaluator {
 public:
  DesignEvaluator(const Scenario& scenario, const DesignSpace& space, Facts& facts, const PredictedRates& rates);
  Evaluation evaluate(uint64_t id) const;      // depends on `id` alone; safe to call from several threads
  Build build_of(const Design& design) const;  // its chip: one die, with that die's cores

 private:
  struct Stage {
    double nre_usd = 0, months = 0;
  };
  PhasePower power_of(const Build& build, const Design& design, double clock_hz, const PhaseActivity& activity) const;
  std::string forbidden(const Build& build, const ChipArea& area, double clock_hz) const;
  const Scenario& scenario_;
  const DesignSpace& space_;
  const AreaData& areas_;
  Workload workload_;
  Economics economics_;
  double peak_ = 1;
  PredictedRates::Series rates_;
  std::map<std::string, Stage> forecasts_;  // by process
  using RateKey = std::string;
  struct Rates {
    double prefill = 0, decode = 0;
    PhaseActivity activity;
  };
  mutable std::mutex mutex_;
  mutable std::map<RateKey, Rates> known_;  // many designs share what decides their speed
};

// The evaluations that no other is at least as good as in cost, tokens/J, NRE and date, and better in one; by id.
std::vector<Evaluation> pareto_front(std::vector<Evaluation> all);

}  // namespace hadal::plan
