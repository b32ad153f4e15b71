// The instruction table: every opcode, field position, function list and flag, once. Encoder, decoder, assembler,
// disassembler, reference page and the RTL package are all driven by it.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "isa/isa.h"

namespace hadal::isa {

// What a field holds, which decides how it is written in assembly.
enum class Kind : uint8_t {
  kLocal,      // spm[rN+offset] or acc[rN+offset]
  kSpm,        // local operand that must be in the SPM
  kAcc,        // local operand that must be in the ACC
  kDram,       // hbm[rN+offset]
  kReg,        // rN
  kUnsigned,   // number
  kSigned,     // number, two's complement
  kWord,       // 32-bit word: signed, unsigned or f32(x)
  kName,       // one of a list of names
  kFunc,       // one of a list of names, written after the mnemonic: VALU.ADD
  kCfgUnit,    // CFG: unit, written after the mnemonic: CFG.MM.SA
  kCfgKey,     // CFG: word of that unit
  kRows,       // number, or rN with flag RREG
  kLoopReg,    // LOOP: 1 when the count is a register; written through kLoopCount
  kLoopCount,  // number, or rN
  kStepReg,    // LOOP: step=rN:inc,...
  kStepInc,
};

// The member of Instr a field is stored in.
enum class Member : uint8_t {
  kD,
  kA,
  kB,
  kH,
  kRd,
  kRs,
  kRt,
  kImm,
  kRows,
  kLen,
  kCols,
  kSstride,
  kDstride,
  kMask,
  kM,
  kN,
  kKg,
  kFunc,
  kBc,
  kAt,
  kBt,
  kDt,
  kDigits,
  kUnit,
  kKey,
  kSh,
  kSrc,
  kCount,
  kStep0Reg,
  kStep0Inc,
  kStep1Reg,
  kStep1Inc,
  kStep2Reg,
  kStep2Inc,
  kByte,
  kSize,
  kRsh,
  kLsh,
  kAdd,
};

using Names = std::span<const std::string_view>;
inline constexpr uint16_t kAllFuncs = 0xFFFF;

struct Field {
  std::string_view name;
  int lsb = 0, width = 0;  // within the 96-bit payload
  Kind kind{};
  Member member{};
  bool required = true;  // assembly must give it; otherwise raw value 0 is the default
  std::string_view meaning;
  Names names = {};            // kName, kFunc
  uint16_t funcs = kAllFuncs;  // functions that use the field; for the others its bits are reserved
  uint8_t flags = 0;           // if not 0: used only when one of these flags is set
};

struct Flag {
  std::string_view name;
  uint8_t mask = 0, value = 0;  // set when (flags & mask) == value
  std::string_view meaning;
  uint16_t funcs = kAllFuncs;
  bool written = true;  // false: assembly expresses it through an operand (rows=rN)
};

struct Row {
  Op op{};
  std::string_view mnemonic;
  Unit unit{};  // queue; SYNC and CFG: kCtl, their unit field decides
  uint8_t opcode = 0;
  std::span<const Field> fields;  // in assembly order
  std::span<const Flag> flags;
  std::string_view meaning;
};

// Header fields: bits of the whole 128-bit instruction.
struct HeaderField {
  std::string_view name;
  int lsb = 0, width = 0;
  std::string_view meaning;
};
inline constexpr int kPayloadBits = 96;
inline constexpr HeaderField kOpcodeField = {"op", 122, 6, "opcode"};
inline constexpr HeaderField kWaitSemField = {"wsem", 117, 5, "semaphore to wait for"};
inline constexpr HeaderField kWaitCountField = {"wcnt", 111, 6, "tokens to take; 0 = no wait"};
inline constexpr HeaderField kPostSemField = {"psem", 106, 5, "semaphore to post"};
inline constexpr HeaderField kPostCountField = {"pcnt", 104, 2, "tokens to give; 0 = no post"};
inline constexpr HeaderField kFlagsField = {"flags", 96, 8, "flags of the instruction"};
inline constexpr std::array<HeaderField, 6> kHeader = {kOpcodeField,  kWaitSemField,   kWaitCountField,
                                                       kPostSemField, kPostCountField, kFlagsField};

struct CfgWord {
  std::string_view name, reset, meaning;
};

std::span<const Row> table();  // in order of Op
const Row& row_of(Op op);
const Row* row_of_opcode(uint8_t opcode);       // null when undefined
std::span<const CfgWord> cfg_words(Unit unit);  // empty for units without configuration
Names unit_names();

// Raw field values (width bits, no sign extension) of an instruction.
uint64_t get(const Instr& instr, const Field& field);
void set(Instr& instr, const Field& field, uint64_t raw);

// Whether the instruction's function and flags use the field.
bool uses(const Instr& instr, const Field& field);

// Why this instruction is not one of the machine's, or "": values outside their field or list, reserved bits,
// flags that exclude each other. What encode refuses, decode faults on and the assembler reports.
std::string defect(const Instr& instr);

}  // namespace hadal::isa
