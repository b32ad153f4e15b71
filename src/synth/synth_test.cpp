// What of synthesis needs no tools: liberty, reports, the cut into blocks, planted faults, the data file.
#include <gtest/gtest.h>

#include "base/testing.h"
#include "synth/blocks.h"
#include "synth/gates.h"
#include "synth/liberty.h"
#include "synth/netlist.h"
#include "synth/record.h"
#include "synth/synthesis.h"
#include "synth/tools.h"

namespace hadal::synth {
namespace {

using hadal::testing::edited;
using hadal::testing::refusal;

constexpr const char* kLiberty = R"lib(/* a library */
library (tiny) {
  time_unit : "1ps";
  capacitive_load_unit (1, ff);
  nom_voltage : 0.7;
  operating_conditions (typical) { voltage : 0.7; }
  cell (BUFx4) { area : 4
    pin (A) { direction : input; capacitance : 2.5; }
    pin (Y) { direction : output; function : "A"; timing () { values ("1, 2", \
      "3, 4"); } }
  }
  cell (BUFx2) { area : 2;
    pin (A) { direction : input; capacitance : 0.5; }
    pin (Y) { direction : output; function : "(A)"; }
  }
  cell (BUFx1) { area : 1; dont_use : true;
    pin (A) { direction : input; capacitance : 0.2; }
    pin (Y) { direction : output; function : "A"; }
  }
  cell (INV) { area : 1; pin (A) { direction : input; } pin (Y) { direction : output; function : "!A"; } }
  cell (DFF) { area : 5; ff (Q, QN) { clocked_on : "CLK"; next_state : "D"; } }
}
)lib";

TEST(Liberty, UnitsAndTheSmallestBufferThatMayBeUsed) {
  const Liberty l = parse_liberty(kLiberty, "tiny.lib");
  EXPECT_EQ(l.name, "tiny");
  EXPECT_DOUBLE_EQ(l.time_unit_s, 1e-12);
  EXPECT_DOUBLE_EQ(l.cap_unit_f, 1e-15);
  EXPECT_DOUBLE_EQ(l.voltage_v, 0.7);
  EXPECT_EQ(l.cells, 5);
  EXPECT_EQ(l.buffer, "BUFx2");
  EXPECT_NEAR(l.buffer_input_f, 0.5e-15, 1e-20);
}

TEST(Liberty, RefusesWhatIsNone) {
  const auto parsed = [](const std::string& text) { return refusal([&] { parse_liberty(text, "a.lib"); }); };
  EXPECT_EQ(parsed(kLiberty), "");
  EXPECT_EQ(parsed("module x; endmodule"), "a.lib:1: 'module' where 'library' should be: this is no liberty file");
  EXPECT_EQ(parsed(""), "a.lib:1: the file ends too early");
  EXPECT_NE(parsed(std::string(kLiberty).substr(0, 400)).find("a.lib:"), std::string::npos);
  EXPECT_NE(parsed(edited(kLiberty, "1ps", "soon")).find("time_unit is 'soon'"), std::string::npos);
  EXPECT_NE(parsed(edited(kLiberty, "ff (Q, QN)", "latch (Q, QN)")).find("has no flip-flop"), std::string::npos);
  std::string none = edited(kLiberty, "\"A\"; timing", "\"!A\"; timing");
  none = edited(none, "\"(A)\"", "\"!A\"");
  EXPECT_NE(parsed(none).find("has no buffer"), std::string::npos);
}

constexpr const char* kStat = R"(
=== mm_fix ===

   Number of wires:              24000
   Number of cells:              25488
     AND2x2_ASAP7_75t_R           2200
     \hadal_sram_256                 3
     XOR2x2_ASAP7_75t_R          23285

   Area for cell type \hadal_sram_256 is unknown!

   Chip area for module '\mm_fix': 2674.750000
)";

TEST(Reports, CellsAndArea) {
  const CellCount c = parse_stat(kStat, "stat", {"hadal_sram_256"});
  EXPECT_EQ(c.cells, 2200 + 23285);
  EXPECT_DOUBLE_EQ(c.area_um2, 2674.75);
  EXPECT_EQ(refusal([] { parse_stat("ERROR: no such file\n", "stat", {}); }),
            "stat: has no line 'Chip area for'; it is no report of `stat -liberty`");
  EXPECT_NE(refusal([] { parse_stat(edited(kStat, "2674.750000", "nan"), "stat", {}); }).find("names no area"),
            std::string::npos);
}

