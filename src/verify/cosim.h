// What an implementation of the machine reports while it runs, and a checker that takes it.
#pragma once

#include <cstdint>

#include "isa/isa.h"
#include "sim/observer.h"
#include "verify/memory.h"

namespace hadal::verify {

class Cosim {
 public:
  virtual ~Cosim() = default;
  // `writer` of core `from` writes bytes of a line (bit i of `strobe`: byte i); SPM and ACC are those of core `to`.
  virtual void write(int from, isa::Unit writer, sim::Space space, int to, uint64_t line, uint64_t strobe,
                     const uint8_t* bytes) = 0;
  // The oldest instruction that the unit has under way is complete; its writes have been reported.
  virtual void retire(int core, isa::Unit unit) = 0;
};

}  // namespace hadal::verify
