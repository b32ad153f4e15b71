// Chips and hand-made traces for the tests and the benchmark of the timing simulator.
#pragma once

#include <string>
#include <vector>

#include "chip/chip.h"
#include "program/program.h"
#include "sim/timing.h"
#include "sim/trace.h"

namespace hadal::sim::timing::testing {

// A quiet chip: round numbers, no refresh, fast instruction memory. Tests change what they look at.
inline chip::Chip test_chip(int cores = 1) {
  chip::Chip c;
  c.name = "test";
  c.cores = cores;
  c.clock_hz = 1e9;  // a cycle is a nanosecond
  c.imem_instructions = 1024;
  c.fifo_depth = 8;
  c.matrix = {.rows = 32, .cols = 32, .depth = 16, .latency_cycles = 24};
  c.vector = {.lanes = 128, .sfu_divisor = 4, .latency_cycles = 12};
  c.spm = {.bytes = 1 << 20, .banks = 32, .bank_bytes = 32};
  c.acc = {.bytes = 1 << 18, .banks = 32, .bank_bytes = 32};
  c.dma = {.bytes_per_cycle = 64, .outstanding_requests = 320, .burst_bytes = 256, .setup_cycles = 16};
  c.noc = {.topology = "mesh", .columns = 8, .bytes_per_cycle = 64, .hop_cycles = 3, .setup_cycles = 8};
  c.dram.standard = "test";
  c.dram.channels = 16;
  c.dram.banks = 16;
  c.dram.row_bytes = 1024;
  c.dram.burst_bytes = 32;
  c.dram.channel_bytes_per_s = 32e9;  // 256 bytes in 8 cycles
  c.dram.t_rcd_s = 14e-9;
  c.dram.t_rp_s = 15e-9;
  c.dram.t_cl_s = 16e-9;
  c.dram.t_ras_s = 34e-9;
  c.dram.t_rfc_s = 0;
  c.dram.t_refi_s = 0;
  c.dram.bytes = 1ull << 34;
  c.dram.controller_cycles = 100;
  c.energy = {.mac_pj = 1,
              .fixup_pj = 1,
              .vector_op_pj = 1,
              .spm_pj_per_byte = 1,
              .acc_pj_per_byte = 1,
              .noc_pj_per_byte_hop = 1,
              .dram_pj_per_byte = 1,
              .instruction_pj = 1,
              .static_w = 1};
  return c;
}

// Appends instructions to the trace of one core; wait(s, n) and post(s, n) apply to the instruction before.
class Builder {
 public:
  explicit Builder(CoreTrace& core) : core_(core) {}

  Builder& op(uint32_t mark) {
    mark_ = mark;
    return *this;
  }
  Builder& halt() { return add(isa::Op::kHalt, isa::Unit::kCtl); }
  Builder& set() { return add(isa::Op::kSet, isa::Unit::kCtl); }
  Builder& ldr() { return add(isa::Op::kLdr, isa::Unit::kCtl); }
  Builder& sync(isa::Unit unit) { return add(isa::Op::kSync, unit); }
  Builder& cfg(isa::Unit unit) { return add(isa::Op::kCfg, unit); }
  Builder& ld(uint32_t d, uint64_t dram, uint32_t lines) {
    return dma(isa::Op::kLd, isa::Unit::kLd, dram, 1, lines, lines, lines, d, 0);
  }
  Builder& ld2(uint32_t d, uint64_t dram, uint32_t rows, uint32_t lines, uint32_t stride) {
    return dma(isa::Op::kLd, isa::Unit::kLd, dram, rows, lines, stride, lines, d, 0);
  }
  Builder& st(uint64_t dram, uint32_t a, uint32_t lines) {
    return dma(isa::Op::kSt, isa::Unit::kSt, dram, 1, lines, lines, lines, 0, a);
  }
  Builder& ldg(uint32_t d, const std::vector<uint64_t>& places, uint32_t lines) {
    dma(isa::Op::kLdg, isa::Unit::kLd, 0, static_cast<uint32_t>(places.size()), lines, 0, 0, d, 0);
    last().gather_first = static_cast<uint32_t>(core_.gather.size());
    core_.gather.insert(core_.gather.end(), places.begin(), places.end());
    return *this;
  }
  Builder& ldx(uint32_t d, uint64_t dram, uint32_t panels) {
    return dma(isa::Op::kLdx, isa::Unit::kLd, dram, panels, 0, 0, 0, d, 0);
  }
  Builder& snd(uint64_t mask, uint32_t lines) {
    dma(isa::Op::kSnd, isa::Unit::kNx, 0, 1, lines, lines, lines, 0, 0);
    last().mask = mask;
    return *this;
  }
  Builder& mma(uint32_t m, uint32_t n, uint32_t groups, uint8_t flags = isa::flag::kClr, uint32_t group = 128) {
    add(isa::Op::kMma, isa::Unit::kMm);
    Issue& i = last();
    i.rows = m, i.cols = n, i.groups = groups, i.group = group, i.flags = flags;
    i.sstride = 2, i.bstride = 32, i.dstride = n / 16;
    i.d_acc = true;
    return *this;
  }
  // VALU.MUL d = a * b on FP32 in the SPM.
  Builder& mul(uint32_t d, uint32_t a, uint32_t b, uint32_t rows, uint32_t cols) {
    vx(isa::Op::kValu, d, a, b, rows, cols);
    last().func = static_cast<uint8_t>(isa::Alu::kMul);
    return *this;
  }
  Builder& vx(isa::Op op, uint32_t d, uint32_t a, uint32_t b, uint32_t rows, uint32_t cols, uint8_t func = 0) {
    add(op, isa::Unit::kVx);
    Issue& i = last();
    i.d = d, i.a = a, i.b = b, i.rows = rows, i.cols = cols, i.func = func, i.group = 128;
    i.sstride = i.bstride = i.dstride = (cols * 4 + 63) / 64;
    return *this;
  }
  Builder& wait(uint8_t s, uint8_t n = 1) {
    last().wsem = s, last().wcnt = n;
    return *this;
  }
  Builder& post(uint8_t s, uint8_t n = 1) {
    last().psem = s, last().pcnt = n;
    return *this;
  }
  Builder& remote(uint64_t mask) {
    last().flags |= isa::flag::kRemote;
    last().mask = mask;
    return *this;
  }
  Builder& pc(uint32_t value) {
    last().pc = value;
    pc_ = value + 1;
    return *this;
  }
  Issue& last() { return core_.issues.back(); }

