// The checks of shadow memory. The loops over lines are the cost of checking; each is a plain pass over one array.
#include "sim/functional/shadow.h"

#include <algorithm>

#include "sim/functional/fault.h"

namespace hadal::sim {
namespace {

[[noreturn]] void race(const Access& access, const std::string& what, UnitId unit, Time time) {
  (void)access;
  throw Fault{what, EarlierAccess{unit, time}, std::nullopt};
}

// Whether all stamps are the same: the usual case, a range that one instruction wrote.
bool uniform(const uint64_t* stamps, uint64_t count) {
  uint64_t difference = 0;
  for (uint64_t i = 1; i < count; ++i) difference |= stamps[i] ^ stamps[0];
  return difference == 0;
}

bool any_above(const Time* times, uint64_t count, Time known) {
  unsigned above = 0;
  for (uint64_t i = 0; i < count; ++i) above |= static_cast<unsigned>(times[i] > known);
  return above != 0;
}

}  // namespace

// ---- SPM and ACC -------------------------------------------------------------------------------------------------

LocalShadow::LocalShadow(std::string name, int core, uint64_t lines, Checks checks)
    : name_(std::move(name)), core_(core), checks_(checks) {
  if (checks_.any()) written_ = ZeroedArray<uint64_t>(lines);
  if (checks_.races) {
    for (auto& times : read_) times = ZeroedArray<Time>(lines);
  }
}

void LocalShadow::start_launch(Time floor) {
  floor_ = floor;
  if (floor == 0) {  // time starts over
    written_.clear();
    for (auto& times : read_) times.clear();
  }
  latest_read_.fill(floor);
}

void LocalShadow::check_read(const Access& access, uint64_t line, uint64_t words, uint64_t stamp) const {
  const bool fresh = time_of(stamp) > floor_;
  const uint64_t missing = words & ~(fresh ? stamp & kAllWords : 0);
  // A line written by somebody unordered may look unwritten in another order: the race is the better message.
  if (checks_.races && fresh && writer_of(stamp) != access.unit &&
      time_of(stamp) > access.knows.of(writer_of(stamp), core_, floor_)) {
    race(access, fmt::format("reads {} line {}, not ordered after the write by", name_, line), writer_of(stamp),
         time_of(stamp));
  }
  if (checks_.initialised && missing != 0) {
    fault("reads word {} of {} line {}, which nobody wrote in this launch", std::countr_zero(missing), name_, line);
  }
}

void LocalShadow::check_overwrite(const Access& access, uint64_t line, uint64_t stamp) const {
  if (time_of(stamp) > floor_ && writer_of(stamp) != access.unit &&
      time_of(stamp) > access.knows.of(writer_of(stamp), core_, floor_)) {
    race(access, fmt::format("writes {} line {} of core {}, not ordered after the write by", name_, line, core_),
         writer_of(stamp), time_of(stamp));
  }
}

void LocalShadow::check_readers(const Access& access, uint64_t line, uint64_t count) const {
  for (int u = 0; u < isa::kUnits; ++u) {
    const Time known = access.knows.local[u];
    if (latest_read_[static_cast<size_t>(u)] <= known) continue;
    const UnitId reader = unit_id(core_, static_cast<isa::Unit>(u));
    const Time* times = read_[static_cast<size_t>(u)].data() + line;
    if (reader == access.unit || !any_above(times, count, known)) continue;
    const uint64_t i =
        static_cast<uint64_t>(std::find_if(times, times + count, [&](Time t) { return t > known; }) - times);
    race(access, fmt::format("writes {} line {} of core {}, not ordered after the read by", name_, line + i, core_),
         reader, times[i]);
  }
}

void LocalShadow::read_part(const Access& access, uint64_t line, uint64_t words) {
  check_read(access, line, words, written_[line]);
  if (checks_.races) {
    const size_t unit = static_cast<size_t>(unit_of(access.unit));
    read_[unit][line] = access.now;
    latest_read_[unit] = access.now;
  }
}

void LocalShadow::read_lines(const Access& access, uint64_t line, uint64_t count) {
  const uint64_t* stamps = written_.data() + line;
  if (uniform(stamps, count)) {
    check_read(access, line, kAllWords, stamps[0]);
  } else {
    for (uint64_t i = 0; i < count; ++i) check_read(access, line + i, kAllWords, stamps[i]);
  }
  if (checks_.races) {
    const size_t unit = static_cast<size_t>(unit_of(access.unit));
    std::fill_n(read_[unit].data() + line, count, access.now);
    latest_read_[unit] = access.now;
  }
}

void LocalShadow::write_part(const Access& access, uint64_t line, uint64_t words) {
  const uint64_t old = written_[line];
  if (checks_.races) {
    check_overwrite(access, line, old);
    check_readers(access, line, 1);
  }
  const uint64_t kept = time_of(old) > floor_ ? old & kAllWords : 0;
  written_[line] = stamp(access.now, access.unit, kept | words);
}

void LocalShadow::write_lines(const Access& access, uint64_t line, uint64_t count) {
  uint64_t* stamps = written_.data() + line;
  if (checks_.races) {
    if (uniform(stamps, count)) {
      check_overwrite(access, line, stamps[0]);
    } else {
      for (uint64_t i = 0; i < count; ++i) check_overwrite(access, line + i, stamps[i]);
    }
    check_readers(access, line, count);
  }
  std::fill_n(stamps, count, stamp(access.now, access.unit, kAllWords));
}

void LocalShadow::read(const Access& access, uint64_t word, uint64_t count) {
  if (count == 0) return;
  const uint64_t end = word + count;
  uint64_t line = word / kWordsALine;
  if (word % kWordsALine != 0) {
    const uint64_t stop = std::min(end - line * kWordsALine, kWordsALine);
    read_part(access, line, (1u << stop) - (1u << word % kWordsALine));
    ++line;
  }
  const uint64_t last = end / kWordsALine;
  if (last > line) {
    read_lines(access, line, last - line);
    line = last;
  }
  if (end > line * kWordsALine) read_part(access, line, (1u << (end - line * kWordsALine)) - 1);
}

void LocalShadow::write(const Access& access, uint64_t word, uint64_t count) {
  if (count == 0) return;
  const uint64_t end = word + count;
  uint64_t line = word / kWordsALine;
  if (word % kWordsALine != 0) {
    const uint64_t stop = std::min(end - line * kWordsALine, kWordsALine);
    write_part(access, line, (1u << stop) - (1u << word % kWordsALine));
    ++line;
  }
  const uint64_t last = end / kWordsALine;
  if (last > line) {
    write_lines(access, line, last - line);
    line = last;
  }
  if (end > line * kWordsALine) write_part(access, line, (1u << (end - line * kWordsALine)) - 1);
}

// ---- DRAM --------------------------------------------------------------------------------------------------------

DramShadow::DramShadow(uint64_t lines, bool shared)
    : written_(lines), readers_((lines + kBlockLines - 1) / kBlockLines) {
  if (shared) locks_ = std::make_unique<std::mutex[]>(kLocks);
}

void DramShadow::forget() {
  written_.clear();
  for (auto& readers : readers_) readers.reset();
}

template <typename F>
void DramShadow::by_blocks(uint64_t line, uint64_t count, F&& part) {
  for (const uint64_t end = line + count; line < end;) {
    const uint64_t block = line / kBlockLines;
    const uint64_t stop = std::min(end, (block + 1) * kBlockLines);
    std::unique_lock<std::mutex> lock;
    if (locks_) lock = std::unique_lock(locks_[block % kLocks]);
    part(block, line, stop - line);
    line = stop;
  }
}

void DramShadow::check_written(const Access& access, uint64_t line, uint64_t count, Time floor, uint64_t first_line,
                               const char* does) const {
  uint64_t good = 0;  // the last stamp found in order
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t stamp = written_[line + i];
    if (stamp == good) continue;
    const UnitId writer = static_cast<UnitId>(stamp);
    const Time time = static_cast<Time>(stamp >> 16);
    if (time > floor && writer != access.unit && time > access.knows.of(writer, access.core, floor)) {
      race(access, fmt::format("{} DRAM line {}, not ordered after the write by", does, first_line + line + i), writer,
           time);
    }
    good = stamp;
  }
}

