// Cycles of the RTL beside those the timing simulator assumes.
#pragma once

#include <string>

namespace hadal::dv {

// Prints a row an instruction for the chip of a description; the exit status.
int print_cycles(const std::string& chip_file);

}  // namespace hadal::dv