constexpr const char* kTiming = R"(HADAL period 1000
HADAL paths
Startpoint: m_q[29]$_DFFE_PP_ (rising edge-triggered flip-flop clocked by clk)
Endpoint: y_o (output port clocked by clk)
         795.12   data arrival time
         204.88   slack (MET)
HADAL registers
Startpoint: a_q[1] (rising edge-triggered flip-flop clocked by clk)
Endpoint: b_q (rising edge-triggered flip-flop clocked by clk)
        -110.00   slack (VIOLATED)
HADAL idle
Total                  1.20e-03   0.00e+00   4.00e-06   1.24e-03 100.0%
HADAL active
Total                  3.00e-03   1.00e-03   4.00e-06   4.45e-03 100.0%
)";

TEST(Reports, PathsAndPower) {
  const Timing t = parse_timing(kTiming, "timing", 1e-12);
  EXPECT_NEAR(t.longest_s, 795.12e-12, 1e-15);
  EXPECT_NEAR(t.register_s, 1110e-12, 1e-15);
  EXPECT_EQ(t.from, "m_q[29]$_DFFE_PP_");
  EXPECT_EQ(t.to, "y_o");
  EXPECT_DOUBLE_EQ(t.idle_w, 1.24e-3);
  EXPECT_DOUBLE_EQ(t.active_w, 4.45e-3);
  EXPECT_DOUBLE_EQ(t.leakage_w, 4e-6);
}

TEST(Reports, RefuseWhatIsCutOff) {
  const auto parsed = [](const std::string& text) { return refusal([&] { parse_timing(text, "timing", 1e-12); }); };
  EXPECT_NE(parsed("Warning: nothing").find("timing: has no path"), std::string::npos);
  EXPECT_EQ(parsed(std::string(kTiming) + "Error: block.tcl, 7 invalid command\n"),
            "timing: OpenSTA says 'Error: block.tcl, 7 invalid command'");
  EXPECT_NE(parsed(std::string(kTiming).substr(0, 500)).find("has no table of power"), std::string::npos);
  EXPECT_NE(parsed(edited(kTiming, "204.88   slack", "INF   slack")).find("names no slack"), std::string::npos);
}

TEST(Reports, AssignmentsAreTakenApart) {
  EXPECT_EQ(single_bit_assignments("  input [3:0] a_i;\n  output [2:0] y_o;\n  X _1_ (\n"
                                   "  assign { y_o[2:1], z } = { a_i[0], 2'h1 };\n  assign \\q[0]  = a_i[3];\n"
                                   "  assign y_o = a_i[3:1];\n"),
            "  input [3:0] a_i;\n  output [2:0] y_o;\n  X _1_ (\n"
            "  assign y_o[2] = a_i[0];\n  assign y_o[1] = 1'h0;\n  assign z = 1'h1;\n  assign \\q[0]  = a_i[3];\n"
            "  assign y_o[2] = a_i[3];\n  assign y_o[1] = a_i[2];\n  assign y_o[0] = a_i[1];\n");
}

// What Yosys writes for a top with two kinds of memory and a block inside a block.
constexpr const char* kIlang = R"(attribute \src "top.sv:1.1-9.2"
module $paramod\hadal_sram\Words=s32'00000000000000000000000000000100
  wire input 1 \clk_i
end
module $paramod$0123456789abcdef\mm_dot
  wire input 1 \clk_i
  wire $and$/src/mm_dot.sv:12$77_Y
  cell $and $and$/src/mm_dot.sv:12$77
    connect \Y $and$/src/mm_dot.sv:12$77_Y
  end
end
module \mm_seq
end
module \mm_grid
  cell $paramod$0123456789abcdef\mm_dot \gen_row[0].u_dot
  end
  cell $paramod$0123456789abcdef\mm_dot \gen_row[1].u_dot
  end
  cell \mm_seq \u_seq
  end
  cell $paramod\hadal_sram\Words=s32'00000000000000000000000000000100 \u_ram
  end
end
module $paramod\hadal_queue\CfgInUnit=1'0
end
module $paramod\hadal_queue\CfgInUnit=1'1
end
module \hadal_top
  cell \mm_grid \u_grid
  end
  cell $paramod\hadal_queue\CfgInUnit=1'0 \u_queue_ld
  end
  cell $paramod\hadal_queue\CfgInUnit=1'1 \u_queue_vx
  end
