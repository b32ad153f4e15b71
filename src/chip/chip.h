// What a chip is (waist 2 of the hourglass): one YAML file, one validated object.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hadal::chip {

struct Matrix {  // MM: rows x cols grid of depth-deep exact dot units
  int rows = 0, cols = 0, depth = 0;
  int latency_cycles = 0;  // operand read to accumulator write, beyond the steady state
};

struct Vector {         // VX
  int lanes = 0;        // physical FP32 lanes; the architectural lane count of reductions is always 128
  int sfu_divisor = 4;  // special functions run at lanes / sfu_divisor
  int latency_cycles = 0;
};

struct Scratch {
  uint64_t bytes = 0;
  int banks = 0;
  int bank_bytes = 0;  // width of one bank
};

struct Dma {                     // LD and ST
  int bytes_per_cycle = 0;       // port width to DRAM per core and direction
  int outstanding_requests = 0;  // bursts in flight per core and direction
  int burst_bytes = 0;
  int setup_cycles = 0;
};

struct Noc {                // core-to-core network (NX)
  std::string topology;     // "mesh"
  int columns = 0;          // mesh width in cores
  int bytes_per_cycle = 0;  // of one link
  int hop_cycles = 0;
  int setup_cycles = 0;
};

struct DramSystem {
  std::string standard;    // e.g. "HBM2e"
  int channels = 0;        // independent channels
  int banks = 0;           // banks a channel
  uint64_t row_bytes = 0;  // page size
  int burst_bytes = 0;     // smallest access
  double channel_bytes_per_s = 0;
  double t_rcd_s = 0, t_rp_s = 0, t_cl_s = 0, t_ras_s = 0, t_rfc_s = 0, t_refi_s = 0;
  uint64_t bytes = 0;         // capacity
  int controller_cycles = 0;  // core to controller and back, without DRAM timing
};

struct Energy {             // picojoule; sources in the YAML comments and docs/energy.md
  double mac_pj = 0;        // one E4M3 multiply-accumulate, one digit
  double fixup_pj = 0;      // one group fix-up
  double vector_op_pj = 0;  // one FP32 lane operation
  double spm_pj_per_byte = 0, acc_pj_per_byte = 0;
  double noc_pj_per_byte_hop = 0;
  double dram_pj_per_byte = 0;
  double instruction_pj = 0;
  double static_w = 0;  // whole chip
};

struct Chip {
  std::string name, description, file;
  int cores = 0;
  double clock_hz = 0;
  std::string process;
  int imem_instructions = 0;
  int fifo_depth = 0;
  Matrix matrix;
  Vector vector;
  Scratch spm, acc;
  Dma dma;
  Noc noc;
  DramSystem dram;
  Energy energy;
};

// Loads and validates a description: an unknown key, a missing unit or an impossible value is an input error that
// names file, line and remedy.
Chip load(const std::string& path);

// The same from text; `file` names it in messages.
Chip parse(std::string_view text, const std::string& file);

}  // namespace hadal::chip
