// The programme: its file, closed forms of simple programmes, reproducibility and influence.
#include "plan/programme.h"

#include "plan/random.h"
#include "plan/testing.h"

namespace hadal::plan {
namespace {

using testing::data;
using testing::edited;
using testing::refusal;
using testing::text;

class ProgrammeTest : public ::testing::Test {
 protected:
  Ledger ledger_ = testing::ledger();
  Process n2_ = load_process(data("processes/smic-n2.yaml"), ledger_);
  Programme lean_ = load_programme(data("programmes/lean.yaml"), ledger_);
};

Figure fixed(double value) {
  Figure f;
  f.name = "fixed";
  f.value = f.low = f.high = value;
  return f;
}
Figure ranged(double low, double value, double high) {
  Figure f = fixed(value);
  f.low = low;
  f.high = high;
  return f;
}

Programme two_stages() {
  Programme p;
  p.reference_design_cost = fixed(250e6);
  p.person_month = fixed(10e3);
  p.software_people = fixed(0);
  p.respin_probability = fixed(0);
  p.respin_months = fixed(4);
  p.respin_cost = fixed(10e6);
  Stage a;
  a.name = "design";
  a.months = fixed(10);
  a.people = fixed(100);
  a.outlay = fixed(5e6);
  a.pass = fixed(1);
  Stage b = a;
  b.name = "tape-out";
  b.after = {0};
  b.months = fixed(2);
  p.stages = {a, b};
  return p;
}

Process fixed_process(const Process& from) {
  Process p = from;
  for (Figure* f : {&p.design_cost, &p.mask_set, &p.fabrication}) f->low = f->high = f->value;
  return p;
}

TEST_F(ProgrammeTest, FixedFiguresAddUp) {
  const Process n2 = fixed_process(n2_);
  Programme p = two_stages();
  const Forecast f = forecast(p, n2, 100, 1);
  EXPECT_DOUBLE_EQ(f.end_months.p50, 12);
  EXPECT_DOUBLE_EQ(f.tapeout_months.p10, 12);
  // 12 months x 100 people x 10,000 USD + 2 x 5 MUSD
  EXPECT_DOUBLE_EQ(f.nre_usd.p50, 22e6);
  EXPECT_DOUBLE_EQ(f.stages[0].spent_usd.p50, 15e6);
  EXPECT_DOUBLE_EQ(f.stages[1].spent_usd.p50, 22e6);
  EXPECT_EQ(f.success, 1);
  p.stages[1].masks = true;
  EXPECT_DOUBLE_EQ(forecast(p, n2, 10, 1).nre_usd.p50, 42e6);
  p.stages[1].lag = fixed(-3);
  EXPECT_DOUBLE_EQ(forecast(p, n2, 10, 1).end_months.p50, 10);  // ends at 9, the first stage at 10
  p.software_people = fixed(50);
  EXPECT_DOUBLE_EQ(forecast(p, n2, 10, 1).nre_usd.p50, 47e6);
  // At 9 months: nine tenths of the first stage and of the software people, all of the second.
  EXPECT_DOUBLE_EQ(forecast(p, n2, 10, 1).stages[1].spent_usd.p50, 0.9 * 15e6 + 27e6 + 0.9 * 5e6);
}

TEST_F(ProgrammeTest, ChancesMultiply) {
  Programme p = two_stages();
  p.stages[0].pass = fixed(0.8);
  p.stages[1].pass = fixed(0.5);
  constexpr int kRuns = 100000;
  const Forecast f = forecast(p, n2_, kRuns, 5);
  EXPECT_EQ(f.stages[0].reached, 1);
  EXPECT_NEAR(f.stages[1].reached, 0.8, 0.007);
  EXPECT_NEAR(f.success, 0.4, 0.008);
}

TEST_F(ProgrammeTest, RespinsFollowTheGeometricLaw) {
  Programme p = two_stages();
  p.respin_probability = fixed(0.5);
  p.stages[1].respin = true;
  const Process n2 = fixed_process(n2_);
  const Forecast f = forecast(p, n2, 100000, 5);
  // Mean of a geometric number of failures, cut at five: 1/2 + 1/4 + 1/8 + 1/16 + 1/32.
  EXPECT_NEAR(f.respins, 0.96875, 0.015);
  EXPECT_NEAR(f.end_months.mean, 12 + 4 * 0.96875, 0.06);
}

TEST_F(ProgrammeTest, TriangularHasItsMeanAndQuantiles) {
  Random random(3);
  std::vector<double> samples;
  for (int i = 0; i < 200000; ++i) samples.push_back(random.triangular(1, 2, 6));
  const Quantiles q = quantiles(samples);
  EXPECT_NEAR(q.mean, 3, 0.01);  // (1 + 2 + 6) / 3
  EXPECT_NEAR(q.p50, 6 - std::sqrt(0.5 * 5 * 4), 0.02);
  EXPECT_NEAR(q.p10, 1 + std::sqrt(0.1 * 5 * 1), 0.02);
  EXPECT_NEAR(q.p90, 6 - std::sqrt(0.1 * 5 * 4), 0.02);
}

TEST_F(ProgrammeTest, TheWidestInputMattersMost) {
  Programme p = two_stages();
  p.stages[0].months = ranged(2, 10, 30);
  p.stages[1].months = ranged(1.9, 2, 2.1);
  p.person_month = ranged(9900, 10000, 10100);
  const Forecast f = forecast(p, fixed_process(n2_), 4000, 9);
  EXPECT_EQ(f.on_date[0].input, "design: months");
  EXPECT_GT(f.on_date[0].share, 0.95);
  EXPECT_EQ(f.on_date[0].sign, 1);
  EXPECT_LT(f.on_date[1].share, 0.05);
}

TEST_F(ProgrammeTest, SameSeedSameForecast) {
  const Forecast a = forecast(lean_, n2_, 2000, 42), b = forecast(lean_, n2_, 2000, 42);
  EXPECT_EQ(a.nre_usd.p50, b.nre_usd.p50);
  EXPECT_EQ(a.end_months.p90, b.end_months.p90);
  EXPECT_EQ(a.on_date[0].input, b.on_date[0].input);
  EXPECT_NE(a.nre_usd.p50, forecast(lean_, n2_, 2000, 43).nre_usd.p50);
}

TEST_F(ProgrammeTest, TheLeanProgrammeIsPlausible) {
  const Forecast f = forecast(lean_, n2_, 20000, 1);
  // Public guides: 24 to 40 months, 130 to 300 MUSD for a lean design of this class.
  EXPECT_GT(f.end_months.p50, 24);
  EXPECT_LT(f.end_months.p50, 48);
  EXPECT_GT(f.nre_usd.p50, 130e6);
  EXPECT_LT(f.nre_usd.p50, 300e6);
  EXPECT_GT(f.tapeout_months.p50, 15);
  EXPECT_LT(f.tapeout_months.p50, 28);
  double last = 1;
  for (size_t i = 0; i < f.stages.size(); ++i) {
    EXPECT_GE(f.stages[i].reached, f.stages[i].passed);
    last = std::min(last, f.stages[i].passed);
  }
  EXPECT_NEAR(f.success, last, 1e-12);
}

TEST_F(ProgrammeTest, RefusesBrokenFiles) {
  const auto broken = [&](const std::string& from, const std::string& to) {
    return refusal([&] { parse_programme(edited(text("programmes/lean.yaml"), from, to), "g.yaml", ledger_); });
  };
  EXPECT_NE(broken("after: [specification]", "after: [specificaton]").find("there is no stage 'specificaton' above"),
            std::string::npos);
  EXPECT_NE(broken("name: tape-out", "name: tapeout").find("there is no stage 'tape-out'"), std::string::npos);
  EXPECT_NE(broken("value: 45 %", "value: 145 %").find("respin_probability.value: 145 % is out of range"),
            std::string::npos);
  EXPECT_NE(broken("duration: process", "duration: long").find("the only word for it is process"), std::string::npos);
}

}  // namespace
}  // namespace hadal::plan
