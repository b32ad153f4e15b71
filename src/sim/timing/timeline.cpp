// Bins double their width when the replay outgrows them, so that its length need not be known.
#include "sim/timing/timeline.h"

#include <algorithm>

namespace hadal::sim::timing {
namespace {

// Neighbours become one.
void halve(std::vector<uint64_t>& bins) {
  for (size_t i = 0; i < bins.size(); i += 2) bins[i / 2] = bins[i] + (i + 1 < bins.size() ? bins[i + 1] : 0);
  bins.resize((bins.size() + 1) / 2);
}

}  // namespace

size_t TimelineRecorder::bin(Cycle cycle) {
  Timeline& t = timeline_;
  const auto each = [&](const auto& visit) {
    for (std::vector<uint64_t>& busy : t.busy_cycles) visit(busy);
    visit(t.dram_read_bytes);
    visit(t.dram_written_bytes);
  };
  while (cycle / t.bin_cycles >= most_bins_) {
    each(halve);
    t.bin_cycles *= 2;
  }
  const size_t index = cycle / t.bin_cycles;
  if (index >= t.dram_read_bytes.size()) each([&](std::vector<uint64_t>& bins) { bins.resize(index + 1); });
  return index;
}

void TimelineRecorder::span(size_t, const Issue& issue, Cycle begin, Cycle end, Cycle) {
  // What configures a unit or only posts does not keep it busy.
  if (issue.unit != isa::Unit::kCtl && (issue.op == isa::Op::kCfg || issue.op == isa::Op::kSync)) return;
  if (end <= begin) return;
  bin(end - 1);
  std::vector<uint64_t>& busy = timeline_.busy_cycles[static_cast<size_t>(issue.unit)];
  for (Cycle at = begin; at < end;) {
    const Cycle next = std::min(end, (at / timeline_.bin_cycles + 1) * timeline_.bin_cycles);
    busy[bin(at)] += next - at;
    at = next;
  }
}

void TimelineRecorder::dram(Cycle done, uint64_t bytes, bool write) {
  const size_t index = bin(done - 1);
  (write ? timeline_.dram_written_bytes : timeline_.dram_read_bytes)[index] += bytes;
}

}  // namespace hadal::sim::timing
