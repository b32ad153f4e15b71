// The reference page, generated from the instruction table.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "isa/isa.h"
#include "isa/table.h"

namespace hadal::isa {
namespace {

std::string bits(int lsb, int width) {
  return width == 1 ? fmt::format("{}", lsb) : fmt::format("{}:{}", lsb + width - 1, lsb);
}

std::string written(const Field& field) {
  switch (field.kind) {
    case Kind::kLocal: return "`spm[rN+LINE]` or `acc[rN+LINE]`";
    case Kind::kSpm: return "`spm[rN+LINE]`";
    case Kind::kAcc: return "`acc[rN+LINE]`";
    case Kind::kDram: return "`hbm[rN+LINE]`";
    case Kind::kReg: return "`rN`";
    case Kind::kUnsigned: return fmt::format("0 to {}", (uint64_t{1} << field.width) - 1);
    case Kind::kSigned: return "signed number";
    case Kind::kWord: return "number or `f32(x)`";
    case Kind::kName: return fmt::format("`{}`", fmt::join(field.names, "` `"));
    case Kind::kFunc: return "after the mnemonic";
    case Kind::kCfgUnit: return "after the mnemonic";
    case Kind::kCfgKey: return "after the unit";
    case Kind::kRows: return fmt::format("0 to {}, or `rN`", (1 << field.width) - 1);
    case Kind::kLoopReg: return "by `n=rN`";
    case Kind::kLoopCount: return fmt::format("0 to {}, or `rN`", (1 << field.width) - 1);
    case Kind::kStepReg:
    case Kind::kStepInc: return "`step=rN:INC,...`";
  }
  return "";
}

std::string functions(Names names, uint16_t funcs) {
  std::vector<std::string_view> picked;
  for (size_t i = 0; i < names.size(); ++i) {
    if ((funcs >> i & 1) != 0) picked.push_back(names[i]);
  }
  return fmt::format("{}", fmt::join(picked, ", "));
}

std::string syntax(const Row& row) {
  std::string text(row.mnemonic);
  for (const Field& field : row.fields) {
    switch (field.kind) {
      case Kind::kFunc: text += ".FUNC"; break;
      case Kind::kCfgUnit: text += ".UNIT"; break;
      case Kind::kCfgKey: text += ".KEY"; break;
      case Kind::kLoopReg:
      case Kind::kStepInc: break;
      case Kind::kStepReg:
        if (field.member == Member::kStep0Reg) text += " [step=]";
        break;
      default: {
        const bool optional = !field.required || field.funcs != kAllFuncs || field.flags != 0;
        text += optional ? fmt::format(" [{}=]", field.name) : fmt::format(" {}=", field.name);
      }
    }
  }
  for (const Flag& flag : row.flags) {
    if (flag.written) text += fmt::format(" [{}]", flag.name);
  }
  return text;
}

std::string instruction(const Row& row) {
  std::string page =
      fmt::format("### {}\n\nOpcode 0x{:02x}: {}.\n\n`{}`\n\n", row.mnemonic, row.opcode, row.meaning, syntax(row));
  Names names;
  if (!row.fields.empty()) page += "| bits | field | written | meaning |\n|---|---|---|---|\n";
  for (const Field& field : row.fields) {
    if (field.kind == Kind::kFunc) names = field.names;
    std::string meaning(field.meaning);
    if (field.funcs != kAllFuncs) meaning += fmt::format(" ({} only)", functions(names, field.funcs));
    if (field.flags != 0) meaning += " (with its flag only)";
    page += fmt::format("| {} | {} | {} | {} |\n", bits(field.lsb, field.width), field.name, written(field), meaning);
  }
  if (!row.fields.empty()) page += "\n";
  if (!names.empty()) {
    page += "Functions:";
    for (size_t i = 0; i < names.size(); ++i)
      page += fmt::format(" {} {}{}", i, names[i], i + 1 < names.size() ? "," : ".\n\n");
  }
  if (!row.flags.empty()) {
    page += "| flag | value of flags & mask | meaning |\n|---|---|---|\n";
    for (const Flag& flag : row.flags) {
      page += fmt::format("| {} | 0x{:02x} of 0x{:02x} | {}{} |\n", flag.name, flag.value, flag.mask, flag.meaning,
                          flag.funcs == kAllFuncs ? "" : fmt::format(" ({} only)", functions(names, flag.funcs)));
    }
    page += "\n";
  }
  return page;
}

}  // namespace

std::string reference_page() {
  std::string page =
      "# Instruction set reference\n\n"
      "Generated from the instruction table (`src/isa/table.cpp`) by `hadal isa`. What the instructions do:\n"
      "[machine.md](machine.md).\n\n"
      "Every instruction has 128 bits: a header in the upper 32, the same for all, and a payload in the lower 96. Bits "
      "no\n"
      "field names are zero. In memory an instruction is 16 bytes, least significant byte first.\n\n"
      "A line of assembly is `MNEMONIC[.FUNC] key=value ... [FLAG ...] [wait=SEM:COUNT] [post=SEM:COUNT]`; `#` starts "
      "a\n"
      "comment. Numbers are decimal or `0x` hexadecimal. Operands in brackets are optional and 0 by default, the first "
      "of a\n"
      "list of names. An address is a register plus an offset, in 64-byte lines; `spm[12]` uses r0, which reads 0.\n\n"
      "## Header\n\n| bits | field | meaning |\n|---|---|---|\n";
  for (const HeaderField& field : kHeader) {
    page += fmt::format("| {} | {} | {} |\n", bits(field.lsb, field.width), field.name, field.meaning);
  }
  page += "\n";
  for (int u = 0; u < kUnits; ++u) {
    const auto unit = static_cast<Unit>(u);
    page += fmt::format("## {}\n\n", name(unit));
    for (const Row& row : table()) {
      if (row.unit == unit) page += instruction(row);
    }
  }
  page += "## Configuration words\n\n`CFG.UNIT.KEY` writes a word; 0 stands for the default.\n\n";
  for (Unit unit : {Unit::kLd, Unit::kSt, Unit::kMm, Unit::kVx}) {
    page += fmt::format("| {} key | number | default | meaning |\n|---|---|---|---|\n", name(unit));
    const auto words = cfg_words(unit);
    for (size_t i = 0; i < words.size(); ++i) {
      page += fmt::format("| {} | {} | {} | {} |\n", words[i].name, i, words[i].reset, words[i].meaning);
    }
    page += unit == Unit::kVx ? "" : "\n";
  }
  return page;
}

}  // namespace hadal::isa
