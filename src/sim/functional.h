// The functional simulator: executes a program bit for bit and stops on anything the machine forbids.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "chip/chip.h"
#include "program/program.h"
#include "sim/observer.h"
#include "sim/trace.h"

namespace hadal::sim {

struct FunctionalOptions {
  bool check_races = true;                  // happens-before check between units and cores
  bool check_initialised = true;            // reads of words nobody wrote
  std::optional<uint64_t> interleave_seed;  // run ready units in random order
  int threads = 1;                          // host threads (ignored with interleave_seed)
  Observer* observer = nullptr;             // sees what is committed; then everything runs on one thread, in turn
};

// Counts since construction.
struct FunctionalStats {
  uint64_t launches = 0, instructions = 0, macs = 0, vector_elements = 0;
  uint64_t dram_read_bytes = 0, dram_written_bytes = 0, noc_bytes = 0;
  FunctionalStats& operator+=(const FunctionalStats& other);
};

class Functional {
 public:
  // The program must outlive the simulator; read-only segments are used in place, writable ones are copied.
  Functional(const chip::Chip& chip, const program::Program& program, FunctionalOptions options = {});
  ~Functional();
  Functional(const Functional&) = delete;
  Functional& operator=(const Functional&) = delete;

  // Runs the program once, from reset cores and the present DRAM, to HALT on every core. With a trace, appends every
  // issued instruction. Throws Error(kFault) naming core, unit, instruction and source operator.
  void launch(Trace* trace = nullptr);

  // Replaces the streams by those of another program with identical segments (another batch size); DRAM stays.
  void set_program(const program::Program& program);

  // Host access to DRAM (between launches). Throws Error(kInternal) outside a segment.
  void read_dram(uint64_t byte_address, std::span<std::byte> out) const;
  void write_dram(uint64_t byte_address, std::span<const std::byte> data);

  // Host view of a core's memories after a launch, for tests and `exec`.
  std::span<const std::byte> spm(int core) const;
  std::span<const std::byte> acc(int core) const;

  const FunctionalStats& stats() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hadal::sim
