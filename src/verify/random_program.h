// Random programs for lockstep runs: legal and free of races, over all instructions, flags, formats and corner values.
//
// Instructions are drawn freely and the functional simulator is the judge of them: one that breaks a rule is taken out,
// two that race are put behind everything before them. So every program runs, with as little order as it needs.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "program/program.h"

namespace hadal::verify {

struct RandomProgram {
  program::Program program;
  std::vector<std::string> covered;  // names of crosses, a name once for each instruction that has it
};

// The same seed gives the same program. `instructions` data instructions are drawn; some are taken out.
RandomProgram random_program(const chip::Chip& chip, uint64_t seed, int instructions);

// Every cross that programs should have had: instruction x function x flags x formats.
class Coverage {
 public:
  Coverage();
  void add(const std::vector<std::string>& covered);
  size_t hit() const;
  size_t total() const { return counts_.size(); }
  std::vector<std::string> missing() const;

 private:
  std::map<std::string, uint64_t> counts_;
};

}  // namespace hadal::verify
