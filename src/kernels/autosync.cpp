// Works out the waits and posts between the units of one core.
//
// For every instruction the lines it touches are compared with who touched them last. What another unit must have
// finished first becomes a token: a post on that instruction, a wait on this one, over a semaphore that belongs to the
// ordered pair of units. A unit's knowledge (what is certainly finished when its next instruction issues) is a small
// vector clock, so an order that already follows from earlier waits costs nothing. At loop boundaries CTL waits for all
// units: each pass starts from the same state and takes exactly the tokens it makes.
#include <algorithm>
#include <array>
#include <bit>

#include "base/error.h"
#include "kernels/builder.h"

namespace hadal::kernels {
namespace {

using isa::Unit;
using Clock = std::array<int32_t, isa::kUnits>;

constexpr size_t kCtl = static_cast<size_t>(Unit::kCtl);

// Last touches of lines: the writer and, per unit, the last reader (instruction indices in their unit, from 1).
struct Touched {
  int8_t writer = -1;
  int32_t write = 0;
  Clock read{};
};

// The lines of a space as runs that were touched alike: weights come and go by hundreds of lines.
class Runs {
 public:
  explicit Runs(uint32_t lines) : lines_(lines), touched_(lines + 1), starts_(lines / 64 + 1) { start(0); }
  uint32_t lines() const { return lines_; }

  // use(Touched&) for every run of [first, end), which become runs of their own at the ends.
  template <typename F>
  void each(uint32_t first, uint32_t end, F use) {
    if (first >= end) return;
    split(first);
    split(end);
    for (uint32_t at = first; at < end; at = next(at + 1)) use(touched_[at]);
  }
  // The same without making runs.
  template <typename F>
  void look(uint32_t first, uint32_t end, F use) const {
    if (first >= end) return;
    for (uint32_t at = run_of(first); at < end; at = next(at + 1)) use(touched_[at]);
  }
  // [first, end) become one run.
  void fuse(uint32_t first, uint32_t end, const Touched& touched) {
    if (first >= end) return;
    split(first);
    split(end);
    for (uint32_t at = next(first + 1); at < end; at = next(at + 1)) starts_[at / 64] &= ~(uint64_t{1} << at % 64);
    touched_[first] = touched;
  }

 private:
  void start(uint32_t at) { starts_[at / 64] |= uint64_t{1} << at % 64; }
  bool starts(uint32_t at) const { return (starts_[at / 64] >> at % 64 & 1) != 0; }
  void split(uint32_t at) {
    if (at >= lines_ || starts(at)) return;
    touched_[at] = touched_[run_of(at)];
    start(at);
  }
  uint32_t run_of(uint32_t at) const {  // the start at or before
    size_t word = at / 64;
    uint64_t bits = starts_[word] & (~uint64_t{0} >> (63 - at % 64));
    while (bits == 0) bits = starts_[--word];
    return static_cast<uint32_t>(word * 64 + 63 - static_cast<size_t>(std::countl_zero(bits)));
  }
  uint32_t next(uint32_t at) const {  // the start at or behind; lines() if there is none
    if (at >= lines_) return lines_;
    size_t word = at / 64;
    uint64_t bits = starts_[word] & (~uint64_t{0} << at % 64);
    while (bits == 0) {
      if (++word == starts_.size()) return lines_;
      bits = starts_[word];
    }
    return static_cast<uint32_t>(word * 64 + static_cast<size_t>(std::countr_zero(bits)));
  }

  uint32_t lines_;
  std::vector<Touched> touched_;  // by the start of a run
  std::vector<uint64_t> starts_;  // a bit each
};

void join(Clock& into, const Clock& from) {
  for (size_t u = 0; u < into.size(); ++u) into[u] = std::max(into[u], from[u]);
}

bool covers(const Clock& known, const Clock& needed) {
  for (size_t u = 0; u < known.size(); ++u) {
    if (known[u] < needed[u]) return false;
  }
  return true;
}

// The semaphore of the ordered pair producer -> consumer. CTL is never a producer: dispatch orders what follows it.
int pair_semaphore(size_t producer, size_t consumer) {
  const int sem =
      static_cast<int>((producer - 1) * (isa::kUnits - 1) + (consumer < producer ? consumer : consumer - 1));
  check(sem < kArriveSemaphore, "semaphore {} is not free for units", sem);
  return sem;
}

struct Plan {
  std::vector<size_t> waits;  // producers this entry waits for, one token each
  std::vector<size_t> posts;  // consumers this entry gives a token to
};

class Analysis {
 public:
  Analysis(const std::vector<Entry>& entries, uint32_t spm_lines, uint32_t acc_lines)
      : entries_(entries),
        plans_(entries.size()),
        finished_(entries.size()),
        spaces_{Runs(spm_lines), Runs(acc_lines), Runs(static_cast<uint32_t>(Object::kCount))} {
    static_assert(static_cast<int>(Space::kSpm) == 0 && static_cast<int>(Space::kAcc) == 1);
    for (size_t e = 0; e < entries.size(); ++e) visit(e);
  }

  const std::vector<Plan>& plans() const { return plans_; }

 private:
  void visit(size_t e) {
    const Entry& entry = entries_[e];
    const auto unit = static_cast<size_t>(isa::unit_of(entry.instr));
    Clock& known = known_[unit];
    join(known, known_[kCtl]);
    if (entry.implies >= 0) join(known, finished_[static_cast<size_t>(entry.implies)]);
    Clock needed{};
    if (entry.join || entry.instr.op == isa::Op::kHalt) {
      for (size_t u = 0; u < needed.size(); ++u) needed[u] = static_cast<int32_t>(by_unit_[u].size());
    }
    for (const Access& a : entry.accesses) need(a, needed);
    needed[unit] = 0;
    if (entry.instr.op != isa::Op::kHalt) wait_for(e, unit, needed);
    by_unit_[unit].push_back(e);
    const auto index = static_cast<int32_t>(by_unit_[unit].size());
    known[unit] = index;
    finished_[e] = known;
    for (const Access& a : entry.accesses) touch(a, unit, index);
  }

