// The event loop, the unit queues, MM and VX, semaphores.
#include "sim/timing/machine.h"

#include <algorithm>
#include <bit>

#include "base/error.h"

namespace hadal::sim::timing {

using isa::Op;
using U = isa::Unit;

namespace {

constexpr size_t index_of(U unit) { return static_cast<size_t>(unit); }
constexpr bool is_datapath(size_t u) { return u == index_of(U::kMm) || u == index_of(U::kVx); }

uint32_t share_of(uint64_t bytes, Cycle cycles, uint64_t rate) {
  return static_cast<uint32_t>(std::min<uint64_t>(kShareOne, bytes * kShareOne / std::max<uint64_t>(1, cycles * rate)));
}

}  // namespace

Machine::Machine(const chip::Chip& chip, const program::Program& program, const Trace& trace, Observer* observer)
    : chip_(chip),
      program_(program),
      observer_(observer),
      costs_(chip),
      dram_(chip),
      noc_(chip),
      scheduler_(trace.cores.size() * kSlots),
      fifo_depth_(static_cast<uint32_t>(chip.fifo_depth)),
      fifo_size_(std::bit_ceil(std::max(1u, fifo_depth_))),
      to_controller_(static_cast<Cycle>(chip.dram.controller_cycles) / 2),
      from_controller_(static_cast<Cycle>(chip.dram.controller_cycles) - to_controller_),
      port_bytes_(static_cast<uint32_t>(chip.dma.bytes_per_cycle)),
      cores_(trace.cores.size()),
      busy_((program.operators.size() + 1) * isa::kUnits),
      fetch_stall_(program.operators.size() + 1),
      traffic_(program.operators.size() + 1) {
  check(trace.cores.size() <= static_cast<size_t>(chip.cores), "the trace has {} cores, {} has {}", trace.cores.size(),
        chip.name, chip.cores);
  check(fifo_depth_ > 0 && port_bytes_ > 0 && chip.dma.outstanding_requests > 0,
        "queues or DMA of {} are not described", chip.name);

  uint64_t code_line = 0;  // the streams lie behind the last segment
  for (const program::Segment& segment : program.segments)
    code_line = std::max(code_line, segment.base_line + segment.lines);
  const uint64_t burst_lines = dram_.burst_lines();
  for (size_t c = 0; c < cores_.size(); ++c) {
    Core& core = cores_[c];
    core.trace = &trace.cores[c];
    core.fifo.resize(isa::kUnits * fifo_size_);
    core.retired.resize(core.trace->issues.size());
    for (UnitState& unit : core.units) unit.in_flight.resize(static_cast<size_t>(chip.dma.outstanding_requests));
    core.units[index_of(U::kNx)].in_flight.resize(kPacketsInFlight);
    for (const U engine : {U::kLd, U::kSt}) core.units[index_of(engine)].ends.resize(kTransfersUnderWay);
    core.units[index_of(U::kNx)].ends.resize(kSendsUnderWay);

    Fetch& fetch = core.fetch;
    const size_t length = c < program.cores.size() && !program.cores[c].code.empty() ? program.cores[c].code.size()
                          : core.trace->issues.empty()                               ? 0
                                                                                     : core.trace->issues.back().pc + 1;
    code_line = (code_line + burst_lines - 1) / burst_lines * burst_lines;
    fetch.base_line = code_line;
    fetch.per_burst = burst_lines * isa::kLineBytes / kInstructionBytes;
    fetch.bursts = (length + fetch.per_burst - 1) / fetch.per_burst;
    fetch.window =
        std::max<uint64_t>(1, static_cast<uint64_t>(chip.imem_instructions) / kFetchImemShare / fetch.per_burst);
    fetch.ready.resize(std::bit_ceil(fetch.window + kFetchOutstanding + 2));
    code_line += fetch.bursts * burst_lines;
  }
}

void Machine::run() {
  for (size_t c = 0; c < cores_.size(); ++c) run_ctl(c, 0);
  while (!scheduler_.empty()) {
    const Cycle now = scheduler_.next_time();
    const uint32_t s = scheduler_.next_slot();
    const size_t c = s / kSlots, u = s % kSlots;
    if (u == 0) {
      scheduler_.set(s, kNever);
      run_ctl(c, now);
    } else if (u == kDeferredSlot) {
      run_deferred(c, now);
    } else {
      run_unit(c, u, now);
    }
  }
  for (const Core& core : cores_) {
    bool done = core.state == CtlState::kDone;
    for (const UnitState& unit : core.units) done &= unit.count == 0;
    if (!done) report_deadlock();
  }
}

void Machine::run_unit(size_t c, size_t u, Cycle now) {
  Core& core = cores_[c];
  UnitState& unit = core.units[u];
  if (unit.running && unit.event <= now && advance(c, u, now)) unit.running = false;
  Cycle wake = kNever;
  while (unit.count != 0) {
    const Queued head = queued(core, u, unit.head);
    const Issue& i = issue(core, head.index);
    // Configuration is latched when an instruction issues, so CFG need not wait for the one before to end.
    if (unit.running && (i.op != Op::kCfg || i.wcnt != 0 || i.pcnt != 0)) break;
    wake = std::max(head.dispatched + kDispatchCycles, unit.front);
    if (!unit.ends.empty() && i.op != Op::kCfg && i.op != Op::kSync)
      wake = std::max({wake, unit.ready, unit.ends[unit.ends_next]});
    if (wake > now) break;
    if (i.wcnt != 0 && !try_wait(core, static_cast<uint32_t>(u), i, now, wake)) {
      unit.waiting = true;
      break;
    }
    wake = kNever;
    const Cycle waited_until = unit.waiting ? now : 0;
    unit.waiting = false;
    ++unit.head;
    --unit.count;
    unit.front = now + 1;
    if (core.state == CtlState::kFifoFull && core.blocked_unit == u) run_ctl(c, now);
    if (i.op == Op::kCfg && unit.running) {
      core.retired[head.index] = {now + 1, waited_until};
      core.end = std::max(core.end, now + 1);
      trace(c, i, now, now + 1, now + 1);
      continue;
    }
    unit.waited_until = waited_until;
    start(c, u, head.index, now);
  }
  scheduler_.set(slot(c, static_cast<uint32_t>(u)), unit.running ? std::min(unit.event, wake) : wake);
}

void Machine::start(size_t c, size_t u, uint32_t index, Cycle now) {
  Core& core = cores_[c];
  UnitState& unit = core.units[u];
  const Issue& i = issue(core, index);
  if (i.op == Op::kCfg || i.op == Op::kSync) {
    unit.begin = now;
    retire(c, u, i, index, now + 1, now);
    return;
  }
  unit.running = true;
  unit.running_index = index;
  if (is_datapath(u)) {
    start_datapath(core, u, i, now);
  } else {
    start_dma(c, u, i, now);
    if (unit.event <= now && advance(c, u, now)) unit.running = false;
  }
}

void Machine::start_datapath(Core& core, size_t u, const Issue& i, Cycle now) {
  UnitState& unit = core.units[u];
  Cost cost;
  if (u == index_of(U::kMm)) {
    cost = costs_.mma(i);
    unit.begin = std::max(unit.end, now + cost.fill);
  } else {
    cost = costs_.vector(i);
    unit.begin = now;
    const Extent a = vx_reads_a(i), b = vx_reads_b(i);
    const bool reads_d = vx_reads_d(i);
    const Extent d = vx_writes(i);
    unit.begin = std::max(unit.begin, core.writing[core.writing_next % core.writing.size()].visible);  // a free entry
    for (const Writing& w : core.writing) {
      if (w.visible > unit.begin && (w.extent.meets(a) || w.extent.meets(b) || (reads_d && w.extent.meets(d)))) {
        unit.begin = w.visible;
      }
    }
  }
  unit.end = unit.begin + cost.cycles;
  unit.latency = cost.latency;
  unit.spm_share = share_of(cost.spm_bytes, cost.cycles, costs_.spm_bytes_per_cycle());
  unit.acc_share = share_of(cost.acc_bytes, cost.cycles, costs_.acc_bytes_per_cycle());
  contend(core, u);
  unit.event = unit.end - cost.last_step;
  work_.macs += cost.macs;
  traffic_[op_index(i)].macs += cost.macs;
  work_.digit_macs += cost.digit_macs;
  work_.fixups += cost.fixups;
  work_.lane_ops += cost.lane_ops;
  work_.spm_bytes += cost.spm_bytes;
  work_.acc_bytes += cost.acc_bytes;
}

// Bank conflicts of an instruction that starts, against what runs: both units of a pair lose the cycles in which they
// want the same bank, and the time by which they together want more than there is.
void Machine::contend(Core& core, size_t u) {
  UnitState& x = core.units[u];
  uint64_t spm = 0, acc = 0;  // of the DMA engines
  for (const U engine : {U::kLd, U::kSt, U::kNx}) {
    const UnitState& e = core.units[index_of(engine)];
    if (e.running || e.busy_until > x.begin) {
      spm += e.spm_share;
      acc += e.acc_share;
    }
  }
  auto excess = [&](uint64_t s, uint64_t a) { return std::max<uint64_t>({s + spm, a + acc, kShareOne}) - kShareOne; };
  auto meet = [](uint64_t a, uint64_t b) { return a * b / (kShareOne * kConflictDivisor); };
  const uint64_t alone = excess(x.spm_share, x.acc_share);
  const Cycle engines = (x.end - x.begin) * (alone + meet(x.spm_share, spm) + meet(x.acc_share, acc)) / kShareOne;
  x.end += engines;
  conflict_cycles_ += engines;

  UnitState& y = core.units[u == index_of(U::kMm) ? index_of(U::kVx) : index_of(U::kMm)];
  if (!y.running || y.end <= x.begin) return;
  const Cycle overlap = std::min(x.end, y.end) - std::max(x.begin, y.begin);
  if (std::min(x.end, y.end) <= std::max(x.begin, y.begin)) return;
  const uint64_t together = excess(x.spm_share + y.spm_share, x.acc_share + y.acc_share) - alone;
  const Cycle lost = overlap * (together + meet(x.spm_share, y.spm_share) + meet(x.acc_share, y.acc_share)) / kShareOne;
  x.end += lost;
  y.end += lost;
  y.event += lost;
  conflict_cycles_ += 2 * lost;
}

bool Machine::advance(size_t c, size_t u, Cycle now) {
  Core& core = cores_[c];
  UnitState& unit = core.units[u];
  const Issue& i = issue(core, unit.running_index);
  if (!is_datapath(u)) {
    scheduler_.set(slot(c, static_cast<uint32_t>(u)), kNever);
    return pump(c, u, i, now);
  }
  const Cycle visible = unit.end + unit.latency;
  add_busy(i, unit.end - unit.begin);
  if (u == index_of(U::kVx)) {
    const Cycle from = std::max(unit.visible, visible);
    core.writing[core.writing_next++ % core.writing.size()] = {vx_writes(i), from};
    if (i.op == Op::kVqnt) core.writing[core.writing_next++ % core.writing.size()] = {vx_writes_scales(i), from};
  }
  retire(c, u, i, unit.running_index, visible, now);
  return true;
}

// All writes of the instruction, and of those before it in the unit, are visible at max(visible, unit.visible).
void Machine::retire(size_t c, size_t u, const Issue& i, uint32_t index, Cycle visible, Cycle now) {
  Core& core = cores_[c];
  UnitState& unit = core.units[u];
  const bool moves = i.op != Op::kCfg && i.op != Op::kSync;
  if (moves || i.pcnt != 0) unit.visible = visible = std::max(unit.visible, visible);
  core.retired[index] = {visible, unit.waited_until};
  core.end = std::max(core.end, visible);
  trace(c, i, unit.begin, moves ? unit.end : now + 1, visible);
  if (i.pcnt == 0 || i.op == Op::kSnd) return;
  if (i.op == Op::kSync && (i.flags & isa::flag::kRemote) != 0) {
    post_remote(c, i, visible, now);
  } else {
    post(c, i, visible + kPostCycles);
  }
}

void Machine::trace(size_t c, const Issue& i, Cycle begin, Cycle end, Cycle visible) {
  if (observer_ != nullptr) observer_->span(c, i, begin, end, visible);
}

bool Machine::try_wait(Core& core, uint32_t unit, const Issue& i, Cycle now, Cycle& retry) {
  Semaphore& semaphore = core.semaphores[i.wsem];
  retry = semaphore.available(i.wcnt);
  if (retry > now) {
    semaphore.waiters |= 1u << unit;
    return false;
  }
  if (observer_ != nullptr) {
    const bool blocked = (semaphore.waiters & (1u << unit)) != 0;
    observer_->wait(static_cast<size_t>(&core - cores_.data()), i, now, blocked);
  }
  semaphore.take(i.wcnt);
  semaphore.waiters &= ~(1u << unit);
  return true;
}

void Machine::post(size_t c, const Issue& i, Cycle time) {
  check(c < cores_.size(), "instruction {} posts on core {}, the trace has {}", i.pc, c, cores_.size());
  Core& core = cores_[c];
  Semaphore& semaphore = core.semaphores[i.psem];
  semaphore.post(time, i.pcnt);
  if (observer_ != nullptr) observer_->post(c, i, time);
  for (uint32_t left = semaphore.waiters; left != 0; left &= left - 1) {
    const uint32_t u = static_cast<uint32_t>(std::countr_zero(left));
    const uint32_t index = u == 0 ? core.next : queued(core, u, core.units[u].head).index;
    scheduler_.advance(slot(c, u), semaphore.available(issue(core, index).wcnt));
  }
}

// A remote post may not book links long before it leaves, so one that waits for earlier writes is kept back.
void Machine::post_remote(size_t c, const Issue& i, Cycle visible, Cycle now) {
  if (visible <= now + kLookahead) return send_post(c, i, visible);
  Core& core = cores_[c];
  const uint32_t index = static_cast<uint32_t>(&i - core.trace->issues.data());
  auto at =
      std::find_if(core.deferred.begin(), core.deferred.end(), [&](const DeferredPost& d) { return d.time > visible; });
  core.deferred.insert(at, {visible, index});
  scheduler_.set(slot(c, kDeferredSlot), core.deferred.front().time);
}

void Machine::run_deferred(size_t c, Cycle now) {
  Core& core = cores_[c];
  while (!core.deferred.empty() && core.deferred.front().time <= now) {
    const DeferredPost due = core.deferred.front();
    core.deferred.erase(core.deferred.begin());
    send_post(c, issue(core, due.index), due.time);
  }
  scheduler_.set(slot(c, kDeferredSlot), core.deferred.empty() ? kNever : core.deferred.front().time);
}

void Machine::send_post(size_t c, const Issue& i, Cycle time) {
  const Noc::Tree& tree = noc_.tree(static_cast<int>(c), i.mask);
  noc_.send(tree, time + kRemotePostCycles, 0);
  for (size_t b = 0; b < tree.branches.size(); ++b) {
    if (tree.branches[b].core >= 0)
      post(static_cast<size_t>(tree.branches[b].core), i, noc_.delivered(b) + kPostCycles);
  }
}

void Machine::report_deadlock() const {
  for (size_t c = 0; c < cores_.size(); ++c) {
    const Core& core = cores_[c];
    auto blocked = [&](std::string_view unit, uint32_t index) {
      const Issue& i = core.trace->issues[index];
      const std::string& name =
          op_index(i) < program_.operators.size() ? program_.operators[op_index(i)] : std::string("unmarked");
      throw Error(ErrorKind::kFault,
                  fmt::format("timing: core {} {} instruction {} ({}) waits for {} of semaphore {}, which nobody posts",
                              c, unit, i.pc, name, i.wcnt, i.wsem));
    };
    for (size_t u = 1; u < core.units.size(); ++u) {
      const UnitState& unit = core.units[u];
      if (unit.count != 0)
        blocked(isa::name(static_cast<U>(u)), core.fifo[u * fifo_size_ + (unit.head & (fifo_size_ - 1))].index);
    }
    if (core.state == CtlState::kWaiting) blocked("CTL", core.next);
  }
  throw Error(ErrorKind::kInternal, "timing: the replay stopped with work left");
}

}  // namespace hadal::sim::timing
