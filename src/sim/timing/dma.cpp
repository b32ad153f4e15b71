// LD, ST and NX: instructions become bursts or packets; a stream of them is served in one go up to the time when
// somebody else acts (or a short look-ahead), so a long transfer costs few events.
#include <algorithm>

#include "sim/timing/machine.h"

namespace hadal::sim::timing {

using isa::Op;
using U = isa::Unit;

namespace {

constexpr uint32_t kLine = 64;
constexpr uint32_t kLdxSource = 17, kLdxResult = 33;  // lines of a panel with its scales, packed and expanded

bool gathers(Op op) { return op == Op::kLdg || op == Op::kStg; }

}  // namespace

void Machine::start_dma(size_t c, size_t u, const Issue& i, Cycle now) {
  Core& core = cores_[c];
  UnitState& unit = core.units[u];
  Stream& s = unit.stream;
  const bool network = u == static_cast<size_t>(U::kNx);
  s = {};
  s.rows = i.rows;
  s.row_lines = i.cols;
  s.line = i.dram;
  s.row_stride = u == static_cast<size_t>(U::kLd) ? i.sstride : i.dstride;
  if (i.op == Op::kLdx) {
    s.row_lines = i.rows * kLdxSource;
    s.rows = i.rows != 0;
  } else if (!gathers(i.op) && (network ? i.sstride == i.cols && i.dstride == i.cols : s.row_stride == i.cols)) {
    s.row_lines = i.rows * i.cols;
    s.rows = i.rows != 0;
  }
  if (s.row_lines == 0) s.rows = 0;
  const int setup = network ? chip_.noc.setup_cycles : chip_.dma.setup_cycles;
  s.next_request = now + static_cast<Cycle>(setup) + (gathers(i.op) ? kSpmReadCycles : 0);
  if (network) s.tree = &noc_.tree(static_cast<int>(c), i.mask);
  unit.begin = s.next_request;
  unit.end = s.next_request;
  if (s.rows != 0) {
    s.lines_left = s.row_lines;
    if (gathers(i.op)) s.line = core.trace->gather[i.gather_first];
  }
  unit.event = s.next_request;
}

Cycle Machine::access_dram(Cycle arrive, uint64_t line, uint32_t lines, bool write) {
  const Cycle done = dram_.access(arrive, line, lines, write);
  if (observer_ != nullptr) observer_->dram(done, uint64_t{lines} * kLine, write);
  return done;
}

void Machine::next_row(const Core& core, const Issue& i, Stream& s) {
  if (++s.row == s.rows) return;
  s.lines_left = s.row_lines;
  s.line = gathers(i.op) ? core.trace->gather[i.gather_first + s.row] : i.dram + s.row * s.row_stride;
}

bool Machine::pump(size_t c, size_t u, const Issue& i, Cycle now) {
  Core& core = cores_[c];
  UnitState& unit = core.units[u];
  const Cycle limit = std::max(now + kLookahead, scheduler_.next_time());
  const bool done = u == static_cast<size_t>(U::kNx) ? pump_network(unit, i, limit) : pump_dram(core, u, i, limit);
  if (!done) {
    unit.event = unit.stream.next_request;
    return false;
  }
  finish_dma(c, u, i, now);
  return true;
}

bool Machine::pump_dram(Core& core, size_t u, const Issue& i, Cycle limit) {
  UnitState& unit = core.units[u];
  Stream& s = unit.stream;
  const bool write = u == static_cast<size_t>(U::kSt);
  const uint32_t burst = dram_.burst_lines();
  Traffic& traffic = traffic_[op_index(i)];
  while (s.row < s.rows) {
    Cycle& slot_free = unit.in_flight[unit.in_flight_next];
    s.next_request = std::max(s.next_request, slot_free);
    if (s.next_request > limit) return false;
    const uint32_t lines = std::min(s.lines_left, burst - static_cast<uint32_t>(s.line % burst));
    const uint32_t bytes = lines * kLine;
    const uint32_t port_bytes = i.op == Op::kLdx ? (bytes * kLdxResult + kLdxSource - 1) / kLdxSource : bytes;
    const Cycle beats = (port_bytes + port_bytes_ - 1) / port_bytes_;
    if (write) {
      const Cycle sent = std::max(unit.port_free, s.next_request) + beats;
      unit.port_free = sent;
      unit.end = std::max(unit.end, access_dram(sent + to_controller_, s.line, lines, true) + from_controller_);
      s.next_request = sent;
    } else {
      // Data come back in the order of the requests and pass the port while they arrive.
      const Cycle data = access_dram(s.next_request + to_controller_, s.line, lines, false) + from_controller_;
      unit.port_free = unit.end = std::max(unit.port_free + beats, data + 1);
      ++s.next_request;
    }
    (write ? traffic.dram_written_bytes : traffic.dram_read_bytes) += bytes;
    slot_free = unit.end + kSlotCycles;
    if (++unit.in_flight_next == unit.in_flight.size()) unit.in_flight_next = 0;
    s.bytes += port_bytes;
    s.line += lines;
    s.lines_left -= lines;
    if (s.lines_left == 0) next_row(core, i, s);
  }
  return true;
}

bool Machine::pump_network(UnitState& unit, const Issue& i, Cycle limit) {
  Stream& s = unit.stream;
  while (s.row < s.rows || (s.rows == 0 && i.pcnt != 0 && s.bytes == 0)) {
    Cycle& slot_free = unit.in_flight[unit.in_flight_next];
    s.next_request = std::max(s.next_request, slot_free);
    if (s.next_request > limit) return false;
    const uint32_t lines = std::min(s.lines_left, static_cast<uint32_t>(kPacketBytes) / kLine);
    slot_free = noc_.send(*s.tree, s.next_request, lines * kLine);
    unit.end = std::max(unit.end, slot_free);
    if (++unit.in_flight_next == unit.in_flight.size()) unit.in_flight_next = 0;
    s.next_request += noc_.flits(lines * kLine);
    if (s.rows == 0) break;
    s.bytes += lines * kLine;
    s.lines_left -= lines;
    if (s.lines_left == 0 && ++s.row < s.rows) s.lines_left = s.row_lines;
  }
  return true;
}

void Machine::finish_dma(size_t c, size_t u, const Issue& i, Cycle now) {
  Core& core = cores_[c];
  UnitState& unit = core.units[u];
  const Stream& s = unit.stream;
  // Transfers overlap but end in order; each is busy from where the one before ends.
  unit.end = std::max(unit.end, unit.busy_until);
  unit.begin = std::max(unit.begin, unit.busy_until);
  unit.busy_until = unit.end;
  add_busy(i, unit.end - unit.begin);

  const bool acc = u == static_cast<size_t>(U::kLd) ? i.d_acc : i.a_acc;
  (acc ? work_.acc_bytes : work_.spm_bytes) += s.bytes;
  const Cycle took = std::max<Cycle>(1, unit.end - unit.begin);
  const uint64_t rate = acc ? costs_.acc_bytes_per_cycle() : costs_.spm_bytes_per_cycle();
  const uint32_t share = static_cast<uint32_t>(std::min<uint64_t>(kShareOne, s.bytes * kShareOne / (took * rate)));
  unit.spm_share = acc ? 0 : share;
  unit.acc_share = acc ? share : 0;

  Cycle visible = unit.end;
  if (u == static_cast<size_t>(U::kLd)) visible += kSpmWriteCycles + (i.op == Op::kLdx ? kLdxCycles : 0);
  if (u == static_cast<size_t>(U::kNx)) {
    visible += kSpmWriteCycles;
    const Noc::Tree& tree = *s.tree;
    for (size_t b = 0; b < tree.branches.size(); ++b) {
      const int to = tree.branches[b].core;
      if (to < 0) continue;
      (i.d_acc ? work_.acc_bytes : work_.spm_bytes) += s.bytes;
      if (i.pcnt != 0) post(static_cast<size_t>(to), i, noc_.delivered(b) + kSpmWriteCycles + kPostCycles);
    }
  }
  // One transfer at a time makes addresses. NX reads the lines of its last packet before it takes the next.
  if (u != static_cast<size_t>(U::kSt)) unit.ready = s.next_request - (u == static_cast<size_t>(U::kLd));
  unit.ends[unit.ends_next] = visible;
  if (++unit.ends_next == unit.ends.size()) unit.ends_next = 0;
  retire(c, u, i, unit.running_index, visible, now);
}

}  // namespace hadal::sim::timing
