// Maps a block to the cells of a library with Yosys and times it with OpenSTA.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "synth/activity.h"
#include "synth/blocks.h"
#include "synth/liberty.h"

namespace hadal::synth {

// What Yosys' `stat -liberty` says of a block without what stays outside of it.
struct CellCount {
  int cells = 0;
  double area_um2 = 0;
};
// `outside` are the modules that are no cells. Throws an input error (FILE) when the report has no area.
CellCount parse_stat(std::string_view text, const std::string& file, const std::vector<std::string>& outside);

// What OpenSTA says. Paths include the setup time of their end; ports count as registers without delay.
struct Timing {
  double longest_s = 0;   // of all paths
  double register_s = 0;  // of those between registers; 0: there are none
  std::string from, to;   // of the longest
  double idle_w = 0;      // at the clock of the script: clock and leakage, no data moves
  double active_w = 0;    // and data move
  double leakage_w = 0;
};
inline constexpr double kDataActivity = 0.1;    // transitions of every net a cycle, assumed where none was measured
inline constexpr double kPeriodSeconds = 1e-9;  // of the clock that turns power into energy

// Throws an input error (FILE) when a path or a power table is missing.
Timing parse_timing(std::string_view text, const std::string& file, double time_unit_s);

// Scripts of the two programs, for tests and for those who want to run them by hand.
std::string yosys_script(const Block& block, const std::string& liberty_file, const std::string& directory);
// `transitions` a net and cycle: what the power of a working block is worked out with.
std::string sta_script(const Block& block, const Liberty& liberty, const std::string& liberty_file,
                       const std::string& directory, double transitions);

// A netlist whose assignments are all of one bit to one bit: OpenSTA reads no others.
std::string single_bit_assignments(std::string_view netlist);

struct Synthesis {
  Block block;
  CellCount count;
  Timing timing;
  std::optional<Activity> activity;  // kDataActivity where there is none
  std::string netlist;               // Verilog of the block, a file
  double wall_s = 0;                 // 0: it was there already
};

// Results lie in directory/BLOCK and are used again while block, library and scripts stay the same.
Synthesis synthesize(const Block& block, const Liberty& liberty, const std::map<std::string, Cell>& cells,
                     const std::string& liberty_file, const std::string& directory);

}  // namespace hadal::synth
