// What the RTL takes from the rest of the project: the SystemVerilog packages of the instruction set and of a chip.
#pragma once

#include <string>

#include "chip/chip.h"

namespace hadal::verify {

// hadal_chip_pkg: the sizes of a chip. Throws an input error when the RTL cannot be built in that size.
std::string chip_package(const chip::Chip& chip);

// Writes hadal_isa_pkg.sv and hadal_chip_pkg.sv into a directory, which is made if it is missing.
void write_packages(const chip::Chip& chip, const std::string& directory);

}  // namespace hadal::verify