  void need(const Access& a, Clock& needed) {
    const Runs& space = spaces_[static_cast<size_t>(a.space)];
    check(a.first + a.lines <= space.lines(), "an instruction reaches line {} of {}", a.first + a.lines, space.lines());
    space.look(a.first, a.first + a.lines, [&](const Touched& lines) {
      if (lines.writer >= 0) {
        auto& n = needed[static_cast<size_t>(lines.writer)];
        n = std::max(n, lines.write);
      }
      if (a.write) join(needed, lines.read);
    });
  }

  void wait_for(size_t e, size_t unit, const Clock& needed) {
    Clock& known = known_[unit];
    while (!covers(known, needed)) {
      // Wait first for the unit whose progress implies most of what else is needed.
      size_t best = 0;
      int best_score = -1;
      for (size_t u = 0; u < needed.size(); ++u) {
        if (needed[u] <= known[u]) continue;
        const Clock& implied = finished_[by_unit_[u][static_cast<size_t>(needed[u] - 1)]];
        int score = 0;
        for (size_t v = 0; v < needed.size(); ++v) score += needed[v] > known[v] && implied[v] >= needed[v];
        if (score > best_score) {
          best_score = score;
          best = u;
        }
      }
      const size_t producer = by_unit_[best][static_cast<size_t>(needed[best] - 1)];
      plans_[producer].posts.push_back(unit);
      plans_[e].waits.push_back(best);
      join(known, finished_[producer]);
    }
  }

  void touch(const Access& a, size_t unit, int32_t index) {
    Runs& space = spaces_[static_cast<size_t>(a.space)];
    if (a.write) {
      space.fuse(a.first, a.first + a.lines, {static_cast<int8_t>(unit), index, {}});
    } else {
      space.each(a.first, a.first + a.lines, [&](Touched& lines) { lines.read[unit] = index; });
    }
  }

  const std::vector<Entry>& entries_;
  std::vector<Plan> plans_;
  std::vector<Clock> finished_;  // what is certainly finished once an entry is
  std::array<Clock, isa::kUnits> known_{};
  std::array<std::vector<size_t>, isa::kUnits> by_unit_;
  std::array<Runs, 3> spaces_;  // by Space
};

isa::Instr sync_on(size_t unit) {
  isa::Instr i{.op = isa::Op::kSync};
  i.unit = static_cast<uint8_t>(unit);
  return i;
}

}  // namespace

program::Stream synchronise(const std::vector<Entry>& entries, uint32_t spm_lines, uint32_t acc_lines) {
  const Analysis analysis(entries, spm_lines, acc_lines);
  std::vector<isa::Instr> code;
  std::vector<size_t> starts(entries.size() + 1);
  std::vector<std::pair<size_t, size_t>> loops;  // entry, position in code
  program::Stream stream;
  for (size_t e = 0; e < entries.size(); ++e) {
    const Entry& entry = entries[e];
    const Plan& plan = analysis.plans()[e];
    const auto unit = static_cast<size_t>(isa::unit_of(entry.instr));
    isa::Instr instr = entry.instr;
    starts[e] = code.size();
    if (stream.marks.empty() || stream.marks.back().op != entry.op) {
      stream.marks.push_back({static_cast<uint32_t>(code.size()), entry.op});
    }
    size_t w = 0;
    const bool own_wait_free = instr.wcnt == 0;
    for (; w + (own_wait_free ? 1 : 0) < plan.waits.size(); ++w) {
      isa::Instr sync = sync_on(unit);
      sync.wsem = static_cast<uint8_t>(pair_semaphore(plan.waits[w], unit));
      sync.wcnt = 1;
      code.push_back(sync);
    }
    if (w < plan.waits.size()) {
      instr.wsem = static_cast<uint8_t>(pair_semaphore(plan.waits[w], unit));
      instr.wcnt = 1;
    }
    size_t p = 0;
    const bool local_post = (instr.op != isa::Op::kSync || (instr.flags & isa::flag::kRemote) == 0) &&
                            instr.op != isa::Op::kSnd && instr.op != isa::Op::kCfg;
    if (local_post && instr.pcnt == 0 && p < plan.posts.size()) {
      instr.psem = static_cast<uint8_t>(pair_semaphore(unit, plan.posts[p++]));
      instr.pcnt = 1;
    }
    const bool idle_join = entry.join && plan.waits.empty() && p == 0;
    if (instr.op == isa::Op::kLoop) loops.emplace_back(e, code.size());
    if (!idle_join) code.push_back(instr);
    for (; p < plan.posts.size(); ++p) {
      isa::Instr sync = sync_on(unit);
      sync.psem = static_cast<uint8_t>(pair_semaphore(unit, plan.posts[p]));
      sync.pcnt = 1;
      code.push_back(sync);
    }
  }
  starts[entries.size()] = code.size();
  for (const auto& [e, at] : loops) {
    const size_t length = starts[entries[e].loop_end] - at - 1;
    check(length > 0 && length < 1024, "a loop body of {} instructions does not fit in the instruction memory", length);
    code[at].len = static_cast<uint16_t>(length);
  }
  stream.code.reserve(code.size());
  for (const isa::Instr& instr : code) stream.code.push_back(isa::encode(instr));
  return stream;
}

}  // namespace hadal::kernels