end
)";

TEST(Design, IsCutIntoBlocks) {
  const Design d = parse_design(kIlang, "hadal_top", "design.il");
  ASSERT_EQ(d.blocks.size(), 4u);
  EXPECT_EQ(d.blocks[0].name, "mm_dot");
  EXPECT_EQ(d.blocks[0].count, 2);
  EXPECT_TRUE(d.blocks[0].clocked);
  EXPECT_EQ(d.blocks[1].name, "mm_grid");
  EXPECT_EQ(d.blocks[1].outside, (std::vector<std::string>{"hadal_sram_4", "mm_dot"}));
  EXPECT_NE(d.blocks[1].ilang.find("module \\mm_seq"), std::string::npos);  // no block: it is part of this one
  EXPECT_NE(d.blocks[1].ilang.find("cell \\mm_dot \\gen_row[1].u_dot"), std::string::npos);
  EXPECT_EQ(d.blocks[2].name, "hadal_queue_queue_ld");
  EXPECT_EQ(d.blocks[3].name, "hadal_queue_queue_vx");
  EXPECT_EQ(d.memory_bits, 4u * 256);
  EXPECT_EQ(d.memories.at("mm_grid"), 4u * 256);
  // Neither places in the source nor running numbers of the design are left.
  EXPECT_EQ(d.blocks[0].ilang.find(".sv"), std::string::npos);
  EXPECT_NE(
      refusal([] { parse_design("module \\other\nend\n", "hadal_top", "design.il"); }).find("no module hadal_top"),
      std::string::npos);
}

TEST(Netlist, HandsPortsAndPinsOfWhatStaysOutsideToAMonitor) {
  const std::vector<PortBit> bits = port_bits(
      "module frame(clk_i, a_i, \\gen_row[0].u_dot.sum_o[1] , y_o);\n  wire [3:0] none;\n  input clk_i;\n"
      "  input [1:0] a_i;\n  input \\gen_row[0].u_dot.sum_o[0] ;\n  input \\gen_row[0].u_dot.sum_o[1] ;\n"
      "  output \\gen_row[0].u_dot.en_i ;\n");
  ASSERT_EQ(bits.size(), 6u);
  EXPECT_EQ(bits[2].net, "a_i[1]");
  EXPECT_EQ(bits[4].net, "\\gen_row[0].u_dot.sum_o[1]");
  EXPECT_EQ(bits[4].signal, "gen_row[0].u_dot.sum_o");
  EXPECT_EQ(bits[4].bit, 1);
  EXPECT_TRUE(bits[4].input);
  EXPECT_EQ(bits[5].signal, "gen_row[0].u_dot.en_i");
  EXPECT_FALSE(bits[5].input);
  std::vector<size_t> where;
  const std::string text = monitor(bits, 3, where);
  EXPECT_EQ(where, (std::vector<size_t>{0, 1, 2, 3, 4, 5}));
  EXPECT_NE(text.find("hadal_see_3(input int lane, input bit [5:0] bits)"), std::string::npos) << text;
  EXPECT_NE(text.find("{gen_row[0].u_dot.en_i, gen_row[0].u_dot.sum_o, a_i, clk_i}"), std::string::npos) << text;
}

// An adder bit with a flip-flop behind it: s' = a ^ b ^ c, c' = majority, in a library whose flip-flop inverts.
constexpr const char* kAdder = R"(module add(clk_i, a_i, y_o);
  wire _0_;
  wire \carry[0] ;
  input clk_i;
  input [1:0] a_i;
  output y_o;
  XOR2 _1_ (
    .A(a_i[0]),
    .B(a_i[1]),
    .Y(_0_)
  );
  DFFN \s$_DFF_P_  (
    .CLK(clk_i),
    .D(_0_),
    .QN(\carry[0] )
  );
  INV _2_ (
    .A(\carry[0] ),
    .Y(y_o)
  );
endmodule
)";

std::map<std::string, Cell> few_cells() {
  return {{"XOR2", {{"A", "B"}, {{"Y", "(A * !B) + (!A B)"}}, "", "", "", "", ""}},
          {"INV", {{"A"}, {{"Y", "A'"}}, "", "", "", "", ""}},
          {"DFFN", {{"CLK", "D"}, {{"QN", "IQN"}}, "IQN", "IQNN", "!D", "", ""}}};
}

