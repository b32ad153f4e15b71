// Every figure that a plan uses can be traced: value, unit, source, confidence; a range, or a note why there is none.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <utility>

#include "plan/predicted.h"
#include "report/plan.h"

namespace hadal::report {
namespace {

std::string path(const std::string& relative) { return std::string(HADAL_SOURCE_DIR) + "/" + relative; }

class PlanInputs : public ::testing::TestWithParam<const char*> {};

TEST_P(PlanInputs, AreTraceable) {
  plan::Facts facts({HADAL_SOURCE_DIR});
  plan::Scenario scenario = plan::load_scenario(path(std::string("scenarios/") + GetParam() + ".yaml"), facts);
  scenario.runs = 100;  // the document has the same inputs, with fewer fleets as well
  scenario.options.erase(scenario.options.begin() + 1, scenario.options.end());
  // The predictor's constants are inputs as well.
  const plan::PredictedRates predicted(facts, path("models/configs/DeepSeek-V3.json"),
                                       path("measurements/constants.yaml"));
  const auto document = to_json(plan::make_plan(std::move(scenario), facts), facts.ledger());
  const auto& sources = document["sources"];
  std::map<std::string, size_t> of_file;
  std::set<std::pair<std::string, std::string>> places;
  for (const auto& input : document["inputs"]) {
    const std::string name = input["name"], value = input["value"], source = input["source"];
    SCOPED_TRACE(name);
    size_t digits = 0;
    EXPECT_NO_THROW((void)std::stod(value, &digits));
    EXPECT_EQ(input["unit"], digits == value.size() ? "1" : value.substr(digits + 1));
    const bool own = source == "derived" || source == "assumed";
    EXPECT_TRUE(own || sources.contains(source)) << source;
    if (!own) {
      EXPECT_FALSE(std::string(sources[source]["title"]).empty());
      EXPECT_FALSE(std::string(sources[source]["url"]).empty());
    }
    const std::string confidence = input["confidence"], note = input["note"];
    EXPECT_TRUE(confidence == "H" || confidence == "M" || confidence == "L") << confidence;
    EXPECT_TRUE(!own || !note.empty()) << "say what it is derived from, or why it is assumed";
    const bool ranged = input["low"] != input["high"];
    EXPECT_TRUE(confidence != "L" || ranged || !note.empty()) << "give a range, or say why there is none";
    const std::string where = input["where"];
    const std::string file = where.substr(0, where.rfind(".yaml") + 5);
    EXPECT_TRUE(std::ifstream(file).good()) << where;
    of_file[file] += 1;
    EXPECT_TRUE(places.insert({name, where}).second) << "listed twice";
  }
  EXPECT_GT(document["inputs"].size(), 80u);
  // Nothing that a file used states as a figure is left out.
  for (const auto& [file, count] : of_file) {
    std::stringstream text;
    text << std::ifstream(file).rdbuf();
    size_t stated = 0;
    const std::string key = "{value:";
    for (size_t at = text.str().find(key); at != std::string::npos; at = text.str().find(key, at + 1)) ++stated;
    if (stated > 0) {  // the constants of the predictor are plain numbers
      EXPECT_GE(count, stated) << file;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Scenarios, PlanInputs,
                         ::testing::Values("smic-n2", "deepseek-day", "reasoning", "openai-titan"));

}  // namespace
}  // namespace hadal::report
