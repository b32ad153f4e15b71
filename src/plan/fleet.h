// A fleet of several kinds of chips serving a day: which groups run when, at the least cost, and what a token costs.
#pragma once

#include <string>
#include <vector>

#include "plan/rates.h"

namespace hadal::plan {

// What a day of running costs beyond the chips; figures of a scenario.
struct Economics {
  double electricity_usd_per_kwh = 0, pue = 1;
  double depreciation_months = 48, residual = 0;  // of the purchase
  double interest = 0;                            // a year
  double facility_usd_per_w = 0, facility_months = 120;
  double upkeep = 0;      // a year, of the purchase: spares, staff, licences
  double idle_power = 0;  // of the power under load
  double reserve = 0;     // installed beyond the peak, for failures
};

enum class Billing {
  kRented,  // paid by the hour of use, energy included
  kOwned,   // paid for long ago: energy, facility and upkeep remain
  kBought,  // purchase, written off over its life
  kBuilt,   // as bought, at the cost of making it
};
std::string_view name_of(Billing billing);

struct FleetMember {
  std::string name;
  Billing billing = Billing::kBought;
  double available = 0;     // chips
  double purchase_usd = 0;  // chip with its share of server and network
  double nre_usd = 0;       // a chip's share of the cost of designing it: written off with it, never sold or repaired
  double rental_usd_per_h = 0;
  double power_w = 0;  // under load, with its share of the host, before PUE
  std::vector<ServingPoint> points;
};

// USD/h of an installed chip whether it works or not, and what is added while it does.
struct HourlyCost {
  double installed = 0, working = 0;
};
// Annuity of the purchase less its residual value, the facility's annuity, upkeep and idle energy; working adds the
// rest of the energy. Rented chips cost their rent while they work and nothing else.
HourlyCost hourly_cost(const FleetMember& member, const Economics& economics);
// Part of a purchase that falls due each month to repay it with interest: i / (1 - (1 + i)^-n), 1 / n without interest.
double annuity(double months, double yearly_interest);

struct Assignment {
  std::string member, point;
  Phase phase = Phase::kDecode;
  std::string basis;
  double mean_chips = 0, peak_chips = 0;
};

struct FleetResult {
  bool feasible = false;
  std::string reason;              // why not
  std::vector<std::string> notes;  // points left out, and why
  std::vector<Assignment> assignments;
  struct Installed {
    std::string member;
    double chips = 0;  // installed; rented: the peak
    double mean = 0;   // working, over the day
  };
  std::vector<Installed> installed;
  double usd_per_day_prefill = 0, usd_per_day_decode = 0;
  double usd_per_mtoken_in = 0, usd_per_mtoken_out = 0;  // in: all input tokens, hits included
  double energy_j_per_day = 0, tokens_per_j = 0;         // tokens: input and output; energy with PUE
  double optimality_gap = 0;
  double chips() const;
  double mean_chips() const;
  double usd_per_day() const { return usd_per_day_prefill + usd_per_day_decode; }
};

// Minimises the cost of a day. Decode points slower than the workload's limit, or measured at less than half its
// context, are left out. Groups are whole, unless `fractional`: then a lower bound.
FleetResult assign(const std::vector<FleetMember>& members, const Workload& workload, const Economics& economics,
                   bool fractional = false);

}  // namespace hadal::plan
