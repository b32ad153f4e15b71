// Formatting of trace events; numbers go straight into a buffer that is flushed as it fills.
#include "sim/timing/chrome_trace.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <ostream>

namespace hadal::sim::timing {
namespace {

constexpr size_t kFlushBytes = 1 << 16;
constexpr size_t kCounterBins = 2048;

}  // namespace

ChromeTrace::ChromeTrace(std::ostream& out, const chip::Chip& chip, const program::Program& program)
    : out_(out), us_per_cycle_(1e6 / chip.clock_hz), memory_pid_(chip.cores), timeline_(kCounterBins) {
  for (const std::string& name : program.operators) operators_.push_back(escaped(name));
  auto at = std::back_inserter(buffer_);
  fmt::format_to(at, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"chip\":\"{}\"}},\"traceEvents\":[\n",
                 escaped(chip.name));
  const auto process = [&](int pid, std::string_view name) {
    fmt::format_to(at,
                   "{{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":{0},\"args\":{{\"name\":\"{1}\"}}}},\n"
                   "{{\"name\":\"process_sort_index\",\"ph\":\"M\",\"pid\":{0},\"args\":{{\"sort_index\":{0}}}}}",
                   pid, name);
  };
  for (int c = 0; c < chip.cores; ++c) {
    process(c, fmt::format("core {}", c));
    for (int u = 0; u < isa::kUnits; ++u) {
      fmt::format_to(at,
                     ",\n{{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":{},\"tid\":{},\"args\":{{\"name\":\"{}\"}}}}",
                     c, u, isa::name(static_cast<isa::Unit>(u)));
    }
    fmt::format_to(at, ",\n");
  }
  process(memory_pid_, "DRAM");
}

// Whole nanoseconds on both ends, so that events which touch in cycles also touch in the viewer.
ChromeTrace::Nanoseconds ChromeTrace::ns(Cycle cycle) const {
  return std::llround(static_cast<double>(cycle) * us_per_cycle_ * 1e3);
}

void ChromeTrace::span(size_t core, const Issue& issue, Cycle begin, Cycle end, Cycle visible) {
  timeline_.span(core, issue, begin, end, visible);
  const Nanoseconds from = ns(begin), to = ns(end);
  auto at = std::back_inserter(buffer_);
  fmt::format_to(at, ",\n{{\"name\":\"{}{}{}\",\"ph\":\"X\",\"pid\":{},\"tid\":{},\"ts\":{}.{:03},\"dur\":{}.{:03}",
                 issue.op_mark < operators_.size() ? operators_[issue.op_mark] : "",
                 issue.op_mark < operators_.size() ? " " : "", isa::name(issue.op), core, static_cast<int>(issue.unit),
                 from / 1000, from % 1000, (to - from) / 1000, (to - from) % 1000);
  fmt::format_to(at, ",\"args\":{{\"pc\":{},\"cycle\":{},\"cycles\":{},\"visible\":{}", issue.pc, begin, end - begin,
                 visible);
  if (issue.rows != 0) fmt::format_to(at, ",\"rows\":{},\"cols\":{}", issue.rows, issue.cols);
  if (issue.op == isa::Op::kMma) fmt::format_to(at, ",\"groups\":{},\"group\":{}", issue.groups, issue.group);
  if (issue.wcnt != 0) fmt::format_to(at, ",\"wait\":\"S{}:{}\"", issue.wsem, issue.wcnt);
  if (issue.pcnt != 0) fmt::format_to(at, ",\"post\":\"S{}:{}\"", issue.psem, issue.pcnt);
  fmt::format_to(at, "}}}}");
  // An arrow hangs on the slice around its end, so it starts a moment before the slice of the post is over.
  if (issue.pcnt != 0) posters_[&issue] = {core, issue.unit, to > from ? to - 1 : from};
  if (const auto waited = ended_by_.find(&issue); waited != ended_by_.end()) {
    if (const auto poster = posters_.find(waited->second); poster != posters_.end()) {
      flow("s", flows_, poster->second);
      flow("f", flows_++, {core, issue.unit, from});
    }
    ended_by_.erase(waited);
  }
  flush(kFlushBytes);
}

void ChromeTrace::post(size_t to, const Issue& by, Cycle time) {
  std::deque<Tokens>& tokens = semaphores_[{to, by.psem}];
  auto at = tokens.end();
  while (at != tokens.begin() && std::prev(at)->time > time) --at;
  tokens.insert(at, {time, by.pcnt, &by});
}

// The tokens are anonymous; the one that arrived last among those taken is what the wait had been waiting for.
void ChromeTrace::wait(size_t core, const Issue& issue, Cycle, bool blocked) {
  std::deque<Tokens>& tokens = semaphores_[{core, issue.wsem}];
  uint32_t left = issue.wcnt;
  while (left > 0 && !tokens.empty()) {
    Tokens& first = tokens.front();
    const uint32_t taken = std::min(left, first.count);
    left -= taken;
    first.count -= taken;
    if (left == 0 && blocked) ended_by_[&issue] = first.by;
    if (first.count == 0) tokens.pop_front();
  }
}

void ChromeTrace::flow(std::string_view phase, uint64_t id, const Place& place) {
  fmt::format_to(std::back_inserter(buffer_),
                 ",\n{{\"name\":\"semaphore\",\"cat\":\"semaphore\",\"ph\":\"{}\",{}\"id\":{},\"pid\":{},\"tid\":{},"
                 "\"ts\":{}.{:03}}}",
                 phase, phase == "f" ? "\"bp\":\"e\"," : "", id, place.core, static_cast<int>(place.unit),
                 place.at / 1000, place.at % 1000);
}

void ChromeTrace::counter(std::string_view name, const std::vector<uint64_t>& bytes, uint64_t bin_cycles) {
  const double ns_per_bin = static_cast<double>(bin_cycles) * us_per_cycle_ * 1e3;
  for (size_t i = 0; i <= bytes.size(); ++i) {
    const Nanoseconds at = ns(i * bin_cycles);
    const double gigabytes_per_s = i < bytes.size() ? static_cast<double>(bytes[i]) / ns_per_bin : 0;
    fmt::format_to(std::back_inserter(buffer_),
                   ",\n{{\"name\":\"{}\",\"ph\":\"C\",\"pid\":{},\"ts\":{}.{:03},\"args\":{{\"GB/s\":{:.3f}}}}}", name,
                   memory_pid_, at / 1000, at % 1000, gigabytes_per_s);
  }
}

void ChromeTrace::finish() {
  const Timeline timeline = timeline_.take();
  counter("DRAM read", timeline.dram_read_bytes, timeline.bin_cycles);
  counter("DRAM written", timeline.dram_written_bytes, timeline.bin_cycles);
  fmt::format_to(std::back_inserter(buffer_), "\n]}}\n");
  flush(0);
}

void ChromeTrace::flush(size_t limit) {
  if (buffer_.size() <= limit) return;
  out_.write(buffer_.data(), static_cast<std::streamsize>(buffer_.size()));
  buffer_.clear();
}

std::string ChromeTrace::escaped(const std::string& text) const {
  std::string result;
  for (const char ch : text) {
    if (ch == '"' || ch == '\\') {
      result += '\\';
      result += ch;
    } else if (static_cast<unsigned char>(ch) < 0x20) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(ch));
    } else {
      result += ch;
    }
  }
  return result;
}

}  // namespace hadal::sim::timing
