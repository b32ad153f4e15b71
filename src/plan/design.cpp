// Evaluating one design with the models of the planner, without whole groups and without ranges.
#include "plan/design.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/error.h"
#include "chip/performance.h"

namespace hadal::plan {
namespace {

constexpr int kForecastRuns = 2000;
constexpr double kHoursADay = 24, kSecondsADay = 86400, kSecondsAnHour = 3600;

// The widest mesh of whole rows that is not wider than it must be: the smallest divisor at or above the square root.
int mesh_columns(int cores) {
  for (int c = static_cast<int>(std::ceil(std::sqrt(cores))); c < cores; ++c) {
    if (cores % c == 0) return c;
  }
  return cores;
}

std::string unavailable(const DesignSpace::Supply& s, const std::string& buyer) {
  for (const auto& [name, list] :
       {std::pair{s.process->name, &s.process->availability}, std::pair{s.memory->name, &s.memory->availability},
        std::pair{s.package->name, &s.package->availability}}) {
    if (available_to(*list, buyer).status == "no") return fmt::format("{} is not to be had", name);
  }
  return {};
}

}  // namespace

uint64_t DesignSpace::size() const {
  return uint64_t{1} * supplies.size() * cores.size() * rows.size() * columns.size() * stacks.size() *
         spare_cores.size() * spm_bytes.size() * link_bytes_per_s.size() * clock.size() * dies.size();
}

Design design_of(const DesignSpace& space, uint64_t id) {
  check(id < space.size(), "design {} is outside a space of {}", id, space.size());
  uint64_t rest = id;
  const auto choose = [&](const auto& values) {
    const auto& value = values[rest % values.size()];
    rest /= values.size();
    return value;
  };
  Design d;
  d.id = id;
  d.supply = choose(space.supplies);
  d.cores = choose(space.cores);
  d.rows = choose(space.rows);
  d.columns = choose(space.columns);
  d.stacks = choose(space.stacks);
  d.spare_cores = choose(space.spare_cores);
  d.spm_bytes = choose(space.spm_bytes);
  d.link_bytes_per_s = choose(space.link_bytes_per_s);
  d.clock = choose(space.clock);
  d.dies = choose(space.dies);
  return d;
}

DesignEvaluator::DesignEvaluator(const Scenario& scenario, const DesignSpace& space, Facts& facts,
                                 const PredictedRates& rates)
    : scenario_(scenario),
      space_(space),
      areas_(facts.areas()),
      workload_(workload_of(scenario)),
      economics_(economics_of(scenario, [](const Figure& f) { return f.value; })),
      peak_(*std::max_element(scenario.load_curve.begin(), scenario.load_curve.end())),
      rates_(rates, *scenario.builds[space.build].reference, workload_) {
  for (const DesignSpace::Supply& s : space.supplies) {
    if (forecasts_.contains(s.process->name)) continue;
    const Build& b = scenario.builds[space.build];
    const Forecast f = forecast(*b.programme, *s.process, kForecastRuns, scenario.seed, b.team, Influences::kNone);
    forecasts_[s.process->name] = {f.nre_usd.p50, f.end_months.p50};
  }
}

Build DesignEvaluator::build_of(const Design& d) const {
  Build b = scenario_.builds[space_.build];
  b.process = d.supply.process;
  b.memory = d.supply.memory;
  b.package = d.supply.package;
  b.stacks = d.stacks;
  b.spare_cores = d.spare_cores;
  b.link_bytes_per_s = d.link_bytes_per_s;
  b.dies = d.dies;
  chip::Chip& c = b.chip;
  c.cores = d.cores / d.dies;
  c.noc.columns = mesh_columns(c.cores);
  c.matrix.rows = d.rows;
  c.matrix.cols = d.columns;
  c.spm.bytes = static_cast<uint64_t>(d.spm_bytes);
  // The scratchpad feeds both operands of the matrix unit at full rate: its banks grow with the grid.
  const chip::Chip& base = scenario_.builds[space_.build].chip;
  c.spm.banks = base.spm.banks * std::max(1, (d.rows + d.columns) / (base.matrix.rows + base.matrix.cols));
  c.performance = chip::derive_performance(c);
  return b;
}

// Of the cores that a sold chip has.
PhasePower DesignEvaluator::power_of(const Build& b, const Design& d, double clock_hz, const PhaseActivity& a) const {
  chip::Chip sold = b.chip;
  sold.cores = d.cores - d.spare_cores;
  const double volts = space_.voltage ? supply_voltage(*space_.voltage, d.clock) / space_.voltage->nominal.value : 1;
  return phase_power(a, [&](const Activity& activity) {
    Power p = chip_power(sold, areas_, *b.process, *b.memory, b.stacks, d.dies, clock_hz, activity);
    for (double* w : {&p.matrix_w, &p.sram_w, &p.vector_w, &p.control_w, &p.clock_w}) *w *= volts * volts;
    return p;
  });
}

// The first export rule among those to avoid that applies.
std::string DesignEvaluator::forbidden(const Build& b, const ChipArea& area, double clock_hz) const {
  for (const RuleStatus& s :
       export_status(*scenario_.rules, subject_of(b, area, clock_hz, scenario_.buyer), scenario_.date)) {
    const auto& avoid = space_.rules_to_avoid;
    if (s.applies && std::find(avoid.begin(), avoid.end(), s.rule) != avoid.end()) {
      return fmt::format("{} applies", s.rule);
    }
  }
  return {};
}

Evaluation DesignEvaluator::evaluate(uint64_t id) const {
  const Design d = design_of(space_, id);
  Evaluation e;
  e.id = id;
  e.refused = unavailable(d.supply, scenario_.buyer);
  if (!e.refused.empty()) return e;
  if (d.spare_cores >= d.cores) {
    e.refused = "more spare cores than cores";
    return e;
  }
  if (d.cores % d.dies != 0 || d.spare_cores % d.dies != 0 || d.stacks % d.dies != 0) {
    e.refused = "cores or stacks do not divide among the dies";
    return e;
  }
  if (d.cores / d.dies > kMostCores) {
    e.refused = "more cores a die than a core mask can name";
    return e;
  }
  const Build b = build_of(d);
  const ChipArea area =
      chip_area(b.chip, *b.process, areas_, *b.memory, b.stacks / d.dies, b.link_bytes_per_s / d.dies);
  e.die_mm2 = area.die_mm2;
  if (area.height_mm > kReticleHeightMm || area.width_mm > kReticleWidthMm) {
    e.refused = "larger than the reticle";
    return e;
  }
  const HarvestedDie die{
      area.die_mm2,  area.core_mm2, b.chip.cores, d.spare_cores / d.dies, area.die_mm2 - area.content_mm2,
      area.height_mm};
  const UnitCost unit = unit_cost(die, d.dies, *b.process, b.yield_model, *b.memory, b.stacks, *b.package);
  if (unit.interposer_mm2 > b.package->largest.value) {
    e.refused = "interposer larger than the package allows";
    return e;
  }
  const double clock = d.clock * b.chip.clock_hz * b.process->relative_speed.value / b.home->relative_speed.value;
  if (!space_.rules_to_avoid.empty()) {
    e.refused = forbidden(b, area, clock);
    if (!e.refused.empty()) return e;
  }
  // Only cores that a sold chip has count: spares are switched off, good or not.
  Build sold = b;
  sold.chip.cores = (d.cores - d.spare_cores) / d.dies;
  sold.chip.noc.columns = mesh_columns(sold.chip.cores);
  sold.chip.clock_hz *= d.clock;
  sold.chip.performance = chip::derive_performance(sold.chip);
  const RateKey key = fmt::format("{} {} {} {} {} {} {} {} {}", sold.chip.cores, d.dies, d.rows, d.columns, d.stacks,
                                  d.spm_bytes, d.link_bytes_per_s, b.memory->name, clock);
  Rates rates;
  bool known = false;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(key); found != known_.end()) {
      rates = found->second;
      known = true;
    }
  }
  if (!known) {
    const std::vector<ServingPoint> points = rates_.points(sold, clock);
    rates.activity = activity_of(points, workload_, {});
    for (const ServingPoint& p : points) {
      const bool slow = p.phase == Phase::kDecode && p.tpot_s > workload_.tpot_limit_s * 1.0005;
      double& rate = p.phase == Phase::kPrefill ? rates.prefill : rates.decode;
      if (!slow) rate = std::max(rate, p.tokens_per_s);
    }
    const std::lock_guard lock(mutex_);
    known_.emplace(key, rates);
  }
  if (!(rates.prefill > 0 && rates.decode > 0)) {
    e.refused = "no rate within the latency limit";
    return e;
  }
  const PhasePower power = power_of(b, d, clock, rates.activity);
  if (power.most_w > space_.most_power_w) {
    e.refused = "more power than the limit";
    return e;
  }
  const Stage& stage = forecasts_.at(b.process->name);
  FleetMember m;
  m.billing = Billing::kBuilt;
  m.purchase_usd = unit.total_usd + b.server.value;
  m.nre_usd = stage.nre_usd / b.volume.value;
  m.power_w = power.mean.total_w() + b.host_power.value;
  const HourlyCost cost = hourly_cost(m, economics_);
  const double prefill = workload_.prefill_tokens() / kSecondsADay / rates.prefill;
  const double decode = workload_.output_tokens / kSecondsADay / rates.decode;
  const double mean = prefill + decode, installed = mean * peak_ * (1 + economics_.reserve);
  const double usd_per_day = kHoursADay * (installed * cost.installed + mean * cost.working);
  const double joule =
      m.power_w * economics_.pue * kSecondsAnHour * kHoursADay * (mean + (installed - mean) * economics_.idle_power);
  const double tokens = workload_.input_tokens + workload_.output_tokens;
  e.usd_per_mtoken = usd_per_day / tokens * 1e6;
  e.usd_per_mtoken_out = usd_per_day * decode / mean / workload_.output_tokens * 1e6;
  e.tokens_per_j = tokens / joule;
  e.nre_usd = stage.nre_usd;
  e.volume_months = stage.months;
  e.unit_usd = unit.total_usd;
  e.yield = unit.die.yield;
  e.power_w = power.mean.total_w();
  e.tpp = d.dies * fp8_flops(sold.chip, clock) / 1e12 * 8;
  e.prefill_tokens_per_s = rates.prefill;
  e.decode_tokens_per_s = rates.decode;
  return e;
}

std::vector<Evaluation> pareto_front(std::vector<Evaluation> all) {
  std::erase_if(all, [](const Evaluation& e) { return !e.refused.empty(); });
  // Sorted by cost, what dominates an entry lies before it (or is equal to it in cost).
  std::sort(all.begin(), all.end(), [](const Evaluation& a, const Evaluation& b) {
    return std::tie(a.usd_per_mtoken, b.tokens_per_j, a.nre_usd, a.volume_months, a.id) <
           std::tie(b.usd_per_mtoken, a.tokens_per_j, b.nre_usd, b.volume_months, b.id);
  });
  std::vector<Evaluation> front;
  for (const Evaluation& e : all) {
    const bool dominated = std::any_of(front.begin(), front.end(), [&](const Evaluation& f) {
      return f.usd_per_mtoken <= e.usd_per_mtoken && f.tokens_per_j >= e.tokens_per_j && f.nre_usd <= e.nre_usd &&
             f.volume_months <= e.volume_months;
    });
    if (!dominated) front.push_back(e);
  }
  std::sort(front.begin(), front.end(), [](const Evaluation& a, const Evaluation& b) { return a.id < b.id; });
  return front;
}

}  // namespace hadal::plan
