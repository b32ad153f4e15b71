// Expectations from the functional simulator, reports from the RTL, and their comparison.
#include "verify/lockstep.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <map>
#include <tuple>
#include <utility>

#include "base/error.h"
#include "verify/cosim.h"

namespace hadal::verify {
namespace {

using isa::Unit;
using sim::Space;

constexpr uint64_t kLine = 64;
constexpr uint64_t kQuietLimit = 200000;  // cycles without any report: the RTL hangs

struct Place {
  Space space{};
  int core = 0;
  uint64_t line = 0;
  bool operator<(const Place& o) const { return std::tie(space, core, line) < std::tie(o.space, o.core, o.line); }
  bool operator==(const Place& o) const = default;
};

std::string text(const Place& p) {
  switch (p.space) {
    case Space::kSpm: return fmt::format("spm[{}] of core {}", p.line, p.core);
    case Space::kAcc: return fmt::format("acc[{}] of core {}", p.line, p.core);
    case Space::kDram: return fmt::format("hbm[{}]", p.line);
  }
  return "";
}

struct Expected {
  uint32_t pc = 0;
  size_t first = 0, count = 0;  // of the lines
};

struct Stream {  // of a unit of a core
  std::vector<Expected> instructions;
  std::vector<std::pair<Place, Line>> lines;
  size_t next = 0;
  std::vector<Place> written;  // by the RTL, by an instruction that is not complete
  // ST: instructions whose writes are all accepted but not all answered, and the writes of the next one. The lines are
  // kept, because that may write them again.
  std::deque<std::map<Place, Line>> sent;
  std::map<Place, Line> sending;
  // NX: what its messages wrote, in order. The next instruction may write the same lines before this one is reported.
  std::deque<std::pair<Place, Line>> arrived;
  std::vector<uint64_t> completed;  // cycle of each instruction's end
};

// CFG and SYNC never reach the datapath, but VX takes its CFG like any instruction.
bool reported(Unit unit, const isa::Instr& instr) {
  return instr.op != isa::Op::kSync && (instr.op != isa::Op::kCfg || unit == Unit::kVx);
}

// A unit that may begin to write before it has reported the end of the instruction before.
bool overlaps(Unit unit) { return unit == Unit::kVx; }

}  // namespace

struct Lockstep::Impl : public sim::Observer, public Cosim {
  Impl(const chip::Chip& c, RtlModel& m, LockstepOptions o)
      : chip(c), model(m), options(std::move(o)), memory(c, options.memory) {
    spm.assign(static_cast<size_t>(c.cores) * c.spm.bytes / kLine, {});
    acc.assign(static_cast<size_t>(c.cores) * c.acc.bytes / kLine, {});
    memory.on_write = [this](int core, uint64_t line, const Line& data, bool ends) {
      write(core, Unit::kSt, Space::kDram, 0, line, ~uint64_t{0}, data.bytes);
      if (ends) stream(core, Unit::kSt).sent.push_back(std::exchange(stream(core, Unit::kSt).sending, {}));
    };
  }

  // ---- from the functional simulator ----
  void retired(int core, Unit unit, uint32_t pc, const isa::Instr& instr,
               std::span<const sim::CommittedLine> lines) override {
    if (!reported(unit, instr)) return;
    Stream& s = stream(core, unit);
    s.instructions.push_back({pc, s.lines.size(), lines.size()});
    for (const sim::CommittedLine& line : lines) {
      Line data;
      std::memcpy(data.bytes, line.data, kLine);
      s.lines.push_back({{line.space, line.core, line.line}, data});
    }
  }

  void started(const program::Program& given) override {
    const bool first = program == nullptr;
    program = &given;
    streams.clear();
    if (!first) return;
    memory.load(given);
    for (const auto& [at, data] : early) host_wrote(at, data);
    early.clear();
  }
  void launched() override {
    if (!result.difference.empty()) return;
    memory.load(*program);
    run();
  }
  void host_wrote(uint64_t byte_address, std::span<const std::byte> data) override {
    for (size_t done = 0; done < data.size();) {
      const uint64_t at = byte_address + done;
      const size_t offset = at % kLine, size = std::min<size_t>(kLine - offset, data.size() - done);
      if (program == nullptr) {
        early.emplace_back(at, std::vector(data.begin() + static_cast<ptrdiff_t>(done), data.end()));
        return;
      }
      Line line;
      memory.read(at / kLine, line);
      std::memcpy(line.bytes + offset, data.data() + done, size);
      memory.write(at / kLine, line);
      done += size;
    }
  }

