// Designs: numbering, evaluation against the planner's own report, dominance.
#include "plan/design.h"

#include <cmath>
#include <fstream>
#include <random>
#include <set>

#include "base/mapped_file.h"
#include "base/temporary_directory.h"
#include "plan/testing.h"

namespace hadal::plan {
namespace {

using testing::data;

class DesignTest : public ::testing::Test {
 protected:
  DesignTest() {
    const Build& b = scenario_.builds[0];
    space_.supplies = {{b.process, b.memory, b.package}};
    space_.cores = {24, 48};
    space_.rows = {32, 64};
    space_.columns = {32};
    space_.stacks = {4, 5};
    space_.spare_cores = {0, 4};
    space_.spm_bytes = {1 << 20};
    space_.link_bytes_per_s = {400e9};
  }
  Facts facts_{{std::string(HADAL_SOURCE_DIR)}};
  Scenario scenario_ = load_scenario(data("scenarios/deepseek-day.yaml"), facts_);
  PredictedRates rates_{facts_, data("models/configs/DeepSeek-V3.json"), data("measurements/constants.yaml")};
  DesignSpace space_;
};

TEST_F(DesignTest, EveryIdIsAnotherDesign) {
  std::set<std::string> seen;
  for (uint64_t id = 0; id < space_.size(); ++id) {
    const Design d = design_of(space_, id);
    seen.insert(std::to_string(d.cores) + " " + std::to_string(d.rows) + " " + std::to_string(d.stacks) + " " +
                std::to_string(d.spare_cores));
  }
  EXPECT_EQ(space_.size(), 16u);
  EXPECT_EQ(seen.size(), 16u);
}

TEST_F(DesignTest, TheDescribedChipIsWorthWhatThePlanSays) {
  space_.cores = {48};
  space_.rows = {32};
  space_.stacks = {5};
  space_.spare_cores = {0};
  scenario_.builds[0].spare_cores = 0;
  const DesignEvaluator evaluator(scenario_, space_, facts_, rates_);
  const Evaluation e = evaluator.evaluate(0);
  ASSERT_EQ(e.refused, "");
  const ServingPoint decode =
      rates_.points(scenario_.builds[0], scenario_.builds[0].chip.clock_hz, workload_of(scenario_))[1];
  EXPECT_EQ(decode.phase, Phase::kDecode);
  EXPECT_NEAR(e.decode_tokens_per_s, decode.tokens_per_s, 1e-6 * decode.tokens_per_s);
  const ChipArea area = chip_area(scenario_.builds[0].chip, *scenario_.builds[0].process, facts_.areas(),
                                  *scenario_.builds[0].memory, 5, 400e9);
  EXPECT_DOUBLE_EQ(e.die_mm2, area.die_mm2);
  EXPECT_NEAR(e.tpp, 15099, 1);
}

// The evaluator has the cost of a day in closed form; the planner solves a linear programme over hours and serving
// points. Both on random designs, with the groups of the programme in fractions.
TEST_F(DesignTest, TheClosedFormIsTheSolversOptimum) {
  constexpr unsigned kSeed = 21;
  std::mt19937_64 random(kSeed);
  space_ = load_space(data("spaces/smic-fine.yaml"), scenario_, facts_);
  const DesignEvaluator evaluator(scenario_, space_, facts_, rates_);
  const Build& b = scenario_.builds[space_.build];
  const Workload workload = workload_of(scenario_);
  const Economics economics = economics_of(scenario_, [](const Figure& f) { return f.value; });
  int possible = 0;
  for (int i = 0; i < 400; ++i) {
    const Evaluation e = evaluator.evaluate(random() % space_.size());
    if (!e.refused.empty()) continue;
    ++possible;
    FleetMember m;
    m.name = "design";
    m.billing = Billing::kBuilt;
    m.available = FleetEntry::kUnlimited;
    m.purchase_usd = e.unit_usd + b.server.value;
    m.nre_usd = e.nre_usd / b.volume.value;
    m.power_w = e.power_w + b.host_power.value;
    ServingPoint prefill, decode;
    prefill.phase = Phase::kPrefill;
    prefill.tokens_per_s = e.prefill_tokens_per_s;
    decode.phase = Phase::kDecode;
    decode.tokens_per_s = e.decode_tokens_per_s;
    m.points = {prefill, decode};
    const FleetResult solved = assign({m}, workload, economics, true);
    ASSERT_TRUE(solved.feasible) << solved.reason;
    const double tokens = workload.input_tokens + workload.output_tokens;
    EXPECT_NEAR(e.usd_per_mtoken, solved.usd_per_day() / tokens * 1e6, 1e-7 * e.usd_per_mtoken) << e.id;
    EXPECT_NEAR(e.usd_per_mtoken_out, solved.usd_per_mtoken_out, 1e-7 * e.usd_per_mtoken_out) << e.id;
    EXPECT_NEAR(e.tokens_per_j, solved.tokens_per_j, 1e-7 * e.tokens_per_j) << e.id;
  }
  EXPECT_GT(possible, 100) << "seed " << kSeed;
}

// Rates are remembered across designs that sell the same chip, and placements of experts across batches; neither may
// show in a result.
TEST_F(DesignTest, WhatIsRememberedDoesNotShow) {
  constexpr unsigned kSeed = 22;
  std::mt19937_64 random(kSeed);
  space_ = load_space(data("spaces/smic-fine.yaml"), scenario_, facts_);
  const DesignEvaluator warm(scenario_, space_, facts_, rates_);
  for (uint64_t id = 0; id < 2000; ++id) warm.evaluate(random() % space_.size());
  for (int i = 0; i < 100; ++i) {
    const uint64_t id = random() % space_.size();
    const Evaluation a = warm.evaluate(id), b = DesignEvaluator(scenario_, space_, facts_, rates_).evaluate(id);
    EXPECT_EQ(a.refused, b.refused) << id << ", seed " << kSeed;
    EXPECT_EQ(a.usd_per_mtoken, b.usd_per_mtoken) << id << ", seed " << kSeed;
    EXPECT_EQ(a.tokens_per_j, b.tokens_per_j) << id;
    EXPECT_EQ(a.decode_tokens_per_s, b.decode_tokens_per_s) << id;
  }
}

TEST_F(DesignTest, EvaluationDependsOnTheIdAlone) {
  const DesignEvaluator one(scenario_, space_, facts_, rates_), other(scenario_, space_, facts_, rates_);
  std::vector<double> first;
  for (uint64_t id = 0; id < space_.size(); ++id) first.push_back(one.evaluate(id).usd_per_mtoken);
  for (uint64_t id = space_.size(); id-- > 0;) EXPECT_EQ(other.evaluate(id).usd_per_mtoken, first[id]);
}

TEST_F(DesignTest, WhatCannotBeIsRefused) {
  Facts& facts = facts_;
  space_.supplies = {{&facts.process_named("tsmc-n5"), scenario_.builds[0].memory, scenario_.builds[0].package}};
  EXPECT_EQ(DesignEvaluator(scenario_, space_, facts_, rates_).evaluate(0).refused, "tsmc-n5 is not to be had");
  space_.supplies = {{scenario_.builds[0].process, scenario_.builds[0].memory, scenario_.builds[0].package}};
  space_.stacks = {12};
  EXPECT_EQ(DesignEvaluator(scenario_, space_, facts_, rates_).evaluate(0).refused, "larger than the reticle");
}

TEST_F(DesignTest, LimitsRefuseWhatIsBeyondThem) {
  const Evaluation free = DesignEvaluator(scenario_, space_, facts_, rates_).evaluate(0);
  ASSERT_EQ(free.refused, "");
  space_.most_power_w = free.power_w * 0.9;
  EXPECT_EQ(DesignEvaluator(scenario_, space_, facts_, rates_).evaluate(0).refused, "more power than the limit");
  space_.most_power_w = free.power_w * 1.5;  // the phase that takes more counts
  EXPECT_EQ(DesignEvaluator(scenario_, space_, facts_, rates_).evaluate(0).refused, "");
  space_.rules_to_avoid = {"3A090.a"};
  EXPECT_EQ(DesignEvaluator(scenario_, space_, facts_, rates_).evaluate(0).refused, "3A090.a applies");
  space_.cores = {4};  // TPP 1,258
  EXPECT_NE(DesignEvaluator(scenario_, space_, facts_, rates_).evaluate(0).refused, "3A090.a applies");
}

TEST_F(DesignTest, ASlowerClockSavesEnergyAndRate) {
  const DesignSpace fine = load_space(data("spaces/smic-fine.yaml"), scenario_, facts_);
  space_.clock = {0.8, 1};
  space_.voltage = fine.voltage;
  const DesignEvaluator evaluator(scenario_, space_, facts_, rates_);
  const uint64_t half = space_.size() / 2;  // the clock is the last digit of the number
  for (uint64_t id = 0; id < half; ++id) {
    const Evaluation slow = evaluator.evaluate(id), fast = evaluator.evaluate(id + half);
    EXPECT_EQ(slow.die_mm2, fast.die_mm2);
    EXPECT_LT(slow.power_w, fast.power_w);
    EXPECT_LT(slow.tpp, fast.tpp);
    EXPECT_LE(slow.prefill_tokens_per_s, fast.prefill_tokens_per_s);
    EXPECT_LE(slow.decode_tokens_per_s, fast.decode_tokens_per_s);
  }
  // The nominal clock is what it is without a choice.
  const double nominal_w = evaluator.evaluate(half).power_w;
  space_.clock = {1};
  space_.voltage.reset();
  EXPECT_DOUBLE_EQ(DesignEvaluator(scenario_, space_, facts_, rates_).evaluate(0).power_w, nominal_w);
}

TEST_F(DesignTest, DiesShareCoresAndStacks) {
  space_.cores = {48};
  space_.rows = {64};
  space_.stacks = {4};
  space_.spare_cores = {0};
  space_.dies = {1, 2};
  const DesignEvaluator evaluator(scenario_, space_, facts_, rates_);
  const Evaluation one = evaluator.evaluate(0), two = evaluator.evaluate(1);
  ASSERT_EQ(one.refused, "");
  ASSERT_EQ(two.refused, "");
  EXPECT_LT(two.die_mm2, one.die_mm2);
  EXPECT_GT(2 * two.die_mm2, one.die_mm2) << "each has a host interface";
  EXPECT_GT(two.yield, one.yield);
  EXPECT_DOUBLE_EQ(two.tpp, one.tpp);
  space_.stacks = {5};
  EXPECT_EQ(DesignEvaluator(scenario_, space_, facts_, rates_).evaluate(1).refused,
            "cores or stacks do not divide among the dies");
}

TEST_F(DesignTest, APackageOfTwoDescribedDiesIsWorthWhatThePlanSays) {
  const Scenario two = load_scenario(data("scenarios/smic-n2.yaml"), facts_);
  const Build& b = two.builds[0];
  ASSERT_EQ(b.dies, 2);
  DesignSpace space;
  space.supplies = {{b.process, b.memory, b.package}};
  space.cores = {2 * b.chip.cores};
  space.rows = {b.chip.matrix.rows};
  space.columns = {b.chip.matrix.cols};
  space.stacks = {b.stacks};
  space.spare_cores = {0};
  space.spm_bytes = {static_cast<double>(b.chip.spm.bytes)};
  space.link_bytes_per_s = {b.link_bytes_per_s};
  space.dies = {2};
  const Evaluation e = DesignEvaluator(two, space, facts_, rates_).evaluate(0);
  ASSERT_EQ(e.refused, "");
  const Plan plan = make_plan(two, facts_, &rates_);
  const BuildReport& report = plan.builds[0];
  EXPECT_NEAR(e.prefill_tokens_per_s, report.points[0].tokens_per_s, 1e-6 * e.prefill_tokens_per_s);
  EXPECT_NEAR(e.decode_tokens_per_s, report.points[1].tokens_per_s, 1e-6 * e.decode_tokens_per_s);
  EXPECT_DOUBLE_EQ(e.die_mm2, report.area.die_mm2);
  EXPECT_DOUBLE_EQ(e.unit_usd, report.unit.total_usd);
  EXPECT_DOUBLE_EQ(e.power_w, report.power.total_w());
}

TEST_F(DesignTest, VoltageFollowsTheAlphaPowerLaw) {
  const VoltageModel v = *load_space(data("spaces/smic-fine.yaml"), scenario_, facts_).voltage;
  EXPECT_NEAR(supply_voltage(v, 1), v.nominal.value, 1e-12);
  EXPECT_EQ(supply_voltage(v, 0.1), v.lowest.value);
  double last = 0;
  for (double ratio = 0.7; ratio < 1.3; ratio += 0.05) {
    const double volts = supply_voltage(v, ratio);
    EXPECT_GT(volts, last);
    const auto speed = [&](double x) { return std::pow(x - v.threshold.value, v.exponent.value) / x; };
    if (volts > v.lowest.value) {
      EXPECT_NEAR(speed(volts) / speed(v.nominal.value), ratio, 1e-9);
    }
    last = volts * 0.999999;
  }
}

TEST_F(DesignTest, BadSpacesAreNamedWithTheirLine) {
  const TemporaryDirectory folder;
  const std::string file = folder.file("space.yaml");
  const std::string good(MappedFile::open(data("spaces/smic-fine.yaml")).text());
  const auto refusal = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    std::ofstream(file) << text;
    return testing::refusal([&] { load_space(file, scenario_, facts_); });
  };
  const auto contains = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
  EXPECT_TRUE(contains(refusal("build: hadal-1 at SMIC N+2", "build: hadal-9"), "the scenario has no build 'hadal-9'"));
  EXPECT_TRUE(contains(refusal("power: 1000 W", "power: 1000"), "unit"));
  EXPECT_TRUE(contains(refusal("power: 1000 W", "not_under: [3A090.x]"), "'3A090.x' is no rule of export"));
  EXPECT_TRUE(contains(refusal("clock: [0.8, 1]", "clock: [0.01]"), "out of range"));
  EXPECT_TRUE(
      contains(refusal("lowest: {value: 0.60, low: 0.55", "lowest: {value: 0.20, low: 0.15"), "above the threshold"));
  std::string text = good.substr(0, good.find("voltage:"));
  std::ofstream(file) << text;
  EXPECT_TRUE(
      contains(testing::refusal([&] { load_space(file, scenario_, facts_); }), "another clock takes another voltage"));
}

TEST(ParetoFront, EqualsComparingAllPairs) {
  constexpr unsigned kSeed = 8;
  std::mt19937_64 random(kSeed);
  std::vector<Evaluation> all;
  for (uint64_t i = 0; i < 400; ++i) {
    const auto digit = [&] { return static_cast<double>(random() % 8); };
    Evaluation e;
    e.id = i;
    e.usd_per_mtoken = digit();
    e.tokens_per_j = digit();
    e.nre_usd = digit();
    e.volume_months = digit();
    if (i % 7 == 0) e.refused = "no";
    all.push_back(e);
  }
  std::set<std::vector<double>> expected, found;
  const auto values = [](const Evaluation& e) {
    return std::vector<double>{e.usd_per_mtoken, -e.tokens_per_j, e.nre_usd, e.volume_months};
  };
  for (const Evaluation& a : all) {
    bool best = a.refused.empty();
    for (const Evaluation& b : all) {
      if (!b.refused.empty() || values(a) == values(b)) continue;
      bool no_worse = true;
      for (size_t k = 0; k < 4; ++k) no_worse = no_worse && values(b)[k] <= values(a)[k];
      best = best && !no_worse;
    }
    if (best) expected.insert(values(a));
  }
  for (const Evaluation& e : pareto_front(all)) EXPECT_TRUE(found.insert(values(e)).second) << "each once";
  EXPECT_EQ(found, expected) << "seed " << kSeed;
}

}  // namespace
}  // namespace hadal::plan
