// Units, tables, and the figures of a run as text and as JSON.
#include <gtest/gtest.h>

#include <cmath>

#include "report/run.h"
#include "report/table.h"
#include "report/units.h"

namespace hadal::report {
namespace {

TEST(Units, Si) {
  EXPECT_EQ(si(0, "J"), "0 J");
  EXPECT_EQ(si(1.8874e15, "FLOPS"), "1.89 PFLOPS");
  EXPECT_EQ(si(0.0123, "s"), "12.3 ms");
  EXPECT_EQ(si(999.4, "B"), "999 B");
  EXPECT_EQ(si(999.6, "B"), "1.00 kB");
  EXPECT_EQ(si(0.9999996, "s"), "1.00 s");
  EXPECT_EQ(si(1e-3, "s"), "1.00 ms");
  EXPECT_EQ(si(9.996, "s"), "10.0 s");
  EXPECT_EQ(si(-2500, "V"), "-2.50 kV");
  EXPECT_EQ(si(5e18, "B"), "5000 PB");
  EXPECT_EQ(si(3e-16, "J"), "0.30 fJ");
  EXPECT_EQ(si(INFINITY, "s"), "inf s");
}

TEST(Units, SiKeepsThreeDigitsOverTheWholeRange) {
  for (int exponent = -15; exponent < 18; ++exponent) {
    for (const double mantissa : {1.0, 1.004, 1.006, 3.14159, 9.994, 9.996}) {
      const double value = mantissa * std::pow(10.0, exponent);
      const std::string text = si(value, "");
      const std::string digits = text.substr(0, text.find(' '));
      const size_t prefix = std::string("fpnum kMGTP").find(text.back());
      const double factor = text.back() == ' ' ? 1 : std::pow(10.0, 3 * (static_cast<double>(prefix) - 5));
      EXPECT_NEAR(std::stod(digits) * factor / value, 1, 0.0051) << text;
    }
  }
}

TEST(Units, GroupedAndBytes) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(UINT64_MAX), "18,446,744,073,709,551,615");
  EXPECT_EQ(binary_bytes(1023), "1023 B");
  EXPECT_EQ(binary_bytes(1536), "1.5 KiB");
  EXPECT_EQ(binary_bytes(uint64_t{80} << 30), "80 GiB");
  EXPECT_EQ(percent(0.1234), "12.3 %");
}

TEST(TableText, ColumnsAreAsWideAsTheirWidestCell) {
  Table table({{"name", Align::kLeft}, {"n"}, {"unit", Align::kLeft}});
  table.add({"a", "1", "s"});
  table.add({"longer", "22", ""});
  table.add({"\xC3\xA9", "3", "m"});  // one column wide, two bytes
  EXPECT_EQ(table.text(1),
            " name     n  unit\n"
            " a        1  s\n"
            " longer  22\n"
            " \xC3\xA9        3  m\n");
  EXPECT_ANY_THROW(table.add({"too", "few"}));
}

TEST(TableText, FitsATerminal) {
  Table table({{"name", Align::kLeft}, {"count"}, {"what it is about", Align::kLeft}});
  table.add({"first", "1", "some words that go on for longer than a narrow terminal has room"});
  table.add({"second", "22",
             "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
             "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"});
  const std::string wide = table.text();
  Table::set_widest(40);
  EXPECT_EQ(table.text(),
            "  name    count  what it is about\n"
            "  first       1  some words that go on\n"
            "                 for longer than a\n"
            "                 narrow terminal has\n"
            "                 room\n"
            "  second     22  "
            "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
            "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\n");
  Table numbers({{"chip", Align::kLeft}, {"first figure"}, {"second"}, {"third figure"}});
  numbers.add({"a", "1", "2", "3"});
  Table::set_widest(30);
  EXPECT_EQ(numbers.text(),
            "  chip  first figure  second\n"
            "  a                1       2\n"
            "\n"
            "  chip  third figure\n"
            "  a                3\n");
  Table::set_widest(5);  // narrower than anything: still every figure, whole
  EXPECT_NE(numbers.text().find("first figure"), std::string::npos);
  Table::set_widest(0);
  EXPECT_EQ(table.text(), wide);
}

sim::OperatorTime operator_time(const char* name, uint64_t cycles, const char* bound_by) {
  sim::OperatorTime op;
  op.name = name;
  op.cycles = cycles;
  op.bound_by = bound_by;
  op.cycles_by_bound[bound_by] = cycles;
  op.busy_cycles[4] = cycles / 2;
  return op;
}

