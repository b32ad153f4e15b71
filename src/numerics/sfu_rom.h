// The SFU tables as a SystemVerilog module, from the same arrays the simulator computes with.
#pragma once

#include <string>

namespace hadal::num {

// Module `hadal_vx_sfu_rom`: {table, segment} to c0 (28 bits), c1 (21 bits) and c2 (14 bits), the last two signed.
// Tables: 0 EXP2, 1 RCP, 2 RSQRT of an even exponent, 3 of an odd one.
std::string sfu_rom_system_verilog();

}  // namespace hadal::num
