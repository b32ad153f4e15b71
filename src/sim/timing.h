// The timing simulator: cycles, what bounded them, and energy of a traced launch on a chip.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "program/program.h"
#include "sim/trace.h"

namespace hadal::sim {

struct OperatorTime {
  std::string name;
  uint64_t cycles = 0;                     // wall cycles attributed to it (they add up to the total)
  std::string bound_by;                    // "dram", "matrix", "vector", "noc", "sync", "control"
  uint64_t busy_cycles[isa::kUnits] = {};  // summed over cores
  uint64_t macs = 0;
  uint64_t dram_read_bytes = 0, dram_written_bytes = 0;  // of its loads and stores; fetching instructions is left out
  std::map<std::string, uint64_t> cycles_by_bound = {};  // of what has been added up here; bound_by has the most
};
// Adds the time of another launch, or of another operator of the same kind.
void add(OperatorTime& sum, const OperatorTime& other);

struct EnergyBreakdown {  // joule
  double matrix = 0, vector = 0, spm = 0, acc = 0, dram = 0, noc = 0, control = 0, leakage = 0;
  double total() const { return matrix + vector + spm + acc + dram + noc + control + leakage; }
};

struct TimingResult {
  uint64_t cycles = 0;
  uint64_t instructions = 0;
  std::vector<OperatorTime> operators;   // in order of first appearance
  double utilisation[isa::kUnits] = {};  // busy cycles / (cycles x cores)
  uint64_t macs = 0;
  uint64_t dram_read_bytes = 0, dram_written_bytes = 0;
  double dram_bytes_per_s = 0, dram_peak_fraction = 0;
  uint64_t dram_row_hits = 0, dram_row_misses = 0;
  uint64_t spm_conflict_cycles = 0, noc_stall_cycles = 0;
  EnergyBreakdown energy;
};

// A launch over time: bin i counts from cycle i * bin_cycles on.
struct Timeline {
  uint64_t bin_cycles = 64;
  std::vector<uint64_t> busy_cycles[isa::kUnits];             // summed over cores; of CTL only what it executes itself
  std::vector<uint64_t> dram_read_bytes, dram_written_bytes;  // by when the last byte was on the bus
};

struct TimingOptions {
  std::ostream* chrome_trace = nullptr;  // Perfetto/Chrome trace events, one track per unit
  Timeline* timeline = nullptr;          // filled with at most timeline_bins bins; not together with chrome_trace
  size_t timeline_bins = 512;
};

// Deterministic: the same trace gives the same result.
TimingResult simulate_timing(const chip::Chip& chip, const program::Program& program, const Trace& trace,
                             const TimingOptions& options = {});

}  // namespace hadal::sim
