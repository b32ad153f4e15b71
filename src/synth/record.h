// The data file that carries synthesis to the planner (areas/*.yaml).
#pragma once

#include <string>
#include <vector>

#include "chip/chip.h"
#include "synth/synthesis.h"

namespace hadal::synth {

// YAML with, for every block of `results`: how many a core has, area of one, longest path, energy a cycle. Each is a
// figure of the planner (src/plan/figure.h). `command` is what printed it, `date` YYYY-MM-DD.
std::string record(const chip::Chip& chip, const Liberty& liberty, const std::vector<Synthesis>& results,
                   const std::string& command, const std::string& date);

}  // namespace hadal::synth
