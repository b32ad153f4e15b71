// The end of a random program of several cores: a barrier, then what they send to each other.
#pragma once

#include <cstdint>
#include <span>

#include "chip/chip.h"
#include "verify/random_program.h"

namespace hadal::verify {

// Appends rounds in which every core sends to a random set of cores, which store what came as soon as its post is
// there. `out_lines`: for each core the first of 1024 DRAM lines that only it writes. The streams end with HALT before
// and after; before it, NX of each core is ordered behind the core's other units, and no core waits for another.
void append_exchange(const chip::Chip& chip, uint64_t seed, std::span<const uint64_t> out_lines, RandomProgram& all);

}  // namespace hadal::verify
