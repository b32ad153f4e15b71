// Attention over a cache and over fresh keys, and the index of sparse attention.
#include <algorithm>
#include <cmath>

#include "predict/operators.h"

namespace hadal::predict {
namespace {

constexpr double kScoreOps = 8;     // scale, mask, maximum, subtract, sum, convert: vector operations a score
constexpr double kDecodeRows = 64;  // rows of a tile over a cache, and keys of a block
constexpr double kKeyBlock = 64;
constexpr double kRowLanes = 32;      // lanes that reduce a row together
constexpr double kPlacedRows = 512;   // rows of a block that finds places
constexpr double kPrefillRows = 128;  // queries of a tile where keys are expanded
// Where units exchange through the cache: a score goes out as FP32, in again, and its exponential the same way as BF16;
// results of so many keys go out and in as FP32.
constexpr double kScoreBytes = 12, kResultBytes = 8, kResultKeys = 256;

}  // namespace

Estimate estimate(const Device& d, const graph::AttentionTask& t) {
  const Constants& c = d.constants;
  // Rows that share keys fill the matrix unit together: all heads of a kv head and all queries of a sequence, or one
  // head's queries where each has keys of its own.
  const double per_kv = t.expanded ? t.queries : double(t.heads) / double(t.kv_heads) * (t.gathered ? 1 : t.queries);
  // Results that leave the matrix unit after every block leave room for more rows.
  const bool apart = d.unit_exchange_bytes_per_s > 0;
  const double most = t.expanded || apart ? kPrefillRows : kDecodeRows, least = d.chip.tile_rows;
  const double tile = std::max(least, std::min(most, std::ceil(per_kv / least) * least));
  const double block = t.expanded ? kPrefillRows : kKeyBlock;
  const double heads = double(t.expanded ? t.heads : t.kv_heads) * t.sequences * (t.gathered ? t.queries : 1);
  const double row_tiles = std::ceil(per_kv / tile);
  const double dims = double(t.qk_dim + t.v_dim);
  // Blocks of keys against tiles of rows, spread over the cores; the core with most of them decides. Over fresh keys a
  // core keeps a tile of rows for all of them.
  const double along = std::max(1.0, t.keys / block), kept = t.expanded ? along : 1;
  const double blocks = heads * row_tiles * along, units = blocks / kept;
  const double most_blocks = kept * (units <= d.cores       ? 1
                                     : units < 64 * d.cores ? std::ceil(units / d.cores)
                                                            : units / d.cores);
  const double scores = tile * block * std::min(1.0, t.keys / block);
  const double multiply = scores * dims / (d.chip.bf16_mac * c.issue_wide);
  const double vector =
      scores * (1 / d.chip.special_op + kScoreOps / d.chip.vector_op) + tile * double(t.v_dim) / d.chip.vector_op;
  // Tiles of heads on neighbouring cores share what one of them dequantised.
  const double dequantise =
      t.dequantise ? block * double(t.qk_dim) * c.dequantise_ops / d.chip.vector_op / std::min(2.0, row_tiles) : 0;
  const double exposed = t.expanded ? c.prefill_exposed : c.decode_exposed;
  // Around the blocks: queries come in, results go out.
  const double edge = 2 * d.chip.memory_latency_s * d.hz +
                      tile * (2 * double(t.qk_dim) + 4 * double(t.v_dim)) / d.chip.port_bytes_per_cycle;
  const double compute = (most_blocks * std::max(multiply + exposed * vector, dequantise) + edge) / d.hz;
  const double reads = t.gathered ? t.sequences * t.queries : t.sequences;
  double bytes = 0;
  if (t.expanded) {
    bytes = t.sequences * double(t.kv_heads) * t.keys * t.kv_token_bytes;
    bytes += t.sequences * t.queries * double(t.heads) * 2 * dims;
  } else {
    bytes =
        reads * double(t.kv_heads) * t.keys * t.kv_token_bytes + t.sequences * t.queries * double(t.heads) * 2 * dims;
  }
  const double memory = bytes / d.memory_bytes_per_s;
  // Between the units, of a block: scores there and back, results at the end of their keys, and the operands. Every
  // core has its share of the cache.
  const double keys = block * std::min(1.0, t.keys / block);
  const double exchanged = scores * kScoreBytes + tile * double(t.v_dim) * kResultBytes * keys / kResultKeys +
                           keys * (t.shared_value ? double(t.qk_dim) : dims) * 2;
  const double exchange = apart ? most_blocks * exchanged * d.cores / d.unit_exchange_bytes_per_s : 0;
  // A cache is cut into pieces where rows alone do not give every core work; a second kernel adds them up.
  const bool cut = !t.expanded && t.keys > block && heads * row_tiles < 4 * d.cores;
  const double combine = cut ? d.chip.kernel_start_s + 2 * d.chip.memory_latency_s : 0;
  const double start = d.chip.kernel_start_s + combine + d.kernel_extra_s;
  const Bound bound = memory > compute                                                 ? Bound::kMemory
                      : exchange > compute || dequantise > multiply + exposed * vector ? Bound::kVector
                                                                                       : Bound::kMatrix;
  // The longest of the three, and a share of the next.
  const double longest = std::max({compute, memory, exchange}), shortest = std::min({compute, memory, exchange});
  const double next = compute + memory + exchange - longest - shortest;
  return {start + longest + c.unhidden * next, bound, bytes};
}

Estimate estimate(const Device& d, const graph::IndexTask& t) {
  const Constants& c = d.constants;
  const double unit = d.cores * d.hz, pairs = t.rows * t.keys * double(t.heads);
  const double multiply = pairs * double(t.dim) / (unit * d.mac_per_cycle(graph::Format::kFp8) * c.issue_narrow);
  const double vector = pairs * 2 / (unit * d.chip.vector_op);  // rectify, weigh and add
  const double compute = std::max(multiply, vector) + c.decode_exposed * std::min(multiply, vector);
  const double bytes = t.sequences * t.keys * (double(t.dim) + 4) + t.rows * t.keys * 4;
  const double memory = bytes / d.memory_bytes_per_s;
  const double start = d.chip.kernel_start_s + d.kernel_extra_s + 2 * d.chip.memory_latency_s;
  return {start + std::max(compute, memory) + c.unhidden * std::min(compute, memory),
          memory > compute    ? Bound::kMemory
          : multiply > vector ? Bound::kMatrix
                              : Bound::kVector,
          bytes};
}

Estimate estimate(const Device& d, const graph::VectorTask& t) {
  const double unit = d.cores * d.hz;
  const double compute = std::max(t.operations / d.chip.vector_op, t.specials / d.chip.special_op) / unit;
  const double bytes = t.read_bytes + t.written_bytes;
  // Activations of a small batch are still in the cache.
  const bool cached = bytes <= d.cache_bytes / 2;
  const double port = d.cores * d.chip.port_bytes_per_cycle * d.hz;
  const double rate = std::min(d.chip.memory_bytes_per_s / d.chip.devices, port);
  const double share = t.pieces ? d.constants.pieces_efficiency : d.constants.vector_efficiency;
  const double memory = bytes / ((cached ? std::max(port, rate) : rate) * share);
  const double start = t.inside ? 0 : d.chip.kernel_start_s + d.kernel_extra_s + d.chip.memory_latency_s;
  // A row's rounds depend on each other; 32 lanes work on a row, so a core has a few rows side by side.
  const double side_by_side = d.cores * std::max(1.0, d.chip.vector_op / kRowLanes);
  const double rounds =
      std::ceil(t.rows / side_by_side) * t.rounds * (d.chip.round_s > 0 ? d.chip.round_s : d.constants.round_us * 1e-6);
  // Blocks of rows are counted and placed one after the other.
  const double place = std::ceil(t.placed / kPlacedRows) * d.constants.place_us * 1e-6;
  const double work = std::max({compute, memory, rounds}) + place;
  return {start + work,
          work < start    ? Bound::kStart
          : work > memory ? Bound::kVector
                          : Bound::kMemory,
          cached ? 0 : bytes};
}

}  // namespace hadal::predict
