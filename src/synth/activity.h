// How much of a block's nets change when it works at full rate on data like a model's.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "synth/gates.h"

namespace hadal::synth {

struct Activity {
  double transitions = 0;  // a net and cycle, without glitches
  std::string what;        // the data, in words
  uint64_t checked = 0;    // results compared with arithmetic of our own; every one was equal
};

// For the blocks that do the arithmetic: mm_dot, mm_fix, hadal_vx_lane; nothing for others. The gates of `netlist`
// run, and a result that is not the right one is an internal error.
std::optional<Activity> measured_activity(const std::string& block, const std::string& netlist, const std::string& file,
                                          const std::map<std::string, Cell>& cells, uint64_t seed);

// Inverts `count` gates of such a block one at a time, drawn by `seed`, and says which make no result wrong.
struct FaultCheck {
  int planted = 0;
  std::vector<size_t> unnoticed;  // numbers of gates
};
FaultCheck check_faults(const std::string& block, const std::string& netlist, const std::string& file,
                        const std::map<std::string, Cell>& cells, uint64_t seed, int count);

}  // namespace hadal::synth
