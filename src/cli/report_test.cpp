// hadal report as a program, and the parts of other commands that it rests on.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/temporary_directory.h"
#include "cli/binary.h"
#include "model/safetensors_writer.h"

namespace hadal::cli {
namespace {

using nlohmann::json;
using testing::hadal;
using testing::one_line;
using testing::Outcome;

class ReportCommand : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& text) const {
    model::write_file(directory_.file(name), text);
    return directory_.file(name);
  }
  // The page may not have been built here: then the one thing to say is how.
  static bool page_is_built(const Outcome& o) {
    if (o.err.find("make web") == std::string::npos) return true;
    EXPECT_EQ(o.status, 2);
    EXPECT_TRUE(one_line(o.err)) << o.err;
    return false;
  }
  const TemporaryDirectory directory_;
};

TEST_F(ReportCommand, PutsDocumentsIntoThePage) {
  const std::string out = directory_.file("out.html");
  const std::string document = R"({"kind": "plan", "schema": 1, "scenario": "</script>"})";
  const Outcome result = hadal({"report", file("a.json", document), "-o", out, "--title", "<T>"});
  if (!page_is_built(result)) {
    EXPECT_FALSE(std::filesystem::exists(out));
    return;
  }
  EXPECT_EQ(result.status, 0) << result.err;
  const std::string html = testing::read_file(out);
  EXPECT_NE(html.find("\"scenario\":\"\\u003c/script>\""), std::string::npos);
  EXPECT_EQ(html.find("http://"), html.find("http://www.w3.org/"));  // names of formats are all it has of the network
}

TEST_F(ReportCommand, WhatItCannotShowIsOneLineAndNoFile) {
  const std::string out = directory_.file("out.html");
  for (const std::string& bad :
       {directory_.file("missing.json"), file("text.json", "hello"), file("other.json", R"({"kind": "recipe"})"),
        file("old.json", R"({"tokens": 3})"), file("next.json", R"({"kind": "plan", "schema": 2})")}) {
    const Outcome result = hadal({"report", bad, "-o", out});
    EXPECT_EQ(result.status, 2) << bad;
    EXPECT_TRUE(one_line(result.err)) << result.err;
    EXPECT_FALSE(std::filesystem::exists(out)) << bad;
  }
  EXPECT_EQ(hadal({"report", "-o", out}).status, 2);
}

TEST_F(ReportCommand, APointOfASearchCanBeAskedForAgain) {
  const json first = json::parse(hadal({"explore", "deepseek-day", "--point", "17", "--json", "-"}).out);
  EXPECT_EQ(first["kind"], "explore");
  EXPECT_EQ(first["point"]["id"], 17);
  EXPECT_GT(first["point"]["die_area_mm2"].get<double>(), 0);
  EXPECT_EQ(first["argument"], "deepseek-day");
  const Outcome outside = hadal({"explore", "deepseek-day", "--point", "999999999999"});
  EXPECT_EQ(outside.status, 2);
  EXPECT_TRUE(one_line(outside.err)) << outside.err;
}

TEST_F(ReportCommand, ValidateNamesChipAndKindOfEveryRow) {
  const json d = json::parse(hadal({"validate", "--json", "-"}).out);
  EXPECT_EQ(d["kind"], "validate");
  EXPECT_EQ(d["schema"], 1);
  for (const auto& row : d["rows"]) {
    for (const char* key : {"chip", "operator", "unit", "mark", "source"}) {
      ASSERT_FALSE(row[key].get<std::string>().empty()) << row;
    }
  }
}

}  // namespace
}  // namespace hadal::cli
