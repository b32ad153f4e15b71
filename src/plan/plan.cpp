// From a scenario to a plan.
#include "plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "plan/uncertainty.h"

namespace hadal::plan {
namespace {

double as_it_stands(const Figure& figure) { return figure.value; }

constexpr double kDaysAMonth = 365.25 / 12, kGpusANode = 8;

Capability capability_of(const Hardware& h) {
  Capability c{h.name, 0, h.memory_bandwidth.value, h.memory_capacity.value, h.io_bandwidth.value / 2};
  for (const Subject::Format& f : h.formats) {
    if (f.bits == 8) c.flops = std::max(c.flops, f.ops_per_s);
  }
  return c;
}

BuildReport report_build(const Build& b, const Scenario& sc, Facts& facts, const BuildRates* predicted) {
  BuildReport r;
  r.build = &b;
  const AreaData& areas = facts.areas();
  r.clock_hz = b.chip.clock_hz * b.process->relative_speed.value / b.home->relative_speed.value;
  r.reachable_clock_hz = reachable_clock_hz(*b.process, areas);
  r.slowest_block = slowest_block(areas).name;
  r.area = chip_area(b.chip, *b.process, areas, *b.memory, b.stacks / b.dies, b.link_bytes_per_s / b.dies);
  r.fits_reticle = r.area.height_mm <= kReticleHeightMm && r.area.width_mm <= kReticleWidthMm;
  const auto die = [&b](const ChipArea& area) {
    return HarvestedDie{area.die_mm2,  area.core_mm2, b.chip.cores, b.spare_cores, area.die_mm2 - area.content_mm2,
                        area.height_mm};
  };
  r.unit = unit_cost(die(r.area), b.dies, *b.process, b.yield_model, *b.memory, b.stacks, *b.package);
  r.die = [&b, die, areas, drawn = areas](const FigureValue& value) mutable {
    const size_t kind = density_class(*b.process);
    drawn.utilisation[kind].value = value(areas.utilisation[kind]);
    drawn.sram_placement.value = value(areas.sram_placement);
    return die(chip_area(b.chip, *b.process, drawn, *b.memory, b.stacks / b.dies, b.link_bytes_per_s / b.dies));
  };
  r.fits_package = r.unit.interposer_mm2 <= b.package->largest.value;
  r.wafers = b.volume.value * b.dies / r.unit.assembly_yield / (r.unit.die.dies_per_wafer * r.unit.die.yield);
  r.forecast = forecast(*b.programme, *b.process, sc.runs, sc.seed, b.team);
  r.tapeout_p50 = add_months(sc.date, r.forecast.tapeout_months.p50);
  r.volume_p10 = add_months(sc.date, r.forecast.end_months.p10);
  r.volume_p50 = add_months(sc.date, r.forecast.end_months.p50);
  r.volume_p90 = add_months(sc.date, r.forecast.end_months.p90);
  r.subject = subject_of(b, r.area, r.clock_hz, sc.buyer);
  r.rules = export_status(*sc.rules, r.subject, sc.date);
  r.process = available_to(b.process->availability, sc.buyer);
  r.memory = available_to(b.memory->availability, sc.buyer);
  r.package = available_to(b.package->availability, sc.buyer);
  const Workload workload = workload_of(sc);
  if (predicted != nullptr) r.points = predicted->points(b, r.clock_hz, workload);
  if (r.points.empty()) {
    Capability own{b.chip.name, r.subject.formats[0].ops_per_s, r.subject.dram_bytes_per_s,
                   b.stacks * b.memory->capacity.value, b.link_bytes_per_s};
    r.points = scaled_points(facts.measured().points(b.reference->name, workload), capability_of(*b.reference), own);
  }
  const Activity assumed{b.matrix_activity.value, b.memory_activity.value, b.vector_activity.value};
  r.activity = activity_of(r.points, workload, assumed);
  chip::Chip sold = b.chip;  // of all dies; spare cores are switched off
  sold.cores = b.chip.cores * b.dies - b.spare_cores;
  const PhasePower power = phase_power(r.activity, [&](const Activity& a) {
    return chip_power(sold, areas, *b.process, *b.memory, b.stacks, b.dies, r.clock_hz, a);
  });
  r.power = power.mean;
  r.most_power_w = power.most_w;
  r.energy = operation_energy(b.chip, areas, *b.process, r.clock_hz);
  return r;
}

FleetMember member_of(const FleetEntry& e, const std::vector<BuildReport>& builds, const Workload& workload,
                      Facts& facts) {
  FleetMember m;
  m.billing = e.billing;
  m.available = e.available;
  if (e.hardware != nullptr) {
    const Hardware& h = *e.hardware;
    m.name = h.name;
    m.purchase_usd = h.price.value + h.server.value;
    if (h.can_be_rented()) m.rental_usd_per_h = h.rental.value;
    m.power_w = h.power.value + h.host_power.value;
    m.points = facts.measured().points(h.name, workload);
    return m;
  }
  const BuildReport& b = builds[e.build];
  m.name = b.build->name;
  m.purchase_usd = b.unit.total_usd + b.build->server.value;
  m.nre_usd = b.forecast.nre_usd.p50 / b.build->volume.value;
  m.power_w = b.power.total_w() + b.build->host_power.value;
  m.points = b.points;
  return m;
}

// USD a month of a fleet without the capital of its built or bought chips.
double running_usd_a_month(const std::vector<FleetMember>& members, const FleetResult& result,
                           const Economics& economics) {
  double usd = 0;
  for (const FleetResult::Installed& i : result.installed) {
    for (FleetMember m : members) {
      if (m.name != i.member) continue;
      const bool capital = m.billing == Billing::kBuilt || m.billing == Billing::kBought;
      if (capital) m.billing = Billing::kOwned;
      const HourlyCost c = hourly_cost(m, economics);
      usd += 24 * kDaysAMonth * (i.chips * c.installed + i.mean * c.working);
    }
  }
  return usd;
}

BreakEven compare(const OptionReport& own, const OptionReport& other, const std::vector<FleetMember>& members,
                  const Scenario& sc) {
  const Economics economics = economics_of(sc, as_it_stands);
  const BuildReport& b = *own.built;
  BreakEven e;
  e.against = other.option->name;
  for (const FleetResult::Installed& i : own.base.installed) {
    for (const FleetMember& m : members) {
      if (m.name == i.member) e.capital_usd += i.chips * m.purchase_usd;
    }
  }
  const double start = b.forecast.end_months.p50, life = economics.depreciation_months;
  const double alternative = other.base.usd_per_day() * kDaysAMonth * std::pow(1 - sc.decline.value, start / 12);
  const double running = running_usd_a_month(members, own.base, economics);
  e.saving_usd_per_month = alternative - running;
  const double months = break_even_months(b.forecast.nre_usd.p50, e.capital_usd, start, alternative, running);
  constexpr double kFar = 1200;  // months; later than that is never
  if (months < kFar) e.date = add_months(sc.date, months);
  e.within_life = months <= start + life;
  const double gain = e.saving_usd_per_month * life - e.capital_usd;  // over the chips' life, at one day's load
  constexpr double kMostScale = 1000;                                 // more than all the world's demand
  const double scale = gain > 0 ? b.forecast.nre_usd.p50 / gain : kMostScale;
  e.scale = scale < kMostScale ? scale : 0;
  return e;
}

OptionReport report_option(const Option& option, const Scenario& sc, const std::vector<BuildReport>& builds,
                           Facts& facts, std::vector<FleetMember>& base_members) {
  OptionReport r;
  r.option = &option;
  const Workload workload = workload_of(sc);
  for (const FleetEntry& e : option.fleet) base_members.push_back(member_of(e, builds, workload, facts));
  r.base = assign(base_members, workload, economics_of(sc, as_it_stands));
  for (const FleetEntry& e : option.fleet) {
    if (e.hardware != nullptr) {
      r.rules.emplace_back(e.hardware->name, export_status(*sc.rules, subject_of(*e.hardware), sc.date));
    } else {
      r.built = &builds[e.build];
      r.rules.emplace_back(r.built->build->name, r.built->rules);
    }
  }
  if (r.built != nullptr && r.base.feasible) {
    const Economics economics = economics_of(sc, as_it_stands);
    FleetMember nre;
    nre.billing = Billing::kBuilt;
    nre.nre_usd = r.built->forecast.nre_usd.p50 / r.built->build->volume.value;
    for (const FleetResult::Installed& i : r.base.installed) {
      if (i.member != r.built->build->name) continue;
      r.nre_usd_per_day = i.chips * hourly_cost(nre, economics).installed * 24;
      r.nre_alone_usd_per_day = r.nre_usd_per_day * r.built->build->volume.value / i.chips;
    }
  }
  return r;
}

std::vector<Comparison> compare_published(const Scenario& sc, const OptionReport& first) {
  std::vector<Comparison> all;
  if (!first.base.feasible) return all;
  for (const Published& p : sc.published) {
    const double predicted = p.name == "nodes"               ? first.base.mean_chips() / kGpusANode
                             : p.name == "usd_per_day"       ? first.base.usd_per_day()
                             : p.name == "usd_per_mtoken_in" ? first.base.usd_per_mtoken_in
                                                             : first.base.usd_per_mtoken_out;
    all.push_back({p.name, predicted, p.value.value});
  }
  return all;
}

}  // namespace

Subject subject_of(const Build& b, const ChipArea& area, double clock_hz, const std::string& buyer) {
  Subject s;
  s.name = b.chip.name;
  s.formats = {{"FP8", 8, fp8_flops(b.chip, clock_hz) * b.dies}};
  s.logic_mm2 = area.die_mm2 * b.dies;
  s.transistors = area.transistors * b.dies;
  s.dram_bytes_per_s = b.stacks * b.memory->bandwidth.value;
  s.io_bytes_per_s = 2 * b.link_bytes_per_s;
  s.memory_density = bandwidth_density(*b.memory);
  s.is_hbm = b.memory->is_stacked();
  s.memory_imported = buyer == "prc-designer" && available_to(b.memory->availability, buyer).status == "no";
  s.node_nm = b.process->node_nm;
  s.non_planar = b.process->non_planar;
  s.prc_designed = buyer == "prc-designer";
  s.approved_designer = buyer == "us-designer";
  s.foundry_bound = b.process->foundry != "SMIC";  // SMIC is on the Entity List; it does not follow these rules
  return s;
}

double break_even_months(double nre_usd, double capital_usd, double volume_months, double alternative_usd,
                         double running_usd) {
  const double saving = alternative_usd - running_usd;
  if (!(saving > 0)) return std::numeric_limits<double>::infinity();
  return volume_months + (nre_usd + capital_usd) / saving;
}

Plan make_plan(Scenario scenario, Facts& facts, const BuildRates* predicted) {
  Plan plan;
  plan.scenario = std::move(scenario);
  const Scenario& sc = plan.scenario;
  plan.builds.reserve(sc.builds.size());  // reports point at each other
  for (const Build& b : sc.builds) plan.builds.push_back(report_build(b, sc, facts, predicted));
  std::vector<std::vector<FleetMember>> members(sc.options.size());
  for (size_t i = 0; i < sc.options.size(); ++i) {
    plan.options.push_back(report_option(sc.options[i], sc, plan.builds, facts, members[i]));
  }
  for (size_t i = 0; i < plan.options.size(); ++i) {
    OptionReport& own = plan.options[i];
    const auto scales = [](const OptionReport& o, bool built) {  // with the load: no chips that are there already
      return o.base.feasible && std::all_of(o.option->fleet.begin(), o.option->fleet.end(), [&](const FleetEntry& e) {
               return built == (e.billing == Billing::kBuilt) && e.billing != Billing::kOwned;
             });
    };
    if (!scales(own, true)) continue;
    for (const OptionReport& other : plan.options) {
      if (scales(other, false)) own.break_even.push_back(compare(own, other, members[i], sc));
    }
  }
  sample(plan, members);
  plan.published = compare_published(sc, plan.options.front());
  return plan;
}

}  // namespace hadal::plan