 private:
  Builder& add(isa::Op op, isa::Unit unit) {
    Issue& i = core_.issues.emplace_back();
    i.pc = pc_++;
    i.op = op;
    i.unit = unit;
    i.op_mark = mark_;
    return *this;
  }
  Builder& dma(isa::Op op, isa::Unit unit, uint64_t dram, uint32_t rows, uint32_t lines, uint32_t sstride,
               uint32_t dstride, uint32_t d, uint32_t a) {
    add(op, unit);
    Issue& i = last();
    i.dram = dram, i.rows = rows, i.cols = lines, i.sstride = sstride, i.dstride = dstride, i.d = d, i.a = a;
    return *this;
  }

  CoreTrace& core_;
  uint32_t pc_ = 0, mark_ = 0;
};

// A GEMM of m x n x k, FP8, spread over the cores of a mesh `columns` wide: core (x, y) computes a block of C; weights
// stream through three SPM buffers, the activations of the block stay.
inline Trace gemm_trace(int cores, int columns, uint32_t m, uint32_t n, uint32_t k) {
  Trace trace;
  trace.cores.resize(static_cast<size_t>(cores));
  const uint32_t grid_rows = static_cast<uint32_t>(cores / columns), grid_cols = static_cast<uint32_t>(columns);
  const uint32_t block_m = (m + grid_rows - 1) / grid_rows, block_n = n / grid_cols, groups = k / 128;
  const uint32_t a_lines = block_m * k / 64, b_lines = block_n * 2;  // b: one block of 128 k
  for (uint32_t c = 0; c < static_cast<uint32_t>(cores); ++c) {
    const uint32_t y = c / grid_cols, x = c % grid_cols;
    Builder b(trace.cores[c]);
    const uint64_t a_at = uint64_t{y} * a_lines, b_at = (uint64_t{1} << 20) + uint64_t{x} * groups * b_lines;
    auto load = [&](uint32_t g) {
      b.ld(8192 + g % 3 * b_lines, b_at + uint64_t{g} * b_lines, b_lines).post(1);
      if (g >= 3) b.wait(2);
    };
    b.ld(0, a_at, a_lines).post(0);
    for (uint32_t g = 0; g < std::min(groups, 2u); ++g) load(g);
    b.sync(isa::Unit::kMm).wait(0);
    for (uint32_t g = 0; g < groups; ++g) {
      if (g + 2 < groups) load(g + 2);
      b.mma(block_m, block_n, 1, g == 0 ? isa::flag::kClr : 0).wait(1).post(g + 3 < groups ? 2 : 3);
    }
    b.sync(isa::Unit::kSt).wait(3, static_cast<uint8_t>(std::min(groups, 3u)));
    b.st((uint64_t{1} << 22) + uint64_t{c} * block_m * block_n / 16, 0, block_m * block_n / 16).post(4);
    b.last().a_acc = true;
    b.sync(isa::Unit::kCtl).wait(4);
    b.halt();
  }
  return trace;
}

}  // namespace hadal::sim::timing::testing
