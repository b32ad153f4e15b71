// Text-file tests: a program, a line of dashes, and what memory holds afterwards (tests/asm/README.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "program/program.h"
#include "program/values.h"

namespace hadal::program {

struct Expectation {
  enum class Space { kSpm, kAcc, kHbm };
  Space space{};
  int core = 0;
  uint64_t byte = 0;
  Values values;
  std::string type, where;  // where: FILE:LINE
};

struct TextTest {
  std::string title;  // the first comment line
  Program program;
  std::vector<Expectation> memory;
  std::string fault;    // what the message of the fault contains; "" = none expected
  std::string finding;  // what a message of lint contains; "" = lint must be silent
};

// Parses a test file. A program that names no chip is for hadal-rtl.
TextTest parse_text_test(std::string_view text, const std::string& file);

// Why `actual`, the memory from the expectation's first byte on, differs; "" if it does not.
std::string mismatch(const Expectation& expected, std::span<const std::byte> actual);

}  // namespace hadal::program
