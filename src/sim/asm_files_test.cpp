// Runs every file of tests/asm on the functional simulator: in order, and in random interleavings of the units.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "base/error.h"
#include "base/mapped_file.h"
#include "chip/chip.h"
#include "program/lint.h"
#include "program/text_test_file.h"
#include "sim/functional.h"

namespace hadal::sim {
namespace {

namespace fs = std::filesystem;
using program::Expectation;

const std::string kRoot = HADAL_SOURCE_DIR;
constexpr uint64_t kSeeds = 4;

std::vector<std::string> names() {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(kRoot + "/tests/asm")) {
    if (entry.path().extension() == ".test") found.push_back(entry.path().stem().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string path_of(const std::string& name) { return kRoot + "/tests/asm/" + name + ".test"; }

class AsmFiles : public testing::TestWithParam<std::string> {};

std::vector<std::byte> memory(const Functional& simulator, const Expectation& expected) {
  const size_t size = expected.values.bytes.size();
  if (expected.space == Expectation::Space::kHbm) {
    std::vector<std::byte> bytes(size);
    simulator.read_dram(expected.byte, bytes);
    return bytes;
  }
  const auto all =
      expected.space == Expectation::Space::kSpm ? simulator.spm(expected.core) : simulator.acc(expected.core);
  EXPECT_LE(expected.byte + size, all.size()) << expected.where;
  if (expected.byte + size > all.size()) return std::vector<std::byte>(size);
  const auto part = all.subspan(expected.byte, size);
  return {part.begin(), part.end()};
}

void run(const program::TextTest& test, const chip::Chip& chip, std::optional<uint64_t> seed) {
  SCOPED_TRACE(seed ? "interleave_seed " + std::to_string(*seed) : "in order");
  FunctionalOptions options;
  options.interleave_seed = seed;
  Functional simulator(chip, test.program, options);
  std::string fault;
  try {
    simulator.launch();
  } catch (const Error& error) {
    ASSERT_EQ(error.kind(), ErrorKind::kFault) << error.what();
    fault = error.what();
  }
  if (test.fault.empty()) {
    ASSERT_EQ(fault, "");
  } else {
    EXPECT_NE(fault.find(test.fault), std::string::npos) << "fault: " << fault << "\nexpected: " << test.fault;
  }
  for (const Expectation& expected : test.memory) EXPECT_EQ(mismatch(expected, memory(simulator, expected)), "");
}

TEST_P(AsmFiles, Run) {
  const std::string path = path_of(GetParam());
  const MappedFile file = MappedFile::open(path);
  const program::TextTest test = program::parse_text_test(file.text(), path);
  // The chip with as many cores as the program asks for: idle cores would only cost time.
  chip::Chip chip = chip::load(kRoot + "/chips/" + test.program.chip + ".yaml");
  chip.cores = chip.noc.columns = static_cast<int>(test.program.cores.size());
  std::string findings;
  for (const program::Finding& finding : lint(test.program, chip)) findings += to_string(finding) + "\n";
  if (test.finding.empty()) {
    EXPECT_EQ(findings, "");
  } else {
    EXPECT_NE(findings.find(test.finding), std::string::npos) << "lint: " << findings << "\nexpected: " << test.finding;
  }
  run(test, chip, std::nullopt);
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) run(test, chip, seed);
}

INSTANTIATE_TEST_SUITE_P(Files, AsmFiles, testing::ValuesIn(names()), [](const auto& file) { return file.param; });

// Every instruction and every function is in at least one file.
TEST(AsmFilesTogether, CoverEveryInstruction) {
  std::string all;
  for (const std::string& name : names()) all += MappedFile::open(path_of(name)).text();
  const std::string_view mnemonics[] = {"HALT",       "SET ",        "ADD ",           "LDR ",          "LOOP ",
                                        "SKIPZ ",     "SYNC ",       "CFG.LD",         "CFG.ST",        "CFG.MM",
                                        "CFG.VX",     "LD ",         "LDG ",           "LDX ",          "ST ",
                                        "STG ",       "SND ",        "MMA ",           "VALU.ADD",      "VALU.SUB",
                                        "VALU.MUL",   "VALU.MAX",    "VALU.MIN",       "VALU.ABS",      "VALU.SEL",
                                        "VALU.CMPGE", "VALU.CMPEQ",  "VMULA",          "VSFU.EXP2",     "VSFU.RCP",
                                        "VSFU.RSQRT", "VRED.SUM",    "VRED.MAX",       "VRED.AMAX",     "VRED.ARGMAX",
                                        "VQNT",       "VCVT.F2B",    "VCVT.B2F",       "VCVT.I2F",      "VCVT.F2I",
                                        "VCVT.Q2F",   "VPRM.COPY",   "VPRM.TRANSPOSE", "VPRM.PAIRSWAP", "VPRM.IOTA",
                                        "VPRM.FILL",  "VPRM.GATHER", "VSEL.COMPRESS",  "VSEL.HIST"};
  for (std::string_view mnemonic : mnemonics)
    EXPECT_NE(all.find("  " + std::string(mnemonic)), std::string::npos) << mnemonic;
}

}  // namespace
}  // namespace hadal::sim
