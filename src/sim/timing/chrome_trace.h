// Streams a Chrome/Perfetto trace: a process per core, a thread per unit, one complete event per instruction; an arrow
// from the post that ended it to each wait that had blocked; the DRAM's bandwidth as a counter.
#pragma once

#include <deque>
#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include <fmt/format.h>

#include "chip/chip.h"
#include "program/program.h"
#include "sim/timing/observer.h"
#include "sim/timing/timeline.h"

namespace hadal::sim::timing {

class ChromeTrace : public Observer {
 public:
  ChromeTrace(std::ostream& out, const chip::Chip& chip, const program::Program& program);
  // Writes the end of the document; nothing may be added afterwards.
  void finish();

  void span(size_t core, const Issue& issue, Cycle begin, Cycle end, Cycle visible) override;
  void post(size_t to, const Issue& by, Cycle time) override;
  void wait(size_t core, const Issue& issue, Cycle now, bool blocked) override;
  void dram(Cycle done, uint64_t bytes, bool write) override { timeline_.dram(done, bytes, write); }

 private:
  using Nanoseconds = long long;
  struct Place {
    size_t core = 0;
    isa::Unit unit{};
    Nanoseconds at = 0;
  };
  struct Tokens {
    Cycle time = 0;
    uint32_t count = 0;
    const Issue* by = nullptr;
  };
  Nanoseconds ns(Cycle cycle) const;
  void flow(std::string_view phase, uint64_t id, const Place& place);
  void counter(std::string_view name, const std::vector<uint64_t>& bytes, uint64_t bin_cycles);
  void flush(size_t limit);
  std::string escaped(const std::string& text) const;

  std::ostream& out_;
  double us_per_cycle_;
  int memory_pid_;
  std::vector<std::string> operators_;  // escaped once
  fmt::memory_buffer buffer_;
  TimelineRecorder timeline_;
  std::map<std::pair<size_t, uint8_t>, std::deque<Tokens>> semaphores_;  // by core and number, ascending by time
  std::unordered_map<const Issue*, Place> posters_;                      // the end of those that post
  std::unordered_map<const Issue*, const Issue*> ended_by_;              // blocked waits that have not been drawn
  uint64_t flows_ = 0;
};

}  // namespace hadal::sim::timing
