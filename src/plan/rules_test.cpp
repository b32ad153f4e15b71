// Export rules against worked cases of published chips, at the thresholds, and by date.
#include "plan/rules.h"

#include <random>

#include "plan/testing.h"

namespace hadal::plan {
namespace {

using testing::data;
using testing::edited;
using testing::refusal;
using testing::text;

RuleSet shipped() { return load_rules(data("rules/export.yaml"), load_sources(data("sources.yaml"))); }

const RuleStatus& status(const std::vector<RuleStatus>& all, std::string_view name) {
  for (const RuleStatus& s : all) {
    if (s.rule == name) return s;
  }
  throw std::runtime_error(std::string(name));
}

std::string formula_class(const Subject& s) {
  const auto all = export_status(shipped(), s, "2026-11-25");
  EXPECT_FALSE(status(all, "3A090.a").applies && status(all, "3A090.b").applies);
  return status(all, "3A090.a").applies ? "a" : status(all, "3A090.b").applies ? "b" : "none";
}

Subject make(const std::string& name, double tops, int bits, double mm2) {
  Subject s;
  s.name = name;
  s.formats = {{"x", bits, tops * 1e12}};
  s.logic_mm2 = mm2;
  return s;
}

TEST(Rules, ClassesOfPublishedChips) {
  // Dense rate, bits, logic area, published or worked TPP, class. Rates and areas: data sheets and Epoch AI.
  struct Case {
    const char* name;
    double tops;
    int bits;
    double mm2, tpp, pd;
    const char* expected;
  };
  for (const Case& c : std::vector<Case>{{"a100", 624, 8, 826, 4992, 6.04, "a"},
                                         {"h100", 1979, 8, 814, 15832, 19.45, "a"},
                                         {"h20", 296, 8, 814, 2368, 2.91, "none"},
                                         {"b200", 4500, 8, 1628, 36000, 22.11, "a"},
                                         {"910a", 512, 8, 624.25, 4096, 6.56, "a"},
                                         {"910b2", 707.8, 8, 665.61, 5662, 8.51, "a"},
                                         {"910b3", 589.8, 8, 665.61, 4718, 7.09, "a"},
                                         {"910b4", 491.6, 8, 665.61, 3933, 5.91, "b"},
                                         {"910c", 1504, 8, 1331.2, 12032, 9.04, "a"},
                                         {"tpu-v5e", 394, 8, 325, 3152, 9.7, "a"},
                                         {"mtia-v2i", 354, 8, 421, 2832, 6.73, "a"},
                                         {"groq", 750, 8, 725, 6000, 8.28, "a"},
                                         {"wormhole-n150", 262, 8, 670, 2096, 3.13, "none"},
                                         {"wormhole-n300", 466, 8, 1340, 3728, 2.78, "b"},
                                         {"blackhole", 332, 16, 600, 5312, 8.85, "a"}}) {
    const Subject s = make(c.name, c.tops, c.bits, c.mm2);
    EXPECT_NEAR(total_processing_performance(s), c.tpp, 1) << c.name;
    EXPECT_NEAR(performance_density(s), c.pd, 0.01) << c.name;
    EXPECT_EQ(formula_class(s), c.expected) << c.name;
  }
}

TEST(Rules, BoundaryDesigns) {
  EXPECT_EQ(formula_class(make("x", 4799.0 / 8, 8, 3000)), "none");  // below 4800 and PD 1.5997
  EXPECT_EQ(formula_class(make("x", 4799.0 / 8, 8, 2990)), "b");
  EXPECT_EQ(formula_class(make("x", 2399.0 / 8, 8, 751)), "none");
  EXPECT_EQ(formula_class(make("x", 2399.0 / 8, 8, 749)), "b");
  EXPECT_EQ(formula_class(make("x", 1599.0 / 8, 8, 10)), "none");
  EXPECT_EQ(formula_class(make("x", 1600.0 / 8, 8, 10)), "a");
  EXPECT_EQ(formula_class(make("x", 4800.0 / 8, 8, 10000)), "a");
  Subject consumer = make("x", 4799.0 / 8, 8, 100);
  consumer.datacentre = false;
  EXPECT_EQ(formula_class(consumer), "none");
}

// The rules written out in C++ a second time, on random chips.
TEST(Rules, ExpressionsEqualHandWrittenCode) {
  constexpr unsigned kSeed = 11;
  std::mt19937_64 random(kSeed);
  const RuleSet set = shipped();
  for (int i = 0; i < 20000; ++i) {
    const auto uniform = [&](double low, double high) {
      return std::uniform_real_distribution<double>(low, high)(random);
    };
    Subject s = make("x", uniform(100, 4000), 8, uniform(100, 3000));
    s.dram_bytes_per_s = uniform(1e12, 8e12);
    const double tpp = total_processing_performance(s), pd = performance_density(s), dram = s.dram_bytes_per_s / 1e9;
    const bool a = tpp >= 4800 || (tpp >= 1600 && pd >= 5.92);
    const bool b = !a && ((tpp >= 2400 && pd >= 1.6) || (tpp >= 1600 && pd >= 3.2));
    const auto all = export_status(set, s, "2026-11-25");
    ASSERT_EQ(status(all, "3A090.a").applies, a) << "seed " << kSeed << " tpp " << tpp << " pd " << pd;
    ASSERT_EQ(status(all, "3A090.b").applies, b) << "seed " << kSeed << " tpp " << tpp << " pd " << pd;
    ASSERT_EQ(status(all, "case-by-case review").applies, a && tpp < 21000 && dram < 6500);
  }
}

TEST(Rules, Vintages) {
  Subject a800 = make("a800", 624, 8, 826);
  a800.io_bytes_per_s = 400e9;
  // The A800 was made for the rule of 2022 (I/O below 600 GB/s) and fell to that of 2023.
  const auto in_2023 = export_status(shipped(), a800, "2023-01-01");
  EXPECT_TRUE(status(in_2023, "2022 I/O rule").in_force);
  EXPECT_FALSE(status(in_2023, "2022 I/O rule").applies);
  EXPECT_FALSE(status(in_2023, "3A090.a").in_force);
  const auto in_2024 = export_status(shipped(), a800, "2024-01-01");
  EXPECT_FALSE(status(in_2024, "2022 I/O rule").in_force);
  EXPECT_TRUE(status(in_2024, "3A090.a").applies);
  EXPECT_FALSE(status(in_2024, "case-by-case review").in_force);
  EXPECT_TRUE(status(export_status(shipped(), a800, "2025-03-01"), "AI diffusion").applies);
  EXPECT_FALSE(status(export_status(shipped(), a800, "2025-06-01"), "AI diffusion").in_force);
  a800.io_bytes_per_s = 600e9;  // an A100
  EXPECT_TRUE(status(export_status(shipped(), a800, "2023-01-01"), "2022 I/O rule").applies);
}

TEST(Rules, LettersFoundryAndGp10) {
  Subject h20 = make("h20", 296, 8, 814);
  EXPECT_TRUE(status(export_status(shipped(), h20, "2026-11-25"), "is-informed letters").applies);
  EXPECT_FALSE(status(export_status(shipped(), make("h21", 296, 8, 814), "2026-11-25"), "is-informed letters").applies);

  Subject chip = make("x", 199, 8, 300);
  chip.foundry_bound = true;
  chip.transistors = 29e9;
  const auto presumed = [&](const std::string& date) {
    return status(export_status(shipped(), chip, date), "foundry presumption").applies;
  };
  EXPECT_TRUE(presumed("2026-11-25"));
  chip.packaged_outside = true;
  EXPECT_FALSE(presumed("2026-11-25"));
  chip.transistors = 34e9;
  EXPECT_TRUE(presumed("2026-11-25"));
  EXPECT_FALSE(presumed("2027-06-01"));  // 35 G from 2027 without HBM
  chip.is_hbm = true;
  EXPECT_TRUE(presumed("2027-06-01"));
  chip.is_hbm = false;
  chip.transistors = 39e9;
  EXPECT_TRUE(presumed("2028-12-31"));
  EXPECT_FALSE(presumed("2029-01-01"));
  chip.foundry_bound = false;
  chip.transistors = 200e9;
  EXPECT_FALSE(presumed("2026-11-25"));

  Subject own = make("hadal-1", 1887, 8, 390);
  own.prc_designed = true;
  const auto all = export_status(shipped(), own, "2026-11-25");
  EXPECT_TRUE(status(all, "GP10 guidance").applies);
  EXPECT_FALSE(status(all, "case-by-case review").applies);
}

TEST(Rules, ArithmeticIsShown) {
  const auto all = export_status(shipped(), make("h20", 296, 8, 814), "2026-11-25");
  const auto& shown = status(all, "3A090.a").arithmetic;
  ASSERT_EQ(shown.size(), 5u);
  EXPECT_EQ(shown[0], "datacentre: yes");
  EXPECT_EQ(shown[1], "TPP 2368 >= 4800: no");
  EXPECT_EQ(shown[3], "PD 2.90909 >= 5.92: no");
}

TEST(Rules, RefusesBrokenFiles) {
  const auto broken = [&](const std::string& from, const std::string& to) {
    return refusal([&] {
      parse_rules(edited(text("rules/export.yaml"), from, to), "r.yaml", load_sources(data("sources.yaml")));
    });
  };
  EXPECT_EQ(broken("TPP >= 4800 && io_gbps >= 600", "TPP >= 4800 && io_gps >= 600"),
            "r.yaml:18: rules[0].when: unknown variable 'io_gps'");
  EXPECT_NE(broken("TPP >= 4800 && io_gbps >= 600", "TPP >= && 600").find("column 8 of 'TPP >= && 600'"),
            std::string::npos);
  EXPECT_NE(broken("TPP >= 4800 && io_gbps >= 600", "(TPP >= 4800").find("a closing parenthesis is missing"),
            std::string::npos);
  EXPECT_NE(broken("until: 2023-11-17", "until: 2021-11-17").find("is not after the effective date 2022-10-07"),
            std::string::npos);
  EXPECT_NE(broken("effective: 2022-10-07", "effective: 7 Oct 2022").find("is not a date; write YYYY-MM-DD"),
            std::string::npos);
}

TEST(Expression, ArithmeticAndPrecedence) {
  const auto value = [](const char* text) { return Expression(text, "e").value({{"x", 3}, {"y", 0}}); };
  EXPECT_EQ(value("1 + 2 * x"), 7);
  EXPECT_EQ(value("(1 + 2) * x - 4 / 2"), 7);
  EXPECT_EQ(value("-x + 4 == 1"), 1);
  EXPECT_EQ(value("x > 2 && y || x < 1"), 0);
  EXPECT_EQ(value("y || x > 2 && !y"), 1);
  EXPECT_EQ(value("!(x != 3) && 2 <= x"), 1);
  std::string deep;
  for (int i = 0; i < 100000; ++i) deep += "(";
  EXPECT_NE(refusal([&] { Expression(deep, "e"); }).find("nested too deeply"), std::string::npos);
}

TEST(Dates, AddAndSubtract) {
  EXPECT_EQ(add_months("2026-11-25", 3), "2027-02-25");
  EXPECT_EQ(add_months("2026-11-15", 0.5), "2026-12-02");
  EXPECT_DOUBLE_EQ(months_between("2026-11-25", "2028-11-25"), 24);
  for (double months : {0.0, 3.7, 14.2, 36.9}) {
    EXPECT_NEAR(months_between("2026-11-25", add_months("2026-11-25", months)), months, 0.12);
  }
}

}  // namespace
}  // namespace hadal::plan
