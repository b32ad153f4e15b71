// Formatting of trace events; numbers go straight into a buffer that is flushed as it fills.
#include "sim/timing/chrome_trace.h"

#include <cmath>
#include <iterator>
#include <ostream>

namespace hadal::sim::timing {
namespace {

constexpr size_t kFlushBytes = 1 << 16;

}  // namespace

ChromeTrace::ChromeTrace(std::ostream& out, const chip::Chip& chip, const program::Program& program)
    : out_(out), us_per_cycle_(1e6 / chip.clock_hz) {
  for (const std::string& name : program.operators) operators_.push_back(escaped(name));
  auto at = std::back_inserter(buffer_);
  fmt::format_to(at, "{{\"displayTimeUnit\":\"ns\",\"otherData\":{{\"chip\":\"{}\"}},\"traceEvents\":[\n",
                 escaped(chip.name));
  for (int c = 0; c < chip.cores; ++c) {
    fmt::format_to(at, "{}{{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":{},\"args\":{{\"name\":\"core {}\"}}}}",
                   c == 0 ? "" : ",\n", c, c);
    for (int u = 0; u < isa::kUnits; ++u) {
      fmt::format_to(at,
                     ",\n{{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":{},\"tid\":{},\"args\":{{\"name\":\"{}\"}}}}",
                     c, u, isa::name(static_cast<isa::Unit>(u)));
    }
  }
}

void ChromeTrace::add(size_t core, const Issue& issue, Cycle begin, Cycle end, Cycle visible) {
  // Whole nanoseconds on both ends, so that events which touch in cycles also touch in the viewer.
  auto ns = [&](Cycle cycle) { return std::llround(static_cast<double>(cycle) * us_per_cycle_ * 1e3); };
  const long long from = ns(begin), to = ns(end);
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
  flush(kFlushBytes);
}

void ChromeTrace::finish() {
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