TEST(Liberty, ResetOfFlipFlopsThatStoreTheComplement) {
  const std::string same = "  ff (IQ,IQN) {\n    clear : \"!R\";\n    next_state : \"D\";\n    preset : \"!S\";\n  }\n";
  EXPECT_EQ(for_mapping(same), same);
  EXPECT_EQ(for_mapping("  ff (IQN,IQNN) {\n    clear : \"!S\";\n    clear_preset_var1 : L;\n    next_state : \"!D\";\n"
                        "    preset : \"!R\";\n  }\n"),
            "  ff (IQN,IQNN) {\n    preset : \"!S\";\n    clear_preset_var1 : L;\n    next_state : \"!D\";\n"
            "    clear : \"!R\";\n  }\n");
}

TEST(Gates, FunctionsOfLiberty) {
  const std::vector<std::string> names{"A", "B", "C"};
  const uint64_t in[] = {0b11110000, 0b11001100, 0b10101010};
  const auto value = [&](const char* text) { return Function(text, names, "f")(in) & 0xFF; };
  EXPECT_EQ(value("(A B)"), 0b11000000u);
  EXPECT_EQ(value("!(A * B) + C"), 0b10111111u);
  EXPECT_EQ(value("A ^ B C"), (0b00111100u & 0b10101010u));
  EXPECT_EQ(value("A' | B & !C"), (0b00001111u | (0b11001100u & 0b01010101u)));
  EXPECT_EQ(value("1"), 0xFFu);
  for (const char* bad : {"", "A +", "(A", "D", "A B)"})
    EXPECT_NE(refusal([&] { Function(bad, names, "f"); }).find("is not understood"), std::string::npos) << bad;
}

TEST(Gates, EvaluateAndCountTransitions) {
  Gates gates(kAdder, few_cells(), "add.v");
  EXPECT_EQ(gates.gates(), 3u);
  gates.cycle();
  gates.cycle();
  gates.count_from_here();
  gates.set("a_i", 0, ~uint64_t{0});
  gates.cycle();  // the exclusive or rises: one of three nets
  EXPECT_DOUBLE_EQ(gates.activity(), 1.0 / 3);
  gates.settle();
  EXPECT_EQ(gates.get("y_o", 0), ~uint64_t{0});
  gates.cycle();  // the flip-flop and the inverter follow
  EXPECT_DOUBLE_EQ(gates.activity(), 3.0 / 3 / 2);
  Gates wrong(kAdder, few_cells(), "add.v");
  wrong.cycle();
  wrong.invert(2);  // the inverter
  wrong.cycle();
  wrong.settle();
  EXPECT_EQ(wrong.get("y_o", 0), ~uint64_t{0});  // 0 without the fault
  EXPECT_NE(refusal([] { Gates(edited(kAdder, "INV _2_", "BUF _2_"), few_cells(), "add.v"); }).find("the cell BUF"),
            std::string::npos);
  EXPECT_NE(refusal([] { Gates(edited(kAdder, ".B(a_i[1])", ".B(_0_)"), few_cells(), "add.v"); }).find("a loop"),
            std::string::npos);
}

TEST(Gates, WordsBehindAnEnableAreGated) {
  std::string text = "module m(clk_i, a_i);\n  input clk_i;\n  input [1:0] a_i;\n";
  const auto flop = [&](const std::string& name, const char* from) {
    text += fmt::format("  wire q_{1};\n  DFFN {0} (\n    .CLK(clk_i),\n    .D({2}),\n    .QN(q_{1})\n  );\n", name,
                        text.size(), from);
  };
  for (int bit = 0; bit < 40; ++bit) flop(fmt::format("\\r_q[{}]$_DFFE_PN0P_ ", bit), "a_i[0]");  // words of 32 and 8
  for (int bit = 0; bit < 7; ++bit) flop(fmt::format("\\few_q[{}]$_SDFFCE_PP0P_ ", bit), "a_i[0]");  // not worth a gate
  flop("\\always_q$_DFF_P_ ", "a_i[1]");
  Gates gates(text + "endmodule\n", few_cells(), "m.v");
  EXPECT_EQ(gates.clocking().registers, 48u);
  EXPECT_EQ(gates.clocking().gated, 40u);
  gates.cycle();
  gates.cycle();
  gates.count_from_here();
  for (int cycle = 0; cycle < 4; ++cycle) {  // in half of the runs, the bits change in one of four cycles
    gates.set("a_i", 0, cycle == 1 ? 0xFFFFFFFF : gates.get("a_i", 0));
    gates.cycle();
  }
  const double ungated = 8, gates_load = 2 * 1.5;
  EXPECT_DOUBLE_EQ(gates.clocking().at_rest, (ungated + gates_load) / 48);
  EXPECT_DOUBLE_EQ(gates.clocking().at_work, (ungated + gates_load + 40 / 8.0) / 48);
}

