// Who watches a replay: called as it goes on, in the order of its events, and without influence on it.
#pragma once

#include <cstdint>

#include "sim/timing/constants.h"
#include "sim/trace.h"

namespace hadal::sim::timing {

// An Issue keeps its address for the whole replay, so it stands for the one instruction of the one core.
class Observer {
 public:
  virtual ~Observer() = default;
  // An instruction occupied its unit during [begin, end) and its writes were visible at `visible`.
  virtual void span(size_t core, const Issue& issue, Cycle begin, Cycle end, Cycle visible) = 0;
  // `by` posts its tokens on a semaphore of core `to`; they are there from `time` on.
  virtual void post(size_t to, const Issue& by, Cycle time) = 0;
  // `issue` takes its tokens at `now`; `blocked`: it had found too few before.
  virtual void wait(size_t core, const Issue& issue, Cycle now, bool blocked) = 0;
  // A burst has been on a bus of the DRAM until `done`.
  virtual void dram(Cycle done, uint64_t bytes, bool write) = 0;
};

}  // namespace hadal::sim::timing
