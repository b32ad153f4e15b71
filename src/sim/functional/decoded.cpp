// Decodes every instruction of a program once.
#include "sim/functional/decoded.h"

#include <fmt/format.h>

#include <cstring>
#include <unordered_map>
#include <utility>

#include "base/error.h"

namespace hadal::sim {
namespace {

struct Hash {
  size_t operator()(const isa::Encoded& encoded) const {
    uint64_t half[2];
    std::memcpy(half, encoded.word.data(), sizeof half);
    const uint64_t mixed = (half[0] ^ half[1] * 0x9E3779B97F4A7C15) * 0xD6E8FEB86659FD93;
    return mixed ^ mixed >> 32;
  }
};

}  // namespace

Decoded::Decoded(const program::Program& program) : cores_(program.cores.size()) {
  std::unordered_map<isa::Encoded, uint32_t, Hash> known;
  for (size_t c = 0; c < cores_.size(); ++c) {
    const program::Stream& stream = program.cores[c];
    CodeStream& core = cores_[c];
    core.at_.reserve(stream.code.size());
    core.marks_.reserve(stream.code.size());
    size_t mark = 0;
    for (size_t pc = 0; pc < stream.code.size(); ++pc) {
      while (mark < stream.marks.size() && stream.marks[mark].first <= pc) ++mark;
      core.marks_.push_back(mark > 0 ? stream.marks[mark - 1].op : 0);
      const auto [entry, added] = known.try_emplace(stream.code[pc], static_cast<uint32_t>(table_.size()));
      core.at_.push_back(entry->second);
      if (!added) continue;
      try {
        const isa::Instr instr = isa::decode(stream.code[pc]);
        table_.push_back({instr, isa::unit_of(instr)});
      } catch (const Error& error) {
        const std::string& name = program.operator_at(c, pc);
        throw Error(ErrorKind::kFault, fmt::format("core {} instruction {}{}: {}", c, pc,
                                                   name.empty() ? "" : fmt::format(" ({})", name), error.what()));
      }
    }
  }
  table_.shrink_to_fit();
  for (CodeStream& core : cores_) core.table_ = table_.data();
}

}  // namespace hadal::sim
