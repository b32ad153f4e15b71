// The replay: every core dispatches its trace in program order, units execute in order, and whoever acts next in time
// acts first, so that DRAM and network see requests of all cores in (nearly) global time order.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "chip/chip.h"
#include "program/program.h"
#include "sim/timing/constants.h"
#include "sim/timing/cost.h"
#include "sim/timing/dram.h"
#include "sim/timing/noc.h"
#include "sim/timing/observer.h"
#include "sim/timing/scheduler.h"
#include "sim/timing/semaphore.h"
#include "sim/trace.h"

namespace hadal::sim::timing {

// When an instruction was complete, and until when it had waited for a semaphore (0: it had not).
struct Retired {
  Cycle complete = 0;
  Cycle waited_until = 0;
};

// From instruction `first` on (in program order of the trace) a core worked on operator `op`.
struct Span {
  uint32_t first = 0, op = 0;
};

// Work counted for energy and reports.
struct Work {
  uint64_t macs = 0, digit_macs = 0, fixups = 0, lane_ops = 0;
  uint64_t spm_bytes = 0, acc_bytes = 0;
};

class Machine {
 public:
  Machine(const chip::Chip& chip, const program::Program& program, const Trace& trace, Observer* observer);

  // Replays everything. Throws Error(kFault) when a core waits for a token nobody posts.
  void run();

  // Results.
  const std::vector<Retired>& retired(size_t core) const { return cores_[core].retired; }
  Cycle end(size_t core) const { return cores_[core].end; }
  const std::vector<Span>& spans(size_t core) const { return cores_[core].spans; }
  uint64_t busy(size_t op, isa::Unit unit) const { return busy_[op * isa::kUnits + static_cast<size_t>(unit)]; }
  uint64_t fetch_stall(size_t op) const { return fetch_stall_[op]; }
  struct Traffic {
    uint64_t macs = 0, dram_read_bytes = 0, dram_written_bytes = 0;  // by loads and stores
  };
  const Traffic& traffic(size_t op) const { return traffic_[op]; }
  size_t operators() const { return fetch_stall_.size(); }
  const Work& work() const { return work_; }
  const Dram& dram() const { return dram_; }
  const Noc& noc() const { return noc_; }
  uint64_t conflict_cycles() const { return conflict_cycles_; }

 private:
  static constexpr uint32_t kSlots = 8;  // a core's slots in the scheduler: six units and the deferred remote posts
  static constexpr uint32_t kDeferredSlot = isa::kUnits;

  struct Queued {
    uint32_t index = 0;
    Cycle dispatched = 0;
  };
  // The part of a DMA or network instruction that has not been requested yet.
  struct Stream {
    uint32_t row = 0, rows = 0, row_lines = 0;
    uint32_t lines_left = 0;  // of the present row
    uint64_t line = 0;        // next DRAM line
    uint64_t row_stride = 0;
    Cycle next_request = 0;
    uint64_t bytes = 0;  // requested so far
    const Noc::Tree* tree = nullptr;
  };
  struct UnitState {
    uint32_t head = 0, count = 0;
    Cycle front = 0;    // the queue's head may be looked at from here on
    Cycle visible = 0;  // all writes so far
    bool running = false, waiting = false;
    uint32_t running_index = 0;
    Cycle event = kNever;                   // when the running instruction needs attention
    Cycle waited_until = 0;                 // of the running instruction
    Cycle begin = 0, end = 0, latency = 0;  // datapath occupation and what follows it
    Cycle busy_until = 0;                   // LD, ST, NX: something in flight
    uint32_t spm_share = 0, acc_share = 0;  // of the bandwidth while busy, in 1/kShareOne
    Stream stream;
    Cycle port_free = 0;
    Cycle ready = 0;          // LD, NX: the next transfer may begin to be set up
    std::vector<Cycle> ends;  // when the last transfers were complete, a ring: so many can be under way
    size_t ends_next = 0;
    std::vector<Cycle> in_flight;  // completion times of the last requests, a ring
    size_t in_flight_next = 0;
  };
  struct Writing {  // VX: lines still on their way
    Extent extent;
    Cycle visible = 0;
  };
  struct DeferredPost {
    Cycle time;
    uint32_t index;
  };
  struct Fetch {
    uint64_t base_line = 0, bursts = 0;  // of the core's stream
    uint64_t per_burst = 1, window = 0;  // instructions a burst, bursts ahead of CTL
    uint64_t next = 0, entered = 0;      // first burst not requested, last one CTL reached
    bool started = false;
    std::vector<Cycle> ready;  // ring by burst number
  };
  enum class CtlState : uint8_t { kRunning, kFifoFull, kWaiting, kDone };
  struct Core {
    const CoreTrace* trace = nullptr;
    uint32_t next = 0;         // instruction CTL looks at
    Cycle time = 0;            // when it does
    Cycle end = 0;             // everything so far is complete
    bool was_blocked = false;  // the present instruction found its semaphore too low
    CtlState state = CtlState::kRunning;
    uint8_t blocked_unit = 0;
    uint32_t op = ~uint32_t{0};
    std::array<UnitState, isa::kUnits> units;
    std::array<Semaphore, isa::kSemaphores> semaphores;
    std::array<Writing, kWritesInFlight> writing;  // a ring
    uint32_t writing_next = 0;
    std::vector<Queued> fifo;  // isa::kUnits rings of fifo_size_
    std::vector<DeferredPost> deferred;
    Fetch fetch;
    std::vector<Retired> retired;
    std::vector<Span> spans;
  };

