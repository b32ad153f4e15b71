// The memory behind the ports of the RTL: the segments of a program and, behind them, the instruction streams. Reads
// may
// be answered in any order, writes keep theirs.
#pragma once

#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <optional>
#include <queue>
#include <random>
#include <unordered_map>
#include <vector>

#include "chip/chip.h"
#include "program/program.h"
#include "sim/timing/dram.h"
#include "verify/rtl_abi.h"

namespace hadal::verify {

// How long answers take.
struct MemoryTiming {
  std::optional<uint64_t> random_seed;  // random latencies and refusals; otherwise the DRAM of the timing simulator
};

struct Line {
  uint8_t bytes[64] = {};
};

class Memory {
 public:
  // A launch: streams are placed, DRAM contents come from the segments and what earlier launches and `write` left.
  Memory(const chip::Chip& chip, MemoryTiming timing);
  void load(const program::Program& program);
  void read(uint64_t line, Line& out) const;
  void write(uint64_t line, const Line& data);

  uint64_t boot_line(size_t core) const { return boot_[core].first; }
  uint32_t boot_lines(size_t core) const { return boot_[core].second; }

  // Called when a write is accepted: core, line, data, whether it is the last of its instruction.
  std::function<void(int, uint64_t, const Line&, bool)> on_write;

  // Before the outputs of a cycle are known: answers and readiness. After: what was accepted.
  void drive(int core, HadalRtlPort& port);
  void accept(int core, const HadalRtlPort& port);
  void next_cycle() { ++now_; }
  bool idle() const;

 private:
  struct Answer {
    uint64_t time, order;
    uint8_t id;
    uint64_t line;
    bool operator>(const Answer& o) const { return time != o.time ? time > o.time : order > o.order; }
  };
  struct Port {
    std::priority_queue<Answer, std::vector<Answer>, std::greater<>> reads;
    std::deque<uint64_t> write_lines;  // addresses without data
    std::deque<Line> write_data;       // data without addresses
    std::deque<bool> write_ends;
    std::deque<uint64_t> answers;  // times of write answers
  };
  uint64_t latency(uint64_t line, bool write);
  bool refuses();

  uint64_t now_ = 0, order_ = 0, to_controller_ = 0, from_controller_ = 0;
  std::optional<sim::timing::Dram> dram_;
  const chip::Chip& chip_;
  bool random_ = false;
  std::mt19937_64 engine_;
  const program::Program* program_ = nullptr;
  std::vector<std::pair<uint64_t, uint32_t>> boot_;
  std::unordered_map<uint64_t, Line> written_;
  std::vector<Port> ports_;
};

}  // namespace hadal::verify
