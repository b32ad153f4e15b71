// run and eval with the bundled model, whatever its weights.
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <regex>

#include "base/temporary_directory.h"
#include "cli/binary.h"
#include "model/safetensors_writer.h"
#include "model/utf8.h"

namespace hadal::cli {
namespace {

using nlohmann::json;
using testing::hadal;
using testing::Outcome;

TEST(RunModel, JsonKeysAndTheSameTextTwice) {
  const TemporaryDirectory directory;
  const std::string trace = directory.file("trace.json");
  const std::vector<std::string> arguments{
      "run", "hadal-tiny", "--prompt", "Once upon a time", "-n", "4",       "--temperature",
      "0.9", "--seed",     "5",        "--json",           "-",  "--trace", trace};
  const Outcome first = hadal(arguments), second = hadal(arguments);
  ASSERT_EQ(first.status, 0) << first.err;
  EXPECT_EQ(first.err, "");
  const json a = json::parse(first.out), b = json::parse(second.out);
  for (const char* key : {"text", "tokens", "chip", "cycles", "simulated_s", "wall_s", "tokens_per_s_simulated",
                          "tokens_per_s_wall", "energy_j", "operators"}) {
    EXPECT_TRUE(a.contains(key)) << key;
  }
  EXPECT_EQ(a["text"], b["text"]);
  EXPECT_EQ(a["sequences"], b["sequences"]);
  EXPECT_EQ(a["cycles"], b["cycles"]);
  EXPECT_EQ(a["energy_j"], b["energy_j"]);
  EXPECT_EQ(a["chip"], "hadal-1");
  EXPECT_GT(a["cycles"], 0);
  EXPECT_GT(a["energy_j"], 0);
  uint64_t cycles = 0;
  for (const json& op : a["operators"]) cycles += op["cycles"].get<uint64_t>();
  EXPECT_EQ(cycles, a["cycles"].get<uint64_t>());
  EXPECT_EQ(a["cycles"], a["prefill"]["cycles"].get<uint64_t>() + a["decode"]["cycles"].get<uint64_t>());
  EXPECT_FALSE(json::parse(testing::read_file(trace)).empty());
}

TEST(RunModel, PlainTextWhenPipedAndTheReportBelow) {
  const std::vector<std::string> arguments{"run", "hadal-tiny", "-p", "It was", "-n", "3"};
  const Outcome result = hadal(arguments);
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(result.out.find('\033'), std::string::npos);
  EXPECT_EQ(result.out.find('\r'), std::string::npos);
  EXPECT_EQ(result.out.rfind("It was", 0), 0u);
  for (const char* part : {"hadal-tiny on hadal-1", "prefill", "decode", "attention", "Units busy", "DRAM", "Energy"}) {
    EXPECT_NE(result.out.find(part), std::string::npos) << part;
  }
  std::vector<std::string> quiet = arguments;
  quiet.insert(quiet.end(), {"--quiet", "--no-timing"});
  EXPECT_EQ(std::string("It was").append(hadal(quiet).out), result.out.substr(0, result.out.find("\n\n") + 1));
}

TEST(RunModel, ABatchHoldsWhatEachSeedGivesAlone) {
  const auto run = [](const char* seed, const char* batch) {
    return json::parse(hadal({"run", "hadal-tiny", "-p", "The sea", "-n", "4", "--temperature", "1", "--seed", seed,
                              "--batch", batch, "--no-timing", "--json", "-"})
                           .out);
  };
  const json together = run("7", "3"), alone = run("9", "1");
  ASSERT_EQ(together["sequences"].size(), 3u);
  EXPECT_EQ(together["sequences"][2], alone["sequences"][0]);
}

// Its scratchpads hold only small steps.
TEST(RunModel, TheSmallChipRunsTheModelToo) {
  const Outcome result = hadal({"run", "hadal-tiny", "-p", "The", "-n", "2", "--chip", "hadal-rtl", "--json", "-"});
  ASSERT_EQ(result.status, 0) << result.err;
  const json report = json::parse(result.out);
  EXPECT_EQ(report["chip"], "hadal-rtl");
  EXPECT_GT(report["cycles"], 0);
}

// On a terminal the progress line comes and goes; what stays is what a pipe gets.
TEST(RunModel, ATerminalShowsProgressAndKeepsTheText) {
  const std::vector<std::string> arguments{"run", "hadal-tiny", "-p", "It was", "-n", "3", "--no-timing", "--quiet"};
  int master = -1;
  const pid_t child = forkpty(&master, nullptr, nullptr, nullptr);
  ASSERT_GE(child, 0);
  if (child == 0) {
    setenv("TERM", "xterm", 1);
    std::vector<char*> words{const_cast<char*>(HADAL_BINARY)};
    for (const std::string& word : arguments) words.push_back(const_cast<char*>(word.c_str()));
    words.push_back(nullptr);
    execv(words[0], words.data());
    _exit(127);
  }
  std::string seen;
  char buffer[4096];
  for (ssize_t count = 0; (count = read(master, buffer, sizeof buffer)) > 0;)
    seen.append(buffer, static_cast<size_t>(count));
  close(master);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_NE(seen.find("host "), std::string::npos) << seen;
  // Everything between saving and restoring the cursor is the progress line.
  const std::regex progress(R"(\x1BD\x1B\[A\x1B7[\s\S]*?\x1B8|\r)");
  const std::string kept = std::regex_replace(seen, progress, "");
  EXPECT_EQ(kept, hadal(arguments).out);
}

TEST(EvalModel, AgreesWithTheReferenceAndWithTheDefinition) {
  const TemporaryDirectory directory;
  model::write_file(directory.file("text"), testing::read_file("models/hadal-tiny/heldout.txt").substr(0, 700));
  const std::vector<std::string> arguments{
      "eval", "hadal-tiny", "--text", directory.file("text"), "--window", "64", "--reference", "--json", "-"};
  const Outcome result = hadal(arguments);
  ASSERT_EQ(result.status, 0) << result.err;
  const json report = json::parse(result.out);
  for (const char* key :
       {"tokens", "nats_per_token", "perplexity", "bits_per_byte", "relative_difference_pct", "top1_agreement"}) {
    EXPECT_TRUE(report.contains(key)) << key;
  }
  const double nats = report["nats_per_token"], tokens = report["tokens"];
  EXPECT_EQ(report["bytes"], 700);
  EXPECT_EQ(report["windows"], std::ceil(tokens / 63));
  EXPECT_NEAR(report["perplexity"], std::exp(nats), 1e-9);
  EXPECT_NEAR(report["bits_per_byte"], nats * tokens / std::log(2.0) / 700, 1e-9);
  EXPECT_LT(nats, std::log(4096.0)) << "worse than guessing";
  // Differences come from E4M3 digits of activations and the FP8 cache.
  EXPECT_NEAR(report["reference"]["nats_per_token"], nats, 0.02 * nats);
  EXPECT_GT(report["top1_agreement"], 0.9);
  std::vector<std::string> shared = arguments;
  shared.insert(shared.end(), {"--threads", "3"});
  EXPECT_EQ(json::parse(hadal(shared).out)["nats_per_token"], nats) << "the number of threads must not matter";
  std::vector<std::string> part = arguments;
  part.insert(part.end(), {"--max-tokens", "30"});
  EXPECT_EQ(json::parse(hadal(part).out)["tokens"], 30);
}

}  // namespace
}  // namespace hadal::cli
