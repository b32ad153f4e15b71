// Random vector instructions, configurations and memory contents. Most are legal; the functional simulator decides.
#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "isa/isa.h"
#include "memories.h"
#include "reference.h"

namespace hadal::dv {

class Generator {
 public:
  explicit Generator(uint64_t seed) : random_(seed) {}

  // Numbers of all kinds: any bits, corners of binary32, near ones, BF16, integers, small indices.
  void fill(Image& image);
  // An instruction and the configuration it runs under. `only` restricts the kind: "" or a mnemonic like VALU.ADD.
  isa::Instr instruction(const Image& image, Config& config, const std::string& only);
  uint32_t below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  bool one_in(uint32_t n) { return below(n) == 0; }

 private:
  struct Shape {
    uint32_t rows, cols;
  };
  uint32_t word(uint32_t kind);
  Shape shape(uint32_t max_lines);
  isa::Local place(const Image& image, uint32_t lines, bool spm_only);
  std::mt19937_64 random_;
};

// "VALU.ADD", "VMULA", ...
std::string kind_of(const isa::Instr& instr);
// Every kind there is.
std::vector<std::string> all_kinds();

}  // namespace hadal::dv
