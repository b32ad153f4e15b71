// What is to be planned (scenarios/*.yaml): a workload, prices, chips to be built, and fleets to compare.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "plan/facts.h"
#include "plan/fleet.h"
#include "plan/voltage.h"

namespace hadal::plan {

struct Build {
  std::string name, where;
  chip::Chip chip;
  const Process* process = nullptr;
  const Process* home = nullptr;  // the process the chip's own figures are for
  const Memory* memory = nullptr;
  const Package* package = nullptr;
  const Programme* programme = nullptr;
  int stacks = 0, dies = 1, spare_cores = 0;
  double link_bytes_per_s = 0;  // of the package, one direction
  YieldModel yield_model = YieldModel::kNegativeBinomial;
  const Hardware* reference = nullptr;  // whose measured rates are scaled where nothing better is known
  Figure volume;                        // chips that share the NRE
  std::optional<Figure> team;           // people, where the lab has no more
  Figure server, host_power;
  Figure matrix_activity, memory_activity, vector_activity;
};

struct FleetEntry {
  const Hardware* hardware = nullptr;  // or
  size_t build = 0;                    // index into builds
  Billing billing = Billing::kBought;
  double available = kUnlimited;
  static constexpr double kUnlimited = 1e7;  // chips; more than anyone makes
};

struct Option {
  std::string name;
  std::vector<FleetEntry> fleet;
};

constexpr int kMostCores = 48;  // of a die: what a core mask can name

// Values to combine; a scenario's `explore` section. The number of points is the product of their counts.
struct DesignSpace {
  size_t build = 0;  // index of the scenario's build that the chips are made from
  struct Supply {
    const Process* process = nullptr;
    const Memory* memory = nullptr;
    const Package* package = nullptr;
  };
  std::vector<Supply> supplies;
  std::vector<int> cores, rows, columns, stacks, spare_cores;
  std::vector<double> spm_bytes, link_bytes_per_s;
  std::vector<int> dies{1};             // of a package, each with its part of cores, stacks and links
  std::vector<double> clock{1};         // over the clock of the build on the process
  std::optional<VoltageModel> voltage;  // there where a clock is not 1
  // What a design must keep to.
  double most_power_w = std::numeric_limits<double>::infinity();  // of the chip with its memory
  std::vector<std::string> rules_to_avoid;                        // export rules that must not apply, by name
  uint64_t size() const;
};

// What the world says a scenario's first option came to, to be compared with what the model says.
struct Published {
  std::string name;
  Figure value;
};

struct Scenario {
  std::string name, description, file, buyer, date;
  const RuleSet* rules = nullptr;
  Figure input, cached, output, context, tpot_limit;
  std::vector<double> load_curve;  // mean 1
  std::string model;
  Figure electricity, pue, depreciation, residual, interest, facility, facility_life, upkeep, idle_power, reserve,
      decline;  // a year, of what other fleets cost
  std::vector<Build> builds;
  std::vector<Option> options;
  std::vector<Published> published;
  std::optional<DesignSpace> space;
  int runs = 0;
  uint64_t seed = 0;
};

Scenario load_scenario(const std::string& path, Facts& facts);
Scenario parse_scenario(std::string_view text, const std::string& file, Facts& facts);

// A file of its own with what an `explore` section has: the same chips in finer or other steps (spaces/*.yaml).
DesignSpace load_space(const std::string& path, const Scenario& scenario, Facts& facts);

Workload workload_of(const Scenario& scenario);
// With each figure replaced by what `value` makes of it.
Economics economics_of(const Scenario& scenario, const FigureValue& value);

}  // namespace hadal::plan
