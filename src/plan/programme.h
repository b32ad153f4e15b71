// The programme that makes a chip: stages with durations, people, outlays and chances, and a Monte-Carlo run over them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "plan/process.h"

namespace hadal::plan {

struct Stage {
  std::string name, gate;
  std::vector<size_t> after;  // indices of earlier stages
  bool lasts_as_process = false;
  bool masks = false;   // pays the mask set of the process
  bool respin = false;  // may send the programme back for new silicon
  bool grows = false;   // takes longer where there is more to design
  Figure months, people, outlay, pass;
  Figure lag;  // months after the last of `after` (negative: overlap)
};

struct Programme {
  std::string name, description, file;
  Figure reference_design_cost, person_month, software_people;
  Figure schedule_exponent;  // of effort, in how long the stages that grow take
  Figure respin_probability, respin_months, respin_cost;
  std::vector<Stage> stages;
  size_t stage(const std::string& name) const;
};
Programme load_programme(const std::string& path, Ledger& ledger);
Programme parse_programme(std::string_view text, const std::string& file, Ledger& ledger);

struct Quantiles {
  double p10 = 0, p50 = 0, p90 = 0, mean = 0;
};
Quantiles quantiles(std::vector<double> samples);

struct StageForecast {
  std::string name, gate;
  Quantiles start_months, end_months;  // since the programme's start, over the runs that get there
  Quantiles usd;                       // of the stage alone
  Quantiles spent_usd;                 // of everything until its end, evenly over the time of each stage
  double reached = 0;                  // chance that it begins
  double passed = 0;                   // chance that it is left with success
};

// How much an input decides an outcome: squared rank correlation over the runs that reach the end.
struct Influence {
  std::string input;
  double share = 0;  // of the variance of ranks
  double sign = 0;   // +1: more of it means later or dearer
};

struct Forecast {
  std::vector<StageForecast> stages;
  Quantiles tapeout_months, end_months, nre_usd;  // of runs that reach tape-out and the end
  Quantiles hardware_nre_usd;                     // of the same runs, without the software people
  std::vector<double> nre_samples;                // USD of each run that reaches the end
  double respins = 0;                             // mean a run that reaches bring-up
  double success = 0;                             // chance to reach the end
  std::vector<Influence> on_date, on_nre;         // strongest first, all that were drawn
  int runs = 0;
  uint64_t seed = 0;
};

// Draws every figure from a triangular distribution over its range. A stage starts `lag` after the last stage it waits
// for; stages after a failed gate are not reached. Costs: people x months x person_month and outlay, scaled by the
// design cost of the process against the reference; masks and wafer time are the process's. Stages that grow take that
// ratio to the power of `schedule_exponent` longer, with more people, not with more work. Software people work to the
// end. With a `team`, no more people than it has work at a time, software people among them (plan/team.h); costs are
// those of the same person-months. Influences take most of the time; they are empty where nobody asks for them.
enum class Influences { kWanted, kNone };
Forecast forecast(const Programme& programme, const Process& process, int runs, uint64_t seed,
                  const std::optional<Figure>& team = std::nullopt, Influences influences = Influences::kWanted);

}  // namespace hadal::plan
