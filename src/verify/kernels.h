// Small programs whose cycles are compared between the RTL and the timing simulator, one for each thing that takes
// time.
#pragma once

#include <string>
#include <vector>

#include "chip/chip.h"
#include "program/program.h"

namespace hadal::verify {

struct Kernel {
  std::string name;
  program::Program program;  // fills the memories, then runs the kernel
};

// The first one only fills the memories: its cycles are to be taken from those of the others.
std::vector<Kernel> kernels(const chip::Chip& chip);

}  // namespace hadal::verify
