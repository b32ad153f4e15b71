// The read-only DRAM of a model: weights re-tiled and, where the checkpoint is not FP8, quantised for the matrix unit.
// Addresses are known at once; the bytes are made when something first reads them, so that a program of a large
// checkpoint is there in a moment and only what runs is touched.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "kernels/residency.h"
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

// Segments of read-only lines, one after the other. What `fill` refers to must live as long as the segments.
class ReadOnlyImage {
 public:
  // Writes part `part` of a piece whose zeroed lines begin at `first`; parts may run on several threads at once.
  using Fill = std::function<void(std::byte* first, size_t part)>;

  // Its segments keep to the bound of `residency`, which other images may share; null: there is none.
  explicit ReadOnlyImage(uint64_t base_line, std::shared_ptr<Residency> residency = nullptr)
      : end_line_(base_line), residency_(residency ? std::move(residency) : std::make_shared<Residency>(UINT64_MAX)) {}
  // One that only counts lines.
  static ReadOnlyImage ruler() {
    ReadOnlyImage image(0);
    image.counts_only_ = true;
    return image;
  }
  // Room for a piece; returns its absolute line.
  uint64_t reserve(uint64_t lines, size_t parts, Fill fill);
  uint64_t append(std::vector<float> values);
  // A tensor that the segment in the making is made from: its pages are given back when it is made.
  void made_from(const model::Tensor& tensor) { sources_.push_back(&tensor); }
  // What was reserved since the last call becomes a segment; nothing if that is nothing.
  void end_segment(std::string name);
  // A segment whose bytes are there already.
  uint64_t add_segment(std::string name, std::span<const std::byte> data);
  uint64_t end_line() const { return end_line_; }
  // Once the sizes of all images that share a bound are known.
  std::vector<program::Segment> take();

 private:
  struct Piece {
    uint64_t line = 0;  // of the segment
    size_t parts = 0;
    Fill fill;
  };
  class Contents;

  uint64_t end_line_;
  std::shared_ptr<Residency> residency_;
  bool counts_only_ = false;
  uint64_t segment_lines_ = 0;  // of the segment in the making
  std::vector<Piece> pieces_;
  std::vector<const model::Tensor*> sources_;
  std::vector<program::Segment> segments_;
  std::vector<std::shared_ptr<Contents>> contents_;  // by segment; null where the bytes are there already
};

// 32 columns of a matrix: rows of a linear, -1 for a column of zeros.
struct TileSource {
  model::Linear linear;
  std::array<int64_t, 32> rows{};
};
// Rows [first, first + 32) of a linear, zeros past its end.
TileSource rows_from(const model::Linear& linear, int64_t first);
// The tiles of a matrix, said when they are asked for: a large checkpoint has millions.
struct Tiles {
  size_t count = 0;
  std::function<TileSource(size_t)> at;
};
Tiles rows_from(const model::Linear& linear, int64_t first, size_t tiles);
Tiles all_rows(const model::Linear& linear);
Tiles listed(std::vector<TileSource> tiles);

// Element k of the matrix's contraction is element map[k] of the linear's, zero where that is -1. Empty: as it stands.
using ContractionMap = std::vector<int64_t>;

// The rule of quantisation (docs/model-reader.md): FP8 is kept as stored where a tile's rows share a block of scales
// and the contraction is not rearranged; everything else becomes `digits` E4M3 digits with one power of two a tile and
// 128 k.
PanelMatrix pack(ReadOnlyImage& image, Tiles tiles, uint32_t digits, ContractionMap map = {});
// Contraction over rows [first_row, first_row + 128 * groups): B[k][c] = W[first_row + k][c].
PanelMatrix pack_transposed(ReadOnlyImage& image, const model::Linear& linear, int64_t first_row, int64_t groups,
                            uint32_t digits);

// Values of a vector, rearranged by `map` (-1: zero) unless that is empty.
uint64_t pack_vector(ReadOnlyImage& image, const model::Tensor& tensor, std::vector<int64_t> map = {});

}  // namespace hadal::kernels
