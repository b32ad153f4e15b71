// Gates beside the RTL: while random programs run on the RTL in lockstep with the functional simulator, the netlist of
// each block gets in every cycle what its ports in the RTL get, and must answer what they answer. Blocks that agree at
// every border in every cycle would agree in place of the RTL as well, and each is evaluated once for all its copies.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "chip/chip.h"
#include "program/program.h"
#include "synth/gates.h"
#include "synth/synthesis.h"

namespace hadal::synth {

// A bit of a port of a netlist. Pins of blocks that stay outside are ports as well: "gen_row[0].u_dot.sum_o".
struct PortBit {
  std::string net;     // as Gates names it
  std::string signal;  // as SystemVerilog inside the module names it
  int bit = 0;
  bool input = false;
};
std::vector<PortBit> port_bits(std::string_view netlist);

// SystemVerilog for the inside of a module: at every clock edge it hands the signals of `bits` to the C function
// hadal_see_NUMBER, in the order of their first mention with the lowest bits first. `where` gets the place of each bit.
std::string monitor(const std::vector<PortBit>& bits, int number, std::vector<size_t>& where);

// The file of a module somewhere in `rtl`; "" when it has none of its own.
std::string module_file(const std::string& rtl, const std::string& module);

// A copy of rtl/ with a monitor in each of `blocks`. Throws an input error when there is no NAME.sv for one.
void write_watched_rtl(const std::string& rtl, const std::vector<Synthesis>& blocks, const std::string& to);

struct BlockCheck {
  std::string name;
  int instances = 0;
  uint64_t cycles = 0;     // of each instance
  uint64_t compared = 0;   // bits of outputs
  uint64_t at_work = 0;    // cycles in which something of it changed, the only ones that the next two count
  double transitions = 0;  // a net and cycle, without glitches
  Clocking clocking;
  std::string difference;  // the first one in words; empty: none
  int planted = 0, noticed = 0;
};
struct NetlistCheck {
  uint64_t lines = 0, instructions = 0, cycles = 0;
  std::string difference;  // of the RTL from the functional simulator; empty: none
  std::vector<BlockCheck> blocks;
};
struct Workload {
  std::vector<program::Program> programs;
  bool random_memory = false;  // latencies and refusals drawn by the seed; otherwise the DRAM of the timing simulator
  // Count on behind a difference: what nothing resets is other in the gates until it is written.
  bool count_on = false;
};
// Random programs from `seed` on, and the kernels that keep one unit busy each.
Workload random_programs(const chip::Chip& chip, int count, uint64_t seed);
Workload busy_kernels(const chip::Chip& chip);

// Programs on the shared object that verify::build_rtl made of such a copy. In `faults` further copies of every
// netlist one gate, drawn by `seed`, is inverted; noticed is one that makes any output of the block differ.
NetlistCheck check_netlist(const chip::Chip& chip, const std::string& built, const std::vector<Synthesis>& blocks,
                           const std::map<std::string, Cell>& cells, const Workload& workload, int faults,
                           uint64_t seed);

}  // namespace hadal::synth
