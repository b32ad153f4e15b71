// A Program as text that assembles to the same program.
#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "program/program.h"

namespace hadal::program {
namespace {

void append_segment(const Segment& segment, std::string& text) {
  text += fmt::format(".segment {} line=0x{:x} lines={}{}\n", segment.name, segment.base_line, segment.lines,
                      segment.writable ? " rw" : "");
  for (size_t at = 0; at < segment.data.size(); at += isa::kLineBytes) {
    const auto line = segment.data.subspan(at, std::min<size_t>(isa::kLineBytes, segment.data.size() - at));
    if (std::all_of(line.begin(), line.end(), [](std::byte b) { return b == std::byte{0}; })) continue;
    text += fmt::format(".data line={} hex ", at / isa::kLineBytes);
    for (std::byte b : line) text += fmt::format("{:02x}", static_cast<unsigned>(b));
    text += "\n";
  }
}

}  // namespace

std::string disassemble(const Program& program) {
  const std::string found = defect(program);
  check(found.empty(), "cannot disassemble a malformed program: {}", found);
  std::string text = fmt::format(".chip {}\n", program.chip);
  for (const Segment& segment : program.segments) {
    if (segment.prepare) segment.prepare();
    append_segment(segment, text);
  }
  for (size_t core = 0; core < program.cores.size(); ++core) {
    const Stream& stream = program.cores[core];
    text += fmt::format("\n.core {}\n", core);
    auto mark = stream.marks.begin();
    for (size_t pc = 0; pc < stream.code.size(); ++pc) {
      if (mark != stream.marks.end() && mark->first == pc) {
        text += fmt::format(".op {}\n", program.operators[mark->op]);
        ++mark;
      }
      text += isa::disassemble(isa::decode(stream.code[pc]));
      text += "\n";
    }
  }
  return text;
}

}  // namespace hadal::program
