// Instruction to text, driven by the instruction table.
#include <fmt/format.h>

#include "base/error.h"
#include "isa/isa.h"
#include "isa/table.h"

namespace hadal::isa {
namespace {

std::string address(std::string_view space, unsigned areg, uint32_t offset) {
  if (areg == 0) return fmt::format("{}[{}]", space, offset);
  return offset == 0 ? fmt::format("{}[r{}]", space, areg) : fmt::format("{}[r{}+{}]", space, areg, offset);
}

// Words and wide values read better in hexadecimal once they are no longer small.
std::string wide_number(uint64_t value) {
  return value < 1024 ? fmt::format("{}", value) : fmt::format("0x{:x}", value);
}

// All three steps up to the last one in use: r1:64,r2:-3
std::string steps(const Instr& instr) {
  size_t used = instr.step.size();
  while (used > 0 && instr.step[used - 1] == Step{}) --used;
  std::string text;
  for (size_t i = 0; i < used; ++i) {
    text += fmt::format("{}r{}:{}", i == 0 ? "" : ",", instr.step[i].areg, instr.step[i].inc);
  }
  return text;
}

std::string value_text(const Instr& instr, const Field& field) {
  const uint64_t raw = get(instr, field);
  switch (field.kind) {
    case Kind::kLocal:
    case Kind::kSpm:
    case Kind::kAcc:
      return address((raw >> 15 & 1) != 0 ? "acc" : "spm", static_cast<unsigned>(raw >> 16),
                     static_cast<uint32_t>(raw & 0x7FFF));
    case Kind::kDram: return address("hbm", static_cast<unsigned>(raw >> 28), static_cast<uint32_t>(raw & 0xFFFFFFF));
    case Kind::kReg: return fmt::format("r{}", raw);
    case Kind::kRows: return fmt::format("{}{}", (instr.flags & flag::kRowsReg) != 0 ? "r" : "", raw);
    case Kind::kLoopCount: return fmt::format("{}{}", instr.src != 0 ? "r" : "", raw);
    case Kind::kSigned: return fmt::format("{}", static_cast<int64_t>(instr.imm));
    case Kind::kName: return std::string(field.names[raw]);
    case Kind::kWord: return wide_number(raw);
    default: return field.width >= 32 ? wide_number(raw) : fmt::format("{}", raw);
  }
}

}  // namespace

std::string disassemble(const Instr& instr) {
  const std::string found = defect(instr);
  check(found.empty(), "cannot disassemble {}: {}", name(instr.op), found);
  const Row& row = row_of(instr.op);
  std::string text(row.mnemonic);
  for (const Field& field : row.fields) {
    const uint64_t raw = get(instr, field);
    if (field.kind == Kind::kFunc || field.kind == Kind::kCfgUnit) text += fmt::format(".{}", field.names[raw]);
    if (field.kind == Kind::kCfgKey) text += fmt::format(".{}", cfg_words(static_cast<Unit>(instr.unit))[raw].name);
  }
  for (const Field& field : row.fields) {
    switch (field.kind) {
      case Kind::kFunc:
      case Kind::kCfgUnit:
      case Kind::kCfgKey:
      case Kind::kLoopReg:
      case Kind::kStepInc: continue;
      case Kind::kStepReg:
        if (const std::string all = steps(instr); field.member == Member::kStep0Reg && !all.empty())
          text += " step=" + all;
        continue;
      default: break;
    }
    if (!uses(instr, field) || (!field.required && get(instr, field) == 0)) continue;
    text += fmt::format(" {}={}", field.name, value_text(instr, field));
  }
  for (const Flag& flag : row.flags) {
    if (flag.written && (flag.funcs >> instr.func & 1) != 0 && (instr.flags & flag.mask) == flag.value) {
      text += fmt::format(" {}", flag.name);
    }
  }
  if (instr.wsem != 0 || instr.wcnt != 0) text += fmt::format(" wait={}:{}", instr.wsem, instr.wcnt);
  if (instr.psem != 0 || instr.pcnt != 0) text += fmt::format(" post={}:{}", instr.psem, instr.pcnt);
  return text;
}

}  // namespace hadal::isa
