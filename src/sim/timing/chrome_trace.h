// Streams a Chrome/Perfetto trace: a process per core, a thread per unit, one complete event per instruction.
#pragma once

#include <iosfwd>
#include <string>

#include <fmt/format.h>

#include "chip/chip.h"
#include "program/program.h"
#include "sim/timing/constants.h"
#include "sim/trace.h"

namespace hadal::sim::timing {

class ChromeTrace {
 public:
  ChromeTrace(std::ostream& out, const chip::Chip& chip, const program::Program& program);
  // Writes the end of the document; nothing may be added afterwards.
  void finish();

  // An instruction occupied its unit during [begin, end) and its writes were visible at `visible`.
  void add(size_t core, const Issue& issue, Cycle begin, Cycle end, Cycle visible);

 private:
  void flush(size_t limit);
  std::string escaped(const std::string& text) const;

  std::ostream& out_;
  double us_per_cycle_;
  std::vector<std::string> operators_;  // escaped once
  fmt::memory_buffer buffer_;
};

}  // namespace hadal::sim::timing
