// What every program must satisfy, however it was made.
#include "program/program.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace hadal::program {
namespace {

constexpr uint64_t kMaxLine = uint64_t{1} << 48;  // addresses come from 48-bit registers

// Names appear as words of the text form.
bool is_word(const std::string& name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 127 && c != '#'; });
}

std::string stream_defect(const Program& program, size_t core) {
  const Stream& stream = program.cores[core];
  if (stream.code.size() > UINT32_MAX) return fmt::format("core {} has more than 2^32 instructions", core);
  for (size_t i = 0; i < stream.marks.size(); ++i) {
    const Mark& mark = stream.marks[i];
    if (mark.first >= stream.code.size()) {
      return fmt::format("core {}: a mark at instruction {} of {}", core, mark.first, stream.code.size());
    }
    if (mark.op >= program.operators.size()) {
      return fmt::format("core {}: a mark of operator {} of {}", core, mark.op, program.operators.size());
    }
    if (i > 0 && mark.first <= stream.marks[i - 1].first) {
      return fmt::format("core {}: marks must ascend, {} follows {}", core, mark.first, stream.marks[i - 1].first);
    }
  }
  return "";
}

std::string segment_defect(const Program& program, size_t index) {
  const Segment& segment = program.segments[index];
  if (!is_word(segment.name))
    return fmt::format("segment {} needs a name of printable characters without blanks", index);
  if (segment.lines == 0) return fmt::format("segment {} is empty", segment.name);
  if (segment.base_line >= kMaxLine || segment.lines > kMaxLine - segment.base_line) {
    return fmt::format("segment {} ends beyond line 2^48", segment.name);
  }
  const uint64_t data_lines = (segment.data.size() + isa::kLineBytes - 1) / isa::kLineBytes;
  if (data_lines > segment.lines) {
    return fmt::format("segment {} has {} bytes of data but only {} lines", segment.name, segment.data.size(),
                       segment.lines);
  }
  if (index == 0) return "";
  const Segment& last = program.segments[index - 1];
  if (segment.base_line < last.base_line + last.lines) {
    return fmt::format("segment {} at line {} overlaps or precedes segment {}, which ends before line {}", segment.name,
                       segment.base_line, last.name, last.base_line + last.lines);
  }
  return "";
}

}  // namespace

void Program::share_instructions() {
  std::vector<Instructions*> all;
  for (Stream& stream : cores) all.push_back(&stream.code);
  Instructions::share(all);
}

const std::string& Program::operator_at(size_t core, size_t pc) const {
  static const std::string none;
  if (core >= cores.size()) return none;
  const auto& marks = cores[core].marks;
  const auto after =
      std::upper_bound(marks.begin(), marks.end(), pc, [](size_t at, const Mark& mark) { return at < mark.first; });
  if (after == marks.begin() || after[-1].op >= operators.size()) return none;
  return operators[after[-1].op];
}

std::string defect(const Program& program) {
  if (!is_word(program.chip)) return "the chip needs a name of printable characters without blanks";
  if (program.cores.empty() || program.cores.size() > isa::kMaxCores) {
    return fmt::format("{} cores; there must be 1 to {}", program.cores.size(), isa::kMaxCores);
  }
  std::set<std::string_view> names;
  for (const std::string& name : program.operators) {
    if (!is_word(name)) return fmt::format("operator '{}' needs a name of printable characters without blanks", name);
    if (!names.insert(name).second) return fmt::format("operator {} is listed twice", name);
  }
  for (size_t core = 0; core < program.cores.size(); ++core) {
    if (std::string found = stream_defect(program, core); !found.empty()) return found;
  }
  names.clear();
  for (size_t i = 0; i < program.segments.size(); ++i) {
    if (std::string found = segment_defect(program, i); !found.empty()) return found;
    if (!names.insert(program.segments[i].name).second)
      return fmt::format("segment {} is listed twice", program.segments[i].name);
  }
  return "";
}

}  // namespace hadal::program