TEST(ByKind, LayersAreTakenTogether) {
  const auto kinds = by_kind({operator_time("embed", 5, "dram"), operator_time("L0.q_up", 10, "matrix"),
                              operator_time("L12.q_up", 30, "dram"), operator_time("L.x", 1, "sync"),
                              operator_time("L1.attention", 7, "vector"), operator_time("La.b", 2, "sync")});
  ASSERT_EQ(kinds.size(), 5u);
  EXPECT_EQ(kinds[0].name, "embed");
  EXPECT_EQ(kinds[1].name, "q_up");
  EXPECT_EQ(kinds[1].cycles, 40u);
  EXPECT_EQ(kinds[1].busy_cycles[4], 20u);
  EXPECT_EQ(kinds[1].bound_by, "dram");  // of most cycles
  EXPECT_EQ(kinds[2].name, "L.x");
  EXPECT_EQ(kinds[3].name, "attention");
  EXPECT_EQ(kinds[4].name, "La.b");
}

Run example(const chip::Chip& chip, bool timed) {
  Run run;
  run.model = "m";
  run.prompt = "p";
  run.chip = &chip;
  run.timed = timed;
  run.prompt_tokens = 3;
  run.sequences = {{7, "ab", {4, 5, 6}, false}, {8, "c", {4}, true}};
  run.prefill.tokens = 6;
  run.prefill.wall_s = 0.5;
  run.decode.tokens = 3;
  run.decode.wall_s = 1.5;
  if (!timed) return run;
  const auto fill = [](Phase& phase, uint64_t cycles) {
    phase.timing.steps = 2;
    sim::TimingResult& t = phase.timing.sum;
    t.cycles = cycles;
    t.operators = {operator_time("L0.q_up", cycles / 4, "dram"), operator_time("L1.q_up", cycles / 4, "dram"),
                   operator_time("lm_head", cycles / 2, "matrix")};
    t.dram_read_bytes = cycles * 10;
    t.dram_row_hits = 3;
    t.dram_row_misses = 1;
    t.energy.dram = static_cast<double>(cycles) * 1e-9;
    t.energy.leakage = static_cast<double>(cycles) * 3e-9;
    t.utilisation[4] = cycles == 1000 ? 0.5 : 0.1;
  };
  fill(run.prefill, 1000);
  fill(run.decode, 3000);
  return run;
}

TEST(RunReport, JsonHasThePromisedKeysAndAddsUp) {
  chip::Chip chip = chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/hadal-rtl.yaml");
  const auto json = to_json(example(chip, true));
  EXPECT_EQ(json["text"], "ab");
  EXPECT_EQ(json["tokens"], 4);
  EXPECT_EQ(json["chip"], "hadal-rtl");
  EXPECT_EQ(json["cycles"], 4000);
  EXPECT_DOUBLE_EQ(json["simulated_s"], 4000 / chip.clock_hz);
  EXPECT_DOUBLE_EQ(json["wall_s"], 2.0);
  EXPECT_DOUBLE_EQ(json["tokens_per_s_simulated"], 4 / (4000 / chip.clock_hz));
  EXPECT_DOUBLE_EQ(json["tokens_per_s_wall"], 2.0);
  EXPECT_NEAR(json["energy_j"], 16e-6, 1e-12);
  EXPECT_NEAR(json["utilisation_pct"]["mm"], 20, 1e-9);  // weighted by cycles
  ASSERT_EQ(json["operators"].size(), 2u);
  uint64_t cycles = 0;
  for (const auto& op : json["operators"]) {
    cycles += op["cycles"].get<uint64_t>();
    EXPECT_TRUE(op.contains("name") && op.contains("bound_by"));
  }
  EXPECT_EQ(cycles, 4000u);
  EXPECT_EQ(json["decode"]["cycles"], 3000);
  EXPECT_EQ(json["prefill"]["steps"], 2);
  EXPECT_EQ(json["sequences"][1]["stopped"], true);
  EXPECT_EQ(json["sequences"][0]["token_ids"], (std::vector<int>{4, 5, 6}));
}

