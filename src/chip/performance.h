// The part of a chip description that every chip has: what decides time, and the links between chips.
#pragma once

#include "chip/chip.h"
#include "chip/section.h"

namespace hadal::chip {

// Reads `performance` and `links` of the outermost section into `chip`. A quantity may be written
// "VALUE UNIT in LOW UNIT to HIGH UNIT": nobody has published it, it is an assumption with a range.
void read_performance(const Section& top, Bound bound, Chip& chip);
void read_links(const Section& top, Bound bound, Chip& chip);

// The same figures for a chip that runs programs, worked out from its machine sections.
Performance derive_performance(const Chip& chip);

}  // namespace hadal::chip
