// simulate_timing: replays a trace and turns what the machine counted into time, bounds, utilisation and energy.
#include <algorithm>
#include <array>
#include <optional>

#include "base/error.h"
#include "sim/timing.h"
#include "sim/timing/chrome_trace.h"
#include "sim/timing/machine.h"
#include "sim/timing/timeline.h"

namespace hadal::sim {
namespace {

using isa::Unit;
using timing::Cycle;
using timing::Machine;

// Wall cycles of the operators: at any time a core works on the operator of its oldest unfinished instruction, in
// program order. Calls span(op, cycles, sync cycles) for each piece; the cycles add up to the end of the core.
template <typename Visit>
void walk(const Machine& machine, size_t core, const Visit& visit) {
  const auto& retired = machine.retired(core);
  const auto& spans = machine.spans(core);
  Cycle frontier = 0;
  for (size_t s = 0; s < spans.size(); ++s) {
    const size_t end = s + 1 < spans.size() ? spans[s + 1].first : retired.size();
    const Cycle begin = frontier;
    Cycle sync = 0;
    for (size_t i = spans[s].first; i < end; ++i) {
      if (retired[i].complete <= frontier) continue;
      if (retired[i].waited_until > frontier) sync += retired[i].waited_until - frontier;
      frontier = retired[i].complete;
    }
    visit(spans[s].op, frontier - begin, sync);
  }
}

// The resource with the most cycles spent on the operator, summed over cores.
std::string bound_of(const Machine& machine, size_t op, uint64_t sync) {
  auto busy = [&](Unit unit) { return machine.busy(op, unit); };
  const std::array<std::pair<uint64_t, const char*>, 6> candidates = {{
      {std::max(busy(Unit::kLd), busy(Unit::kSt)), "dram"},
      {busy(Unit::kMm), "matrix"},
      {busy(Unit::kVx), "vector"},
      {busy(Unit::kNx), "noc"},
      {sync, "sync"},
      {busy(Unit::kCtl) + machine.fetch_stall(op), "control"},
  }};
  return std::max_element(candidates.begin(), candidates.end(), [](auto& a, auto& b) { return a.first < b.first; })
      ->second;
}

EnergyBreakdown energy_of(const chip::Chip& chip, const Machine& machine, uint64_t instructions, double seconds) {
  const chip::Energy& e = chip.energy;
  const timing::Work& work = machine.work();
  auto joule = [](double picojoule, uint64_t count) { return picojoule * 1e-12 * static_cast<double>(count); };
  EnergyBreakdown result;
  result.matrix = joule(e.mac_pj, work.digit_macs) + joule(e.fixup_pj, work.fixups);
  result.vector = joule(e.vector_op_pj, work.lane_ops);
  result.spm = joule(e.spm_pj_per_byte, work.spm_bytes);
  result.acc = joule(e.acc_pj_per_byte, work.acc_bytes);
  result.dram = joule(e.dram_pj_per_byte, machine.dram().read_bytes + machine.dram().written_bytes);
  result.noc = joule(e.noc_pj_per_byte_hop, machine.noc().byte_hops);
  result.control = joule(e.instruction_pj, instructions);
  result.leakage = e.static_w * seconds;
  return result;
}

}  // namespace

void add(OperatorTime& sum, const OperatorTime& other) {
  sum.cycles += other.cycles;
  sum.macs += other.macs;
  sum.dram_read_bytes += other.dram_read_bytes;
  sum.dram_written_bytes += other.dram_written_bytes;
  for (int u = 0; u < isa::kUnits; ++u) sum.busy_cycles[u] += other.busy_cycles[u];
  if (sum.bound_by.empty()) sum.bound_by = other.bound_by;
  for (const auto& [bound, cycles] : other.cycles_by_bound) {
    sum.cycles_by_bound[bound] += cycles;
    if (sum.cycles_by_bound[bound] > sum.cycles_by_bound[sum.bound_by]) sum.bound_by = bound;
  }
}

TimingResult simulate_timing(const chip::Chip& chip, const program::Program& program, const Trace& trace,
                             const TimingOptions& options) {
  std::optional<timing::ChromeTrace> chrome;
  std::optional<timing::TimelineRecorder> timeline;
  timing::Observer* observer = nullptr;
  check(options.chrome_trace == nullptr || options.timeline == nullptr, "one observer a replay");
  if (options.chrome_trace != nullptr) observer = &chrome.emplace(*options.chrome_trace, chip, program);
  if (options.timeline != nullptr) observer = &timeline.emplace(options.timeline_bins);
  Machine machine(chip, program, trace, observer);
  machine.run();
  if (chrome) chrome->finish();
  if (timeline) *options.timeline = timeline->take();

  TimingResult result;
  size_t critical = 0;  // the core that ends last, the lowest of several
  for (size_t c = 0; c < trace.cores.size(); ++c) {
    const Cycle end = machine.end(c);
    if (end > result.cycles) {
      result.cycles = end;
      critical = c;
    }
    result.instructions += trace.cores[c].issues.size();
  }

  std::vector<uint64_t> wall(machine.operators()), sync(machine.operators());
  std::vector<size_t> order;
  std::vector<bool> seen(machine.operators());
  auto visit_core = [&](size_t core, bool is_critical) {
    walk(machine, core, [&](size_t op, Cycle cycles, Cycle sync_cycles) {
      if (is_critical) wall[op] += cycles;
      sync[op] += sync_cycles;
      if (!seen[op]) order.push_back(op);
      seen[op] = true;
    });
  };
  if (!trace.cores.empty()) visit_core(critical, true);
  for (size_t c = 0; c < trace.cores.size(); ++c) {
    if (c != critical) visit_core(c, false);
  }
  uint64_t busy[isa::kUnits] = {};
  for (const size_t op : order) {
    OperatorTime time;
    time.name = op < program.operators.size() ? program.operators[op] : "unmarked";
    time.cycles = wall[op];
    time.bound_by = bound_of(machine, op, sync[op]);
    time.cycles_by_bound[time.bound_by] = time.cycles;
    const Machine::Traffic& traffic = machine.traffic(op);
    time.macs = traffic.macs;
    time.dram_read_bytes = traffic.dram_read_bytes;
    time.dram_written_bytes = traffic.dram_written_bytes;
    for (int u = 0; u < isa::kUnits; ++u) {
      time.busy_cycles[u] = machine.busy(op, static_cast<Unit>(u));
      busy[u] += time.busy_cycles[u];
    }
    result.operators.push_back(std::move(time));
  }

  const double core_cycles = static_cast<double>(result.cycles) * static_cast<double>(chip.cores);
  for (int u = 0; u < isa::kUnits; ++u)
    result.utilisation[u] = core_cycles > 0 ? static_cast<double>(busy[u]) / core_cycles : 0;
  const double seconds = static_cast<double>(result.cycles) / chip.clock_hz;
  result.macs = machine.work().macs;
  result.dram_read_bytes = machine.dram().read_bytes;
  result.dram_written_bytes = machine.dram().written_bytes;
  if (seconds > 0) {
    result.dram_bytes_per_s = static_cast<double>(result.dram_read_bytes + result.dram_written_bytes) / seconds;
    result.dram_peak_fraction = result.dram_bytes_per_s / (chip.dram.channel_bytes_per_s * chip.dram.channels);
  }
  result.dram_row_hits = machine.dram().row_hits;
  result.dram_row_misses = machine.dram().row_misses;
  result.spm_conflict_cycles = machine.conflict_cycles();
  result.noc_stall_cycles = machine.noc().stall_cycles;
  result.energy = energy_of(chip, machine, result.instructions, seconds);
  return result;
}

}  // namespace hadal::sim
