// The assignment against hand-made optima, exhaustive search and the published day.
#include "plan/fleet.h"

#include <cmath>
#include <random>

#include "plan/hardware.h"
#include "plan/mip.h"
#include "plan/testing.h"

namespace hadal::plan {
namespace {

using testing::data;

Workload day(double prefill, double decode, std::vector<double> curve = std::vector<double>(24, 1.0)) {
  Workload w;
  w.model = "DeepSeek-V3";
  w.input_tokens = prefill * 86400;
  w.output_tokens = decode * 86400;
  w.context_tokens = 4989;
  w.tpot_limit_s = 0.05;
  w.load_curve = std::move(curve);
  return w;
}
ServingPoint point(Phase phase, double rate, int chips, double tpot = 0.04) {
  ServingPoint p;
  p.name = "p";
  p.phase = phase;
  p.tokens_per_s = rate;
  p.chips = chips;
  p.tpot_s = tpot;
  return p;
}
FleetMember rented(const std::string& name, double usd, std::vector<ServingPoint> points) {
  FleetMember m;
  m.name = name;
  m.billing = Billing::kRented;
  m.available = 1e9;
  m.rental_usd_per_h = usd;
  m.power_w = 800;
  m.points = std::move(points);
  return m;
}

TEST(Mip, SolvesSmallProgrammes) {
  Mip lp;  // max 3x + 2y, x + y <= 4, x + 3y <= 6, x <= 3: x 3, y 1
  const int x = lp.column(-3, 0, 3, false), y = lp.column(-2, 0, kUnbounded, false);
  lp.row(-kUnbounded, 4, {{x, 1}, {y, 1}});
  lp.row(-kUnbounded, 6, {{x, 1}, {y, 3}});
  ::testing::internal::CaptureStdout();
  const Mip::Result r = lp.solve();
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  ASSERT_TRUE(r.feasible && r.optimal);
  EXPECT_NEAR(r.objective, -11, 1e-9);
  Mip impossible;
  const int z = impossible.column(1, 0, 1, true);
  impossible.row(2, kUnbounded, {{z, 1}});
  EXPECT_FALSE(impossible.solve().feasible);
}

TEST(Mip, KnapsacksEqualExhaustiveSearch) {
  constexpr unsigned kSeed = 21;
  std::mt19937_64 random(kSeed);
  for (int trial = 0; trial < 50; ++trial) {
    constexpr int kItems = 10;
    std::vector<double> weight(kItems), worth(kItems);
    for (int i = 0; i < kItems; ++i) {
      weight[i] = std::uniform_int_distribution<int>(1, 30)(random);
      worth[i] = std::uniform_int_distribution<int>(1, 50)(random);
    }
    double best = 0;
    for (int set = 0; set < 1 << kItems; ++set) {
      double w = 0, v = 0;
      for (int i = 0; i < kItems; ++i) {
        if ((set >> i & 1) != 0) w += weight[i], v += worth[i];
      }
      if (w <= 60) best = std::max(best, v);
    }
    Mip mip;
    std::vector<std::pair<int, double>> terms;
    for (int i = 0; i < kItems; ++i) terms.emplace_back(mip.column(-worth[i], 0, 1, true), weight[i]);
    mip.row(-kUnbounded, 60, terms);
    ASSERT_NEAR(-mip.solve(0).objective, best, 1e-6) << "seed " << kSeed << " trial " << trial;
  }
}

TEST(Fleet, WholeGroupsAtEveryHour) {
  std::vector<double> curve(24, 0.5);
  for (int h = 0; h < 12; ++h) curve[static_cast<size_t>(h)] = 1.5;
  // 1,000 tokens/s prefill in groups of 4 x 50 = 200; 300 decode in groups of 10 x 10 = 100.
  const FleetResult r = assign({rented("a", 2, {point(Phase::kPrefill, 50, 4), point(Phase::kDecode, 10, 10)})},
                               day(1000, 300, curve), {});
  ASSERT_TRUE(r.feasible);
  ASSERT_EQ(r.assignments.size(), 2u);
  EXPECT_NEAR(r.assignments[0].peak_chips, 32, 1e-6);               // ceil(1500 / 200) = 8 groups
  EXPECT_NEAR(r.assignments[0].mean_chips, (32 + 12) / 2.0, 1e-6);  // ceil(500 / 200) = 3
  EXPECT_NEAR(r.assignments[1].mean_chips, (50 + 20) / 2.0, 1e-6);  // 5 and 2 groups
  EXPECT_NEAR(r.usd_per_day(), 2 * 24 * (22 + 35), 1e-6);
  EXPECT_NEAR(r.usd_per_mtoken_out, 2.0 * 24 * 35 / (300 * 86400) * 1e6, 1e-9);
}

TEST(Fleet, TheCheaperChipTakesWhatItMay) {
  FleetMember cheap = rented("cheap", 1, {point(Phase::kPrefill, 10, 1), point(Phase::kDecode, 10, 1)});
  const FleetMember dear = rented("dear", 3, {point(Phase::kPrefill, 10, 1), point(Phase::kDecode, 10, 1)});
  cheap.available = 15;
  const FleetResult r = assign({cheap, dear}, day(100, 100), {});
  ASSERT_TRUE(r.feasible);
  EXPECT_NEAR(r.usd_per_day(), 24 * (15 * 1 + 5 * 3), 1e-6);
}

TEST(Fleet, ComparativeAdvantageDecides) {
  // a is better at both, but most at decode: with few of a, they decode and b prefills.
  FleetMember a = rented("a", 2, {point(Phase::kPrefill, 20, 1), point(Phase::kDecode, 40, 1)});
  a.available = 10;
  const FleetMember b = rented("b", 2, {point(Phase::kPrefill, 15, 1), point(Phase::kDecode, 10, 1)});
  const FleetResult r = assign({a, b}, day(300, 400), {});
  ASSERT_TRUE(r.feasible);
  for (const Assignment& x : r.assignments) EXPECT_EQ(x.phase, x.member == "a" ? Phase::kDecode : Phase::kPrefill);
  EXPECT_NEAR(r.mean_chips(), 30, 1e-6);
}

TEST(Fleet, TheLatencyLimitLeavesPointsOut) {
  const FleetMember m =
      rented("a", 2, {point(Phase::kPrefill, 10, 1), point(Phase::kDecode, 10, 1), point(Phase::kDecode, 99, 1, 0.1)});
  const FleetResult r = assign({m}, day(100, 100), {});
  ASSERT_TRUE(r.feasible);
  EXPECT_NEAR(r.mean_chips(), 20, 1e-6);
  ASSERT_EQ(r.notes.size(), 1u);
  EXPECT_NE(r.notes[0].find("100.0 ms a token, the limit is 50.0 ms"), std::string::npos);
  Workload hasty = day(100, 100);
  hasty.tpot_limit_s = 0.01;
  const FleetResult none = assign({m}, hasty, {});
  EXPECT_FALSE(none.feasible);
  EXPECT_NE(none.reason.find("decode"), std::string::npos);
}

TEST(Fleet, TooFewChipsAreReported) {
  FleetMember m = rented("a", 2, {point(Phase::kPrefill, 10, 1), point(Phase::kDecode, 10, 1)});
  m.available = 19;
  EXPECT_FALSE(assign({m}, day(100, 100), {}).feasible);
  m.available = 20;
  EXPECT_TRUE(assign({m}, day(100, 100), {}).feasible);
}

TEST(Fleet, HourlyCostByHand) {
  EXPECT_NEAR(annuity(48, 0), 1.0 / 48, 1e-15);
  EXPECT_NEAR(annuity(12, 0.12), 0.0888488, 1e-6);  // a year at 1 % a month
  Economics e;
  e.electricity_usd_per_kwh = 0.06;
  e.pue = 1.2;
  e.depreciation_months = 48;
  e.residual = 0.25;
  e.upkeep = 0.05;
  e.facility_usd_per_w = 8;
  e.facility_months = 120;
  e.idle_power = 0.3;
  FleetMember m;
  m.billing = Billing::kBought;
  m.purchase_usd = 48000;
  m.power_w = 1000;
  const HourlyCost c = hourly_cost(m, e);
  const double capital = 48000 * 0.75 / (4 * 8760.0), facility = 8000 / (10 * 8760.0), upkeep = 2400 / 8760.0;
  EXPECT_NEAR(c.installed, capital + facility + upkeep + 1.2 * 0.3 * 0.06, 1e-9);
  EXPECT_NEAR(c.working, 1.2 * 0.7 * 0.06, 1e-12);
  m.billing = Billing::kOwned;
  EXPECT_NEAR(hourly_cost(m, e).installed, facility + upkeep + 1.2 * 0.3 * 0.06, 1e-9);
}

TEST(Fleet, FractionalGroupsAreALowerBound) {
  constexpr unsigned kSeed = 4;
  std::mt19937_64 random(kSeed);
  for (int i = 0; i < 10; ++i) {
    const auto uniform = [&](double low, double high) {
      return std::uniform_real_distribution<double>(low, high)(random);
    };
    std::vector<FleetMember> members;
    for (const char* name : {"a", "b"}) {
      members.push_back(rented(name, uniform(1, 3),
                               {point(Phase::kPrefill, uniform(5, 50), 4), point(Phase::kDecode, uniform(5, 50), 18)}));
    }
    const Workload w = day(uniform(500, 5000), uniform(500, 5000));
    const FleetResult whole = assign(members, w, {}), part = assign(members, w, {}, true);
    ASSERT_TRUE(whole.feasible && part.feasible);
    EXPECT_GE(whole.usd_per_day(), part.usd_per_day() * (1 - 1e-9)) << "seed " << kSeed;
  }
}

TEST(Rates, PublishedDayFromPublishedRates) {
  Ledger ledger = testing::ledger();
  const MeasuredRates rates(data("measurements/serving.yaml"), ledger);
  Workload w = day(1, 1);
  w.input_tokens = 608e9;
  w.cached_tokens = 342e9;
  w.output_tokens = 168e9;
  FleetMember h800 = rented("h800", 2, rates.points("h800", w));
  const FleetResult r = assign({h800}, w, {});
  ASSERT_TRUE(r.feasible);
  EXPECT_NEAR(r.mean_chips() / 8, 226.75, 22.7);
  EXPECT_NEAR(r.usd_per_day(), 87072, 8707);
  const FleetResult fractional = assign({h800}, w, {}, true);
  EXPECT_NEAR(fractional.mean_chips() / 8, 226.75, 1);
}

TEST(Rates, BenchmarksAreBroughtDownToProduction) {
  Ledger ledger = testing::ledger();
  const MeasuredRates rates(data("measurements/serving.yaml"), ledger);
  const Workload w = day(1, 1);
  for (const ServingPoint& p : rates.points("ascend-910c", w)) {
    EXPECT_EQ(p.basis, "measured");
    if (p.phase == Phase::kPrefill) {
      EXPECT_NEAR(p.tokens_per_s, 5655 * 0.514, 1e-6);
    }
    EXPECT_LE(p.low, p.tokens_per_s);
    EXPECT_GE(p.high, p.tokens_per_s);
  }
  Workload other = w;
  other.model = "Llama";
  EXPECT_TRUE(rates.points("h800", other).empty());
}

TEST(Rates, ScaledByWhateverBinds) {
  const Capability from{"h800", 2000, 3000, 80, 200}, to{"x", 1000, 6000, 40, 200};
  const std::vector<ServingPoint> scaled = scaled_points({point(Phase::kDecode, 100, 8)}, from, to);
  ASSERT_EQ(scaled.size(), 1u);
  EXPECT_NEAR(scaled[0].tokens_per_s, 50, 1e-9);
  EXPECT_EQ(scaled[0].chips, 16);
  EXPECT_EQ(scaled[0].confidence, "L");
}

TEST(Hardware, EveryShippedFileIsReadAndClassified) {
  const RuleSet rules = load_rules(data("rules/export.yaml"), load_sources(data("sources.yaml")));
  for (const char* name : {"h800", "h100", "h20", "ascend-910c", "openai-titan"}) {
    Ledger ledger = testing::ledger();
    const Hardware h = load_hardware(data(std::string("hardware/") + name + ".yaml"), ledger);
    EXPECT_EQ(h.name, name);
    const auto all = export_status(rules, subject_of(h), "2026-11-25");
    EXPECT_EQ(all[1].rule, "3A090.a");
    EXPECT_EQ(all[1].applies, h.name != "h20") << name;
  }
}

}  // namespace
}  // namespace hadal::plan
