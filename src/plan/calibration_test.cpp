// Constants as medians of facts: what the data files have, who is asked with whom, and what is refused.
#include "plan/calibration.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include "base/temporary_directory.h"
#include "plan/cases.h"
#include "plan/testing.h"

namespace hadal::plan {
namespace {

using testing::edited;
using testing::refusal;

TEST(Calibration, TheFactorThatMakesAFactExact) {
  constexpr unsigned kSeed = 3;
  std::mt19937_64 random(kSeed);
  std::uniform_real_distribution<double> wanted(-2, 2), power(0.2, 4), offset(0, 5);
  for (int i = 0; i < 200; ++i) {
    const double factor = std::exp(wanted(random)), p = (i % 2 == 0 ? 1 : -1) * power(random), add = offset(random);
    const double at = std::pow(factor, p) + add;
    EXPECT_NEAR(factor_for_one([&](double f) { return (std::pow(f, p) + add) / at; }) / factor, 1, 1e-6)
        << "seed " << kSeed << ", power " << p << ", offset " << add;
  }
  EXPECT_EQ(factor_for_one([](double) { return 3; }), 0);                         // depends on nothing
  EXPECT_DOUBLE_EQ(factor_for_one([](double f) { return 2 + 1 / (f + 1); }), 8);  // never 1: the nearer end
  EXPECT_DOUBLE_EQ(factor_for_one([](double f) { return 100 + f; }), 1.0 / 8);
}

// Facts of one constant, whose factors are 1, 2, 4 and 8 by construction.
class Votes : public ::testing::Test {
 protected:
  Calibration made(const std::string& independent) {
    std::ofstream(folder_.file("c.yaml")) << "name: c\nconstants:\n  - name: price\n    figures: [hbm3.price]\n"
                                             "    independent: "
                                          << independent << "\n";
    Calibration c = read("c.yaml");
    const auto vote = [&](const Asker& fact, double factor) {
      c.vote("price", fact, "t.yaml:1", [&](const Adjustments& a) { return a.at("hbm3.price") / factor; });
    };
    vote({"one", "H100", "silicon-analysts", "AMD"}, 1);
    vote({"two", "", "cost-bridge", "Intel"}, 2);  // the same site as the first
    vote({"four", "H100", "ft-910c", "Tesla"}, 4);
    vote({"seven", "", "epoch", "Intel"}, 7);
    return c;
  }
  Calibration read(const std::string& file) {
    const chip::Section s(YAML::Load("{memory: hbm3}"), "t", "", {"memory"});
    facts_.memory(s, "memory");
    return Calibration(folder_.file(file), facts_.ledger().figures(), facts_.ledger().sources());
  }
  static double factor(const Calibration& c, const Asker& asker) { return c.without(asker).at("hbm3.price"); }

