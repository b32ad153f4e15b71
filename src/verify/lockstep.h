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
  uint64_t cycle_limit = 0;  // 0: chosen from the work
  std::string waveform;      // written when the model has waveforms
};

struct LockstepResult {
  uint64_t cycles = 0;        // reset to idle
  uint64_t lines = 0;         // compared
  uint64_t instructions = 0;  // retired by the units
  std::string difference;     // the first one in words; empty: none
};

class Lockstep {
 public:
  // `chip` and `model` must outlive it.
  Lockstep(const chip::Chip& chip, RtlModel& model, LockstepOptions options = {});
  ~Lockstep();

  // Launches the program on `functional`, which must have been made with observer(), then on the RTL, whose DRAM is the
  // program's with what earlier launches wrote. SPM and ACC must have started equal.
  LockstepResult launch(const program::Program& program, sim::Functional& functional, sim::Trace* trace = nullptr);
  sim::Observer* observer();
  // What the host writes into DRAM between launches goes to both.
  void write_dram(uint64_t byte_address, std::span<const std::byte> data);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hadal::verify
