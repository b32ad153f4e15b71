// The instruction encoding as a SystemVerilog package, generated from the instruction table.
#include <fmt/format.h>

#include <cctype>

#include "isa/isa.h"
#include "isa/table.h"

namespace hadal::isa {
namespace {

// "PAIRSWAP" or "areg0" as part of a constant's name: Pairswap, Areg0.
std::string camel(std::string_view name) {
  std::string text(name);
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  if (!text.empty()) text[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[0])));
  return text;
}

std::string constant(int width, const std::string& name, uint64_t value) {
  return fmt::format("  localparam logic [{}:0] {} = {}'d{};\n", width - 1, name, width, value);
}

std::string field(const std::string& prefix, std::string_view name, int lsb, int width) {
  return fmt::format("  localparam int {0}{1}Lsb = {2};\n  localparam int {0}{1}W = {3};\n", prefix, camel(name), lsb,
                     width);
}

}  // namespace

std::string systemverilog_package() {
  std::string text =
      "// Generated from the instruction table (src/isa/table.cpp) by `hadal verify --write-packages`; not edited.\n"
      "/* verilator lint_off UNUSEDPARAM */\n"
      "package hadal_isa_pkg;\n"
      "  localparam int InstrW = 128;\n";
  text += fmt::format("  localparam int Registers = {};\n  localparam int Semaphores = {};\n", kRegisters, kSemaphores);
  text += fmt::format("  localparam int SemaphoreMax = {};\n  localparam int LoopDepth = {};\n", kSemaphoreMax, kLoopDepth);
  text += fmt::format("  localparam int LineBytes = {};\n  localparam int MaxCores = {};\n", kLineBytes, kMaxCores);
  text += "\n  // Header\n";
  for (const HeaderField& header : kHeader) text += field("Hdr", header.name, header.lsb, header.width);
  text += "\n  // Units\n";
  for (int u = 0; u < kUnits; ++u) {
    text += constant(3, "Unit" + camel(name(static_cast<Unit>(u))), static_cast<uint64_t>(u));
  }
  for (const Row& row : table()) {
    const std::string op = camel(row.mnemonic);
    text += fmt::format("\n  // {}: {}\n", row.mnemonic, row.meaning);
    text += constant(kOpcodeField.width, "Op" + op, row.opcode);
    for (const Field& f : row.fields) {
      text += field(op, f.name, f.lsb, f.width);
      if (f.kind != Kind::kFunc) continue;
      for (size_t i = 0; i < f.names.size(); ++i) text += constant(f.width, op + "Func" + camel(f.names[i]), i);
    }
    for (const Flag& flag : row.flags) text += constant(kFlagsField.width, op + "Flag" + camel(flag.name), flag.value);
  }
  for (Unit unit : {Unit::kLd, Unit::kMm, Unit::kVx}) {
    text += fmt::format("\n  // Configuration words of {}\n", unit == Unit::kLd ? "LD and ST" : name(unit));
    const std::string prefix = unit == Unit::kLd ? "CfgDma" : "Cfg" + camel(name(unit));
    const auto words = cfg_words(unit);
    text += fmt::format("  localparam int {}Words = {};\n", prefix, words.size());
    for (size_t i = 0; i < words.size(); ++i) text += constant(5, prefix + camel(words[i].name), i);
  }
  return text + "endpackage\n/* verilator lint_on UNUSEDPARAM */\n";
}

}  // namespace hadal::isa