  TemporaryDirectory folder_;
  Facts facts_{{std::string(HADAL_SOURCE_DIR)}};
};

TEST_F(Votes, AFactIsNeverAskedWithItselfNorItsChip) {
  const Calibration c = made("facts");
  EXPECT_NEAR(c.constants()[0].median(), 3, 1e-6);
  EXPECT_NEAR(factor(c, {"another", "", "epoch", ""}), 3, 1e-6);
  EXPECT_NEAR(factor(c, {"two", "", "cost-bridge", ""}), 4, 1e-6);             // 1, 4, 7
  EXPECT_NEAR(factor(c, {"one", "H100", "silicon-analysts", ""}), 4.5, 1e-6);  // 2, 7: four is about the same chip
  EXPECT_NEAR(factor(c, {"a fifth", "H100", "ada", ""}), 4.5, 1e-6);
}

TEST_F(Votes, WhatOnePublisherSaysCountsOnce) {
  const Calibration c = made("publishers");
  EXPECT_NEAR(c.constants()[0].median(), 4, 1e-6);  // 1.5, 4, 7
  EXPECT_NEAR(factor(c, {"another", "", "ada", ""}), 4, 1e-6);
  EXPECT_NEAR(factor(c, {"another", "", "silicon-analysts", ""}), 5.5, 1e-6);  // 4, 7
  EXPECT_NEAR(factor(c, {"seven", "", "epoch", ""}), 2.75, 1e-6);              // 1.5, 4
  EXPECT_NEAR(c.constants()[0].lowest(), 1, 1e-6);
  EXPECT_NEAR(c.constants()[0].highest(), 7, 1e-6);
  EXPECT_EQ(c.constants()[0].voices(), 3u);
}

TEST_F(Votes, WhatOneMakersChipsSayCountsOnce) {
  const Calibration c = made("makers");
  EXPECT_EQ(c.constants()[0].voices(), 3u);
  EXPECT_NEAR(c.constants()[0].median(), 4, 1e-6);  // 1, 4, 4.5
  EXPECT_NEAR(factor(c, {"another", "", "epoch", "Cerebras"}), 4, 1e-6);
  EXPECT_NEAR(factor(c, {"another", "", "ada", "Intel"}), 2.5, 1e-6);  // 1, 4: what Intel's two chips say is left out
  EXPECT_NEAR(factor(c, {"a fifth", "H100", "ada", "Groq"}), 4.5, 1e-6);  // Intel's: the others are about its chip
}

TEST_F(Votes, RefusesWhatLeavesNothing) {
  Calibration c = made("publishers");
  EXPECT_NE(refusal([&] {
              c.vote("price", {"none", "", "ada", ""}, "t.yaml:7", [](const Adjustments&) { return 2; });
            }).find("t.yaml:7: sets: what is asked here does not depend on 'price'; leave it out"),
            std::string::npos);
  const auto with = [&](const std::string& file) {
    std::ofstream(folder_.file("d.yaml")) << file;
    return refusal([&] { read("d.yaml"); });
  };
  const std::string good = "name: c\nconstants:\n  - {name: p, figures: [hbm3.price], independent: facts}\n";
  EXPECT_NE(with(edited(good, "hbm3.price", "hbm3.prise")).find("no fact reads a figure 'hbm3.prise'"),
            std::string::npos);
  EXPECT_NE(with(edited(good, ": facts", ": rows")).find("'rows' is unknown; use facts, publishers or makers"),
            std::string::npos);
  EXPECT_NE(with(edited(good, "[hbm3.price]", "[]")).find("the list is empty"), std::string::npos);
  std::ofstream(folder_.file("d.yaml")) << edited(good, ": facts", ": makers");
  Calibration makers = read("d.yaml");
  EXPECT_NE(refusal([&] {
              makers.vote("p", {"nobody's", "", "ada", ""}, "t.yaml:9",
                          [](const Adjustments& a) { return a.at("hbm3.price"); });
            }).find("t.yaml:9: maker: is missing; on 'p' every maker speaks once"),
            std::string::npos);
  std::ofstream(folder_.file("d.yaml")) << good;
  Calibration lone = read("d.yaml");
  lone.vote("p", {"alone", "", "ada", ""}, "t.yaml:1", [](const Adjustments& a) { return a.at("hbm3.price"); });
  EXPECT_NE(refusal([&] {
              lone.without({"alone", "", "ada", ""});
            }).find("'p' leaves nothing to ask 'alone' with"),
            std::string::npos);
}

// What the data files have is what the facts say: the median as value, the smallest and the largest as range, to the
// digits that are written.
TEST(Calibration, TheFilesHaveTheMedians) {
  Facts facts({std::string(HADAL_SOURCE_DIR)});
  const PublishedCases published = published_cases(facts);
  ASSERT_GE(published.constants.size(), 9u);
  for (const Constant& c : published.constants) {
    EXPECT_NEAR(c.median(), 1, 0.011) << c.name;
    EXPECT_NEAR(c.figure.low / (c.figure.value * c.lowest()), 1, 0.02) << c.name;
    EXPECT_NEAR(c.figure.high / (c.figure.value * c.highest()), 1, 0.02) << c.name;
    EXPECT_GE(c.votes.size(), 2u) << c.name;
  }
  // One by its numbers: 1,361 and 2,900 USD for 80 and 192 GiB by one publisher, 2,900 for 192 by a second, 12.5, 15
  // and 15 USD a GB by three more; medians by publisher.
  const auto found = std::find_if(published.constants.begin(), published.constants.end(),
                                  [](const Constant& c) { return c.name == "price of HBM3 and HBM3e"; });
  ASSERT_NE(found, published.constants.end());
  EXPECT_NEAR(found->figure.value * found->median() / 16, 15, 0.15);
  const auto fact = [&](const std::string& name) {
    return *std::find_if(published.cases.begin(), published.cases.end(), [&](const Case& c) { return c.name == name; });
  };
  EXPECT_NEAR(fact("H100, memory").predicted, 80 * 15, 2);
  EXPECT_NEAR(fact("HBM3, a stack of eight").predicted, 16 * (15 + 2900.0 / 192) / 2, 2);
}

// An adjusted figure moves what is asked, and nothing else.
TEST(Calibration, FactsWithOtherFigures) {
  const Facts facts({std::string(HADAL_SOURCE_DIR)});
  Facts same = facts.adjusted({}), other = facts.adjusted({{"hbm3.price", 2.0}});
  const chip::Section s(YAML::Load("{memory: hbm3}"), "t", "", {"memory"});
  EXPECT_DOUBLE_EQ(other.memory(s, "memory").price.value, 2 * same.memory(s, "memory").price.value);
  EXPECT_DOUBLE_EQ(other.memory(s, "memory").price.high, 2 * same.memory(s, "memory").price.high);
  EXPECT_DOUBLE_EQ(other.memory(s, "memory").capacity.value, same.memory(s, "memory").capacity.value);
}

}  // namespace
}  // namespace hadal::plan
