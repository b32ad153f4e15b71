// CTL, dispatch, issue, semaphores: everything about a core but what the data instructions compute.
#include "sim/functional/core.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include "base/error.h"

namespace hadal::sim {
namespace {

constexpr uint64_t kRegisterMask = (uint64_t{1} << 48) - 1;

}  // namespace

void keep_data(Message& message) {
  if (message.to.empty()) return;
  const auto bytes = std::make_shared<std::byte[]>(message.to.rows * message.to.row_bytes);
  for (uint64_t r = 0; r < message.to.rows; ++r) {
    std::memcpy(bytes.get() + r * message.to.row_bytes, message.data + r * message.data_stride, message.to.row_bytes);
  }
  message.data = bytes.get();
  message.data_stride = message.to.row_bytes;
  message.kept = bytes;
}

// ---- semaphores --------------------------------------------------------------------------------------------------

void Semaphores::reset() {
  for (Ring& ring : rings_) {
    while (ring.runs > 0) ring.pop();
  }
  values_.fill(0);
}

bool Semaphores::add(int s, int n) {
  int& value = values_[static_cast<size_t>(s)];
  if (value + n > isa::kSemaphoreMax) return false;
  value += n;
  return true;
}

bool Semaphores::post(int s, int n, const Clock& clock) {
  if (!add(s, n)) return false;
  if (!rings_.empty()) rings_[static_cast<size_t>(s)].push(n).clock = clock;
  return true;
}

bool Semaphores::post(int s, int n, std::shared_ptr<const Times> sent) {
  if (!add(s, n)) return false;
  if (!rings_.empty()) rings_[static_cast<size_t>(s)].push(n).sent = std::move(sent);
  return true;
}

bool Semaphores::take(int s, int n, Clock& clock) {
  int& value = values_[static_cast<size_t>(s)];
  if (value < n) return false;
  value -= n;
  if (rings_.empty()) return true;
  Ring& ring = rings_[static_cast<size_t>(s)];
  while (n > 0) {
    Tokens& run = ring.run[ring.head];
    const int taken = std::min(n, run.count);
    if (run.sent) {
      clock.join(core_, *run.sent, pool_);
    } else {
      clock.join(run.clock);
    }
    n -= taken;
    run.count -= taken;
    if (run.count == 0) ring.pop();
  }
  return true;
}

// ---- a launch ----------------------------------------------------------------------------------------------------

Core::Core(int id, const chip::Chip& chip, Dram& dram, Checks checks)
    : id_(id),
      cores_(chip.cores),
      imem_instructions_(static_cast<uint32_t>(chip.imem_instructions)),
      check_races_(checks.races),
      timed_(checks.races || checks.initialised),
      dram_(dram),
      spm_("SPM", id, chip.spm.bytes, checks),
      acc_("ACC", id, chip.acc.bytes, checks),
      semaphores_(id, pool_, checks.races) {
  for (UnitState& unit : units_) unit.fifo.ring.resize(static_cast<size_t>(chip.fifo_depth));
}

void Core::start_launch(const CodeStream& code, Fabric& fabric, Time floor, CoreTrace* trace) {
  code_ = &code;
  mark_ = 0;
  fabric_ = &fabric;
  floor_ = floor;
  trace_ = trace;
  spm_.start_launch(floor);
  acc_.start_launch(floor);
  semaphores_.reset();
  registers_.fill(0);
  loops_.clear();
  pc_ = 0;
  halted_ = false;
  for (UnitState& unit : units_) {
    while (unit.fifo.size > 0) unit.fifo.pop();
    unit.clock = Clock(floor);
    unit.cfg.fill(0);
    unit.pcs.clear();
    unit.ctl_told = 0;
  }
  ctl_learned_ = 0;
}

// What CTL has dispatched a unit does as soon as it can: while it is in the cache, and mostly without a queue.
void Core::run() {
  do {
    for (dispatched_ = isa::Unit::kCtl; step_ctl(); dispatched_ = isa::Unit::kCtl) {
      if (dispatched_ != isa::Unit::kCtl) step_unit(dispatched_);
    }
  } while (run_units());
}

bool Core::run_units() {
  bool moved = false;
  for (int u = 1; u < isa::kUnits; ++u) {
    while (step_unit(static_cast<isa::Unit>(u))) moved = true;
  }
  return moved;
}

bool Core::done() const {
  if (!halted_) return false;
  for (const UnitState& unit : units_) {
    if (unit.fifo.size != 0) return false;
  }
  return true;
}

bool Core::can_step(isa::Unit unit) const {
  const auto may_issue = [&](const isa::Instr& instr) {
    return instr.wcnt == 0 || semaphores_.value(instr.wsem) >= instr.wcnt;
  };
  if (unit != isa::Unit::kCtl) {
    const Fifo& fifo = state(unit).fifo;
    return fifo.size != 0 && may_issue(fifo.front().code->instr);
  }
  if (halted_) return false;
  if (pc_ >= code_->size()) return true;  // to fault
  const Code& code = (*code_)[pc_];
  if (code.unit == isa::Unit::kCtl) return may_issue(code.instr);
  return !state(code.unit).fifo.full();
}

std::vector<std::pair<Site, std::string>> Core::blocked() const {
  std::vector<std::pair<Site, std::string>> found;
  const auto waits = [&](isa::Unit unit, uint32_t pc, const isa::Instr& instr) {
    found.emplace_back(Site{id_, unit, pc}, fmt::format("waits for semaphore {} to reach {}, it is {}", instr.wsem,
                                                        instr.wcnt, semaphores_.value(instr.wsem)));
  };
  if (!halted_) {
    const Code& code = (*code_)[pc_];
    if (code.unit == isa::Unit::kCtl) {
      waits(isa::Unit::kCtl, pc_, code.instr);
    } else {
      found.emplace_back(Site{id_, isa::Unit::kCtl, pc_},
                         fmt::format("waits for room in the FIFO of {}", isa::name(code.unit)));
    }
  }
  for (int u = 1; u < isa::kUnits; ++u) {
    const isa::Unit unit = static_cast<isa::Unit>(u);
    const Fifo& fifo = state(unit).fifo;
    if (fifo.size != 0) waits(unit, fifo.front().pc, fifo.front().code->instr);
  }
  return found;
}

Time Core::latest() const {
  size_t most = 0;
  for (const UnitState& unit : units_) most = std::max(most, unit.pcs.size());
  return floor_ + static_cast<Time>(most);
}

uint32_t Core::pc_at(isa::Unit unit, Time time) const { return state(unit).pcs.at(time - floor_ - 1); }

// ---- CTL ---------------------------------------------------------------------------------------------------------

void Core::set(int reg, uint64_t value) {
  if (reg != 0) registers_[static_cast<size_t>(reg)] = value & kRegisterMask;
}

uint64_t Core::line_of(const isa::Local& local) const {
  return (registers_[local.areg] + local.offset) & kRegisterMask;
}

Issue& Core::record(const Code& code, const Issued& issued) {
  trace_->issues.emplace_back();
  Issue& issue = trace_->issues.back();
  const isa::Instr& in = code.instr;
  issue.pc = issued.pc;
  issue.op_mark = code_->op_mark(issued.pc, mark_);
  issue.op = in.op;
  issue.unit = code.unit;
  issue.wsem = in.wsem;
  issue.wcnt = in.wcnt;
  issue.psem = in.psem;
  issue.pcnt = in.pcnt;
  issue.flags = in.flags;
  issue.func = in.func;
  issue.types = static_cast<uint8_t>((in.at & 1) | (in.bt & 1) << 1 | (in.dt & 1) << 2);
  issue.bc = in.bc;
  issue.digits = in.op == isa::Op::kVqnt ? in.digits : 1;
  issue.d_acc = in.d.acc;
  issue.a_acc = in.a.acc;
  issue.b_acc = in.b.acc;
  issue.d = static_cast<uint32_t>(issued.d);
  issue.a = static_cast<uint32_t>(issued.a);
  issue.b = static_cast<uint32_t>(issued.b);
  issue.dram = issued.dram;
  issue.mask = issued.mask;
  issue.rows = static_cast<uint32_t>(issued.rows);
  return issue;
}

void Core::dispatch(const Code& code) {
  const isa::Instr& in = code.instr;
  UnitState& unit = state(code.unit);
  dispatched_ = code.unit;
  // As in step_unit(), and without the queue when that is empty: half of all instructions are such.
  if (in.op == isa::Op::kCfg && unit.fifo.size == 0 && in.wcnt == 0 && in.pcnt == 0 && trace_ == nullptr &&
      observer_ == nullptr && !check_races_) {
    unit.cfg[in.key] = static_cast<uint32_t>((registers_[in.rs] << in.sh) + in.imm);
    ++stats.instructions;
    return;
  }
  Issued& issued = unit.fifo.push();
  issued.code = &code;
  issued.pc = pc_;
  issued.d = line_of(in.d);
  issued.a = line_of(in.a);
  issued.b = line_of(in.b);
  issued.dram = (registers_[in.h.areg] + in.h.offset) & kRegisterMask;
  issued.value = static_cast<uint32_t>((registers_[in.rs] << in.sh) + in.imm);
  issued.mask = registers_[in.mask];
  const bool dma = in.op == isa::Op::kLd || in.op == isa::Op::kLdg || in.op == isa::Op::kSt || in.op == isa::Op::kStg;
  issued.rows = dma && (in.flags & isa::flag::kRowsReg) != 0 ? registers_[in.rows & 15] : in.rows;
  issued.ctl_news = check_races_ && unit.ctl_told != ctl_learned_;
  if (issued.ctl_news) {
    issued.ctl = state(isa::Unit::kCtl).clock;
    unit.ctl_told = ctl_learned_;
  }
  if (trace_ != nullptr) {
    issued.trace = static_cast<uint32_t>(trace_->issues.size());
    record(code, issued);
  }
}

bool Core::step_ctl() {
  if (halted_) return false;
  UnitState& ctl = state(isa::Unit::kCtl);
  if (pc_ >= code_->size()) {
    throw Fault{"the stream ends without HALT", std::nullopt, Site{id_, isa::Unit::kCtl, pc_}};
  }
  const Code& code = (*code_)[pc_];
  code_->prefetch(pc_ + CodeStream::kPrefetch);
  if (code.unit != isa::Unit::kCtl) {
    if (state(code.unit).fifo.full()) return false;
    dispatch(code);
    advance();
    return true;
  }
  if (code.instr.wcnt != 0 && !semaphores_.take(code.instr.wsem, code.instr.wcnt, ctl.clock)) return false;
  const uint32_t pc = pc_;
  begin(isa::Unit::kCtl, pc);
  ++ctl_learned_;
  try {
    execute_ctl(code);
  } catch (Fault& f) {
    if (!f.at) f.at = Site{id_, isa::Unit::kCtl, pc};
    throw;
  }
  return true;
}

void Core::execute_ctl(const Code& code) {
  const isa::Instr& in = code.instr;
  Issued issued;
  issued.code = &code;
  issued.pc = pc_;
  issued.mask = registers_[in.mask];
  Issue* trace = trace_ != nullptr ? &record(code, issued) : nullptr;
  switch (in.op) {
    case isa::Op::kHalt: halted_ = true; break;
    case isa::Op::kSet: set(in.rd, in.imm); break;
    case isa::Op::kAdd: set(in.rd, registers_[in.rs] + registers_[in.rt] + in.imm); break;
    case isa::Op::kLdr: {
      const uint64_t line = line_of(in.a);
      if (trace != nullptr) trace->a = static_cast<uint32_t>(line);
      load_register(in, line);
      break;
    }
    case isa::Op::kLoop:
      if (trace != nullptr) {
        trace->rows = static_cast<uint32_t>(in.src != 0 ? registers_[in.count & 15] : in.count);
        trace->cols = in.len;
      }
      finish(isa::Unit::kCtl, issued);
      enter_loop(in);
      return;
    case isa::Op::kSkipz:
      if (trace != nullptr) {
        trace->rows = registers_[in.rs] == 0;
        trace->cols = in.len;
      }
      finish(isa::Unit::kCtl, issued);
      skip(registers_[in.rs] == 0 ? in.len : 0);
      return;
    case isa::Op::kSync: break;
    default: fault("is not an instruction of CTL");
  }
  finish(isa::Unit::kCtl, issued);
  if (!halted_) advance();
}

void Core::load_register(const isa::Instr& in, uint64_t line) {
  const uint64_t size = uint64_t{1} << in.size;
  if (in.a.acc) fault("LDR reads the SPM, not the ACC");
  if (in.byte % size != 0) fault("byte {} is not a multiple of the size {}", in.byte, size);
  UnitState& ctl = state(isa::Unit::kCtl);
  const Access access{ctl.clock.knowledge(), unit_id(id_, isa::Unit::kCtl), ctl.clock.local(isa::Unit::kCtl), id_};
  const std::byte* p = spm_.read(access, Region{line * kLine + in.byte, size, 1, 0}, "the value");
  uint32_t v = 0;
  std::memcpy(&v, p, size);
  set(in.rd, (((uint64_t{v} + in.add) >> in.rsh) << in.lsh) + registers_[in.rs]);
}

void Core::enter_loop(const isa::Instr& in) {
  const uint64_t passes = in.src != 0 ? registers_[in.count & 15] : in.count;
  const uint32_t first = pc_ + 1, end = first + in.len;
  if (end > code_->size()) fault("the body of {} instructions ends behind the stream", in.len);
  if (!loops_.empty() && end > loops_.back().end) fault("the body ends behind that of the surrounding loop");
  if (loops_.empty() && in.len > imem_instructions_) {
    fault("the body of {} instructions does not fit in the instruction memory of {}", in.len, imem_instructions_);
  }
  if (passes == 0) {
    skip(in.len);
    return;
  }
  if (loops_.size() == isa::kLoopDepth) fault("loops nest more than {} deep", isa::kLoopDepth);
  if (in.len == 0) {
    for (const isa::Step& step : in.step)
      set(step.areg, registers_[step.areg] + passes * static_cast<uint64_t>(int64_t{step.inc}));
    advance();
    return;
  }
  loops_.push_back({first, end, passes, &in});
  pc_ = first;
}

void Core::skip(uint32_t instructions) {
  const uint32_t target = pc_ + 1 + instructions;
  if (target > code_->size()) fault("skips behind the end of the stream");
  if (!loops_.empty() && target > loops_.back().end) fault("skips behind the end of its loop");
  pc_ = target - 1;
  advance();
}

void Core::advance() {
  ++pc_;
  while (!loops_.empty() && pc_ == loops_.back().end) {
    Loop& loop = loops_.back();
    for (const isa::Step& step : loop.instr->step) {
      set(step.areg, registers_[step.areg] + static_cast<uint64_t>(int64_t{step.inc}));
    }
    if (--loop.left != 0) {
      pc_ = loop.first;
      return;
    }
    loops_.pop_back();
  }
}

// ---- units -------------------------------------------------------------------------------------------------------

void Core::begin(isa::Unit unit, uint32_t pc) {
  ++stats.instructions;
  if (!timed_) return;
  UnitState& s = state(unit);
  s.pcs.push_back(pc);
  s.clock.set_local(unit, floor_ + static_cast<Time>(s.pcs.size()));
}

bool Core::step_unit(isa::Unit unit) {
  UnitState& s = state(unit);
  if (s.fifo.size == 0) return false;
  Issued& issued = s.fifo.front();
  const isa::Instr& in = issued.code->instr;
  if (in.wcnt != 0 && !semaphores_.take(in.wsem, in.wcnt, s.clock)) return false;
  if (issued.ctl_news) s.clock.join(issued.ctl);
  if (in.op == isa::Op::kCfg && in.pcnt == 0 && observer_ == nullptr) {  // only the unit sees it: no time of its own
    s.cfg[in.key] = issued.value;
    ++stats.instructions;
  } else {
    begin(unit, issued.pc);
    try {
      execute(unit, issued);
      if (observer_ != nullptr) report(unit, issued);
      finish(unit, issued);
    } catch (Fault& f) {
      if (!f.at) f.at = Site{id_, unit, issued.pc};
      throw;
    }
  }
  if (issued.ctl_news) issued.ctl = Clock();  // gives its table back
  s.fifo.pop();
  return true;
}

void Core::execute(isa::Unit unit, const Issued& issued) {
  const UnitState& s = state(unit);
  const Access access{s.clock.knowledge(), unit_id(id_, unit), s.clock.local(unit), id_};
  switch (issued.code->instr.op) {
    case isa::Op::kSync: return;
    case isa::Op::kCfg: state(unit).cfg[issued.code->instr.key] = issued.value; return;
    case isa::Op::kLd: return execute_ld(issued, access);
    case isa::Op::kLdg: return execute_ldg(issued, access);
    case isa::Op::kLdx: return execute_ldx(issued, access);
    case isa::Op::kSt: return execute_st(issued, access);
    case isa::Op::kStg: return execute_stg(issued, access);
    case isa::Op::kSnd: return execute_snd(issued, access);
    case isa::Op::kMma: return execute_mma(issued, access);
    default: return execute_vx(issued, access);
  }
}

std::shared_ptr<const Times> Core::clock_to_send(isa::Unit unit) const {
  return check_races_ ? std::make_shared<const Times>(state(unit).clock.all(id_, floor_)) : nullptr;
}

void Core::observe(Observer* observer, WriteLog* log) {
  observer_ = observer;
  log_ = log;
  spm_.log_writes(log, Space::kSpm);
  acc_.log_writes(log, Space::kAcc);
}

void Core::report(isa::Unit unit, const Issued& issued) {
  std::vector<CommittedLine>& lines = log_->lines;
  const auto place = [](const CommittedLine& l) { return std::tuple(l.space, l.core, l.line); };
  std::sort(lines.begin(), lines.end(), [&](auto& a, auto& b) { return place(a) < place(b); });
  lines.erase(std::unique(lines.begin(), lines.end(), [&](auto& a, auto& b) { return place(a) == place(b); }),
              lines.end());
  observer_->retired(id_, unit, issued.pc, issued.code->instr, lines);
  lines.clear();
}

// The post of an instruction whose writes are done.
void Core::finish(isa::Unit unit, const Issued& issued) {
  const isa::Instr& in = issued.code->instr;
  const bool remote = in.op == isa::Op::kSync && (in.flags & isa::flag::kRemote) != 0;
  if (in.pcnt == 0 || in.op == isa::Op::kSnd) return;  // SND has sent its post with its data
  const Clock& clock = state(unit).clock;
  if (!remote && !fabric_->delays_posts()) {
    if (!semaphores_.post(in.psem, in.pcnt, clock)) {
      fault("the post of {} to semaphore {} exceeds {}: it is {}", in.pcnt, in.psem, isa::kSemaphoreMax,
            semaphores_.value(in.psem));
    }
    return;
  }
  Message message;
  message.from = {id_, unit, issued.pc};
  message.unit = unit_id(id_, unit);
  message.time = clock.local(unit);
  message.clock = clock_to_send(unit);
  message.mask = remote ? issued.mask : uint64_t{1} << id_;
  message.sem = in.psem;
  message.count = in.pcnt;
  if (message.mask >> cores_ != 0) fault("the mask 0x{:x} names cores that the chip does not have", message.mask);
  fabric_->send(std::move(message));
}

void Core::receive_data(const Message& message) {
  if (message.to.empty()) return;
  try {
    Knowledge knows;
    if (message.clock) knows = {message.clock->data() + id_ * isa::kUnits, message.clock.get()};
    const Access access{knows, message.unit, message.time, id_};
    std::byte* to = memory(message.to_acc).write(access, message.to, "the destination");
    for (uint64_t r = 0; r < message.to.rows; ++r) {
      std::memmove(to + r * message.to.stride, message.data + r * message.data_stride, message.to.row_bytes);
    }
  } catch (Fault& f) {
    f.at = message.from;
    throw;
  }
}

void Core::receive_post(const Message& message) {
  if (message.count == 0) return;
  if (semaphores_.post(message.sem, message.count, message.clock)) return;
  throw Fault{fmt::format("the post of {} to semaphore {} of core {} exceeds {}: it is {}", message.count, message.sem,
                          id_, isa::kSemaphoreMax, semaphores_.value(message.sem)),
              std::nullopt, message.from};
}

}  // namespace hadal::sim
