// A search that is killed again and again ends with the front of one that was left alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "base/mapped_file.h"
#include "cli/binary.h"
#include "model/testing/safetensors_writer.h"

namespace hadal::cli {
namespace {

using nlohmann::json;
using testing::hadal;

TEST(ExploreCommand, TwentyKillsLoseAndRepeatNothing) {
  const model::testing::TemporaryDirectory directory;
  const std::string store = directory.file("s.sqlite"), scenario = directory.file("s.yaml");
  std::string text(MappedFile::open(std::string(HADAL_SOURCE_DIR) + "/scenarios/deepseek-day.yaml").text());
  const auto set = [&](const std::string& from, const std::string& to) {
    const size_t at = text.find(from);
    ASSERT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
  };
  set("links: [200 GB/s, 400 GB/s, 800 GB/s]", "links: [200 GB/s, 400 GB/s]");
  set("rows: [32, 64, 96, 128]", "rows: [32, 64]");
  model::testing::write_file(scenario, text);
  const json alone = json::parse(hadal({"explore", scenario, "--json", "-"}).out);
  constexpr unsigned kSeed = 3;
  std::mt19937 random(kSeed);
  for (int i = 0; i < 20; ++i) {
    const double seconds = 0.2 + static_cast<double>(random() % 1500) * 1e-3;
    const std::string command = fmt::format("timeout -s KILL {} '{}' explore '{}' --store '{}' >/dev/null 2>&1",
                                            seconds, HADAL_BINARY, scenario, store);
    static_cast<void>(std::system(command.c_str()));
  }
  const json killed = json::parse(hadal({"explore", scenario, "--store", store, "--json", "-"}).out);
  EXPECT_EQ(killed["points"], alone["points"]);
  EXPECT_EQ(killed["front"], alone["front"]) << "seed " << kSeed;
  EXPECT_EQ(json::parse(hadal({"explore", scenario, "--store", store, "--json", "-"}).out)["points_evaluated"], 0);
}

}  // namespace
}  // namespace hadal::cli
