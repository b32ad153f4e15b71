// How execution stops: a Fault says what is wrong; the launch adds where, in words (functional.cpp).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "isa/isa.h"
#include "sim/functional/clocks.h"

namespace hadal::sim {

// An instruction of a program.
struct Site {
  int core = 0;
  isa::Unit unit = isa::Unit::kCtl;
  uint32_t pc = 0;
};

// An earlier access that a race is with, as the shadow memory knows it.
struct EarlierAccess {
  UnitId unit = 0;
  Time time = 0;
};

struct Fault {
  std::string what;  // with a race, ends where the other access is named
  std::optional<EarlierAccess> other;
  std::optional<Site> at;  // set where the instruction is known
};

template <typename... Args>
[[noreturn]] void fault(fmt::format_string<Args...> format, Args&&... args) {
  throw Fault{fmt::format(format, std::forward<Args>(args)...), std::nullopt, std::nullopt};
}

}  // namespace hadal::sim
