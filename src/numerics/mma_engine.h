// The implementations behind mma(), each exact and so interchangeable; cpu.cpp says which ones this machine has.
#pragma once

#include "numerics/numerics.h"

namespace hadal::num {

enum class Engine { kPortable, kVnni, kAmx };

bool has_engine(Engine engine);
void mma_with(Engine engine, const Mma& op);

void mma_portable(const Mma& op);  // exact sums in binary64, any machine
void mma_vnni(const Mma& op);      // AVX-512 VNNI and VBMI, 16-bit digits
void mma_amx(const Mma& op);       // AMX-INT8 and AVX-512 VBMI, 8-bit digits

// Where the E4M3 digits of group g begin: a row of A, a panel of 16 columns of B (or its first column).
inline size_t a_offset(const Mma& op, int g, int row) {
  size_t k = static_cast<size_t>(g) * op.group;
  return k / 128 * op.a_block + static_cast<size_t>(row) * op.a_row + k % 128;
}

inline size_t b_offset(const Mma& op, int g, int panel) {
  size_t k = static_cast<size_t>(g) * op.group, base = k / 128 * op.b_block, p = static_cast<size_t>(panel);
  switch (op.layout) {
    case BLayout::kBlocked: return base + p * op.b_n + k % 128 / 4 * 64;
    case BLayout::kRows: return base + p * 16 * op.b_n + k % 128;
    case BLayout::kTransposed: return base + k % 128 * op.b_n + p * 16;
  }
  return 0;
}

inline float b_scale(const Mma& op, int g, int column) {
  return op.sb[static_cast<size_t>(column >> op.sb_shift) * op.sb_n + static_cast<size_t>(g) * op.sb_group];
}

}  // namespace hadal::num
