// Adds a replay up over time: busy cycles of each unit and DRAM traffic, in bins of equal width.
#pragma once

#include "sim/timing.h"
#include "sim/timing/observer.h"

namespace hadal::sim::timing {

class TimelineRecorder : public Observer {
 public:
  explicit TimelineRecorder(size_t most_bins) : most_bins_(most_bins) {}

  void span(size_t core, const Issue& issue, Cycle begin, Cycle end, Cycle visible) override;
  void post(size_t, const Issue&, Cycle) override {}
  void wait(size_t, const Issue&, Cycle, bool) override {}
  void dram(Cycle done, uint64_t bytes, bool write) override;

  Timeline take() { return std::move(timeline_); }

 private:
  size_t bin(Cycle cycle);  // widens all bins until it is one of them
  size_t most_bins_;
  Timeline timeline_;
};

}  // namespace hadal::sim::timing
