// The DRAM image of a model: weights re-tiled for the matrix unit, tables and constants, and the writable areas.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "model/model.h"
#include "program/program.h"

namespace hadal::kernels {

// A weight matrix as panels of 16 columns: panel p holds, for each group of 128 k, `group_lines` lines (32 a digit).
// Panels are contiguous over k, so any range of columns is one burst. Scales: per tile of 32 columns a row of
// `groups` FP32 padded to whole lines.
struct PanelMatrix {
  uint64_t line = 0, scale_line = 0;
  uint32_t tiles = 0;   // of 32 columns
  uint32_t groups = 0;  // of 128 k
  uint32_t digits = 1;
  uint32_t group_lines() const { return 32 * digits; }
  uint32_t tile_lines() const { return 2 * groups * group_lines(); }
  uint32_t scale_lines() const { return (groups + 15) / 16; }
};

// Collects read-only bytes in lines.
class ReadOnlyImage {
 public:
  explicit ReadOnlyImage(uint64_t base_line) : base_line_(base_line) {}
  uint64_t allocate(uint64_t lines);  // returns the absolute line; zero-filled
  std::byte* at(uint64_t line) { return bytes_.data() + (line - base_line_) * 64; }
  uint64_t append(std::span<const float> values);
  uint64_t end_line() const { return base_line_ + bytes_.size() / 64; }
  uint64_t base_line() const { return base_line_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  uint64_t base_line_;
  std::vector<std::byte> bytes_;
};

// One source of 32-column tiles: rows [first, first + 32*tiles) of an FP8 linear.
struct TileSource {
  model::Fp8Linear linear;
  int64_t first_row = 0;
};

// Tiles in the order given; every source contributes 32 rows of its linear as 32 columns of the matrix.
PanelMatrix pack_fp8(ReadOnlyImage& image, std::span<const TileSource> tiles);
PanelMatrix pack_fp8(ReadOnlyImage& image, const model::Fp8Linear& linear);
// Contraction over rows [first_row, first_row + 128 * groups): B[k][c] = W[first_row + k][c].
PanelMatrix pack_fp8_transposed(ReadOnlyImage& image, const model::Fp8Linear& linear, int64_t first_row,
                                int64_t groups);
// BF16 [n][k] as two E4M3 digits (core numerics N8), columns padded with zeros to whole tiles.
PanelMatrix pack_bf16(ReadOnlyImage& image, const model::Tensor& tensor);

std::vector<float> bf16_values(const model::Tensor& tensor);

}  // namespace hadal::kernels
