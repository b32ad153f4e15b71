// The instruction table as a SystemVerilog package (see system_verilog.h).
#include "isa/system_verilog.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "isa/isa.h"
#include "isa/table.h"

namespace hadal::isa {
namespace {

std::string upper(std::string_view name) {
  std::string text(name);
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

std::string number(const std::string& name, uint64_t value) {
  return fmt::format("  localparam int unsigned {} = {};\n", name, value);
}

std::string bits(const std::string& name, int width, uint64_t value) {
  return fmt::format("  localparam logic [{}:0] {} = {}'h{:x};\n", width - 1, name, width, value);
}

std::string place(const std::string& name, int lsb, int width) {
  return number(name + "_LSB", static_cast<uint64_t>(lsb)) + number(name + "_WIDTH", static_cast<uint64_t>(width));
}

std::string instruction(const Row& row) {
  const std::string mnemonic = upper(row.mnemonic);
  std::string text =
      fmt::format("\n  // {}: {}\n", mnemonic, row.meaning) + bits("OP_" + mnemonic, kOpcodeField.width, row.opcode);
  for (const Field& field : row.fields) {
    const std::string name = mnemonic + "_" + upper(field.name);
    text += place(name, field.lsb, field.width);
    if (field.kind != Kind::kName && field.kind != Kind::kFunc) continue;
    if (field.names.data() == unit_names().data()) continue;  // UNIT_*
    const std::string prefix = field.kind == Kind::kFunc ? "FUNC_" + mnemonic : name;
    for (size_t i = 0; i < field.names.size(); ++i) {
      text += bits(prefix + "_" + upper(field.names[i]), field.width, i);
    }
  }
  for (const Flag& flag : row.flags) {
    const std::string name = fmt::format("FLAG_{}_{}", mnemonic, upper(flag.name));
    text += bits(name, kFlagsField.width, flag.value) + bits(name + "_MASK", kFlagsField.width, flag.mask);
  }
  return text;
}

}  // namespace

std::string system_verilog_package() {
  std::string text =
      "// AUTO-GENERATED from the instruction table (src/isa/table.cpp) by `hadal isa --system-verilog`; do not edit.\n"
      "// Names: src/isa/system_verilog.h. Meaning: docs/machine.md.\n\n"
      "// A package holds the whole table; no design uses all of it.\n"
      "/* verilator lint_off UNUSEDPARAM */\n"
      "package hadal_isa_pkg;\n";
  text += number("LINE_BYTES", kLineBytes) + number("REGISTERS", kRegisters) + number("SEMAPHORES", kSemaphores) +
          number("SEMAPHORE_MAX", kSemaphoreMax) + number("LOOP_DEPTH", kLoopDepth) + number("MAX_CORES", kMaxCores);

  text += "\n  // Header\n";
  for (const HeaderField& field : kHeader) text += place("HEADER_" + upper(field.name), field.lsb, field.width);

  text += "\n  // Queues\n";
  for (size_t i = 0; i < unit_names().size(); ++i) text += bits("UNIT_" + upper(unit_names()[i]), 3, i);

  text += "\n  // Parts of a local operand (20 bits) and of a DRAM operand (32 bits)\n";
  text += place("LOCAL_OFFSET", 0, 15) + place("LOCAL_ACC", 15, 1) + place("LOCAL_AREG", 16, 4);
  text += place("DRAM_OFFSET", 0, 28) + place("DRAM_AREG", 28, 4);

  for (const Row& row : table()) text += instruction(row);

  for (Unit unit : {Unit::kLd, Unit::kSt, Unit::kMm, Unit::kVx}) {
    const auto words = cfg_words(unit);
    text += fmt::format("\n  // Configuration words of {}\n", name(unit));
    text += number(fmt::format("CFG_{}_WORDS", name(unit)), words.size());
    for (size_t i = 0; i < words.size(); ++i) {
      text += bits(fmt::format("CFG_{}_{}", name(unit), upper(words[i].name)), 5, i);
    }
  }
  return text + "endpackage\n/* verilator lint_on UNUSEDPARAM */\n";
}

}  // namespace hadal::isa
