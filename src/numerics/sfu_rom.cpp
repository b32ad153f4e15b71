// The SFU tables as a SystemVerilog module (see sfu_rom.h).
#include "numerics/sfu_rom.h"

#include <fmt/format.h>

#include <cstdint>

#include "base/error.h"
#include "numerics/sfu_tables.h"

namespace hadal::num {
namespace {

struct Table {
  const char* name;
  const int32_t *c0, *c1, *c2;
};
constexpr Table kTables[] = {
    {"2^x", kSfuExp2C0, kSfuExp2C1, kSfuExp2C2},
    {"2/x", kSfuRcpC0, kSfuRcpC1, kSfuRcpC2},
    {"2/sqrt(x) on [1, 2)", kSfuRsqrtEvenC0, kSfuRsqrtEvenC1, kSfuRsqrtEvenC2},
    {"2/sqrt(x) on [2, 4)", kSfuRsqrtOddC0, kSfuRsqrtOddC1, kSfuRsqrtOddC2},
};
constexpr int kC0Bits = 28, kC1Bits = 21, kC2Bits = 14;  // two's complement; c0 is never negative

uint32_t field(int32_t value, int width) {
  const bool is_signed = width != kC0Bits;
  const int32_t limit = int32_t{1} << (is_signed ? width - 1 : width);
  check(value < limit && value >= (is_signed ? -limit : 0), "an SFU coefficient {} does not fit {} bits", value, width);
  return static_cast<uint32_t>(value) & ((uint32_t{1} << width) - 1);
}

}  // namespace

std::string sfu_rom_system_verilog() {
  std::string text =
      "// AUTO-GENERATED from src/numerics/sfu_tables.h by `hadal isa --sfu-rom`; do not edit.\n"
      "// Coefficients of the special function unit: docs/numerics.md, SFU.\n"
      "module hadal_vx_sfu_rom (\n"
      "  input  logic [1:0]         table_i,    // 0 EXP2, 1 RCP, 2 RSQRT even, 3 RSQRT odd\n"
      "  input  logic [6:0]         segment_i,\n"
      "  output logic [27:0]        c0_o,       // units of 2^-27\n"
      "  output logic signed [20:0] c1_o,       // units of 2^-26\n"
      "  output logic signed [13:0] c2_o        // units of 2^-26\n"
      ");\n"
      "  logic [62:0] word;\n"
      "  assign {c0_o, c1_o, c2_o} = word;\n\n"
      "  always_comb begin\n"
      "    unique case ({table_i, segment_i})\n";
  for (unsigned t = 0; t < std::size(kTables); ++t) {
    text += fmt::format("      // {}\n", kTables[t].name);
    for (unsigned s = 0; s < kSfuSegments; ++s) {
      text += fmt::format("      9'h{:03x}: word = {{28'h{:07x}, 21'h{:06x}, 14'h{:04x}}};\n", t << 7 | s,
                          field(kTables[t].c0[s], kC0Bits), field(kTables[t].c1[s], kC1Bits),
                          field(kTables[t].c2[s], kC2Bits));
    }
  }
  return text + "    endcase\n  end\nendmodule\n";
}

}  // namespace hadal::num
