// The single definition of every arithmetic result on the chip (docs/machine.md sections 6-9, docs/numerics.md).
// reference:: is the plain scalar definition; the functions of hadal::num without a namespace are the fast ones,
// chosen at run time for the machine, and equal the reference bit for bit.
#pragma once

#include <cstddef>
#include <cstdint>

namespace hadal::num {

// ---- scalars -----------------------------------------------------------------------------------------------------
inline constexpr uint32_t kCanonicalNan = 0x7FC00000u;

float e4m3_to_float(uint8_t code);    // NaN for 0x7F, 0xFF
int32_t e4m3_to_fixed(uint8_t code);  // in units of 2^-9; 0 for NaN
uint8_t e4m3_from_float(float x);     // round to nearest even, saturating; NaN -> 0x7F
float bf16_to_float(uint16_t code);
uint16_t bf16_from_float(float x);  // RNE; NaN -> 0x7FC0
float canonical(float x);           // any NaN -> 0x7FC00000
float fixed_to_float(int64_t sum);  // RNE_binary32(sum * 2^-18), +0 for 0
float exp2(float x);                // SFU
float rcp(float x);
float rsqrt(float x);
int quantise_exponent(float amax, int emin);  // E of VQNT

// ---- MMA ---------------------------------------------------------------------------------------------------------
enum class BLayout : uint8_t { kBlocked, kRows, kTransposed };

// One MMA instruction on resolved pointers. Strides are in bytes for digits and in floats for scales and acc.
struct Mma {
  int m = 0, n = 0, groups = 0;  // rows, columns (multiple of 32), groups of `group` elements of k
  int group = 128;               // 128, 64 or 32
  bool clear = false, rescale = false;
  const uint8_t* a = nullptr;  // A[r][k] at a + (k/128)*a_block + r*a_row + k%128
  size_t a_row = 0, a_block = 0;
  const uint8_t* a_low = nullptr;  // second digit plane, same strides, or null
  const float* sa = nullptr;       // sa[g*sa_group + r]
  size_t sa_group = 0;
  BLayout layout = BLayout::kBlocked;
  const uint8_t* b = nullptr;   // blocked: panel c/16 at + (c/16)*b_n; rows: + c*b_n; transposed: + (k%128)*b_n
  size_t b_n = 0, b_block = 0;  // b_block: from one 128-block of k to the next
  const uint8_t* b_low = nullptr;
  const uint8_t* b_next = nullptr;  // what a product after this one will read as its B, if known: for prefetches
  bool b_cold = false;              // nobody has had B as its next
  const float* sb = nullptr;        // sb[(c >> sb_shift)*sb_n + g*sb_group]
  int sb_shift = 0;
  size_t sb_n = 0, sb_group = 0;
  const float* alpha = nullptr;  // alpha[r], with rescale
  float* acc = nullptr;          // acc[r*acc_row + c]
  size_t acc_row = 0;
};
void mma(const Mma& op);

// ---- vector unit -------------------------------------------------------------------------------------------------
enum class Type : uint8_t { kF32, kBf16 };
enum class Bcast : uint8_t { kNone, kRow, kCol, kScalar };

// A strided tile: row r starts at base + r*row_bytes.
struct Tile {
  std::byte* base = nullptr;
  size_t row_bytes = 0;
  Type type = Type::kF32;
};
// Broadcast col: element r of b is at base + r*row_bytes (row_bytes = element size when packed).

enum class AluOp : uint8_t { kAdd, kSub, kMul, kMax, kMin, kAbs, kSel, kCmpge, kCmpeq };  // same order as isa::Alu
enum class SfuOp : uint8_t { kExp2, kRcp, kRsqrt };
enum class RedOp : uint8_t { kSum, kMax, kAmax, kArgmax };

void alu(AluOp f, Tile d, Tile a, Tile b, Bcast bc, int rows, int cols);
void mula(Tile d, Tile a, Tile b, Bcast bc, int rows, int cols);
void sfu(SfuOp f, Tile d, Tile a, int rows, int cols);
void reduce(RedOp f, Tile d, Tile a, int rows, int cols);  // d: one element a row at base + r*row_bytes

// E4M3 tile: digit (r, c) at base + (c/128)*block_bytes + r*row_bytes + c%128; low digits at + low_offset.
struct QuantTile {
  uint8_t* base = nullptr;
  size_t row_bytes = 0, block_bytes = 0;
  ptrdiff_t low_offset = 0;
  float* scale = nullptr;  // scale[r*scale_row + g*scale_group]
  size_t scale_row = 0, scale_group = 0;
};
void quantise(QuantTile d, Tile a, int rows, int cols, int digits, int group, int emin);
void dequantise(Tile d, QuantTile a, int rows, int cols, int group);

// FP4 panel expansion (LDX): 17 source lines -> 32 lines and 16 scales. False when the spread is too wide.
bool expand_fp4_panel(const uint8_t* source, uint8_t* panel, float* scales);

namespace reference {
void mma(const Mma& op);
void alu(AluOp f, Tile d, Tile a, Tile b, Bcast bc, int rows, int cols);
void mula(Tile d, Tile a, Tile b, Bcast bc, int rows, int cols);
void sfu(SfuOp f, Tile d, Tile a, int rows, int cols);
void reduce(RedOp f, Tile d, Tile a, int rows, int cols);
void quantise(QuantTile d, Tile a, int rows, int cols, int digits, int group, int emin);
void dequantise(Tile d, QuantTile a, int rows, int cols, int group);
}  // namespace reference

// The instruction sets the fast functions run with here, e.g. "AMX-INT8, AVX3_SPR".
const char* target_name();

}  // namespace hadal::num
