// One vector instruction on the functional simulator, from and to an image of the memories.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "isa/isa.h"
#include "memories.h"

namespace hadal::dv {

using Config = std::array<uint32_t, isa::cfg::kVxWords>;

// Changes `image` as the instruction does under `config`. The message of the fault when it breaks a rule, or "".
std::string reference(const isa::Instr& instr, const Config& config, Image& image);

}  // namespace hadal::dv
