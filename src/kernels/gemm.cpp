// Cores form a grid over C; each streams its rows of A and columns of B through a ring of scratchpad slots, a few
// groups of k at a time, and keeps its part of C in the accumulators.
#include "kernels/gemm.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "kernels/builder.h"
#include "kernels/plan.h"

namespace hadal::kernels {
namespace {

constexpr uint64_t kFirstLine = 1024;
constexpr uint32_t kRowAlign = 16;                    // rows whose scales fill a line
constexpr uint32_t kMostRows = 240, kMostTiles = 31;  // of one MMA, whole lines of scales
constexpr uint32_t kSlots = 3;
constexpr uint32_t kMostGroups = 8;  // of a piece: longer bursts gain nothing

uint32_t ceil_div(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

struct Grid {
  uint32_t rows = 1, columns = 1;
};

// The grid whose largest part takes the fewest cycles, of the matrix unit or of the DMA port, whichever is slower.
Grid choose_grid(const chip::Chip& chip, uint32_t row_blocks, uint32_t tiles) {
  Grid best;
  double least = std::numeric_limits<double>::infinity();
  for (uint32_t rows = 1; rows <= static_cast<uint32_t>(chip.cores); ++rows) {
    const uint32_t columns = static_cast<uint32_t>(chip.cores) / rows;
    const double m = ceil_div(row_blocks, rows) * kRowAlign, n = ceil_div(tiles, columns) * 32.0;
    const double matrix = m * n / (static_cast<double>(chip.matrix.rows) * chip.matrix.cols * chip.matrix.depth);
    const double port = (m + n) / static_cast<double>(chip.dma.bytes_per_cycle);
    const double cycles = std::max(matrix, port);
    if (cycles >= least) continue;
    least = cycles;
    best = {rows, columns};
  }
  return best;
}

// One core's work.
class Part {
 public:
  Part(Builder& b, const Gemm& gemm) : b_(b), g_(gemm), rows_(static_cast<uint32_t>(gemm.rows)) {}

  // C[first_row, ...) x tiles, in blocks that fit the accumulators.
  void emit(Share row_blocks, Share tiles) {
    if (row_blocks.size() == 0 || tiles.size() == 0) return;
    uint32_t tile_block = std::min(tiles.size(), kMostTiles);
    uint32_t rows = std::min(row_blocks.size() * kRowAlign, kMostRows);
    const uint32_t room = b_.acc_free_lines();
    while (tile_block > 1 && rows * tile_block * 2 > room) tile_block = ceil_div(tile_block, 2);
    while (rows > kRowAlign && rows * tile_block * 2 > room) rows -= kRowAlign;
    const uint32_t end = row_blocks.last * kRowAlign;
    for (uint32_t r = row_blocks.first * kRowAlign; r < end; r += rows) {
      for (uint32_t t = tiles.first; t < tiles.last; t += tile_block) {
        block(r, std::min(rows, end - r), {t, std::min(t + tile_block, tiles.last)});
      }
    }
  }

 private:
  // Slots hold digits of A, its scales, and B of a few groups of k.
  void block(uint32_t first, uint32_t rows, Share tiles) {
    using namespace isa::cfg;
    const Builder::Mark mark = b_.mark();
    const uint32_t groups = g_.b.groups, scale_lines = rows / kRowAlign;
    const Loc c = b_.acc(rows * tiles.size() * 2);
    const Loc b_scales = b_.spm(tiles.size() * g_.b.scale_lines());
    b_.ld(b_scales, at(g_.b.scale_line + tiles.first * g_.b.scale_lines()), 1,
          static_cast<int>(tiles.size() * g_.b.scale_lines()), 0, 0);
    const uint32_t group_lines = rows * 2 + scale_lines + tiles.size() * 64;
    const uint32_t piece = std::min({groups, kMostGroups, b_.spm_free_lines() / (kSlots * group_lines)});
    if (piece == 0) throw DoesNotFit(ErrorKind::kInput, "a block of the product does not fit the scratchpad");
    Loc slots[kSlots];
    for (Loc& slot : slots) slot = b_.spm(piece * group_lines);
    const uint32_t pieces = ceil_div(groups, piece);
    const auto load = [&](uint32_t p) {
      const uint32_t g = p * piece, count = std::min(piece, groups - g);
      const Loc a = slots[p % kSlots], scales = a + piece * rows * 2, panels = scales + piece * scale_lines;
      const uint64_t all = rows_;
      for (uint32_t i = 0; i < count; ++i) {
        b_.ld(a + i * rows * 2, at(g_.a / 64 + ((g + i) * all + first) * 2), 1, static_cast<int>(rows * 2), 0, 0);
        b_.ld(scales + i * scale_lines, at(g_.a_scales / 64 + ((g + i) * all + first) / kRowAlign), 1,
              static_cast<int>(scale_lines), 0, 0);
      }
      for (uint32_t panel = 0; panel < tiles.size() * 2; ++panel) {
        b_.ld(panels + panel * piece * 32,
              at(g_.b.line + (static_cast<uint64_t>(tiles.first * 2 + panel) * groups + g) * 32), 1,
              static_cast<int>(count * 32), 0, 0);
      }
    };
    for (uint32_t p = 0; p + 1 < std::min(kSlots, pieces + 1); ++p) load(p);
    const int m = std::min(static_cast<int>(rows), g_.shape.m - static_cast<int>(first));
    for (uint32_t p = 0; p < pieces; ++p) {
      if (p + kSlots - 1 < pieces) load(p + kSlots - 1);
      const uint32_t g = p * piece, count = std::min(piece, groups - g);
      const Loc a = slots[p % kSlots], scales = a + piece * rows * 2, panels = scales + piece * scale_lines;
      b_.mcfg(kARs, 0);
      b_.mcfg(kAGs, rows * 2);
      b_.mcfg(kBNs, piece * 32);
      b_.mcfg(kBGs, 32);
      b_.mcfg(kSa, scales.line * 16);
      b_.mcfg(kSaG, rows);
      b_.mcfg(kSb, b_scales.line * 16 + g);
      b_.mcfg(kSbSh, 5);
      b_.mcfg(kSbN, g_.b.scale_lines() * 16);
      b_.mcfg(kSbG, 1);
      b_.mcfg(kCRs, tiles.size() * 2);
      b_.mma(c, a, panels, m, static_cast<int>(tiles.size()), static_cast<int>(count),
             p == 0 ? isa::flag::kClr : uint8_t{0});
    }
    const auto lines = static_cast<int>(tiles.size() * 2), row_lines = g_.shape.n / 16;
    b_.st(at(g_.c / 64 + static_cast<uint64_t>(first) * static_cast<uint64_t>(row_lines) + tiles.first * 2), c, m,
          lines, lines, row_lines, Object::kLogits);
    b_.release(mark);
  }

  static isa::Dram at(uint64_t line) { return {0, static_cast<uint32_t>(line)}; }

  Builder& b_;
  const Gemm& g_;
  uint32_t rows_;
};

}  // namespace

Gemm compile_gemm(const chip::Chip& chip, const GemmShape& shape) {
  if (shape.m < 1 || shape.n < 32 || shape.n % 32 != 0 || shape.n > 32768 || shape.k < 128 || shape.k % 128 != 0) {
    input_error(chip.file, "no product of {} x {} x {}: m is at least 1, n a multiple of 32 up to 32768, k one of 128",
                shape.m, shape.n, shape.k);
  }
  Gemm out;
  out.shape = shape;
  const uint32_t row_blocks = ceil_div(static_cast<uint32_t>(shape.m), kRowAlign);
  out.rows = static_cast<int>(row_blocks * kRowAlign);
  out.b = {.tiles = static_cast<uint32_t>(shape.n) / 32, .groups = static_cast<uint32_t>(shape.k) / 128};
  uint64_t line = kFirstLine;
  const auto area = [&](const char* name, uint64_t lines) {
    out.program.segments.push_back({name, line, lines, true, {}, nullptr});
    const uint64_t first = line;
    line += lines + 64;
    return first;
  };
  const uint64_t groups = out.b.groups, rows = static_cast<uint64_t>(out.rows);
  out.a = area("a", groups * rows * 2) * 64;
  out.a_scales = area("a_scales", groups * rows / kRowAlign) * 64;
  out.b.line = area("b", static_cast<uint64_t>(out.b.tiles) * out.b.tile_lines());
  out.b.scale_line = area("b_scales", static_cast<uint64_t>(out.b.tiles) * out.b.scale_lines());
  out.c = area("c", static_cast<uint64_t>(shape.m) * static_cast<uint64_t>(shape.n) / 16) * 64;
  if (line * 64 > chip.dram.bytes || line >= uint64_t{1} << 28) {
    input_error(chip.file, "the operands need {} MiB of DRAM, more than programs reach on this chip", line >> 14);
  }
  out.program.chip = chip.name;
  out.program.operators = {"gemm"};
  const Grid grid = choose_grid(chip, row_blocks, out.b.tiles);
  for (int core = 0; core < chip.cores; ++core) {
    Builder b(chip, core);
    b.set_operator(0);
    const auto c = static_cast<uint32_t>(core);
    if (c < grid.rows * grid.columns) {
      Part(b, out).emit(share(row_blocks, static_cast<int>(c / grid.columns), static_cast<int>(grid.rows)),
                        share(out.b.tiles, static_cast<int>(c % grid.columns), static_cast<int>(grid.columns)));
    }
    b.halt();
    out.program.cores.push_back(b.finish());
  }
  return out;
}

}  // namespace hadal::kernels
