// Who acts next: a winner tree over one wake-up time per (core, unit). Rescheduling overwrites, so there are no stale
// events, and equal times resolve by slot number, so the order is always the same.
#pragma once

#include <algorithm>
#include <bit>
#include <vector>

#include "sim/timing/constants.h"

namespace hadal::sim::timing {

class Scheduler {
 public:
  explicit Scheduler(size_t slots) : leaves_(std::bit_ceil(std::max<size_t>(slots, 2))), tree_(2 * leaves_, kIdle) {}

  // kNever takes the slot out.
  void set(uint32_t slot, Cycle time) {
    size_t node = leaves_ + slot;
    tree_[node] = time >= kNever ? kIdle : time << kSlotBits | slot;
    for (node >>= 1; node != 0; node >>= 1) {
      const uint64_t winner = std::min(tree_[2 * node], tree_[2 * node + 1]);
      if (tree_[node] == winner) break;
      tree_[node] = winner;
    }
  }
  // Moves the slot to an earlier time.
  void advance(uint32_t slot, Cycle time) {
    if (time < time_of(slot)) set(slot, time);
  }
  Cycle time_of(uint32_t slot) const { return tree_[leaves_ + slot] >> kSlotBits; }
  bool empty() const { return tree_[1] == kIdle; }
  Cycle next_time() const { return tree_[1] >> kSlotBits; }
  uint32_t next_slot() const { return static_cast<uint32_t>(tree_[1] & ((1u << kSlotBits) - 1)); }

  static constexpr int kSlotBits = 9;

 private:
  static constexpr uint64_t kIdle = ~uint64_t{0};
  size_t leaves_;
  std::vector<uint64_t> tree_;
};

}  // namespace hadal::sim::timing
