// A piece of memory to show after a run: spm:CORE:LINE:LINES[:TYPE], acc:..., or dram:LINE:LINES[:TYPE].
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "program/program.h"
#include "sim/functional.h"

namespace hadal::cli {

struct Dump {
  enum class Space { kSpm, kAcc, kDram };
  enum class Type { kF32, kU32, kBf16, kU8 };
  std::string text;  // as given
  Space space{};
  Type type{};  // unless given: FP32 in the accumulators, u32 elsewhere
  int core = 0;
  uint64_t line = 0, lines = 0;

  std::vector<std::byte> read(const sim::Functional& machine) const;
  // Rows of 16 words or bytes, each with the line it belongs to.
  std::string show(const sim::Functional& machine) const;
};

// An input error when it lies outside the memory of the chip or the segments of the program.
Dump parse_dump(const std::string& text, const chip::Chip& chip, const program::Program& program);

std::string hex(std::span<const std::byte> bytes);

}  // namespace hadal::cli
