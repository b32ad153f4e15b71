// Chips described by their performance: every one that ships against its data sheet, assumptions, refusals.
#include "chip/performance.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/mapped_file.h"

namespace hadal::chip {
namespace {

std::string shipped(const std::string& name) { return std::string(HADAL_SOURCE_DIR) + "/chips/" + name + ".yaml"; }

struct DataSheet {
  const char* name;
  double bf16_tflops, narrow_tops, memory_tb_per_s;  // narrow: FP8, or INT8 where there is no FP8
};

// Published peaks, within 1.5 % of units x MAC x 2 x clock. 910C: 752 of the CloudMatrix paper, not 800 of the keynote.
constexpr DataSheet kSheets[] = {
    {"a100", 312, 624, 2.039},           {"a800", 312, 624, 2.039},           {"h100", 989.4, 1979, 3.35},
    {"h800", 989.4, 1979, 3.35},         {"h200", 989.5, 1979, 4.8},          {"h20", 148, 296, 4.0},
    {"b200", 2250, 4500, 7.7},           {"ascend-910b1", 378.9, 757.8, 1.6}, {"ascend-910b2", 353.9, 707.8, 1.6},
    {"ascend-910b3", 294.9, 589.8, 1.6}, {"ascend-910b4", 245.8, 491.6, 0.8}, {"ascend-910c", 752, 1504, 3.2},
    {"ascend-950pr", 378.5, 757, 1.6},   {"ascend-950dt", 486.6, 973, 4.0},   {"tpu-v5e", 197, 393, 0.819},
    {"tpu-v7", 2307, 4614, 7.38},        {"trainium2", 667, 1299, 2.9}};

TEST(Performance, PeaksAreThoseOfTheDataSheets) {
  for (const DataSheet& sheet : kSheets) {
    SCOPED_TRACE(sheet.name);
    const Chip c = load_any(shipped(sheet.name));
    EXPECT_EQ(c.name, sheet.name);
    EXPECT_FALSE(c.runs_programs);
    EXPECT_TRUE(c.has_links);
    const Performance& p = c.performance;
    const double per_mac = 2 * c.cores * c.clock_hz / 1e12;
    EXPECT_NEAR(per_mac * p.bf16_mac / sheet.bf16_tflops, 1, 0.015);
    EXPECT_NEAR(per_mac * (p.fp8_mac > 0 ? p.fp8_mac : p.int8_mac) / sheet.narrow_tops, 1, 0.015);
    EXPECT_NEAR(p.memory_bytes_per_s / 1e12 / sheet.memory_tb_per_s, 1, 0.001);
    EXPECT_LE(p.sustained_hz, c.clock_hz);
  }
}

TEST(Performance, EveryShippedChipLoadsAtBothEndsOfItsRanges) {
  int chips = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(HADAL_SOURCE_DIR) + "/chips")) {
    const std::string file = entry.path().string();
    SCOPED_TRACE(file);
    const Chip nominal = load_any(file), low = load_any(file, Bound::kSlow), high = load_any(file, Bound::kFast);
    EXPECT_EQ(nominal.assumptions.size(), low.assumptions.size());
    EXPECT_LE(low.performance.memory_bytes_per_s, nominal.performance.memory_bytes_per_s);
    EXPECT_GE(high.performance.memory_bytes_per_s, nominal.performance.memory_bytes_per_s);
    ++chips;
  }
  EXPECT_GE(chips, 20);
}

TEST(Performance, WhatIsUndisclosedIsAnAssumptionWithARange) {
  const Chip c = load_any(shipped("openai-titan"));
  EXPECT_GE(c.assumptions.size(), 15u);
  for (const Assumption& a : c.assumptions) {
    EXPECT_LE(a.low, a.value) << a.key;
    EXPECT_LE(a.value, a.high) << a.key;
    EXPECT_LT(a.low, a.high) << a.key;
  }
  EXPECT_TRUE(load_any(shipped("h800")).assumptions.empty());
}

