// Small machines and programs for the tests of the functional simulator.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "chip/chip.h"
#include "isa/isa.h"
#include "program/program.h"
#include "sim/functional.h"

namespace hadal::sim::testing {

inline constexpr uint64_t kIn = 1000, kOut = 50000;  // first lines of the segments every test program has
inline constexpr uint64_t kSegmentLines = 1024;

inline chip::Chip small_chip(int cores = 1) {
  chip::Chip chip;
  chip.name = "small";
  chip.cores = cores;
  chip.imem_instructions = 512;
  chip.fifo_depth = 8;
  chip.spm.bytes = 64 * 1024;
  chip.acc.bytes = 16 * 1024;
  return chip;
}

// One instruction a line; `#` starts a comment, `.op NAME` a source operator.
inline void assemble_core(program::Program& program, size_t core, std::string_view text) {
  program::Stream stream;
  for (size_t number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = line.substr(0, line.find('#'));
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    if (line.empty()) continue;
    if (line.starts_with(".op ")) {
      stream.marks.push_back(
          {static_cast<uint32_t>(stream.code.size()), static_cast<uint32_t>(program.operators.size())});
      program.operators.emplace_back(line.substr(4));
      continue;
    }
    stream.code.push_back(isa::encode(isa::assemble_line(line, "line " + std::to_string(number))));
  }
  program.cores[core] = stream;
}

// Puts the instructions of a core in one chain: each waits for the one before, over a semaphore of their own.
inline std::string chained(std::string_view text) {
  std::string result;
  int next = 0;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.find_first_not_of(' ') == std::string_view::npos) continue;
    result += line;
    if (next > 0) result += " wait=" + std::to_string(next - 1) + ":1";
    result += " post=" + std::to_string(next) + ":1\n";
    ++next;
  }
  EXPECT_LE(next, isa::kSemaphores) << "a chain has a semaphore for each instruction";
  return result + "HALT\n";
}

// A chip, a program with a read-only segment `in` at line kIn and a writable one `out` at line kOut.
struct Machine {
  explicit Machine(int cores = 1) : chip(small_chip(cores)) {
    program.chip = chip.name;
    program.cores.resize(static_cast<size_t>(cores));
    for (int c = 0; c < cores; ++c) core(c, "HALT");
    input.resize(kSegmentLines * 64);
    program.segments.resize(2);
    program.segments[0] = {"in", kIn, kSegmentLines, false, input, nullptr};
    program.segments[1] = {"out", kOut, kSegmentLines, true, {}, nullptr};
  }
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  Machine& core(int c, std::string_view text) {
    assemble_core(program, static_cast<size_t>(c), text);
    return *this;
  }
  template <typename T>
  void put(uint64_t line, const std::vector<T>& values, uint64_t byte = 0) {
    std::copy_n(std::as_bytes(std::span(values)).begin(), values.size() * sizeof(T),
                input.begin() + static_cast<ptrdiff_t>(line * 64 + byte));
  }

  Functional& run(FunctionalOptions options = {}, Trace* trace = nullptr) {
    simulator = std::make_unique<Functional>(chip, program, options);
    simulator->launch(trace);
    return *simulator;
  }
  // The message of the fault that stops the program, or "" when it runs.
  std::string fault_of(FunctionalOptions options = {}) {
    try {
      run(options);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kFault) << error.what();
      return error.what();
    }
    return "";
  }

  template <typename T>
  std::vector<T> out(uint64_t line, size_t count, uint64_t byte = 0) const {
    std::vector<T> values(count);
    simulator->read_dram((kOut + line) * 64 + byte, std::as_writable_bytes(std::span(values)));
    return values;
  }
  template <typename T>
  std::vector<T> spm(int c, uint64_t line, size_t count, uint64_t byte = 0) const {
    std::vector<T> values(count);
    std::memcpy(values.data(), simulator->spm(c).data() + line * 64 + byte, count * sizeof(T));
    return values;
  }
  template <typename T>
  std::vector<T> acc(int c, uint64_t line, size_t count, uint64_t byte = 0) const {
    std::vector<T> values(count);
    std::memcpy(values.data(), simulator->acc(c).data() + line * 64 + byte, count * sizeof(T));
    return values;
  }

  chip::Chip chip;
  program::Program program;
  std::vector<std::byte> input;
  std::unique_ptr<Functional> simulator;
};

}  // namespace hadal::sim::testing