TEST(Record, GatingHasRowsOfItsOwn) {
  BlockCheck dot, lane;
  dot.name = "mm_dot";
  dot.clocking = {100, 90, 0.5, 0.1};
  lane.name = "mm_lane";
  lane.clocking = {10, 10, 0.25, 0.05};
  const std::string first = with_gating("name: x\nclocks:\n  mm_dot: {}\n", {dot, lane});
  EXPECT_NE(first.find("\nworking:"), std::string::npos);
  EXPECT_NE(first.find("mm_dot: {value: 50.0 %, low: 40.0 %, high: 75.0 %"), std::string::npos) << first;
  dot.clocking.at_work = 0.6;
  const std::string second = with_gating(first, {dot});
  EXPECT_EQ(second.find("value: 50.0 %"), std::string::npos) << second;
  EXPECT_NE(second.find("value: 60.0 %"), std::string::npos);
  EXPECT_NE(second.find("value: 25.0 %"), std::string::npos);
  EXPECT_EQ(with_gating(second, {dot}), second);
}

TEST(Record, IsWhatThePlannerReads) {
  Synthesis s;
  s.block.name = "mm_dot";
  s.block.what = "exact dot unit";
  s.block.count = 64;
  s.count = {13551, 1520.7};
  s.timing = parse_timing(kTiming, "timing", 1e-12);
  const chip::Chip chip = chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/hadal-rtl.yaml");
  const std::string text = record(chip, parse_liberty(kLiberty, "tiny.lib"), {s}, "hadal synth", "2026-11-26");
  for (const char* line :
       {"library: tiny\n", "size: {rows: 8, columns: 8, depth: 16, lanes: 16, special_lanes: 4, spm_banks: 8,",
        "  mm_dot: 64\n", "  mm_dot: {value: 1520.7 um2, low: 1368.6 um2, high: 1824.8 um2, source: hadal-synthesis,",
        "  mm_dot: {value: 795 ps,", "note: \"m_q[29] to y_o\"", "  mm_dot: {value: 4.450 pJ, low: 2.845 pJ,"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

TEST(Record, KeepsRowsOfOtherBlocksOfTheSameRtl) {
  std::vector<Synthesis> all(3);
  const char* names[] = {"mm_dot", "mm_fix", "mm_lane"};
  std::vector<Block> blocks;
  for (size_t i = 0; i < 3; ++i) {
    all[i].block.name = names[i];
    all[i].block.count = static_cast<int>(i) + 1;
    all[i].block.ilang = fmt::format("module \\{}\n  cell $and $and$/there/a.sv:3$17\n", names[i]);
    all[i].timing = parse_timing(kTiming, "timing", 1e-12);
    blocks.push_back(all[i].block);
  }
  const chip::Chip chip = chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/hadal-rtl.yaml");
  const Liberty liberty = parse_liberty(kLiberty, "tiny.lib");
  const auto rows = [&](const std::vector<Synthesis>& some) {
    return record(chip, liberty, some, "hadal", "2026-11-26");
  };
  const std::string former = rows(all);
  // Whichever block is made anew, the file is the same.
  for (const Synthesis& s : all) EXPECT_EQ(with_former_rows(rows({s}), former, blocks), former) << s.block.name;
  // The place of the sources and running numbers are not the RTL, the operation is.
  blocks[1].ilang = "module \\mm_fix\n  cell $and $and$/here/rtl/a.sv:4$99\n";
  EXPECT_EQ(with_former_rows(rows({all[0]}), former, blocks), former);
  blocks[1].ilang = "module \\mm_fix\n  cell $or $or$/there/a.sv:3$17\n";
  EXPECT_EQ(with_former_rows(rows({all[0]}), former, blocks), rows({all[0], all[2]}));
  EXPECT_EQ(with_former_rows(rows({all[0]}), edited(former, "library: tiny", "library: other"), blocks),
            rows({all[0]}));
}

}  // namespace
}  // namespace hadal::synth
