// Program files on the command line: text (.hasm) or binary (.hprog), and the chip they are for.
#pragma once

#include <string>

#include "chip/chip.h"
#include "program/program.h"

namespace hadal::cli {

// Told apart by the ending: .hprog is binary, everything else text.
program::Program load_program(const std::string& path);

// The chip `given` on the command line, or the one the program names; an input error when the program has not one
// stream for every core of it.
chip::Chip chip_for(const program::Program& program, const std::string& path, const std::string& given);

}  // namespace hadal::cli