  // ---- from the RTL ----
  void write(int from, Unit unit, Space space, int to, uint64_t line, uint64_t strobe, const uint8_t* bytes) override {
    last_report = cycle;
    if (space != Space::kDram) {
      Line& here = local({space, to, line});
      for (size_t i = 0; i < kLine; ++i) {
        if ((strobe >> i & 1) != 0) here.bytes[i] = bytes[i];
      }
    }
    Stream& s = stream(from, unit);
    if (unit != Unit::kSt && unit != Unit::kNx) return s.written.push_back({space, to, line});
    Line data;
    std::memcpy(data.bytes, bytes, kLine);
    if (unit == Unit::kNx) {
      s.arrived.emplace_back(Place{space, to, line}, data);
      return;
    }
    s.sending[{space, to, line}] = data;
  }

  void retire(int core, Unit unit) override {
    last_report = cycle;
    Stream& s = stream(core, unit);
    if (s.next == s.instructions.size()) return differ(core, unit, "completes an instruction too many");
    const Expected& e = s.instructions[s.next];
    s.completed.push_back(cycle);
    std::map<Place, Line> sent;
    if (unit == Unit::kSt && e.count > 0) {
      if (s.sent.empty()) return differ(core, unit, "is complete before its writes");
      sent = std::move(s.sent.front());
      s.sent.pop_front();
      for (const auto& [place, data] : sent) s.written.push_back(place);
    }
    if (unit == Unit::kNx) {
      if (s.arrived.size() < e.count) return differ(core, unit, "is complete before its writes");
      for (size_t i = 0; i < e.count; ++i) {
        s.written.push_back(s.arrived.front().first);
        sent.insert(s.arrived.front());
        s.arrived.pop_front();
      }
    }
    std::sort(s.written.begin(), s.written.end());
    for (size_t i = 0; i < e.count; ++i) {
      const auto& [place, data] = s.lines[e.first + i];
      if (!std::binary_search(s.written.begin(), s.written.end(), place))
        return differ(core, unit, fmt::format("does not write {}", text(place)));
      Line have;
      if (unit == Unit::kSt || unit == Unit::kNx) {
        have = sent.at(place);
      } else {
        have = local(place);
      }
      if (std::memcmp(have.bytes, data.bytes, kLine) != 0) return differ(core, unit, compare(place, have, data));
      ++result.lines;
    }
    // What is left must belong to the next instruction.
    const auto first = s.lines.begin() + static_cast<ptrdiff_t>(e.first);
    std::erase_if(s.written, [&](const Place& p) {
      const auto at = std::lower_bound(first, first + static_cast<ptrdiff_t>(e.count), p,
                                       [](const auto& l, const Place& place) { return l.first < place; });
      return at != first + static_cast<ptrdiff_t>(e.count) && at->first == p;
    });
    if (!overlaps(unit) && !s.written.empty())
      return differ(core, unit, fmt::format("writes {}, which it should not", text(s.written.front())));
    ++result.instructions;
    ++s.next;
  }

  std::string compare(const Place& place, const Line& have, const Line& want) const {
    size_t first = 0, bad = 0;
    for (size_t i = kLine; i-- > 0;) {
      if (have.bytes[i] == want.bytes[i]) continue;
      first = i;
      ++bad;
    }
    uint32_t h, w;
    std::memcpy(&h, have.bytes + first / 4 * 4, 4);
    std::memcpy(&w, want.bytes + first / 4 * 4, 4);
    return fmt::format("writes {} differently in {} bytes; word {}: 0x{:08x} in the RTL, 0x{:08x} expected",
                       text(place), bad, first / 4, h, w);
  }

  void differ(int core, Unit unit, const std::string& what) {
    if (!result.difference.empty()) return;
    const Stream& s = stream(core, unit);
    std::string where = fmt::format("cycle {}: core {} {}", cycle, core, isa::name(unit));
    if (s.next < s.instructions.size()) {
      const uint32_t pc = s.instructions[s.next].pc;
      const std::string& op = program->operator_at(static_cast<size_t>(core), pc);
      where += fmt::format(" instruction {}{} {}", pc, op.empty() ? "" : fmt::format(" ({})", op),
                           isa::disassemble(isa::decode(program->cores[static_cast<size_t>(core)].code[pc])));
    }
    result.difference = fmt::format("{}: {}", where, what);
  }

  // ---- a launch on the RTL ----
  void run() {
    const int cores = model.cores();
    for (int c = 0; c < cores; ++c) {
      model.ports[static_cast<size_t>(c)].boot_line = memory.boot_line(static_cast<size_t>(c));
      model.ports[static_cast<size_t>(c)].boot_lines = memory.boot_lines(static_cast<size_t>(c));
    }
    model.reset();
    if (!options.waveform.empty() && !model.trace(options.waveform.c_str()))
      throw Error(ErrorKind::kInternal, "the RTL model was built without waveforms");
    cycle = last_report = 0;
    for (bool done = false; !done && result.difference.empty(); ++cycle) {
      for (int c = 0; c < cores; ++c) memory.drive(c, model.ports[static_cast<size_t>(c)]);
      model.settle();
      done = true;
      for (int c = 0; c < cores; ++c) {
        HadalRtlPort& port = model.ports[static_cast<size_t>(c)];
        memory.accept(c, port);
        report(c, port);
        if (port.fault != 0) differ(c, Unit::kCtl, fmt::format("faults (0x{:x})", port.fault));
        done = done && port.done != 0;
      }
      done = done && memory.idle();
      model.edge();
      memory.next_cycle();
      if (cycle - last_report > kQuietLimit) hang();
    }
    result.cycles += cycle;
    if (result.difference.empty()) finish();
    if (!options.waveform.empty()) model.trace(nullptr);
  }

