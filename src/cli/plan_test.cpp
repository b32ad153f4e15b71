// hadal plan as a program: keys that scripts rely on, status and one line for what is wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/mapped_file.h"
#include "base/temporary_directory.h"
#include "cli/binary.h"
#include "model/safetensors_writer.h"

namespace hadal::cli {
namespace {

using nlohmann::json;
using testing::hadal;
using testing::Outcome;

std::string shipped(const std::string& path) {
  return std::string(MappedFile::open(std::string(HADAL_SOURCE_DIR) + "/" + path).text());
}

std::string edited(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

class PlanCommand : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) const {
    model::write_file(directory_.file(name), text);
    return directory_.file(name);
  }
  const TemporaryDirectory directory_;
};

TEST_F(PlanCommand, KeysOfTheContract) {
  const Outcome result = hadal(
      {"plan", file("s.yaml", edited(shipped("scenarios/reasoning.yaml"), "runs: 20000", "runs: 500")), "--json", "-"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json plan = json::parse(result.out);
  ASSERT_GE(plan["options"].size(), 5u);
  for (const json& option : plan["options"]) {
    for (const char* key : {"name", "chips", "usd_per_mtoken_in", "usd_per_mtoken_out", "usd_per_day", "die_area_mm2",
                            "die_yield", "export_status", "tapeout_date_p50", "nre_usd_p50"}) {
      EXPECT_TRUE(option.contains(key)) << key;
    }
    EXPECT_GT(option["usd_per_day"], 0);
    EXPECT_FALSE(option["export_status"].empty());
  }
  const json& built = plan["options"].back();
  EXPECT_GT(built["die_area_mm2"], 100);
  EXPECT_EQ(built["tapeout_date_p50"].get<std::string>().size(), 10u);
  EXPECT_TRUE(plan["options"][0]["die_area_mm2"].is_null());
  EXPECT_NE(plan["notice"].get<std::string>().find("not legal advice"), std::string::npos);
  for (const json& input : plan["inputs"]) {
    for (const char* key : {"name", "value", "source", "confidence", "where"}) EXPECT_FALSE(input[key].empty()) << key;
  }
}

TEST_F(PlanCommand, TheReportSaysWhatItRestsOn) {
  const Outcome result = hadal({"plan", "openai-titan", "--inputs"});
  ASSERT_EQ(result.status, 0) << result.err;
  for (const char* part :
       {"not legal advice", "assumed", "fr-2023: 88 FR 73458", "serving.production_decode", "P10 / P50 / P90"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part;
  }
}

TEST_F(PlanCommand, PublishedFactsAreATable) {
  const Outcome result = hadal({"plan", "--cases", "--json", "-"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json cases = json::parse(result.out);
  EXPECT_GE(cases["cases"].size(), 24u);
  for (const json& c : cases["cases"]) {
    const double predicted = c["predicted"], published = c["published"];
    EXPECT_NEAR(c["error_pct"], 100 * (predicted / published - 1), 1e-9);
    EXPECT_FALSE(c["source"].empty());
    EXPECT_EQ(!c["bound"].get<std::string>().empty(), c.contains("holds")) << c["name"];
    if (c["bound"] == "below") {
      EXPECT_EQ(c["holds"], predicted <= published);
    }
  }
}

TEST_F(PlanCommand, BadScenariosEndInOneLine) {
  const std::string day = shipped("scenarios/deepseek-day.yaml");
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"plan"}, "SCENARIO, or --cases, is required"},
      {{"plan", "deepseek-dya"}, "did you mean 'deepseek-day'?"},
      {{"plan", file("a.yaml", edited(day, "process: smic-n2", "process: smic-n22"))}, "did you mean 'smic-n2'?"},
      {{"plan", file("b.yaml", edited(day, "{value: 342 Gtokens", "{value: -1 Gtokens"))},
       "-1 Gtokens is out of range"},
      {{"plan", file("c.yaml", edited(day, "links: 400 GB/s", "links: 400"))}, "'400' has no unit; units are B/s"},
      {{"plan", file("d.yaml", "name: [")}, "d.yaml:1: not valid YAML"},
      {{"plan", file("e.yaml", "")}, "a mapping of keys is needed here"},
      {{"plan", file("f.yaml", edited(day, "model: DeepSeek-V3", "model: DeepSeek-V9"))},
       "DeepSeek-V9: there is no such"}};
  for (const auto& [arguments, part] : cases) {
    const Outcome result = hadal(arguments);
    EXPECT_EQ(result.status, 2) << part;
    EXPECT_EQ(result.out, "") << part;
    EXPECT_TRUE(testing::one_line(result.err)) << result.err;
    EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
  }
}

}  // namespace
}  // namespace hadal::cli
