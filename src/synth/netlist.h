// Gates against the functional simulator: a copy of rtl/ in which the matrix unit is what synthesis made of it, run in
// the same lockstep as the RTL.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "chip/chip.h"
#include "synth/synthesis.h"

namespace hadal::synth {

// A gate whose output is inverted while the fault acts, in every copy of its module.
struct Fault {
  std::string module, gate;  // instance in the netlist
  std::string cell;          // of the library
};

// Output pins by cell, from the Verilog that Yosys writes for a library.
std::map<std::string, std::string> output_pins(std::string_view cells_verilog);

// Plants faults in the gates of `netlist` that `chosen` numbers (from 0, in the order of the text), each behind the
// selector hadal_top.mutant_i == first + its place. Returns the text; `faults` get what was planted.
std::string plant(std::string_view netlist, const std::string& module,
                  const std::map<std::string, std::string>& outputs, const std::vector<size_t>& chosen, int first,
                  std::vector<Fault>& faults);
size_t count_gates(std::string_view netlist, const std::map<std::string, std::string>& outputs);

// The netlist with the parameters of `source`, the RTL of the same module, so that it can be used in its place. They
// change nothing any more.
std::string with_parameters(const std::string& netlist, const std::string& source);

// Writes the copy: rtl/ with the selector of faults, the netlists of `blocks` in place of their modules, the cells they
// use. Returns the faults, of which `count` are drawn by `seed`.
std::vector<Fault> write_netlist_rtl(const std::string& rtl, const std::vector<Synthesis>& blocks,
                                     const std::string& liberty_file, const std::string& to, int count, uint64_t seed);

struct NetlistCheck {
  uint64_t lines = 0, instructions = 0, cycles = 0;
  std::string difference;              // of the netlist without fault; empty: none
  std::vector<std::string> survivors;  // faults that no program noticed
};
// Random programs in lockstep on the shared object that verify::build_rtl made of such a copy.
NetlistCheck check_netlist(const chip::Chip& chip, const std::string& built, const std::vector<Fault>& faults,
                           int programs, uint64_t seed);

}  // namespace hadal::synth
