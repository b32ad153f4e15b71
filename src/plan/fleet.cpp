// The assignment as a mixed-integer programme: groups of each serving point that run at each level of load.
#include "plan/fleet.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/error.h"
#include "plan/mip.h"

namespace hadal::plan {
namespace {

constexpr double kHoursAYear = 8760, kSecondsADay = 86400, kSecondsAnHour = 3600, kHoursADay = 24;
constexpr double kGap = 2e-3;
constexpr double kShortest = 0.5;  // of the workload's context, for a measured decode point to count

struct Choice {
  size_t member = 0;
  const ServingPoint* point = nullptr;
};

// Hours of equal load are one level: the same groups run in each of them.
std::map<double, int> levels(const std::vector<double>& curve) {
  std::map<double, int> hours;
  for (const double load : curve) ++hours[load];
  return hours;
}

std::string unsuitable(const ServingPoint& p, const Workload& w) {
  if (p.phase == Phase::kPrefill) return {};
  constexpr double kTolerance = 1.0005;
  if (p.tpot_s > w.tpot_limit_s * kTolerance) {
    return fmt::format("{}: {:.1f} ms a token, the limit is {:.1f} ms", p.name, p.tpot_s * 1e3, w.tpot_limit_s * 1e3);
  }
  if (p.context > 0 && p.context < kShortest * w.context_tokens) {
    return fmt::format("{}: measured at {} tokens of context, the workload has {:.0f}", p.name, p.context,
                       w.context_tokens);
  }
  return {};
}

std::vector<Choice> choices(const std::vector<FleetMember>& members, const Workload& workload,
                            std::vector<std::string>& notes) {
  std::vector<Choice> all;
  for (size_t m = 0; m < members.size(); ++m) {
    for (const ServingPoint& point : members[m].points) {
      std::string reason = unsuitable(point, workload);
      if (reason.empty()) {
        all.push_back({m, &point});
      } else {
        notes.push_back(std::move(reason));
      }
    }
  }
  return all;
}

double demand(const Workload& w, Phase phase) {
  return (phase == Phase::kPrefill ? w.prefill_tokens() : w.output_tokens) / kSecondsADay;
}

bool has(const std::vector<Choice>& all, Phase phase) {
  return std::any_of(all.begin(), all.end(), [&](const Choice& c) { return c.point->phase == phase; });
}

}  // namespace

std::string_view name_of(Billing billing) {
  switch (billing) {
    case Billing::kRented: return "rented";
    case Billing::kOwned: return "owned";
    case Billing::kBought: return "bought";
    case Billing::kBuilt: return "built";
  }
  return "";
}

double annuity(double months, double yearly_interest) {
  const double i = yearly_interest / 12;
  return i > 0 ? i / (1 - std::pow(1 + i, -months)) : 1 / months;
}

HourlyCost hourly_cost(const FleetMember& m, const Economics& e) {
  if (m.billing == Billing::kRented) return {0, m.rental_usd_per_h};
  const double kw = m.power_w * e.pue / 1000;
  const double facility = m.power_w * e.facility_usd_per_w * annuity(e.facility_months, e.interest) * 12 / kHoursAYear;
  const double upkeep = m.purchase_usd * e.upkeep / kHoursAYear;
  double capital = 0;
  if (m.billing != Billing::kOwned) {
    const double residual_today = e.residual / std::pow(1 + e.interest / 12, e.depreciation_months);
    capital = (m.purchase_usd * (1 - residual_today) + m.nre_usd) * annuity(e.depreciation_months, e.interest) * 12 /
              kHoursAYear;
  }
  const double idle = kw * e.idle_power * e.electricity_usd_per_kwh;
  return {capital + facility + upkeep + idle, kw * (1 - e.idle_power) * e.electricity_usd_per_kwh};
}

double FleetResult::chips() const {
  double sum = 0;
  for (const Installed& i : installed) sum += i.chips;
  return sum;
}

double FleetResult::mean_chips() const {
  double sum = 0;
  for (const Installed& i : installed) sum += i.mean;
  return sum;
}

FleetResult assign(const std::vector<FleetMember>& members, const Workload& workload, const Economics& economics,
                   bool fractional) {
  FleetResult result;
  const std::vector<Choice> all = choices(members, workload, result.notes);
  for (const Phase phase : {Phase::kPrefill, Phase::kDecode}) {
    if (demand(workload, phase) > 0 && !has(all, phase)) {
      result.reason = fmt::format("no chip of this fleet has a rate for {} within the limits", name_of(phase));
      return result;
    }
  }
  const std::map<double, int> load = levels(workload.load_curve);
  Mip mip;
  std::vector<HourlyCost> cost;
  std::vector<int> installed;
  for (const FleetMember& m : members) {
    cost.push_back(hourly_cost(m, economics));
    installed.push_back(mip.column(cost.back().installed * kHoursADay, 0, m.available, false));
  }
  std::vector<std::vector<int>> groups;  // by choice, then by level
  for (const Choice& c : all) {
    std::vector<int> columns;
    for (const auto& [level, hours] : load) {
      columns.push_back(mip.column(cost[c.member].working * c.point->chips * hours, 0, kUnbounded, !fractional));
    }
    groups.push_back(std::move(columns));
  }
  size_t index = 0;
  for (const auto& [level, hours] : load) {
    for (const Phase phase : {Phase::kPrefill, Phase::kDecode}) {
      std::vector<std::pair<int, double>> serve;
      for (size_t c = 0; c < all.size(); ++c) {
        if (all[c].point->phase == phase)
          serve.emplace_back(groups[c][index], all[c].point->tokens_per_s * all[c].point->chips);
      }
      const double wanted = demand(workload, phase) * level;
      if (wanted > 0) mip.row(wanted, kUnbounded, serve);
    }
    for (size_t m = 0; m < members.size(); ++m) {
      std::vector<std::pair<int, double>> working{{installed[m], -1}};
      for (size_t c = 0; c < all.size(); ++c) {
        if (all[c].member == m) working.emplace_back(groups[c][index], all[c].point->chips * (1 + economics.reserve));
      }
      mip.row(-kUnbounded, 0, working);
    }
    ++index;
  }
  const Mip::Result solved = mip.solve(kGap);
  if (!solved.feasible) {
    result.reason = "the chips that may be had do not carry the peak of the day";
    return result;
  }
  result.feasible = true;
  result.optimality_gap = solved.optimal ? kGap : 1;

  std::vector<double> chip_hours(members.size()), prefill_hours(members.size());
  for (size_t c = 0; c < all.size(); ++c) {
    Assignment a{members[all[c].member].name, all[c].point->name, all[c].point->phase, all[c].point->basis, 0, 0};
    size_t i = 0;
    for (const auto& [level, hours] : load) {
      const double chips = solved.values[static_cast<size_t>(groups[c][i++])] * all[c].point->chips;
      a.mean_chips += chips * hours / kHoursADay;
      a.peak_chips = std::max(a.peak_chips, chips);
    }
    chip_hours[all[c].member] += a.mean_chips * kHoursADay;
    if (a.phase == Phase::kPrefill) prefill_hours[all[c].member] += a.mean_chips * kHoursADay;
    if (a.peak_chips > 1e-6) result.assignments.push_back(std::move(a));
  }
  for (size_t m = 0; m < members.size(); ++m) {
    const double chips = solved.values[static_cast<size_t>(installed[m])];
    if (chips < 1e-6) continue;
    const double day = chips * cost[m].installed * kHoursADay + chip_hours[m] * cost[m].working;
    const double share = chip_hours[m] > 0 ? prefill_hours[m] / chip_hours[m] : 0;
    result.usd_per_day_prefill += day * share;
    result.usd_per_day_decode += day * (1 - share);
    const double idle_hours = members[m].billing == Billing::kRented ? 0 : chips * kHoursADay - chip_hours[m];
    result.energy_j_per_day += members[m].power_w * economics.pue * kSecondsAnHour *
                               (chip_hours[m] + std::max(0.0, idle_hours) * economics.idle_power);
    result.installed.push_back({members[m].name, chips, chip_hours[m] / kHoursADay});
  }
  result.usd_per_mtoken_in = workload.input_tokens > 0 ? result.usd_per_day_prefill / workload.input_tokens * 1e6 : 0;
  result.usd_per_mtoken_out = workload.output_tokens > 0 ? result.usd_per_day_decode / workload.output_tokens * 1e6 : 0;
  result.tokens_per_j = (workload.input_tokens + workload.output_tokens) / result.energy_j_per_day;
  return result;
}

}  // namespace hadal::plan
