// The constants of the model that no data sheet gives. They hold for every chip and were fitted on Hopper rows marked
// `fit` (`hadal validate --fit`); measurements/constants.yaml holds their values with what each was fitted on.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace hadal::predict {

struct Constants {
  double memory_efficiency = 0;    // share of the memory's peak that streaming reaches
  double vector_efficiency = 0;    // the same for kernels that work element by element (norms, activations, quantising)
  double pieces_efficiency = 0;    // and for those that touch short pieces of rows
  double round_us = 0;             // a reduction over a row by a warp, as one of many that depend on each other
  double place_us = 0;             // counting and placing a block of 512 rows behind the blocks before it
  double issue_wide = 0;           // share of the matrix peak at sustained clock that 16-bit products reach
  double issue_narrow = 0;         // the same for 8-bit and narrower
  double unhidden = 0;             // share of the shorter of computing and loading that does not hide behind the longer
  double tile_exposed = 0;         // share of a tile's first fetch and last store that the next tile does not hide
  double scaled_tile_exposed = 0;  // the same for block-scaled products
  double scaled_step_cycles = 0;   // shortest step of 128 of k of a block-scaled product: multiply, promote, wait
  double plain_step_cycles = 0;    // the same without scales
  double promotion_exposed = 0;    // share of the scaling of accumulators that is not hidden
  double late_promotion_exposed = 0;  // the same in kernels that scale after each step instead of beside the next one
  double decode_exposed = 0;          // share of the softmax that does not hide behind the products, cached keys
  double prefill_exposed = 0;         // the same, expanded keys
  double dequantise_ops = 0;          // vector operations to make a BF16 of a cached byte
  double link_small = 0;              // share of scale-up bandwidth that one message an expert and token reaches
  double link_bulk = 0;               // the same for throughput kernels
  double nic_small = 0;               // share of scale-out bandwidth, low-latency kernels
  double nic_bulk = 0;                // the same for throughput kernels
  double exchange_start_us = 0;       // kernels and handshake of a low-latency all-to-all without data
  double bulk_start_us = 0;           // the same for throughput kernels
  double copy_bytes_per_cycle = 0;    // that a core moves between memory and link in throughput kernels
  double peer_us = 0;                 // posting to one more peer outside the scale-up domain
  double bench_us = 0;                // what a benchmark loop adds to a kernel's own time
  double framework_us = 0;            // what a serving framework's own measurement adds to each kernel
  double host_launch_us = 0;  // host time of one operation launched from Python; the device waits when it is shorter
  double eager_us = 0;        // what an eager launch from Python adds (LLMCompass for PyTorch on A100; not fitted)
};

// Name, place, the range a fit may look in, and whether one may.
struct ConstantInfo {
  std::string_view name;
  double Constants::*place;
  double low, high;
  bool fitted;
};
std::span<const ConstantInfo> constant_table();

// Reads measurements/constants.yaml; a missing, unknown or impossible value is an input error with its line.
Constants load_constants(const std::string& file);

}  // namespace hadal::predict
