// The Verilated vector unit between SPM and ACC models.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "isa/isa.h"
#include "memories.h"

class Vhadal_vx;
class VerilatedVcdC;

namespace hadal::dv {

// What the unit did with a sequence of instructions.
struct Run {
  uint64_t cycles = 0;             // from the first offer to the last end
  std::vector<uint64_t> accepted;  // cycle an instruction went in
  std::vector<uint64_t> done;      // cycle of its end
  bool fault = false;
  bool hung = false;  // no end for a long time
};

class Device {
 public:
  // Writes waveforms to `vcd` unless it is empty; only when built with them.
  Device(const std::string& vcd, uint32_t seed);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void reset();
  // Executes the instructions back to back on `image`. Registers are taken as 0: an operand's line is its offset.
  Run run(const std::vector<isa::Instr>& code, Image& image, const Behaviour& behaviour);

 private:
  struct Port;
  void tick();
  void dump(uint64_t time);
  std::unique_ptr<Vhadal_vx> top_;
#if VM_TRACE
  std::unique_ptr<VerilatedVcdC> trace_;
#endif
  std::mt19937 random_;
  uint64_t now_ = 0;
};

}  // namespace hadal::dv