  void report(int c, const HadalRtlPort& port) {
    // VX reports an end with its last write, the other units after it.
    const auto ends = [&](Unit unit) {
      if ((port.t_done >> static_cast<int>(unit) & 1) != 0) retire(c, unit);
    };
    for (const Unit unit : {Unit::kLd, Unit::kSt, Unit::kNx, Unit::kMm}) ends(unit);
    constexpr std::array<Unit, 4> kWriters = {Unit::kLd, Unit::kNx, Unit::kMm, Unit::kVx};
    for (size_t w = 0; w < kWriters.size(); ++w) {
      if ((port.t_write >> w & 1) == 0) continue;
      const Space space = (port.t_acc >> w & 1) != 0 ? Space::kAcc : Space::kSpm;
      uint64_t strobe = ~uint64_t{0};
      std::array<uint8_t, kLine> bytes;
      std::memcpy(bytes.data(), port.t_data[w], kLine);
      if (kWriters[w] == Unit::kVx) strobe = port.t_strb;
      if (kWriters[w] == Unit::kMm) {
        strobe = port.t_half != 0 ? ~uint64_t{0} << 32 : ~uint64_t{0} >> 32;
        if (port.t_half != 0) std::memcpy(bytes.data() + 32, port.t_data[w], 32);
      }
      write(kWriters[w] == Unit::kNx ? port.t_from : c, kWriters[w], space, c, port.t_line[w], strobe, bytes.data());
    }
    ends(Unit::kVx);
  }

  void hang() {
    std::string where;
    for (size_t c = 0; c < model.ports.size(); ++c) where += fmt::format(" core {} at {}", c, model.ports[c].t_pc);
    for (auto& [key, s] : streams) {
      if (s.next == s.instructions.size()) continue;
      const uint32_t pc = s.instructions[s.next].pc;
      where += fmt::format("\n  core {} {} instruction {} is not complete: {}", key.first, isa::name(key.second), pc,
                           isa::disassemble(isa::decode(program->cores[static_cast<size_t>(key.first)].code[pc])));
    }
    result.difference = fmt::format("cycle {}: nothing moves:{}", cycle, where);
  }

  void finish() {
    for (auto& [key, s] : streams) {
      if (s.next != s.instructions.size()) return differ(key.first, key.second, "is never completed by the RTL");
      const Place* extra = !s.written.empty()   ? &s.written.front()
                           : !s.sending.empty() ? &s.sending.begin()->first
                           : !s.arrived.empty() ? &s.arrived.front().first
                                                : nullptr;
      if (extra != nullptr)
        return differ(key.first, key.second, fmt::format("writes {}, which it should not", text(*extra)));
    }
  }

  Stream& stream(int core, Unit unit) { return streams[{core, unit}]; }
  Line& local(const Place& p) {
    std::vector<Line>& lines = p.space == Space::kSpm ? spm : acc;
    const size_t each = lines.size() / static_cast<size_t>(chip.cores);
    return lines.at(static_cast<size_t>(p.core) * each + p.line % each);
  }

  const chip::Chip& chip;
  RtlModel& model;
  LockstepOptions options;
  Memory memory;
  const program::Program* program = nullptr;
  std::vector<std::pair<uint64_t, std::vector<std::byte>>> early;  // written before there was a program
  std::vector<Line> spm, acc;                                      // of the RTL, from its reports
  std::map<std::pair<int, Unit>, Stream> streams;
  uint64_t cycle = 0, last_report = 0;
  LockstepResult result;
};

Lockstep::Lockstep(const chip::Chip& chip, RtlModel& model, LockstepOptions options)
    : impl_(std::make_unique<Impl>(chip, model, std::move(options))) {
  check(model.cores() == chip.cores, "the RTL model has {} cores, {} has {}", model.cores(), chip.name, chip.cores);
}
Lockstep::~Lockstep() = default;

sim::Observer* Lockstep::observer() { return impl_.get(); }
const LockstepResult& Lockstep::result() const { return impl_->result; }

void Lockstep::read_dram(uint64_t byte_address, std::span<std::byte> out) const {
  for (size_t done = 0; done < out.size();) {
    const uint64_t at = byte_address + done;
    const size_t offset = at % kLine, size = std::min<size_t>(kLine - offset, out.size() - done);
    Line line;
    impl_->memory.read(at / kLine, line);
    std::memcpy(out.data() + done, line.bytes + offset, size);
    done += size;
  }
}

}  // namespace hadal::verify
