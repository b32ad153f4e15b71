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

// What decides the time of an operator on any chip. Chips that run programs derive it from the sections above.
struct Performance {
  int devices = 1;          // ranks that software sees in one package; memory, cache and cores are split evenly
  double sustained_hz = 0;  // clock under full matrix load, within the power limit
  // Dense multiply-accumulates a cycle and core; 0 where the format does not exist.
  double bf16_mac = 0, fp8_mac = 0, int8_mac = 0, fp4_mac = 0;
  int tile_rows = 1;                                // rows of A that one matrix operation works on, used or not
  double vector_op = 0;                             // FP32 operations (a fused multiply-add is one) a cycle and core
  double special_op = 0;                            // exponentials a cycle and core
  double scratch_bytes = 0, accumulator_bytes = 0;  // a core
  double cache_bytes = 0;                           // shared by all cores
  double port_bytes_per_cycle = 0;                  // what a core can fetch from cache or memory
  // Where matrix and vector units are cores of their own that hand results to each other through the cache alone: what
  // that moves in and out of all cores together. 0: they share registers or a scratchpad.
  double unit_exchange_bytes_per_s = 0;
  std::string memory_standard;
  double memory_bytes = 0, memory_bytes_per_s = 0, memory_latency_s = 0;
  double kernel_start_s = 0;  // from the end of one operator to the start of the next, launched as a graph
  double round_s = 0;         // a reduction over a row in a chain of them, where machine sections say it; 0: unknown
  double power_w = 0;
};

struct Link {     // a package's bandwidth in one direction, as a datasheet states it
  int chips = 1;  // packages that reach each other over it; 0: no limit
  double bytes_per_s = 0, latency_s = 0;
};

struct Links {
  Link scale_up, scale_out;
};

// A figure nobody has published: `value` is what we assume, within `low` to `high` (base units).
struct Assumption {
  std::string key;
  double value = 0, low = 0, high = 0;
};

// Which end of every assumed range a description is read with: a slow chip has the low rates and the long latencies.
enum class Bound { kNominal, kSlow, kFast };

struct Chip {
  std::string name, description, file;
  bool runs_programs = false;  // the fields from imem_instructions to energy are there
  Performance performance;
  Links links;
  bool has_links = false;
  std::vector<Assumption> assumptions;
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

// Loads and validates the description of a chip that runs programs: an unknown key, a missing unit or an impossible
// value is an input error that names file, line and remedy.
Chip load(const std::string& path);

// The same from text; `file` names it in messages.
Chip parse(std::string_view text, const std::string& file);

// Any chip: one that runs programs, or one described only by its `performance`.
Chip load_any(const std::string& path, Bound bound = Bound::kNominal);
Chip parse_any(std::string_view text, const std::string& file, Bound bound = Bound::kNominal);

}  // namespace hadal::chip
