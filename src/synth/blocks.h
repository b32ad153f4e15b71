// The blocks that synthesis looks at one by one, and the elaborated design they are cut from.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "chip/chip.h"

namespace hadal::synth {

// A module that is synthesised by itself. What it contains of other blocks and of memories stays outside.
struct BlockKind {
  std::string_view module, group, what;
};
const std::vector<BlockKind>& block_kinds();

// A module of the elaborated design. Parameters are part of it: a module used with other parameters is another one.
struct Module {
  std::string name;                     // clean: letters, digits, '_'
  std::string base;                     // as in the source
  std::string text;                     // its ILANG with clean names and without source lines
  std::map<std::string, int> children;  // clean names and how often each is in it
  uint64_t memory_bits = 0;             // of a memory: hadal_sram
};

struct Block {
  std::string name, group, what;
  int count = 0;                        // in a core
  bool clocked = false, reset = false;  // has such a port
  std::string ilang;                    // the block, and the ports of what stays outside
  std::vector<std::string> outside;     // modules that stay outside
};

struct Design {
  std::string top;
  std::map<std::string, Module> modules;     // by clean name
  std::vector<Block> blocks;                 // in the order of block_kinds()
  uint64_t memory_bits = 0;                  // of all memories
  std::map<std::string, uint64_t> memories;  // bits by the instance that holds them, e.g. "u_core.u_spm"
};

// The RTL of a block in short, as the notes of its area carry it: what it is made of, whatever its order, the numbers
// that Yosys gave, and the place of the sources.
std::string key_of(const Block& block);

// Cuts the ILANG that Yosys wrote for an elaborated design into blocks. `file` is for messages.
Design parse_design(std::string_view ilang, const std::string& top, const std::string& file);

// Writes the packages of `chip`, lets Yosys elaborate rtl/ with `check -assert`, and cuts the result. Files lie in
// `directory`.
Design elaborate(const chip::Chip& chip, const std::string& rtl, const std::string& directory);

}  // namespace hadal::synth
