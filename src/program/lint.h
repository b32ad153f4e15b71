// What can be known to be wrong with a program without running it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "program/program.h"

namespace hadal::program {

struct Finding {
  size_t core = 0, pc = 0;
  std::string op;  // source operator, or ""
  std::string message;
};

// Every finding is certain to fault or to hang if the instruction is reached; no findings do not prove a program right.
std::vector<Finding> lint(const Program& program, const chip::Chip& chip);

// `core C, instruction PC (OPERATOR): MESSAGE`.
std::string to_string(const Finding& finding);

}  // namespace hadal::program
