// Encode and decode, driven by the instruction table.
#include <fmt/format.h>

#include "base/error.h"
#include "isa/isa.h"
#include "isa/table.h"

namespace hadal::isa {
namespace {

// Bits [lsb, lsb + width) of the 128-bit instruction; width < 64.
uint64_t extract(const Encoded& encoded, int lsb, int width) {
  uint64_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const int shift = 32 * i - lsb;
    const uint64_t word = encoded.word[static_cast<size_t>(i)];
    if (shift >= 0 && shift < 64) value |= word << shift;
    if (shift < 0 && shift > -32) value |= word >> -shift;
  }
  return value & ((uint64_t{1} << width) - 1);
}

void insert(Encoded& encoded, int lsb, uint64_t value) {
  for (int i = 0; i < 4; ++i) {
    const int shift = lsb - 32 * i;
    uint32_t& word = encoded.word[static_cast<size_t>(i)];
    if (shift >= 0 && shift < 32) word |= static_cast<uint32_t>(value << shift);
    if (shift < 0 && shift > -64) word |= static_cast<uint32_t>(value >> -shift);
  }
}

struct HeaderValue {
  const HeaderField& field;
  uint64_t value;
};

std::array<HeaderValue, 5> header_values(const Instr& i) {
  return {{{kWaitSemField, i.wsem},
           {kWaitCountField, i.wcnt},
           {kPostSemField, i.psem},
           {kPostCountField, i.pcnt},
           {kFlagsField, i.flags}}};
}

// Every used field, without checks.
Encoded encode_fields(const Instr& instr, const Row& row) {
  Encoded encoded;
  insert(encoded, kOpcodeField.lsb, row.opcode);
  for (const HeaderValue& header : header_values(instr)) insert(encoded, header.field.lsb, header.value);
  for (const Field& field : row.fields) {
    if (uses(instr, field)) insert(encoded, field.lsb, get(instr, field));
  }
  return encoded;
}

// Every used field, without checks. The function and the flags come first: they decide which fields are used.
Instr decode_fields(const Encoded& encoded, const Row& row) {
  Instr instr;
  instr.op = row.op;
  const auto header = [&](const HeaderField& field) {
    return static_cast<uint8_t>(extract(encoded, field.lsb, field.width));
  };
  instr.wsem = header(kWaitSemField);
  instr.wcnt = header(kWaitCountField);
  instr.psem = header(kPostSemField);
  instr.pcnt = header(kPostCountField);
  instr.flags = header(kFlagsField);
  for (const Field& field : row.fields) {
    if (field.kind == Kind::kFunc) set(instr, field, extract(encoded, field.lsb, field.width));
  }
  for (const Field& field : row.fields) {
    if (uses(instr, field)) set(instr, field, extract(encoded, field.lsb, field.width));
  }
  return instr;
}

std::string hex(const Encoded& e) {
  return fmt::format("{:08x}_{:08x}_{:08x}_{:08x}", e.word[3], e.word[2], e.word[1], e.word[0]);
}

[[noreturn]] void fault(const Encoded& encoded, const std::string& why) {
  throw Error(ErrorKind::kFault, fmt::format("bad encoding {}: {}", hex(encoded), why));
}

// Rules of the operands' values: lists, memories, registers.
std::string field_defect(const Instr& i, const Field& field, uint64_t raw) {
  switch (field.kind) {
    case Kind::kName:
    case Kind::kFunc:
    case Kind::kCfgUnit:
      if (raw >= field.names.size()) return fmt::format("{} {} is not defined", field.name, raw);
      if (field.kind == Kind::kCfgUnit && cfg_words(static_cast<Unit>(raw)).empty()) {
        return fmt::format("unit {} has no configuration", field.names[raw]);
      }
      return "";
    case Kind::kCfgKey: {
      const auto words = cfg_words(static_cast<Unit>(i.unit));
      return raw < words.size() ? "" : fmt::format("configuration word {} is not defined", raw);
    }
    case Kind::kSpm: return (raw >> 15 & 1) == 0 ? "" : fmt::format("{} must be in the SPM", field.name);
    case Kind::kAcc: return (raw >> 15 & 1) == 1 ? "" : fmt::format("{} must be in the ACC", field.name);
    case Kind::kRows:
      if ((i.flags & flag::kRowsReg) != 0 && raw >= kRegisters)
        return fmt::format("rows: there is no register {}", raw);
      return "";
    case Kind::kLoopCount: return i.src == 1 && raw >= kRegisters ? fmt::format("n: there is no register {}", raw) : "";
    default: return "";
  }
}

std::string flags_defect(const Instr& i, const Row& row) {
  uint8_t known = 0, found = 0;
  for (const Flag& flag : row.flags) {
    if (i.func >= 16 || (flag.funcs >> i.func & 1) == 0) continue;
    known |= flag.mask;
    if ((i.flags & flag.mask) == flag.value) found |= flag.value;
  }
  if ((i.flags & ~known) != 0) return fmt::format("flags 0x{:02x} are not defined for it", i.flags & ~known);
  if (found != i.flags) return "G is 128, 64 or 32";
  if (i.op != Op::kMma) return "";
  if ((i.flags & flag::kClr) != 0 && (i.flags & flag::kRsc) != 0) return "CLR and RSC exclude each other";
  if ((i.flags & flag::kBt) != 0 && (i.flags & flag::kBr) != 0) return "BT and BR exclude each other";
  return "";
}

}  // namespace