TEST(Performance, OnlySplitCoresSayWhatTheirCachePasses) {
  EXPECT_EQ(load_any(shipped("h800")).performance.unit_exchange_bytes_per_s, 0);
  EXPECT_EQ(load_any(shipped("ascend-950dt")).performance.unit_exchange_bytes_per_s, 0);
  EXPECT_EQ(load_any(shipped("ascend-910b2")).performance.unit_exchange_bytes_per_s, 7e12);
  EXPECT_EQ(load_any(shipped("ascend-910c")).performance.unit_exchange_bytes_per_s, 14e12);
}

TEST(Performance, OurChipDerivesItFromItsOwnSections) {
  const Chip c = load(shipped("hadal-1"));
  EXPECT_TRUE(c.runs_programs);
  EXPECT_EQ(c.performance.fp8_mac, 16384);
  EXPECT_EQ(c.performance.bf16_mac, 4096);
  EXPECT_NEAR(2 * c.performance.fp8_mac * c.cores * c.clock_hz / 1e15, 1.89, 0.01);
  EXPECT_NEAR(c.performance.memory_bytes_per_s / 1e12, 4.096, 0.001);
  EXPECT_EQ(c.performance.scratch_bytes, double(1 << 20));
  EXPECT_EQ(c.links.scale_up.chips, 64);
  EXPECT_FALSE(load(shipped("hadal-rtl")).has_links);
}

std::string refusal(const std::string& from, const std::string& to, const char* chip = "h800") {
  std::string text(MappedFile::open(shipped(chip)).text());
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  try {
    parse_any(text, "c.yaml");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "";
}

void expect_refusal(const std::string& from, const std::string& to, const std::string& message) {
  const std::string found = refusal(from, to);
  EXPECT_NE(found.find(message), std::string::npos) << "got: " << found << "\nexpected: " << message;
  EXPECT_EQ(found.rfind("c.yaml:", 0), 0u) << found;
}

TEST(Performance, RefusesWhatIsWrong) {
  expect_refusal("  vector: 128 op/cycle", "  vectr: 128 op/cycle",
                 "unknown key 'performance.vectr'; did you mean 'vector'?");
  expect_refusal("  devices: 1\n", "", "missing key 'performance.devices'");
  expect_refusal("bf16: 2048 MAC/cycle", "bf16: 2048",
                 "performance.matrix.bf16: '2048' has no unit; units are MAC/cycle");
  expect_refusal("bf16: 2048 MAC/cycle", "bf16: none",
                 "performance.matrix.bf16: is none; attention is computed in BF16");
  expect_refusal("sustained_clock: 1.6 GHz", "sustained_clock: 2 GHz", "is above the clock of 1.83e+09 Hz");
  expect_refusal("devices: 1", "devices: 7", "performance.devices: 7 does not divide the 132 cores");
  expect_refusal("bandwidth: 3.35 TB/s", "bandwidth: 3.35 TB/s in 4 TB/s to 5 TB/s", "lies outside its own range");
  expect_refusal("bandwidth: 3.35 TB/s", "bandwidth: 3.35 TB/s in 4 TB/s", "has no range; write VALUE in LOW to HIGH");
  expect_refusal("bandwidth: 200 GB/s", "bandwidth: 200 GB", "links.scale_up.bandwidth: unit 'GB' is not one of");
  expect_refusal("cores: 132", "cores: 132\nspm: 4", "unknown key 'spm'");
  expect_refusal("  port: 64 B/cycle", "  unit_exchange: 7 TB\n  port: 64 B/cycle",
                 "performance.unit_exchange: unit 'TB' is not one of");
}

TEST(Performance, AChipWithoutMachineSectionsRunsNoPrograms) {
  EXPECT_THROW(load(shipped("h800")), Error);
  try {
    load(shipped("h800"));
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("describes a chip by its performance only"), std::string::npos);
  }
}

}  // namespace
}  // namespace hadal::chip
