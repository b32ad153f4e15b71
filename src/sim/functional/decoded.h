// The streams of a program, decoded. A step has some 200,000 instructions, but most are those of another core or layer
// again: each is kept once, so that what a step goes through stays in the caches.
#pragma once

#include <cstdint>
#include <vector>

#include "isa/isa.h"
#include "program/program.h"

namespace hadal::sim {

struct Code {
  isa::Instr instr;
  isa::Unit unit{};
};

// The instructions of one core.
class CodeStream {
 public:
  size_t size() const { return at_.size(); }
  const Code& operator[](size_t pc) const { return table_[at_[pc]]; }
  uint32_t op_mark(size_t pc) const { return marks_[pc]; }
  // Of an instruction that comes soon, if there is one.
  void prefetch(size_t pc) const {
    if (pc >= at_.size()) return;
    const Code& code = (*this)[pc];
    __builtin_prefetch(&code);
    __builtin_prefetch(reinterpret_cast<const char*>(&code) + isa::kLineBytes);
  }

  // All that come before prefetch() helps.
  void expect(size_t pc) const {
    for (size_t i = 0; i < kPrefetch; ++i) prefetch(pc + i);
  }
  static constexpr size_t kPrefetch = 8;  // instructions ahead

 private:
  friend class Decoded;
  const Code* table_ = nullptr;
  std::vector<uint32_t> at_, marks_;  // by pc: index in the table, source operator
};

class Decoded {
 public:
  // Throws Error(kFault) that names core, instruction and operator of one that is none.
  explicit Decoded(const program::Program& program);
  const std::vector<CodeStream>& cores() const { return cores_; }

 private:
  std::vector<Code> table_;
  std::vector<CodeStream> cores_;
};

}  // namespace hadal::sim
