// Processes and memories: every shipped file, and what a wrong one is told.
#include "plan/process.h"

#include <filesystem>

#include "plan/memory.h"
#include "plan/testing.h"

namespace hadal::plan {
namespace {

using testing::data;
using testing::edited;
using testing::refusal;
using testing::text;

std::string process_refusal(const std::string& from, const std::string& to) {
  Ledger ledger = testing::ledger();
  return refusal([&] { parse_process(edited(text("processes/smic-n2.yaml"), from, to), "p.yaml", ledger); });
}

TEST(Process, EveryShippedFileIsRead) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data("processes"))) {
    Ledger ledger = testing::ledger();
    const Process p = load_process(entry.path().string(), ledger);
    EXPECT_EQ(p.name, entry.path().stem().string());
    EXPECT_EQ(ledger.figures().size(), 14u);
    EXPECT_NE(available_to(p.availability, "prc-designer").status, "unknown") << p.name;
    ++count;
  }
  EXPECT_GE(count, 12);
}

TEST(Process, RelativeAreaFollowsTheLibraryDensity) {
  // ASAP7's library holds 76 MTr/mm2; what a cell takes elsewhere is the ratio of the densities.
  for (const auto& entry : std::filesystem::directory_iterator(data("processes"))) {
    Ledger ledger = testing::ledger();
    const Process p = load_process(entry.path().string(), ledger);
    EXPECT_NEAR(p.relative_area.value, 76 / p.logic_density.value, 0.03 * p.relative_area.value) << p.name;
  }
}

TEST(Process, BuyersDiffer) {
  Ledger ledger = testing::ledger();
  const Process n2 = load_process(data("processes/smic-n2.yaml"), ledger);
  const Process n5 = load_process(data("processes/tsmc-n5.yaml"), ledger);
  EXPECT_EQ(available_to(n2.availability, "prc-designer").status, "limited");
  EXPECT_EQ(available_to(n5.availability, "prc-designer").status, "no");
  EXPECT_EQ(available_to(n5.availability, "us-designer").status, "yes");
  EXPECT_EQ(available_to(n5.availability, "nobody").status, "unknown");
}

TEST(Process, FiguresKeepValueUnitSourceAndPlace) {
  Ledger ledger = testing::ledger();
  const Process p = parse_process(text("processes/smic-n2.yaml"), "p.yaml", ledger);
  EXPECT_EQ(p.wafer_price.value, 14000);
  EXPECT_EQ(p.wafer_price.low, 10000);
  EXPECT_EQ(p.wafer_price.high, 15000);
  EXPECT_EQ(p.wafer_price.text, "14000 USD");
  EXPECT_EQ(p.wafer_price.source, "ft-premium");
  EXPECT_EQ(p.wafer_price.confidence, "L");
  EXPECT_EQ(p.wafer_price.name, "p.wafer_price");
  EXPECT_EQ(p.wafer_price.where, "p.yaml:17");
}

TEST(Process, RefusesWithFileLineAndRemedy) {
  EXPECT_EQ(process_refusal("wafer_price: {value: 14000 USD,", "wafer_price: {value: 14000,"),
            "p.yaml:17: wafer_price.value: '14000' has no unit; units are USD, kUSD, MUSD");
  EXPECT_EQ(process_refusal("foundry: SMIC", "fundry: SMIC"),
            "p.yaml:3: unknown key 'fundry'; did you mean 'foundry'?");
  EXPECT_NE(process_refusal("{value: 0.235 /cm2", "{value: -0.235 /cm2")
                .find("p.yaml:18: defect_density.value: -0.235 /cm2 "
                      "is out of range"),
            std::string::npos);
  EXPECT_NE(process_refusal("low: 10000 USD, ", "").find("a range needs both ends; give low and high, or neither"),
            std::string::npos);
  EXPECT_NE(process_refusal("low: 10000 USD", "low: 14500 USD").find("14000 USD lies outside its own range"),
            std::string::npos);
  EXPECT_NE(process_refusal("source: ft-premium", "source: ft-premum").find("did you mean 'ft-premium'?"),
            std::string::npos);
  EXPECT_NE(process_refusal("confidence: L", "confidence: X").find("use H (primary), M (one good source) or L"),
            std::string::npos);
  EXPECT_NE(process_refusal("status: limited", "status: maybe").find("use yes, limited or no"), std::string::npos);
  EXPECT_NE(process_refusal("systematic_yield: {value: 100 %", "systematic_yield: {value: -5 %")
                .find("systematic_yield.value: -5 % is out of range"),
            std::string::npos);
}

TEST(Memory, EveryShippedFileIsRead) {
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(data("memories"))) {
    Ledger ledger = testing::ledger();
    const Memory m = load_memory(entry.path().string(), ledger);
    EXPECT_EQ(m.name, entry.path().stem().string());
    // "All HBM stacks currently in production" are above 2 GB/s a mm2 (BIS); planar memories are far below.
    EXPECT_EQ(bandwidth_density(m) > 2.0, m.is_stacked()) << m.name;
    ++count;
  }
  EXPECT_GE(count, 9);
}

TEST(Memory, RefusesAnUnknownKind) {
  Ledger ledger = testing::ledger();
  EXPECT_EQ(
      refusal([&] { parse_memory(edited(text("memories/hbm3.yaml"), "kind: hbm", "kind: hmb"), "m.yaml", ledger); }),
      "m.yaml:3: kind: 'hmb' is unknown; use hbm, lpddr, gddr or ddr");
}

}  // namespace
}  // namespace hadal::plan
