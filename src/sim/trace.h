// What the functional simulator tells the timing simulator: every issued instruction with its operands resolved.
// Control flow never depends on timing (the race check proves it), so timing can follow the trace.
#pragma once

#include <cstdint>
#include <vector>

#include "isa/isa.h"

namespace hadal::sim {

// One issued instruction of one core, in dispatch (program) order.
struct Issue {
  uint32_t pc = 0;
  uint32_t op_mark = 0;  // index into Program::operators
  isa::Op op{};
  isa::Unit unit{};
  uint8_t wsem = 0, wcnt = 0, psem = 0, pcnt = 0, flags = 0, func = 0;
  uint8_t types = 0;  // bit 0 a, bit 1 b, bit 2 d: operand is BF16
  uint8_t bc = 0, digits = 1;
  bool d_acc = false, a_acc = false, b_acc = false;  // operand is in ACC
  uint32_t d = 0, a = 0, b = 0;                      // resolved local lines
  uint64_t dram = 0;                                 // resolved DRAM line
  uint32_t rows = 0, cols = 0;        // VX elements; DMA: rows and lines a row; MMA: m and columns; LDX: panels in rows
  uint32_t groups = 0, group = 0;     // MMA: kg and G
  uint32_t sstride = 0, dstride = 0;  // DMA strides; VX: row stride of a and of d in lines
  uint32_t bstride = 0;               // VX: row stride of b; MMA: row/panel stride of b, lines
  uint64_t mask = 0;                  // destination cores of a remote post or SND
  uint32_t gather_first = 0;          // LDG, STG: `rows` DRAM lines start here in CoreTrace::gather
};

struct CoreTrace {
  std::vector<Issue> issues;
  std::vector<uint64_t> gather;
  void clear() {
    issues.clear();
    gather.clear();
  }
};

struct Trace {
  std::vector<CoreTrace> cores;
};

}  // namespace hadal::sim
