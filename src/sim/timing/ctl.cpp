// CTL: fetch, in-order execution of its own instructions, dispatch into the unit queues.
#include <algorithm>

#include "sim/timing/machine.h"

namespace hadal::sim::timing {

using isa::Op;
using isa::Unit;

constexpr size_t kPrefetchAhead = 6;

// Runs CTL of a core until a queue is full, a wait blocks it, or it halts. Only units see what CTL does, and only
// through the dispatch time, so CTL may run ahead of `now` as far as the queues have room.
void Machine::run_ctl(size_t c, Cycle now) {
  Core& core = cores_[c];
  const std::vector<Issue>& issues = core.trace->issues;
  core.state = CtlState::kRunning;
  core.time = std::max(core.time, now);
  while (core.next < issues.size()) {
    const Issue& i = issues[core.next];
    // 48 cores' traces are more streams than the hardware prefetcher follows.
    __builtin_prefetch(&issues[std::min<size_t>(core.next + kPrefetchAhead, issues.size() - 1)]);
    if (i.op_mark != core.op) {
      core.op = i.op_mark;
      core.spans.push_back({core.next, static_cast<uint32_t>(op_index(i))});
    }
    const Cycle fetched = fetch(core, i, core.time);
    fetch_stall_[op_index(i)] += fetched - core.time;
    core.time = fetched;
    if (i.unit == Unit::kCtl) {
      if (!execute(c, i, now)) return;
    } else {
      const size_t u = static_cast<size_t>(i.unit);
      UnitState& unit = core.units[u];
      if (unit.count == fifo_depth_) {
        core.state = CtlState::kFifoFull;
        core.blocked_unit = static_cast<uint8_t>(u);
        return;
      }
      queued(core, u, unit.head + unit.count) = {core.next, core.time};
      ++unit.count;
      if (unit.count == 1) scheduler_.advance(slot(c, static_cast<uint32_t>(u)), core.time + kDispatchCycles);
      ++core.time;
    }
    busy_[op_index(i) * isa::kUnits] += 1;
    ++core.next;
  }
  core.state = CtlState::kDone;
}

bool Machine::execute(size_t c, const Issue& i, Cycle now) {
  Core& core = cores_[c];
  Cycle waited_until = 0;
  if (i.wcnt != 0) {
    // A wait must see the tokens of its own time, so CTL does not run ahead through one.
    if (core.time > now) {
      core.state = CtlState::kWaiting;
      scheduler_.set(slot(c, 0), core.time);
      return false;
    }
    Cycle retry = kNever;
    if (!try_wait(core, 0, i, core.time, retry)) {
      core.state = CtlState::kWaiting;
      core.was_blocked = true;
      scheduler_.set(slot(c, 0), retry);
      return false;
    }
    if (core.was_blocked) waited_until = core.time;
    core.was_blocked = false;
  }
  const Cycle begin = core.time;
  core.time += i.op == Op::kLdr ? kLdrCycles : i.op == Op::kSkipz && i.rows != 0 ? kSkipCycles : 1;  // rows: it skips
  core.retired[core.next] = {core.time, waited_until};
  core.end = std::max(core.end, core.time);
  if (i.op == Op::kLdr) busy_[op_index(i) * isa::kUnits] += kLdrCycles - 1;
  trace(c, i, begin, core.time, core.time);
  if (i.pcnt != 0) {
    if (i.op == Op::kSync && (i.flags & isa::flag::kRemote) != 0) {
      post_remote(c, i, core.time, now);
    } else {
      post(c, i, core.time + kPostCycles);
    }
  }
  return true;
}

// When the instruction is in the instruction memory. Bursts are requested in order, up to a window ahead of CTL; going
// back (LOOP) costs nothing because the body is still there.
Cycle Machine::fetch(Core& core, const Issue& i, Cycle time) {
  Fetch& f = core.fetch;
  const uint64_t burst = i.pc / f.per_burst;
  if (f.started && burst <= f.entered) return time;
  f.started = true;
  f.entered = burst;
  const uint64_t mask = f.ready.size() - 1;
  const uint64_t end = std::min(burst + f.window + 1, f.bursts);
  for (; f.next < end; ++f.next) {
    const Cycle free = f.next >= kFetchOutstanding ? f.ready[(f.next - kFetchOutstanding) & mask] : 0;
    // The DRAM books requests as they come: one from the far future would stand in the way of everybody's earlier ones.
    if (f.next > burst && free > time + kFetchHorizon) break;
    const uint32_t lines = dram_.burst_lines();
    f.ready[f.next & mask] =
        access_dram(std::max(time, free) + to_controller_, f.base_line + f.next * lines, lines, false) +
        from_controller_;
  }
  return std::max(time, f.ready[burst & mask]);
}

}  // namespace hadal::sim::timing
