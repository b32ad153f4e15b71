// The streams of a program, decoded: each different instruction once, so that what a step goes through stays in the
// caches. Positions are the program's own.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "isa/isa.h"
#include "program/program.h"

namespace hadal::sim {

struct Code {
  isa::Instr instr;
  isa::Unit unit{};
};

// The instructions of one core, in memory of the program.
class CodeStream {
 public:
  size_t size() const { return at_.size(); }
  const Code& operator[](size_t pc) const { return table_[at_[pc]]; }
  // The source operator of an instruction. `hint` is the caller's, 0 at first: instructions follow one another.
  uint32_t op_mark(size_t pc, size_t& hint) const;
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
  std::span<const uint32_t> at_;  // by pc: index in the table
  std::span<const program::Mark> marks_;
};

class Decoded {
 public:
  // The program must outlive it, unchanged. Throws Error(kFault) that names core, instruction and operator of one that
  // is none.
  explicit Decoded(const program::Program& program);
  const std::vector<CodeStream>& cores() const { return cores_; }

 private:
  std::map<const program::InstructionTable*, std::vector<Code>> tables_;
  std::vector<CodeStream> cores_;
};

}  // namespace hadal::sim
