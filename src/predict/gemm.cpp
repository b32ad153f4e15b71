// GEMM and grouped GEMM: the best of all tilings, each timed tile by tile.
#include <algorithm>
#include <cmath>
#include <limits>

#include "predict/operators.h"

namespace hadal::predict {
namespace {

constexpr double kStepBytes = 128;  // of k that a pipeline stage holds
constexpr double kStages = 2;       // the fewest that overlap loading and computing
constexpr double kColumns[] = {16, 32, 64, 96, 128, 160, 192, 256};
constexpr double kSplits[] = {1, 2, 4, 8};  // of k, where partial sums may be added afterwards

struct Shape {
  double rows_blocks(double tile) const {
    if (task.group_rows.empty()) return task.groups * std::ceil(std::max(1.0, task.m) / tile);
    double blocks = 0;
    for (const double rows : task.group_rows) blocks += graph::active(rows) * std::ceil(rows / tile);
    return blocks;
  }
  const graph::GemmTask& task;
};

// Bytes that cross the memory interface: every operand once, and again where neither the other operand's share of a
// wave of tiles nor the cache can keep it.
double operand_bytes(const Device& d, const graph::GemmTask& t, double tile_m, double tile_n) {
  const double a = t.m * t.groups * double(t.k) * graph::format_bytes(t.activation);
  const double b = t.groups * double(t.k) * double(t.n) * graph::format_bytes(t.weight);
  // With no cache to share it, every core works on a block of results of its own and fetches its operands itself; with
  // one, a wave of tiles does.
  const double wave = std::sqrt(d.cores);
  const double block_m = std::max(tile_m * wave, 1.0), block_n = std::max(tile_n * wave, 1.0);
  const double small = std::min(a, b) / std::max(1.0, t.groups);
  if (small <= d.cache_bytes / 2 || t.m <= block_m) return a + b;
  return a * std::max(1.0, double(t.n) / block_n / 2) + b * std::max(1.0, t.m / block_m / 2);
}

}  // namespace

Estimate estimate(const Device& d, const graph::GemmTask& t) {
  Estimate best{d.chip.kernel_start_s + d.kernel_extra_s, Bound::kStart, 0};
  if (t.m <= 0 || t.groups <= 0) return best;
  const Constants& c = d.constants;
  const graph::Format format =
      graph::format_bytes(t.activation) > graph::format_bytes(t.weight) ? t.activation : t.weight;
  const double in_a = graph::format_bytes(t.activation), in_b = graph::format_bytes(t.weight);
  const double rate = d.mac_per_cycle(format) * (graph::format_bytes(format) < 2 ? c.issue_narrow : c.issue_wide);
  const double step_k = kStepBytes / std::max(in_a, in_b);
  const double latency_cycles = d.chip.memory_latency_s * d.hz;
  const double fewest = t.block_scaled ? c.scaled_step_cycles : c.plain_step_cycles;
  const double tile_exposed = t.block_scaled ? c.scaled_tile_exposed : c.tile_exposed;
  const double out_bytes = t.m * t.groups * double(t.n) * t.output_bytes;
  const double store = out_bytes / d.memory_bytes_per_s;
  // Results leave at port rate until they fill half of the cache, then at a core's share of the memory's.
  const double share = std::min(d.memory_bytes_per_s / d.cores / d.hz, d.chip.port_bytes_per_cycle);
  const double cached = std::min(1.0, d.cache_bytes / 2 / std::max(1.0, out_bytes));
  const double drain = 1 / (cached / d.chip.port_bytes_per_cycle + (1 - cached) / share);
  const Shape shape{t};
  double fastest = std::numeric_limits<double>::infinity();
  double rows_most = t.m;
  for (const double rows : t.group_rows) rows_most = std::max(rows_most, rows);
  // Block-scaled kernels hold a second set of accumulators, so they have one height of tile and at most 128 columns.
  const double smallest = d.chip.tile_rows;
  const double first = t.block_scaled && rows_most > smallest ? 2 * smallest : smallest;
  const double last = t.block_scaled ? first : std::max(256.0, smallest);
  for (double tile_m = first; tile_m <= last; tile_m *= 2) {
    if (tile_m > first && tile_m >= 2 * rows_most) break;
    const double blocks_m = shape.rows_blocks(tile_m);
    // Rows that are really there are all that is fetched.
    const double rows = std::min(tile_m, rows_most);
    for (const double tile_n : kColumns) {
      if (tile_m * tile_n * 4 > d.chip.accumulator_bytes || (t.block_scaled && tile_n > 128)) break;
      if (kStages * kStepBytes * (tile_m + tile_n) > d.chip.scratch_bytes) break;
      const double tiles = blocks_m * std::ceil(double(t.n) / tile_n);
      const double multiply = tile_m * tile_n * step_k / rate;
      const double promote = t.block_scaled ? tile_m * tile_n / d.chip.vector_op * c.promotion_exposed : 0;
      const double load = step_k * (rows * in_a + tile_n * in_b) / d.chip.port_bytes_per_cycle;
      const double step = std::max({multiply + promote, load, fewest});
      const double edge = latency_cycles + rows * tile_n * t.output_bytes / drain;
      for (const double split : kSplits) {
        if (split > 1 && (t.block_scaled || t.groups > 1 || tiles * split > d.cores)) break;
        const double steps = std::ceil(double(t.k) / step_k / split);
        const double waves = std::ceil(tiles * split / d.cores);
        const double reduce =
            split > 1 ? 2 * latency_cycles + split * rows * tile_n * 4 / d.chip.port_bytes_per_cycle : 0;
        const double cycles = waves * (steps * step + tile_exposed * edge) + (1 - tile_exposed) * edge + reduce;
        const double compute = cycles / d.hz;
        const double bytes = operand_bytes(d, t, tile_m, tile_n);
        const double memory = bytes / d.memory_bytes_per_s;
        const double total = std::max(compute, memory + store) + c.unhidden * std::min(compute, memory);
        if (total >= fastest) continue;
        fastest = total;
        best = {d.chip.kernel_start_s + d.kernel_extra_s + total,
                compute > memory + store ? Bound::kMatrix : Bound::kMemory, bytes + out_bytes};
      }
    }
  }
  return best;
}

}  // namespace hadal::predict
