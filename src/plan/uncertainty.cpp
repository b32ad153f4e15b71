// Monte-Carlo over prices, rates, yields and lives.
#include "plan/uncertainty.h"

#include <algorithm>
#include <cmath>

#include "plan/sampler.h"

namespace hadal::plan {
namespace {

constexpr double kHoursADay = 24;

// What a unit is and costs in this run.
UnitCost unit(const BuildReport& b, Sampler& draw) {
  const FigureValue value = [&](const Figure& f) { return draw(f); };
  const Build& build = *b.build;
  const Process process = with(*build.process, value);
  const Package package = with(*build.package, value);
  const DieCost die = die_cost(b.die(value), process, build.yield_model, package.die_test.value);
  return unit_cost(die, build.dies, with(*build.memory, value), build.stacks, package);
}

// One of the NRE samples, the same quantile for all builds of a run: what makes one programme dear makes the other.
double nre_usd(const BuildReport& b, const std::vector<double>& sorted, Sampler& draw) {
  if (sorted.empty()) return b.forecast.nre_usd.p50;
  // The quantile is uniform; a triangular draw on [0, 1] with its mode at 1 has the square root of a uniform one.
  const double root = draw.draw("quantile of the NRE", 0, 1, 1);
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(root * root * static_cast<double>(sorted.size())))];
}

FleetMember drawn(const FleetEntry& e, const FleetMember& base, const std::vector<BuildReport>& builds,
                  const std::vector<double>& unit, const std::vector<double>& nre, Sampler& draw) {
  FleetMember m = base;
  if (e.hardware != nullptr) {
    const Hardware& h = *e.hardware;
    m.purchase_usd = draw(h.price) + draw(h.server);
    if (h.can_be_rented()) m.rental_usd_per_h = draw(h.rental);
    m.power_w = draw(h.power) + draw(h.host_power);
    return m;
  }
  const BuildReport& b = builds[e.build];
  m.purchase_usd = unit[e.build] + draw(b.build->server);
  m.nre_usd = nre[e.build] / draw(b.build->volume);
  m.power_w = b.power.total_w() + draw(b.build->host_power);
  return m;
}

struct DayCost {
  double prefill_usd = 0, decode_usd = 0;
};

// The base assignment with each point's chips scaled by its base rate over its drawn rate.
DayCost day_cost(const std::vector<FleetMember>& members, const FleetResult& base, const Economics& economics,
                 Sampler& draw) {
  DayCost cost;
  for (const FleetResult::Installed& installed : base.installed) {
    const auto member =
        std::find_if(members.begin(), members.end(), [&](const FleetMember& m) { return m.name == installed.member; });
    const HourlyCost hourly = hourly_cost(*member, economics);
    double mean = 0, scaled = 0, prefill = 0;
    for (const Assignment& a : base.assignments) {
      if (a.member != installed.member) continue;
      const auto p = std::find_if(member->points.begin(), member->points.end(),
                                  [&](const ServingPoint& x) { return x.name == a.point && x.phase == a.phase; });
      const double rate = draw.draw(p->hardware + ": " + p->name, p->low, p->tokens_per_s, p->high);
      const double chips = a.mean_chips * p->tokens_per_s / rate;
      mean += a.mean_chips;
      scaled += chips;
      if (a.phase == Phase::kPrefill) prefill += chips;
    }
    if (!(mean > 0)) continue;
    // Chips that are there already do not become more: their number stands.
    const double grown = member->billing == Billing::kOwned ? 1 : scaled / mean;
    const double usd = kHoursADay * (installed.chips * grown * hourly.installed + scaled * hourly.working);
    cost.prefill_usd += usd * prefill / scaled;
    cost.decode_usd += usd * (1 - prefill / scaled);
  }
  return cost;
}

}  // namespace

void sample(Plan& plan, const std::vector<std::vector<FleetMember>>& members) {
  const Scenario& sc = plan.scenario;
  const Workload workload = workload_of(sc);
  Random random(sc.seed);
  Sampler draw(random);
  std::vector<std::vector<double>> unit_samples(plan.builds.size()), die_samples(plan.builds.size()), sorted_nre;
  for (const BuildReport& b : plan.builds) {
    sorted_nre.push_back(b.forecast.nre_samples);
    std::sort(sorted_nre.back().begin(), sorted_nre.back().end());
  }
  std::vector<std::vector<double>> in(plan.options.size()), out(plan.options.size());
  for (int run = 0; run < kCostRuns; ++run) {
    draw.next_run();
    const Economics economics = economics_of(sc, [&](const Figure& f) { return draw(f); });
    std::vector<double> unit_usd, nre;
    for (size_t i = 0; i < plan.builds.size(); ++i) {
      const UnitCost made = unit(plan.builds[i], draw);
      unit_usd.push_back(made.total_usd);
      unit_samples[i].push_back(made.total_usd);
      die_samples[i].push_back(made.die.area_mm2);
      nre.push_back(nre_usd(plan.builds[i], sorted_nre[i], draw));
    }
    for (size_t i = 0; i < plan.options.size(); ++i) {
      OptionReport& o = plan.options[i];
      if (!o.base.feasible) continue;
      std::vector<FleetMember> fleet;
      for (size_t m = 0; m < members[i].size(); ++m) {
        fleet.push_back(drawn(o.option->fleet[m], members[i][m], plan.builds, unit_usd, nre, draw));
      }
      const DayCost cost = day_cost(fleet, o.base, economics, draw);
      in[i].push_back(workload.input_tokens > 0 ? cost.prefill_usd / workload.input_tokens * 1e6 : 0);
      out[i].push_back(cost.decode_usd / workload.output_tokens * 1e6);
      o.samples_usd_per_day.push_back(cost.prefill_usd + cost.decode_usd);
    }
  }
  for (size_t i = 0; i < plan.builds.size(); ++i) {
    plan.builds[i].unit_usd = quantiles(unit_samples[i]);
    plan.builds[i].die_mm2 = quantiles(die_samples[i]);
  }
  const std::vector<double>& first = plan.options.front().samples_usd_per_day;
  for (size_t i = 0; i < plan.options.size(); ++i) {
    OptionReport& o = plan.options[i];
    o.usd_per_mtoken_in = quantiles(in[i]);
    o.usd_per_mtoken_out = quantiles(out[i]);
    o.usd_per_day = quantiles(o.samples_usd_per_day);
    if (first.empty() || o.samples_usd_per_day.empty()) continue;
    int less = 0;
    for (size_t run = 0; run < first.size(); ++run) less += o.samples_usd_per_day[run] < first[run] ? 1 : 0;
    o.beats_first = static_cast<double>(less) / static_cast<double>(first.size());
  }
}

}  // namespace hadal::plan
