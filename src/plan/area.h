// Area, clock and power of a described chip on a process, from synthesised blocks and a bit-cell model (areas/*.yaml).
#pragma once

#include <array>
#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chip/chip.h"
#include "plan/memory.h"
#include "plan/process.h"

namespace hadal::plan {

// What `hadal synth --write` measured on the RTL: docs/synthesis.md.
struct SynthesisData {
  struct Measured {
    int count = 0;              // in the core that was synthesised
    Figure area, path, energy;  // mm2 of cells, s, pJ a cycle at full rate
    Figure clock;               // pJ of it in a cycle without data, clock never gated
    // Of that, what gates leave in a cycle at work and in one without, where it was measured.
    std::optional<Figure> working, resting;
  };
  std::string name, library, file;
  int rows = 0, columns = 0, depth = 0, lanes = 0, special_lanes = 0, spm_banks = 0, acc_banks = 0;
  std::map<std::string, Measured> blocks;
  const Measured& block(const std::string& name) const;  // an input error of the file where it is missing
  bool has(std::initializer_list<const char*> names) const;
};
SynthesisData load_synthesis(const std::string& path, Ledger& ledger);

// Blocks, and how blocks become a die.
struct AreaData {
  std::string name, file;
  SynthesisData synthesis;
  // mm2 of cells, for groups of which synthesis has not all blocks: of a lane, a special lane; of hadal-rtl; of a core.
  Figure vector_lane, special_lane, crossbars, control, dma, sender;
  Figure router;  // mm2 of cells
  Figure crossbar_growth;
  std::array<Figure, 3> utilisation;  // by class of process: density_class
  Figure two_port_factor, die_overhead;
  Figure sram_placement;                     // macros over the area that memory takes in a core
  Figure cache_efficiency;                   // bit cells over area of a large cache with its tags
  Figure sram_periphery;                     // of a macro: the mean of its rows and columns without bits
  Figure host_interface, system, link_lane;  // mm2 in a 7 nm class process
  Figure link_lane_bandwidth;                // B/s a direction
  Figure memory_edge;                        // mm of die edge a stack
  Figure aspect_ratio;
  Figure wire_derate;  // fraction added to a path by layout
  // From the library's energies to those of a 7 nm class chip: supply squared; wires, clock tree and glitches; the
  // share of the clock's energy that gates save in an idle block of which it was not measured.
  Figure supply_energy, wire_energy, clock_gating;
  Figure spm_energy, acc_energy;  // pJ a byte of a scratchpad and of accumulators on the process of relative 1
  Figure stack_background, die_background;  // W of a stack; of a die's interfaces and the leakage of its memories
};
AreaData load_area_data(const std::string& path, Ledger& ledger);

// Transistors of placed logic over those at library density depend on how a class of processes is drawn: with EUV (5 nm
// and below), with several exposures (7 nm, and SMIC's N+3), and the older ones of 10 nm and above. An index into
// `utilisation`.
size_t density_class(const Process& process);
inline constexpr std::array<std::string_view, 3> kDensityClasses{"euv", "7nm", "16nm"};
const Figure& utilisation(const AreaData& data, const Process& process);

// Bit cells over area of memory in banks of `bank_bytes`. A macro of r x c cells has decoders as wide as a columns and
// sense amplifiers, drivers and control as high as d rows, and takes (r + d)(c + a) cells. Of all shapes with the same
// bits the smallest takes (sqrt(bits) + sqrt(a d))^2; sram_periphery is sqrt(a d).
double sram_efficiency(const AreaData& data, double bank_bytes);

struct AreaPart {
  std::string name;
  int count = 0;
  double each_mm2 = 0;
  bool in_core = false;  // can be switched off with a core
  double total_mm2() const { return count * each_mm2; }
};

struct ChipArea {
  std::vector<AreaPart> parts;         // overhead included as a part of its own
  double core_mm2 = 0;                 // one core with its router, without overhead
  double content_mm2 = 0;              // all parts: what the die must hold
  double die_mm2 = 0;                  // what it becomes with the memory's edge; at least content_mm2
  double width_mm = 0, height_mm = 0;  // height is the longer side
  bool edge_bound = false;             // the memory's edge, not the content, sets the size
  double transistors = 0;              // logic density times utilisation over logic, six a bit of SRAM
};

// Cells of a core of `chip` in mm2 of the library, each block grown from its measured size by what it serves: dot units
// by products, fix-up lanes by one for 128 products, operand buffers by rows and columns, the vector unit by lanes,
// crossbars by banks to the power of crossbar_growth. Control, engines and sender keep their size.
struct CoreCells {
  double matrix = 0, vector = 0, crossbars = 0, control = 0, dma = 0, network = 0;
  std::vector<std::string> estimated;  // groups that are not all measured
};
CoreCells core_cells(const chip::Chip& chip, const AreaData& data);
// The same growth of energies, pJ a cycle of one core in the library: of the clock that gates leave at work and at
// rest, and of data at full rate on top.
enum class Clocked { kAtWork, kAtRest };
CoreCells core_clock_pj(const chip::Chip& chip, const AreaData& data, Clocked when);
CoreCells core_data_pj(const chip::Chip& chip, const AreaData& data);

// mm2 on the die's edge, which no process shrinks: PHYs of `stacks` devices, lanes for `link_bytes_per_s` in one
// direction, `hosts` interfaces.
double edge_mm2(const AreaData& data, const Memory& memory, int stacks, double link_bytes_per_s, int hosts);

// The block with the longest path.
struct SlowestBlock {
  std::string name;
  double path_s = 0;
};
SlowestBlock slowest_block(const AreaData& data);

// The die of `chip`: `stacks` devices of `memory` along its two longer sides (stacked memory only) and links of
// `link_bytes_per_s` in one direction. Logic: cell area x relative_area / utilisation. SRAM: bits x bit cell /
// sram_efficiency of a bank. PHYs and SerDes keep their size.
ChipArea chip_area(const chip::Chip& chip, const Process& process, const AreaData& data, const Memory& memory,
                   int stacks, double link_bytes_per_s);

// Hz the slowest block reaches: relative_speed / (its path x (1 + wire_derate)).
double reachable_clock_hz(const Process& process, const AreaData& data);

// Fractions of peak that a workload keeps busy.
struct Activity {
  double matrix = 1, memory = 1, vector = 0.3;
};
// W of a chip of `dies` with its memory (power.cpp). Logic: what synthesis measured, grown as its area is, times
// supply_energy, 1 + wire_energy and relative_energy; clock gates leave more of a unit's clock in the cycles it works
// than in the others. Scratchpads: spm_energy and acc_energy times relative_sram_energy; every MAC
// reads a byte of each operand once for all rows or columns of the grid.
struct Power {
  double matrix_w = 0, sram_w = 0, vector_w = 0, control_w = 0, memory_w = 0, static_w = 0;
  double clock_w = 0;  // of matrix_w, vector_w and control_w: clocks
  double total_w() const { return matrix_w + sram_w + vector_w + control_w + memory_w + static_w; }
};
// `chip` with the cores of all `dies`.
Power chip_power(const chip::Chip& chip, const AreaData& data, const Process& process, const Memory& memory, int stacks,
                 int dies, double clock_hz, const Activity& activity);
// The same as figures of operations on `process`, as a chip description has them (docs/energy.md): of units at full
// rate, with their clock; and what all clocks take that gates leave on where nothing happens.
struct OperationEnergy {
  double product_pj = 0;    // everything in the matrix unit, fix-up included
  double mac_pj = 0;        // without it
  double fixup_pj = 0;      // a result of 128 products
  double vector_op_pj = 0;  // an operation of a lane
  double idle_w = 0;        // of the cores of `chip`
};
OperationEnergy operation_energy(const chip::Chip& chip, const AreaData& data, const Process& process, double clock_hz);

double fp8_flops(const chip::Chip& chip, double clock_hz);

}  // namespace hadal::plan