TEST(RunReport, ChipsInARowSayWhatTheyWaitedFor) {
  const chip::Chip chip = chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/hadal-1.yaml");
  report::Run run = example(chip, true);
  EXPECT_EQ(to_json(run)["chips"], 1);
  EXPECT_EQ(to_text(run).find("in a row"), std::string::npos);
  run.chips = 3;
  for (Phase* phase : {&run.prefill, &run.decode}) {
    phase->timing.chip_cycles = {1000, 1200, 600};
    phase->timing.transfer_cycles = 200;
    phase->timing.transfer_bytes = 4096;
  }
  const auto json = to_json(run);
  EXPECT_EQ(json["chips"], 3);
  EXPECT_EQ(json["decode"]["row_of_chips"]["chip_cycles"], (std::vector<int>{1000, 1200, 600}));
  EXPECT_EQ(json["decode"]["row_of_chips"]["transfer_cycles"], 200);
  EXPECT_EQ(json["decode"]["row_of_chips"]["transfer_bytes"], 4096);
  // Two steps in 3,000 cycles one after the other; the slowest chip would let one pass every 600.
  EXPECT_DOUBLE_EQ(json["decode"]["row_of_chips"]["full_pipeline_steps_per_s"], chip.clock_hz / 600);
  const std::string text = to_text(run);
  EXPECT_NE(text.find("m on 3 x hadal-1"), std::string::npos) << text;
  EXPECT_NE(
      text.find("3 in a row, 300 to 600 cycles a step each; transfers between them 100 cycles and 2.05 kB a step"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("2,000,000 steps/s would leave, 800,000 now"), std::string::npos) << text;
  run.host_bound_bytes = 1000;
  run.host_most_bytes = 900;
  run.host_made_bytes = 12000;
  EXPECT_NE(to_text(run).find("12.0 kB of weights made, at most 900 B at a time; the bound is 1.00 kB"),
            std::string::npos);
  EXPECT_EQ(to_json(run)["host_memory"]["made_bytes"], 12000);
}

TEST(RunReport, TokensHaveTheTimeOfTheStepThatYieldedThem) {
  const chip::Chip chip = chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/hadal-rtl.yaml");
  report::Run run = example(chip, true);
  run.sequences.resize(1);
  run.sequences[0].pieces = {"a", "", "b"};
  run.prefill.timing.each = {{3, 400, 10, 1, 1e-6}, {3, 600, 20, 2, 2e-6}};
  run.decode.timing.each = {{1, 1000, 30, 3, 3e-6}, {1, 2000, 40, 4, 4e-6}};
  auto json = to_json(run);
  EXPECT_EQ(json["kind"], "run");
  EXPECT_EQ(json["finished"], true);
  ASSERT_EQ(json["tokens_each"].size(), 3u);
  // The last step over the prompt yields the first token.
  const std::vector<uint64_t> cycles{600, 1000, 2000};
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(json["tokens_each"][i]["cycles"], cycles[i]);
    EXPECT_DOUBLE_EQ(json["tokens_each"][i]["simulated_s"], static_cast<double>(cycles[i]) / chip.clock_hz);
    EXPECT_EQ(json["tokens_each"][i]["id"], 4 + static_cast<int>(i));
  }
  EXPECT_EQ(json["decode"]["steps_each"][1]["dram_read_bytes"], 40);
  EXPECT_EQ(json["prefill"]["steps_each"].size(), 2u);
  EXPECT_FALSE(json.contains("timeline"));

  // Where drafts or other sequences share the steps, no single step is a token's.
  run.drafted = 2;
  EXPECT_FALSE(to_json(run)["tokens_each"][1].contains("cycles"));
  EXPECT_EQ(to_json(run)["drafts"]["checked"], 2);
}

TEST(RunReport, TimelineIsInSharesOfTheCores) {
  const chip::Chip chip = chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/hadal-1.yaml");
  sim::Timeline timeline;
  timeline.bin_cycles = 100;
  for (auto& busy : timeline.busy_cycles)
    busy = {100 * static_cast<uint64_t>(chip.cores), 25 * static_cast<uint64_t>(chip.cores)};
  timeline.dram_read_bytes = {640, 0};
  timeline.dram_written_bytes = {0, 64};
  const auto json = to_json(timeline, chip);
  EXPECT_EQ(json["bins"], 2);
  EXPECT_EQ(json["busy_pct"]["mm"], (std::vector<double>{100, 25}));
  EXPECT_EQ(json["dram_read_bytes"], (std::vector<uint64_t>{640, 0}));
}

TEST(RunReport, WithoutTimingTheKeysStayAndAreNull) {
  chip::Chip chip = chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/hadal-rtl.yaml");
  const auto json = to_json(example(chip, false));
  for (const char* key : {"cycles", "simulated_s", "tokens_per_s_simulated", "energy_j"}) {
    ASSERT_TRUE(json.contains(key)) << key;
    EXPECT_TRUE(json[key].is_null()) << key;
  }
  EXPECT_TRUE(json["operators"].empty());
  EXPECT_FALSE(json["decode"].contains("cycles"));
  const std::string text = to_text(example(chip, false));
  EXPECT_EQ(text.find("cycles"), std::string::npos);
  EXPECT_NE(text.find("host tokens/s"), std::string::npos);
}

TEST(RunReport, TextNamesWhatMattersWithoutEscapes) {
  chip::Chip chip = chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/hadal-rtl.yaml");
  const std::string text = to_text(example(chip, true));
  for (const char* part : {"m on hadal-rtl: 1 core,", "prefill", "decode", "q_up", "50.0 %", "matrix", "Units busy",
                           "DRAM", "75.0 % of the accesses", "leakage 75.0 %"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_EQ(text.find('\033'), std::string::npos);
}

}  // namespace
}  // namespace hadal::report
