// The instruction table as a SystemVerilog package, so that the RTL types no offset, opcode or key of its own.
#pragma once

#include <string>

namespace hadal::isa {

// Package `hadal_isa_pkg`. Of every instruction: OP_<MNEMONIC>, <MNEMONIC>_<FIELD>_LSB and _WIDTH (bits of the 128-bit
// instruction), FLAG_<MNEMONIC>_<FLAG> with _MASK, FUNC_<MNEMONIC>_<FUNCTION>, <MNEMONIC>_<FIELD>_<NAME> of named
// values. Of all: HEADER_<FIELD>_LSB and _WIDTH, UNIT_<NAME>, CFG_<UNIT>_<KEY>, LOCAL_* and DRAM_* (parts of an
// operand).
std::string system_verilog_package();

}  // namespace hadal::isa
