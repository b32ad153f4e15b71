// What the functional simulator tells a co-simulation: the lines that an instruction has written, when it is done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "isa/isa.h"
#include "program/program.h"

namespace hadal::sim {

enum class Space : uint8_t { kSpm, kAcc, kDram };

// A line that was written at least in part, with all its 64 bytes as they are now. `core` is whose SPM or ACC it is.
struct CommittedLine {
  Space space{};
  int core = 0;
  uint64_t line = 0;
  const std::byte* data = nullptr;
};

class Observer {
 public:
  virtual ~Observer() = default;
  // An instruction of a unit is complete; in order within the unit. Lines ascend and are named once.
  virtual void retired(int core, isa::Unit unit, uint32_t pc, const isa::Instr& instr,
                       std::span<const CommittedLine> lines) = 0;
  // A launch begins; has run to its end; the host has written DRAM.
  virtual void started(const program::Program&) {}
  virtual void launched() {}
  virtual void host_wrote(uint64_t /*byte_address*/, std::span<const std::byte> /*data*/) {}
};

// Lines written by the instruction that executes; collected only when somebody observes.
struct WriteLog {
  std::vector<CommittedLine> lines;
};

}  // namespace hadal::sim
