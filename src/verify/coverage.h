// The crosses an instruction belongs to.
#pragma once

#include <string>
#include <vector>

#include "isa/isa.h"

namespace hadal::verify {

std::vector<std::string> crosses_of(const isa::Instr& instr);

}  // namespace hadal::verify
