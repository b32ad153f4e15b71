// Area, clock and power of a described chip on a process, from measured cell areas and a bit-cell model (areas/*.yaml).
#pragma once

#include <string>
#include <vector>

#include "chip/chip.h"
#include "plan/memory.h"
#include "plan/process.h"

namespace hadal::plan {

// What synthesis says about the blocks of a core, and how blocks become a die.
struct AreaData {
  std::string name, library, file;
  Figure matrix_mac, vector_lane, special_lane, control, dma, router;  // mm2 of cells
  Figure utilisation, sram_efficiency, two_port_factor, die_overhead;
  Figure host_interface, system, link_lane;  // mm2 in a 7 nm class process
  Figure link_lane_bandwidth;                // B/s a direction
  Figure memory_edge;                        // mm of die edge a stack
  Figure aspect_ratio;
  Figure critical_path;  // s, before layout
  Figure wire_derate;    // fraction added to it
};
AreaData load_area_data(const std::string& path, Ledger& ledger);

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

// The die of `chip`: `stacks` devices of `memory` along its two longer sides (stacked memory only) and links of
// `link_bytes_per_s` in one direction. Logic: cell area x relative_area / utilisation. SRAM: bits x bit cell /
// efficiency. PHYs and SerDes keep their size.
ChipArea chip_area(const chip::Chip& chip, const Process& process, const AreaData& data, const Memory& memory,
                   int stacks, double link_bytes_per_s);

// Hz the dot unit reaches: relative_speed / (critical_path x (1 + wire_derate)).
double reachable_clock_hz(const Process& process, const AreaData& data);

// Fractions of peak that a workload keeps busy.
struct Activity {
  double matrix = 1, memory = 1, vector = 0.3;
};
// W of the chip with its memory, its figures of `home` scaled to `process` by relative_energy (logic) and
// relative_sram_energy (scratchpads). Every MAC reads 1 byte of each operand per 32 uses (the reuse of a 32 x 32 grid).
struct Power {
  double matrix_w = 0, sram_w = 0, vector_w = 0, memory_w = 0, static_w = 0;
  double total_w() const { return matrix_w + sram_w + vector_w + memory_w + static_w; }
};
Power chip_power(const chip::Chip& chip, const Process& home, const Process& process, const Memory& memory, int stacks,
                 double clock_hz, const Activity& activity);

double fp8_flops(const chip::Chip& chip, double clock_hz);

}  // namespace hadal::plan
