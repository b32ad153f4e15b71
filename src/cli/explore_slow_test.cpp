// A search that is killed again and again, or shared by several processes, ends with the front of one that was left
// alone.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <random>

#include "base/mapped_file.h"
#include "base/temporary_directory.h"
#include "cli/binary.h"
#include "model/safetensors_writer.h"

namespace hadal::cli {
namespace {

using nlohmann::json;
using testing::hadal;

const std::string kScenario = std::string(HADAL_SOURCE_DIR) + "/scenarios/deepseek-day.yaml";

// A space of 40,320 designs: seconds of work.
void write_space(const std::string& file) {
  model::write_file(file, R"(build: hadal-1 at SMIC N+2
supplies:
  - {process: smic-n2, memory: cxmt-hbm3, package: domestic-25d}
  - {process: smic-n3, memory: cxmt-hbm3, package: domestic-25d}
cores: [24, 28, 30, 32, 36, 40, 44, 48]
rows: [32, 48, 64, 80, 96, 112, 128]
columns: [32, 64, 96]
stacks: [3, 4, 5, 6]
spare_cores: [0, 2, 4]
scratchpad: [1 MiB, 2 MiB]
links: [100 GB/s, 200 GB/s, 300 GB/s, 400 GB/s, 800 GB/s]
)");
}

constexpr int kPoints = 2 * 8 * 7 * 3 * 4 * 3 * 2 * 5;

TEST(ExploreCommand, TwentyKillsLoseAndRepeatNothing) {
  const TemporaryDirectory directory;
  const std::string store = directory.file("s.sqlite"), space = directory.file("space.yaml");
  write_space(space);
  const auto found = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"explore", kScenario, "--space", space, "--json", "-"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return json::parse(hadal(arguments).out);
  };
  const json alone = found({});
  EXPECT_EQ(alone["points"], kPoints);
  // Kills at random moments of what one run would take: some before the first commit, most in the middle of the work.
  constexpr int kKills = 20;
  const double whole = kPoints / alone["points_per_s"].get<double>();
  constexpr unsigned kSeed = 3;
  std::mt19937 random(kSeed);
  for (int i = 0; i < kKills; ++i) {
    const double seconds = 0.1 + whole / kKills * 1.6 * static_cast<double>(random() % 1000) * 1e-3;
    const std::string command =
        fmt::format("timeout -s KILL {} '{}' explore '{}' --space '{}' --store '{}' >/dev/null 2>&1", seconds,
                    HADAL_BINARY, kScenario, space, store);
    static_cast<void>(std::system(command.c_str()));
  }
  const json killed = found({"--store", store});
  EXPECT_LT(killed["points_evaluated"], kPoints) << "no killed run left a point; seed " << kSeed;
  EXPECT_EQ(killed["points"], alone["points"]);
  EXPECT_EQ(killed["front"], alone["front"]) << "seed " << kSeed;
  EXPECT_EQ(found({"--store", store})["points_evaluated"], 0);
}

TEST(ExploreCommand, TwoAndFourRanksFindTheFrontOfOne) {
  if (std::system("command -v mpirun >/dev/null 2>&1") != 0) GTEST_SKIP() << "mpirun is not there";
  const TemporaryDirectory directory;
  const std::string space = directory.file("space.yaml");
  write_space(space);
  const json alone = json::parse(hadal({"explore", kScenario, "--space", space, "--json", "-"}).out);
  for (const int ranks : {1, 2, 4}) {
    const std::string store = directory.file(fmt::format("{}.sqlite", ranks)), out = directory.file("out.json");
    // Open MPI keeps memory until its process ends, in plug-ins that are gone by then: leaks are looked for elsewhere.
    const std::string command = fmt::format(
        "ASAN_OPTIONS=detect_leaks=0 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 mpirun --oversubscribe "
        "--bind-to none -n {} '{}' "
        "explore '{}' --space '{}' --store '{}' --threads 1 --json '{}' >/dev/null 2>'{}'",
        ranks, HADAL_BINARY, kScenario, space, store, out, directory.file("errors"));
    const int status = std::system(command.c_str());
    const std::string errors(MappedFile::open(directory.file("errors")).text());
    if (errors.find("this build has no MPI") != std::string::npos) GTEST_SKIP() << "built without MPI";
    ASSERT_EQ(status, 0) << errors;
    const json shared = json::parse(MappedFile::open(out).text());
    EXPECT_EQ(shared["points"], kPoints) << ranks;
    EXPECT_EQ(shared["points_evaluated"], kPoints) << ranks;
    EXPECT_EQ(shared["processes"], ranks);
    EXPECT_EQ(shared["front"], alone["front"]) << ranks;
    // What they found is there for a single process.
    EXPECT_EQ(
        json::parse(
            hadal({"explore", kScenario, "--space", space, "--store", store, "--json", "-"}).out)["points_evaluated"],
        0);
  }
}

}  // namespace
}  // namespace hadal::cli
