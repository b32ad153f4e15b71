// A matrix product alone as a chip program: C[m][n] = A[m][k] * B[k][n] in FP8 with exact groups of 128, on all cores.
// What benchmarks, the RTL and performance models run when they want a kernel without a model around it.
#pragma once

#include <cstdint>

#include "chip/chip.h"
#include "kernels/image.h"
#include "program/program.h"

namespace hadal::kernels {

struct GemmShape {
  int m = 0, n = 0, k = 0;  // n a multiple of 32, k of 128
};

// The program, and where the host writes operands and reads the result (byte addresses). Rows of A and its scales are
// padded to a multiple of 16.
struct Gemm {
  GemmShape shape;
  int rows = 0;           // m, padded
  uint64_t a = 0;         // E4M3 [k / 128][rows][128]
  uint64_t a_scales = 0;  // FP32 [k / 128][rows]
  PanelMatrix b;          // E4M3 panels, FP32 scales a tile of 32 columns and group
  uint64_t c = 0;         // FP32 [m][n]
  program::Program program;
};

// Throws an input error for a shape the chip cannot take.
Gemm compile_gemm(const chip::Chip& chip, const GemmShape& shape);

}  // namespace hadal::kernels