  uint32_t slot(size_t core, uint32_t unit) const { return static_cast<uint32_t>(core) * kSlots + unit; }
  const Issue& issue(const Core& core, uint32_t index) const { return core.trace->issues[index]; }
  Queued& queued(Core& core, size_t unit, uint32_t position) {
    return core.fifo[unit * fifo_size_ + (position & (fifo_size_ - 1))];
  }
  size_t op_index(const Issue& i) const {
    return i.op_mark < fetch_stall_.size() ? i.op_mark : fetch_stall_.size() - 1;
  }
  void add_busy(const Issue& i, Cycle cycles) {
    busy_[op_index(i) * isa::kUnits + static_cast<size_t>(i.unit)] += cycles;
  }

  // CTL (ctl.cpp)
  void run_ctl(size_t c, Cycle now);
  Cycle fetch(Core& core, const Issue& i, Cycle time);
  bool execute(size_t c, const Issue& i, Cycle now);  // false when CTL must come back later

  // Units (machine.cpp)
  void run_unit(size_t c, size_t u, Cycle now);
  bool advance(size_t c, size_t u, Cycle now);  // true when the running instruction is done
  void start(size_t c, size_t u, uint32_t index, Cycle now);
  void start_datapath(Core& core, size_t u, const Issue& i, Cycle now);
  void contend(Core& core, size_t u);
  void retire(size_t c, size_t u, const Issue& i, uint32_t index, Cycle visible, Cycle now);
  void trace(size_t c, const Issue& i, Cycle begin, Cycle end, Cycle visible);

  // Semaphores (machine.cpp)
  bool try_wait(Core& core, uint32_t unit, const Issue& i, Cycle now, Cycle& retry);
  void post(size_t c, const Issue& i, Cycle time);
  void post_remote(size_t c, const Issue& i, Cycle visible, Cycle now);
  void send_post(size_t c, const Issue& i, Cycle time);
  void run_deferred(size_t c, Cycle now);

  // LD, ST, NX (dma.cpp)
  void start_dma(size_t c, size_t u, const Issue& i, Cycle now);
  bool pump(size_t c, size_t u, const Issue& i, Cycle now);  // true when the last request is out
  bool pump_dram(Core& core, size_t u, const Issue& i, Cycle limit);
  bool pump_network(UnitState& unit, const Issue& i, Cycle limit);
  Cycle access_dram(Cycle arrive, uint64_t line, uint32_t lines, bool write);
  void finish_dma(size_t c, size_t u, const Issue& i, Cycle now);
  void next_row(const Core& core, const Issue& i, Stream& stream);

  [[noreturn]] void report_deadlock() const;

  const chip::Chip& chip_;
  const program::Program& program_;
  Observer* observer_;
  CostModel costs_;
  Dram dram_;
  Noc noc_;
  Scheduler scheduler_;
  uint32_t fifo_depth_, fifo_size_;
  Cycle to_controller_, from_controller_;
  uint32_t port_bytes_;
  std::vector<Core> cores_;
  std::vector<uint64_t> busy_, fetch_stall_;  // per operator (and unit); the last operator is "unmarked"
  std::vector<Traffic> traffic_;              // per operator
  Work work_;
  uint64_t conflict_cycles_ = 0;
};

}  // namespace hadal::sim::timing