void DramShadow::check_readers(const Access& access, const Readers& readers, uint64_t line, uint64_t count, Time floor,
                               uint64_t first_line) const {
  for (int core = 0; core < isa::kMaxCores; ++core) {
    const Time latest = readers.latest[static_cast<size_t>(core)];
    if (latest <= floor) continue;
    const UnitId reader = unit_id(core, isa::Unit::kLd);
    const Time known = access.knows.of(reader, access.core, floor);
    if (latest <= known) continue;
    const Time* times = readers.line[static_cast<size_t>(core)].get() + line % kBlockLines;
    for (uint64_t i = 0; i < count; ++i) {
      if (times[i] <= known) continue;
      race(access, fmt::format("writes DRAM line {}, not ordered after the read by", first_line + line + i), reader,
           times[i]);
    }
  }
}

void DramShadow::read(const Access& access, uint64_t first, uint64_t all, Time floor, uint64_t first_line) {
  by_blocks(first, all, [&](uint64_t block, uint64_t line, uint64_t count) {
    check_written(access, line, count, floor, first_line, "reads");
    auto& readers = readers_[block];
    if (!readers) readers = std::make_unique<Readers>();
    const size_t core = static_cast<size_t>(access.core);
    auto& lines = readers->line[core];
    if (!lines) lines = std::make_unique<Time[]>(kBlockLines);
    std::fill_n(lines.get() + line % kBlockLines, count, access.now);
    readers->latest[core] = access.now;
  });
}

void DramShadow::write(const Access& access, uint64_t first, uint64_t all, Time floor, uint64_t first_line) {
  by_blocks(first, all, [&](uint64_t block, uint64_t line, uint64_t count) {
    check_written(access, line, count, floor, first_line, "writes");
    if (readers_[block]) check_readers(access, *readers_[block], line, count, floor, first_line);
    std::fill_n(written_.data() + line, count, stamp(access.now, access.unit));
  });
}

}  // namespace hadal::sim
