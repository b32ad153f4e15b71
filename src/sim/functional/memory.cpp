// Bounds, shadow checks and bytes of SPM, ACC and DRAM.
#include "sim/functional/memory.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "sim/functional/fault.h"

namespace hadal::sim {

bool rows_meet(const Region& a, const Region& b) {
  // Both ascend: walk the rows like a merge.
  for (uint64_t i = 0, j = 0; i < a.rows && j < b.rows;) {
    const uint64_t a_start = a.byte + i * a.stride, b_start = b.byte + j * b.stride;
    if (a_start + a.row_bytes <= b_start) {
      ++i;
    } else if (b_start + b.row_bytes <= a_start) {
      ++j;
    } else {
      return true;
    }
  }
  return false;
}

// ---- SPM and ACC -------------------------------------------------------------------------------------------------

LocalMemory::LocalMemory(std::string name, int core, uint64_t bytes, Checks checks)
    : name_(name), core_(core), bytes_(bytes), shadow_(std::move(name), core, (bytes + kLine - 1) / kLine, checks) {}

void LocalMemory::out_of_bounds(const Region& region, const char* operand) const {
  fault("{} is outside the {}: {} row(s) of {} bytes, {} bytes apart, from line {} of {}", operand, name_, region.rows,
        region.row_bytes, region.stride, region.byte / kLine, bytes_.size() / kLine);
}

namespace {

// Calls part(word, count) for the words of each row.
template <typename F>
void by_words(const Region& region, F&& part) {
  const bool solid = region.rows == 1 || region.stride == region.row_bytes;
  const uint64_t rows = solid ? 1 : region.rows;
  const uint64_t row_bytes = solid ? region.rows * region.row_bytes : region.row_bytes;
  for (uint64_t r = 0; r < rows; ++r) {
    const uint64_t first = region.byte + r * region.stride;
    const uint64_t word = first / 4, end = (first + row_bytes + 3) / 4;
    part(word, end - word);
  }
}

}  // namespace

void LocalMemory::record_read(const Access& access, const Region& region) {
  if (!shadow_.checks()) return;
  by_words(region, [&](uint64_t word, uint64_t count) { shadow_.read(access, word, count); });
}

void LocalMemory::record_write(const Access& access, const Region& region) {
  if (!shadow_.checks()) return;
  by_words(region, [&](uint64_t word, uint64_t count) { shadow_.write(access, word, count); });
}

void LocalMemory::check_read(const Access& access, const Region& region, const char* operand) {
  if (region.empty()) return;
  check_bounds(region, operand);
  record_read(access, region);
}

const std::byte* LocalMemory::read(const Access& access, const Region& region, const char* operand) {
  if (region.empty()) return bytes_.data();
  check_read(access, region, operand);
  settle(region.byte, region.end());
  return bytes_.data() + region.byte;
}

std::byte* LocalMemory::write(const Access& access, const Region& region, const char* operand) {
  if (region.empty()) return bytes_.data();
  check_bounds(region, operand);
  record_write(access, region);
  settle(region.byte, region.end());
  if (log_ != nullptr) {
    for (uint64_t r = 0; r < region.rows; ++r) {
      const uint64_t first = region.byte + r * region.stride;
      for (uint64_t line = first / kLine; line <= (first + region.row_bytes - 1) / kLine; ++line)
        log_->lines.push_back({space_, core_, line, bytes_.data() + line * kLine});
    }
  }
  return bytes_.data() + region.byte;
}

void LocalMemory::lend(const Access& access, const Region& region, const std::byte* from, uint64_t from_stride,
                       const char* operand, Hold hold) {
  check_bounds(region, operand);
  record_write(access, region);
  if (region.rows == 1 || region.stride == region.row_bytes) forget(region.byte, region.end());
  settle(region.byte, region.end());
  lent_.push_back({region, from, from_stride, true, std::move(hold)});
  find_lent();
}

// What sticks out stays lent, row by row: most of it is used up, and copying it would cost more than all the rest.
void LocalMemory::forget(uint64_t first, uint64_t end) {
  kept_.clear();
  for (const Lent& lent : lent_) {
    const Region& to = lent.region;
    if (to.end() <= first || to.byte >= end) {
      kept_.push_back(lent);
      continue;
    }
    const auto keep = [&](uint64_t row, uint64_t from, uint64_t until) {
      if (from >= until) return;
      const std::byte* bytes = lent.from + row * lent.stride + (from - to.byte - row * to.stride);
      kept_.push_back({{from, until - from, 1, 0}, bytes, 0, lent.first, lent.hold});
    };
    for (uint64_t r = 0; r < to.rows; ++r) {
      const uint64_t begins = to.byte + r * to.stride, ends = begins + to.row_bytes;
      keep(r, begins, std::min(ends, first));
      keep(r, std::max(begins, end), ends);
    }
  }
  lent_.swap(kept_);
  kept_.clear();  // and what they held
}

void LocalMemory::find_lent() {
  lent_first_ = UINT64_MAX;
  lent_end_ = 0;
  for (const Lent& lent : lent_) {
    lent_first_ = std::min(lent_first_, lent.region.byte);
    lent_end_ = std::max(lent_end_, lent.region.end());
  }
}

void LocalMemory::settle_lent(uint64_t first, uint64_t end) {
  std::erase_if(lent_, [&](const Lent& lent) {
    const Region& to = lent.region;
    if (to.end() <= first || to.byte >= end) return false;
    for (uint64_t r = 0; r < to.rows; ++r) {
      std::memcpy(bytes_.data() + to.byte + r * to.stride, lent.from + r * lent.stride, to.row_bytes);
    }
    return true;
  });
  find_lent();
}

LocalMemory::View LocalMemory::view(const Region& region) {
  for (size_t i = 0; i < lent_.size(); ++i) {
    const Lent& lent = lent_[i];
    if (region.byte < lent.region.byte || region.end() > lent.region.end()) continue;
    const std::byte* next = nullptr;
    if (i + 1 < lent_.size()) {
      next = lent_[i + 1].from;
      lent_[i + 1].first = false;
    }
    const uint64_t offset = region.byte - lent.region.byte;
    if (lent.region.rows == 1) return {lent.from + offset, region.stride, next, lent.first};
    const uint64_t row = offset / lent.region.stride, inside = offset % lent.region.stride;
    if ((region.rows == 1 || region.stride == lent.region.stride) &&
        inside + region.row_bytes <= lent.region.row_bytes) {
      return {lent.from + row * lent.stride + inside, region.rows == 1 ? region.stride : lent.stride, next, lent.first};
    }
  }
  settle(region.byte, region.end());
  return {bytes_.data() + region.byte, region.stride};
}

// ---- DRAM --------------------------------------------------------------------------------------------------------

Dram::Dram(const std::vector<program::Segment>& segments, bool check_races, bool shared) {
  for (const program::Segment& given : segments) {
    check(given.data.size() <= given.lines * kLine, "segment {}: {} bytes of data in {} lines", given.name,
          given.data.size(), given.lines);
    Segment segment{given.name, given.base_line, given.lines,   given.writable, given.data,
                    {},         nullptr,         given.prepare, given.held};
    comes_and_goes_ = comes_and_goes_ || given.held != nullptr;
    if (given.writable && given.prepare) given.prepare();
    if (given.writable) {
      segment.own = Bytes(given.lines * kLine);
      if (!given.data.empty()) std::memcpy(segment.own.data(), given.data.data(), given.data.size());
      segment.data = {segment.own.data(), segment.own.size()};
      if (check_races) segment.shadow = std::make_unique<DramShadow>(given.lines, shared);
    }
    segments_.push_back(std::move(segment));
  }
  const auto before = [](const Segment& a, const Segment& b) { return a.base < b.base; };
  std::sort(segments_.begin(), segments_.end(), before);
  for (size_t i = 1; i < segments_.size(); ++i) {
    check(segments_[i - 1].base + segments_[i - 1].lines <= segments_[i].base, "segments {} and {} overlap",
          segments_[i - 1].name, segments_[i].name);
  }
}

bool Dram::replace(const std::vector<program::Segment>& segments) {
  check(segments.size() == segments_.size(), "another program has {} segments, not {}", segments.size(),
        segments_.size());
  std::vector<const program::Segment*> sorted;
  for (const program::Segment& segment : segments) sorted.push_back(&segment);
  std::sort(sorted.begin(), sorted.end(), [](auto* a, auto* b) { return a->base_line < b->base_line; });
  bool moved = false;
  for (size_t i = 0; i < sorted.size(); ++i) {
    Segment& mine = segments_[i];
    const program::Segment& given = *sorted[i];
    check(given.base_line == mine.base && given.lines == mine.lines && given.writable == mine.writable,
          "segment {} of another program lies elsewhere than {}", given.name, mine.name);
    if (mine.writable) continue;
    moved = moved || mine.data.data() != given.data.data() || mine.data.size() != given.data.size();
    mine.data = given.data;
    mine.prepare = given.prepare;
    mine.held = given.held;
  }
  return moved;
}

void Dram::start_launch(Time floor) {
  floor_ = floor;
  if (floor != 0) return;
  for (Segment& segment : segments_) {
    if (segment.shadow) segment.shadow->forget();
  }
}

Dram::Segment& Dram::find(uint64_t line, uint64_t count, size_t& hint, const char* does) {
  const auto holds = [&](const Segment& s) {
    return line >= s.base && line - s.base < s.lines && count <= s.lines - (line - s.base);
  };
  if (hint < segments_.size() && holds(segments_[hint])) return segments_[hint];
  const auto after = std::upper_bound(segments_.begin(), segments_.end(), line,
                                      [](uint64_t l, const Segment& s) { return l < s.base; });
  if (after == segments_.begin() || !holds(after[-1])) {
    const bool inside = after != segments_.begin() && line - after[-1].base < after[-1].lines;
    if (inside) {
      fault("{} DRAM lines {}..{}, beyond the end of segment {} (lines {}..{})", does, line, line + count - 1,
            after[-1].name, after[-1].base, after[-1].base + after[-1].lines - 1);
    }
    fault("{} DRAM lines {}..{}, which no segment holds", does, line, line + count - 1);
  }
  hint = static_cast<size_t>(after - segments_.begin()) - 1;
  if (segments_[hint].prepare && segments_[hint].held == nullptr) segments_[hint].prepare();  // once is enough
  return segments_[hint];
}

Hold Dram::hold(const Segment& segment) {
  if (segment.held == nullptr) return {};
  Hold hold(segment.held);
  segment.prepare();
  return hold;
}

void Dram::copy(const Segment& segment, uint64_t byte, size_t size, std::byte* to) {
  const size_t given = byte < segment.data.size() ? std::min(size, segment.data.size() - static_cast<size_t>(byte)) : 0;
  if (given != 0) std::memcpy(to, segment.data.data() + byte, given);
  if (given < size) std::memset(to + given, 0, size - given);
}

void Dram::read(const Access& access, uint64_t line, uint64_t count, std::byte* to, size_t& hint) {
  Segment& segment = find(line, count, hint, "reads");
  if (segment.shadow) segment.shadow->read(access, line - segment.base, count, floor_, segment.base);
  const Hold held = hold(segment);
  copy(segment, (line - segment.base) * kLine, count * kLine, to);
}

const std::byte* Dram::view(const Access& access, uint64_t line, uint64_t count, Bytes& spare, size_t& hint) {
  Segment& segment = find(line, count, hint, "reads");
  if (segment.shadow) segment.shadow->read(access, line - segment.base, count, floor_, segment.base);
  const uint64_t byte = (line - segment.base) * kLine;
  const Hold held = hold(segment);
  if (byte + count * kLine <= segment.data.size() && segment.held == nullptr) return segment.data.data() + byte;
  if (spare.size() < count * kLine) spare = Bytes(count * kLine);
  copy(segment, byte, count * kLine, spare.data());
  return spare.data();
}

Dram::Loan Dram::lend(uint64_t line, uint64_t count, size_t& hint) {
  const Segment& segment = find(line, count, hint, "reads");
  const uint64_t byte = (line - segment.base) * kLine;
  if (segment.writable || byte + count * kLine > segment.data.size()) return {};
  return {segment.data.data() + byte, hold(segment)};
}

void Dram::write(const Access& access, uint64_t line, uint64_t count, const std::byte* from, size_t& hint) {
  Segment& segment = find(line, count, hint, "writes");
  if (!segment.writable) fault("writes DRAM line {}, of segment {}, which is read-only", line, segment.name);
  if (segment.shadow) segment.shadow->write(access, line - segment.base, count, floor_, segment.base);
  std::byte* to = segment.own.data() + (line - segment.base) * kLine;
  std::memcpy(to, from, count * kLine);
  if (log_ != nullptr) {
    for (uint64_t i = 0; i < count; ++i) log_->lines.push_back({Space::kDram, 0, line + i, to + i * kLine});
  }
}

const Dram::Segment& Dram::host_find(uint64_t byte, size_t size) const {
  for (const Segment& segment : segments_) {
    const uint64_t first = segment.base * kLine, bytes = segment.lines * kLine;
    if (byte >= first && byte - first <= bytes && size <= bytes - (byte - first)) {
      if (segment.prepare && segment.held == nullptr) segment.prepare();
      return segment;
    }
  }
  throw Error(ErrorKind::kInternal,
              fmt::format("host access to DRAM bytes {}..{}, which no segment holds", byte, byte + size));
}

void Dram::host_read(uint64_t byte, std::span<std::byte> out) const {
  const Segment& segment = host_find(byte, out.size());
  const Hold held = hold(segment);
  copy(segment, byte - segment.base * kLine, out.size(), out.data());
}

void Dram::host_write(uint64_t byte, std::span<const std::byte> data) {
  const Segment& segment = host_find(byte, data.size());
  check(segment.writable, "host write to the read-only segment {}", segment.name);
  if (!data.empty()) std::memcpy(segment.own.data() + (byte - segment.base * kLine), data.data(), data.size());
}

}  // namespace hadal::sim
