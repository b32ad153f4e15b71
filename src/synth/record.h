// The data file that carries synthesis to the planner (areas/*.yaml).
#pragma once

#include <string>
#include <vector>

#include "chip/chip.h"
#include "synth/netlist.h"
#include "synth/synthesis.h"

namespace hadal::synth {

// YAML with, for every block of `results`: how many a core has, area of one, longest path, energy a cycle and of its
// clock. Each is a figure of the planner (src/plan/figure.h). `command` is what printed it, `date` YYYY-MM-DD.
std::string record(const chip::Chip& chip, const Liberty& liberty, const std::vector<Synthesis>& results,
                   const std::string& command, const std::string& date);

// `text`, a record of some blocks, with the rows that `former` has of the others of `blocks`, each behind the block
// that comes before it there. Rows of other RTL than today's, of another library or size are left out.
std::string with_former_rows(const std::string& text, const std::string& former, const std::vector<Block>& blocks);

// `text` with what clock gates leave of the clock of `blocks`: rows of their own in the sections `working` and
// `resting`.
std::string with_gating(const std::string& text, const std::vector<BlockCheck>& blocks);

}  // namespace hadal::synth
