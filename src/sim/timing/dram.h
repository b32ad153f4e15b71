// DRAM shared by all cores: channels, banks with an open row, activation rate, refresh, and a booked data bus.
// Each request is resolved when it arrives; no queue is scanned.
#pragma once

#include <cstdint>
#include <vector>

#include "chip/chip.h"
#include "sim/timing/constants.h"
#include "sim/timing/divider.h"

namespace hadal::sim::timing {

// Where a line lives.
struct DramPlace {
  uint32_t channel = 0, bank = 0;
  uint64_t row = 0;
  bool operator==(const DramPlace&) const = default;
};

class Dram {
 public:
  explicit Dram(const chip::Chip& chip);

  // Serves `lines` lines that do not cross a burst boundary (burst_lines()) for a request that reaches the controller
  // at `arrive`. Returns the cycle when the last byte has been on the bus.
  Cycle access(Cycle arrive, uint64_t line, uint32_t lines, bool write);

  DramPlace place(uint64_t line) const;
  uint32_t burst_lines() const { return burst_lines_; }

  uint64_t read_bytes = 0, written_bytes = 0, row_hits = 0, row_misses = 0;

 private:
  using Tick = uint64_t;
  struct ClosedRow {
    uint64_t row = ~uint64_t{0};
    Tick closed = 0;
  };
  struct Bank {
    uint64_t row = ~uint64_t{0};  // ~0: precharged
    Tick column_ready = 0;        // earliest column command on the open row
    Tick precharge_ready = 0;     // earliest precharge of it
    Tick activate_ready = 0;      // earliest activation when precharged
    uint64_t epoch = 0;           // refreshes seen
    ClosedRow closed[kRowsRemembered];
  };
  struct Bucket {
    uint32_t number = ~uint32_t{0}, used = 0;
  };
  static constexpr uint64_t kBuckets = 256;  // 8192 cycles of the bus can be booked ahead
  struct Channel {
    std::vector<Bucket> bus;  // a ring by bucket number
    uint64_t first_open = 0;  // buckets before this one are full or over
    Tick activate_ready = 0;
    Tick refresh_next = 0, refresh_end = 0;
    uint64_t epoch = 0;
    int batch_left = 0;
    bool read_since_batch = false;
  };

  void refresh(Channel& channel, Tick now);
  Tick book(Channel& channel, Tick from, Tick ticks);

  uint32_t burst_lines_;
  Divider granules_, channels_, banks_, row_granules_;
  Tick rcd_, rp_, cl_, ras_, rfc_, refi_, rrd_, turnaround_;
  std::vector<Tick> transfer_;  // bus time of 0..burst_lines lines
  std::vector<Channel> channel_;
  std::vector<Bank> bank_;
};

}  // namespace hadal::sim::timing
