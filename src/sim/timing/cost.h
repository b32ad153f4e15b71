// What one MM or VX instruction costs on its own, in closed form: cycles, pipeline latency, bytes moved, work done.
#pragma once

#include <cstdint>
#include <vector>

#include "chip/chip.h"
#include "sim/timing/constants.h"
#include "sim/timing/divider.h"
#include "sim/trace.h"

namespace hadal::sim::timing {

struct Cost {
  Cycle cycles = 0;     // the unit's datapath is occupied
  Cycle fill = 0;       // MM: first operands into the buffers, overlaps the instruction before
  Cycle last_step = 0;  // MM: the next instruction may fill its buffers this long before the end
  Cycle latency = 0;    // from the end of `cycles` until all writes are visible
  uint64_t spm_bytes = 0, acc_bytes = 0;
  uint64_t macs = 0;        // multiply-accumulates
  uint64_t digit_macs = 0;  // times digit passes
  uint64_t fixups = 0, lane_ops = 0;
};

// Lines [first, last) of the SPM (or of ACC) that an instruction touches.
struct Extent {
  uint32_t first = 0, last = 0;
  bool acc = false;
  bool meets(const Extent& other) const { return acc == other.acc && first < other.last && other.first < last; }
};

class CostModel {
 public:
  explicit CostModel(const chip::Chip& chip);

  Cost mma(const Issue& issue) const;
  Cost vector(const Issue& issue) const;

  uint64_t spm_bytes_per_cycle() const { return spm_rate_.value(); }
  uint64_t acc_bytes_per_cycle() const { return acc_rate_.value(); }

 private:
  uint64_t sum_cycles(uint64_t rows, uint64_t cols) const;
  uint64_t transpose_cycles(const Issue& issue) const;
  uint64_t line_parts(uint64_t slots) const;

  Divider rows_, cols_, depth_, fixups_per_cycle_;
  Divider a_port_, b_port_;                                      // bytes a cycle into the operand buffers
  std::vector<uint8_t> a_conflict_, br_conflict_, bt_conflict_;  // slow-down of a fetch, by row stride modulo the width
  uint64_t a_slots_ = 0, blocked_slots_ = 0, br_slots_ = 0, bt_slots_ = 0;  // line slots that a fetch takes a cycle
  Cycle mm_latency_, vx_latency_;
  Divider lanes_, sfu_lanes_, histograms_, compress_width_;
  uint64_t transpose_side_ = 0;
  Divider spm_rate_, acc_rate_;
  uint64_t bank_bytes_;
};

// Lines a VX instruction writes, and those it reads, for the interlock between consecutive instructions. Word offsets
// (AOFF, BOFF, DOFF) are ignored.
Extent vx_writes(const Issue& issue);
Extent vx_writes_scales(const Issue& issue);  // VQNT
bool vx_reads_d(const Issue& issue);          // d is also an input
Extent vx_reads_a(const Issue& issue);
Extent vx_reads_b(const Issue& issue);

}  // namespace hadal::sim::timing
