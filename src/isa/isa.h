// The instruction set: one table (table.cpp) from which encoder, decoder, assembler, disassembler and the
// reference page come. What instructions mean: docs/machine.md.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hadal::isa {

inline constexpr int kLineBytes = 64;
inline constexpr int kRegisters = 16;
inline constexpr int kSemaphores = 32;
inline constexpr int kSemaphoreMax = 63;
inline constexpr int kLoopDepth = 4;
inline constexpr int kMaxCores = 48;

enum class Unit : uint8_t { kCtl, kLd, kSt, kNx, kMm, kVx };
inline constexpr int kUnits = 6;

enum class Op : uint8_t {
  kHalt,
  kSet,
  kAdd,
  kLdr,
  kLoop,
  kSkipz,
  kSync,
  kCfg,
  kLd,
  kLdg,
  kLdx,
  kSt,
  kStg,
  kSnd,
  kMma,
  kValu,
  kVmula,
  kVsfu,
  kVred,
  kVqnt,
  kVcvt,
  kVprm,
  kVsel,
};
inline constexpr int kOps = 23;

// Flag bits, by unit.
namespace flag {
inline constexpr uint8_t kRemote = 1;                           // SYNC: post on the cores of the mask
inline constexpr uint8_t kRowsReg = 1;                          // DMA: row count from a register
inline constexpr uint8_t kClr = 1, kRsc = 2, kBt = 4, kBr = 8;  // MMA
inline constexpr uint8_t kDa = 16, kDb = 32;
inline constexpr int kGroupShift = 6;  // MMA, VQNT, VCVT: bits 7:6 = 0 (128), 1 (64), 2 (32)
}  // namespace flag

enum class Alu : uint8_t { kAdd, kSub, kMul, kMax, kMin, kAbs, kSel, kCmpge, kCmpeq };
enum class Sfu : uint8_t { kExp2, kRcp, kRsqrt };
enum class Red : uint8_t { kSum, kMax, kAmax, kArgmax };
enum class Cvt : uint8_t { kF2b, kB2f, kI2f, kF2i, kQ2f };
enum class Prm : uint8_t { kCopy, kTranspose, kPairswap, kIota, kFill, kGather };
enum class Sel : uint8_t { kCompress, kHist };
enum class Bc : uint8_t { kNone, kRow, kCol, kScalar };

namespace cfg {
enum Dma : uint8_t { kPitch, kXsb, kDmaWords };
enum Mm : uint8_t { kARs, kAGs, kADs, kBNs, kBGs, kBDs, kSa, kSaG, kSb, kSbSh, kSbN, kSbG, kAl, kCRs, kMmWords };
enum Vx : uint8_t {
  kAOff,
  kBOff,
  kDOff,
  kVARs,
  kVBRs,
  kVDRs,
  kQRs,
  kQGs,
  kQDs,
  kSRs,
  kSGs,
  kImm,
  kCnt,
  kByte,
  kEmin,
  kVxWords
};
}  // namespace cfg

// A local operand: register + line offset in the SPM or ACC.
struct Local {
  uint8_t areg = 0;
  bool acc = false;
  uint16_t offset = 0;  // lines, 15 bits
  bool operator==(const Local&) const = default;
};

// A DRAM operand: register + line offset.
struct Dram {
  uint8_t areg = 0;
  uint32_t offset = 0;  // lines, 28 bits
  bool operator==(const Dram&) const = default;
};

struct Step {
  uint8_t areg = 0;
  int16_t inc = 0;
  bool operator==(const Step&) const = default;
};

// A decoded instruction. Which members an operation uses is in its table row; the others stay zero.
struct Instr {
  Op op = Op::kHalt;
  uint8_t wsem = 0, wcnt = 0, psem = 0, pcnt = 0, flags = 0;
  Local d{}, a{}, b{};  // local operands (DMA: LD/LDG/LDX d; ST/STG/SND a; idx in b; VQNT/VCVT scales in b)
  Dram h{};             // DRAM operand of LD, LDG, LDX, ST, STG
  uint8_t rd = 0, rs = 0, rt = 0;
  uint64_t imm = 0;                   // SET imm48, ADD imm32 (signed, stored as int64), CFG imm32
  uint16_t rows = 0;                  // rows, or the register that holds them with kRowsReg
  uint16_t len = 0;                   // lines a row (DMA), instructions (LOOP, SKIPZ), panels (LDX)
  uint16_t cols = 0;                  // VX columns
  uint16_t sstride = 0, dstride = 0;  // lines
  uint8_t mask = 0;                   // register with the core mask (SND, SYNC)
  uint8_t m = 0, n = 0, kg = 0;       // MMA
  uint8_t func = 0;                   // ALU/SFU/... function
  uint8_t bc = 0;                     // broadcast of b
  uint8_t at = 0, bt = 0, dt = 0;     // 0 FP32, 1 BF16
  uint8_t digits = 0;                 // VQNT: 1 or 2
  uint8_t unit = 0;                   // SYNC, CFG: Unit
  uint8_t key = 0;                    // CFG word
  uint8_t sh = 0;                     // CFG shift
  uint8_t src = 0;                    // LOOP: 1 = count in register n
  uint16_t count = 0;                 // LOOP n16
  std::array<Step, 3> step{};
  uint8_t byte = 0, size = 0, rsh = 0, lsh = 0;  // LDR; size: 0 u8, 1 u16, 2 u32
  uint16_t add = 0;                              // LDR
  bool operator==(const Instr&) const = default;
};

// 128 bits, little-endian words; word[3] holds the header.
struct Encoded {
  std::array<uint32_t, 4> word{};
  bool operator==(const Encoded&) const = default;
};

// The unit whose queue an instruction goes to (SYNC and CFG: their unit field).
Unit unit_of(const Instr& instr);
std::string_view name(Unit unit);
std::string_view name(Op op);

// Throws Error(kInternal) when a field does not fit: callers check user input first.
Encoded encode(const Instr& instr);
// Throws Error(kFault) on an unknown opcode, function or reserved bits that are set.
Instr decode(const Encoded& encoded);

// One line of assembly, e.g. `VALU.MUL d=spm[12] a=acc[r1+4] b=spm[7] rows=4 cols=384 bc=row wait=3:1 post=4:1`.
std::string disassemble(const Instr& instr);
// Parses one line; `where` ("FILE:LINE") heads the message of the input error.
Instr assemble_line(std::string_view line, const std::string& where);

// docs/isa.md: field layouts of every instruction as Markdown, generated from the table.
std::string reference_page();

}  // namespace hadal::isa
