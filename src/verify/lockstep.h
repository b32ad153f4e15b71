// Runs a program on the functional simulator and on the RTL and compares every line that an instruction commits, in the
// order in which the units complete their instructions.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "program/program.h"
#include "sim/functional.h"
#include "verify/memory.h"
#include "verify/rtl_model.h"

namespace hadal::verify {

struct LockstepOptions {
  MemoryTiming memory;
  std::string waveform;  // written when the model has waveforms
};

struct LockstepResult {       // sums over launches
  uint64_t cycles = 0;        // reset to idle
  uint64_t lines = 0;         // compared
  uint64_t instructions = 0;  // retired by the units
  std::string difference;     // the first one in words; empty: none
};

// Give observer() to a functional simulator: after each of its launches the same program runs on the RTL, from the same
// DRAM. After a difference nothing runs any more.
class Lockstep {
 public:
  // `chip` and `model` must outlive it. SPM and ACC of the model may hold anything: no program reads what it has not
  // written.
  Lockstep(const chip::Chip& chip, RtlModel& model, LockstepOptions options = {});
  ~Lockstep();

  sim::Observer* observer();
  const LockstepResult& result() const;
  // DRAM as the RTL sees it.
  void read_dram(uint64_t byte_address, std::span<std::byte> out) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hadal::verify
