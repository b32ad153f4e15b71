// A chip program (waist 1 of the hourglass): per-core instruction streams and the initial DRAM image.
// The functional simulator, the timing simulator and the RTL execute the same bytes.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "isa/isa.h"
#include "program/instructions.h"

namespace hadal::program {

// A contiguous piece of DRAM. Bytes beyond `data` up to `lines` are zero.
struct Segment {
  std::string name;
  uint64_t base_line = 0;
  uint64_t lines = 0;
  bool writable = false;
  std::span<const std::byte> data;              // initial contents, not copied
  std::shared_ptr<const void> owner = nullptr;  // keeps `data` alive
  // When set, `data` holds its contents only after this was called; several threads may, any number of times.
  std::function<void()> prepare{};
  // When set, the contents may go again while this is 0: who raises it before prepare() has them until lowering it.
  std::atomic<int>* held = nullptr;
};

// From instruction `first` on, the stream belongs to source operator `op` (index into Program::operators).
struct Mark {
  uint32_t first = 0;
  uint32_t op = 0;
  bool operator==(const Mark&) const = default;
};

struct Stream {
  Instructions code;
  std::vector<Mark> marks;  // ascending by first
  bool operator==(const Stream&) const = default;
};

struct Program {
  std::string chip;                    // name of the chip it was compiled for
  std::vector<Stream> cores;           // one per core
  std::vector<Segment> segments;       // disjoint, ascending by base_line
  std::vector<std::string> operators;  // names, e.g. "L2.q_b"

  // Gives all streams one table of instructions.
  void share_instructions();
  // The operator of instruction `pc` of `core`, or "" when unmarked.
  const std::string& operator_at(size_t core, size_t pc) const;
};

// Why this is not a well-formed program, or "": names, marks, segments. Instructions are not looked at.
std::string defect(const Program& program);

// Binary container (`.hprog`): save and load. Loading validates everything and throws input errors.
void save(const Program& program, const std::string& path);
Program load(const std::string& path);

// The same from memory, which `owner` keeps alive; `name` heads messages.
Program load(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner, const std::string& name);

// Text form (`.hasm`): docs/assembly.md. One instruction or directive a line; `#` starts a comment.
Program assemble(std::string_view text, const std::string& file);
std::string disassemble(const Program& program);

}  // namespace hadal::program
