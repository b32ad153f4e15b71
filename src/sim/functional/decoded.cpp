// Decodes every instruction of a program once.
#include "sim/functional/decoded.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace hadal::sim {
namespace {

// The first position of an instruction in the streams that use its table.
[[noreturn]] void report(const program::Program& program, const program::InstructionTable* table, uint32_t number,
                         const char* why) {
  for (size_t c = 0; c < program.cores.size(); ++c) {
    const program::Instructions& code = program.cores[c].code;
    if (code.table() != table) continue;
    const auto at = std::find(code.numbers().begin(), code.numbers().end(), number);
    if (at == code.numbers().end()) continue;
    const auto pc = static_cast<size_t>(at - code.numbers().begin());
    const std::string& name = program.operator_at(c, pc);
    throw Error(ErrorKind::kFault, fmt::format("core {} instruction {}{}: {}", c, pc,
                                               name.empty() ? "" : fmt::format(" ({})", name), why));
  }
  throw Error(ErrorKind::kInternal, fmt::format("instruction {} of a table is in no stream", number));
}

// Instructions that are in no stream any more need not be any.
std::vector<bool> used(const program::Program& program, const program::InstructionTable* table) {
  std::vector<bool> out(table->size());
  for (const program::Stream& stream : program.cores) {
    if (stream.code.table() != table) continue;
    for (const uint32_t number : stream.code.numbers()) out[number] = true;
  }
  return out;
}

std::vector<Code> decode(const program::Program& program, const program::InstructionTable* table) {
  const std::vector<bool> wanted = used(program, table);
  std::vector<Code> out(table->size());
  for (uint32_t n = 0; n < out.size(); ++n) {
    if (!wanted[n]) continue;
    try {
      const isa::Instr instr = isa::decode((*table)[n]);
      out[n] = {instr, isa::unit_of(instr)};
    } catch (const Error& error) {
      report(program, table, n, error.what());
    }
  }
  return out;
}

}  // namespace

uint32_t CodeStream::op_mark(size_t pc, size_t& hint) const {
  const auto holds = [&](size_t mark) {
    return mark < marks_.size() && marks_[mark].first <= pc &&
           (mark + 1 == marks_.size() || pc < marks_[mark + 1].first);
  };
  if (!holds(hint)) {
    if (holds(hint + 1)) {
      ++hint;
    } else {
      const auto after = std::upper_bound(marks_.begin(), marks_.end(), pc,
                                          [](size_t at, const program::Mark& mark) { return at < mark.first; });
      if (after == marks_.begin()) return 0;
      hint = static_cast<size_t>(after - marks_.begin()) - 1;
    }
  }
  return marks_[hint].op;
}

Decoded::Decoded(const program::Program& program) : cores_(program.cores.size()) {
  for (size_t c = 0; c < cores_.size(); ++c) {
    const program::Stream& stream = program.cores[c];
    CodeStream& core = cores_[c];
    core.at_ = stream.code.numbers();
    core.marks_ = stream.marks;
    const program::InstructionTable* table = stream.code.table();
    if (table == nullptr) continue;
    auto found = tables_.find(table);
    if (found == tables_.end()) found = tables_.emplace(table, decode(program, table)).first;
    core.table_ = found->second.data();
  }
}

}  // namespace hadal::sim