std::string defect(const Instr& instr) {
  if (static_cast<size_t>(instr.op) >= kOps)
    return fmt::format("operation {} is not defined", static_cast<int>(instr.op));
  const Row& row = row_of(instr.op);
  for (const HeaderValue& header : header_values(instr)) {
    if (header.value >> header.field.width != 0) {
      return fmt::format("{}={} does not fit {} bits", header.field.name, header.value, header.field.width);
    }
  }
  for (const Field& field : row.fields) {
    if (!uses(instr, field)) continue;
    const uint64_t raw = get(instr, field);
    if (raw >> field.width != 0) return fmt::format("{} does not fit {} bits", field.name, field.width);
    if (std::string found = field_defect(instr, field, raw); !found.empty()) return found;
  }
  if (std::string found = flags_defect(instr, row); !found.empty()) return found;
  if (decode_fields(encode_fields(instr, row), row) != instr) return "a value is set that the instruction does not use";
  return "";
}

Encoded encode(const Instr& instr) {
  const std::string found = defect(instr);
  check(found.empty(), "cannot encode {}: {}", name(instr.op), found);
  return encode_fields(instr, row_of(instr.op));
}

Instr decode(const Encoded& encoded) {
  const auto opcode = static_cast<uint8_t>(extract(encoded, kOpcodeField.lsb, kOpcodeField.width));
  const Row* row = row_of_opcode(opcode);
  if (row == nullptr) fault(encoded, fmt::format("opcode 0x{:02x} is not defined", opcode));
  const Instr instr = decode_fields(encoded, *row);
  if (const std::string found = defect(instr); !found.empty())
    fault(encoded, fmt::format("{}: {}", row->mnemonic, found));
  if (encode_fields(instr, *row) != encoded) fault(encoded, fmt::format("{}: reserved bits are set", row->mnemonic));
  return instr;
}

Unit unit_of(const Instr& instr) {
  if (instr.op == Op::kSync || instr.op == Op::kCfg) return static_cast<Unit>(instr.unit);
  return row_of(instr.op).unit;
}

std::string_view name(Unit unit) {
  const auto index = static_cast<size_t>(unit);
  return index < unit_names().size() ? unit_names()[index] : "?";
}

std::string_view name(Op op) { return static_cast<size_t>(op) < kOps ? row_of(op).mnemonic : "?"; }

}  // namespace hadal::isa
