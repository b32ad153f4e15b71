// Cycles of the RTL beside those the timing simulator assumes, instruction by instruction, with memories that always
// grant and answer after three cycles. Two figures each: from one instruction to the next in a row of independent ones,
// and from acceptance to the last visible write of one alone.
#include "cycles.h"

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "device.h"
#include "isa/table.h"
#include "sim/timing/cost.h"

namespace hadal::dv {
namespace {

constexpr size_t kSpmBytes = 64 * 1024, kAccBytes = 16 * 1024;
constexpr int kCopies = 6;

struct Case {
  const char* kind;
  uint16_t rows, cols;
  uint8_t types = 0;  // bit 0 a, bit 1 b, bit 2 d: BF16
  uint8_t bc = 0, digits = 1, group_code = 0;
  uint32_t a_offset = 0, d_offset = 0;  // words
};

constexpr Case kCases[] = {
    {"VALU.ADD", 1, 16},
    {"VALU.ADD", 8, 128},
    {"VALU.ADD", 16, 64, 7},
    {"VALU.MUL", 8, 128, 0, 1},
    {"VALU.MUL", 8, 128, 0, 2},
    {"VALU.MUL", 8, 100, 0, 3},
    {"VALU.ADD", 8, 128, 0, 3, 1, 0, 4, 0},
    {"VALU.ADD", 8, 128, 0, 3, 1, 0, 0, 4},
    {"VALU.ADD", 8, 128, 0, 3, 1, 0, 4, 4},
    {"VALU.SEL", 8, 64},
    {"VMULA", 8, 64},
    {"VMULA", 8, 64, 0, 2},
    {"VSFU.EXP2", 8, 64},
    {"VSFU.RSQRT", 16, 1},
    {"VSFU.RCP", 1, 16},
    {"VRED.SUM", 4, 64},
    {"VRED.SUM", 1, 384},
    {"VRED.SUM", 8, 128},
    {"VRED.MAX", 4, 64},
    {"VRED.MAX", 8, 128},
    {"VRED.ARGMAX", 1, 256},
    {"VQNT", 4, 128, 0, 0, 1},
    {"VQNT", 4, 128, 0, 0, 2},
    {"VQNT", 1, 384, 1, 0, 2},
    {"VQNT", 4, 128, 0, 0, 2, 1},
    {"VCVT.F2B", 8, 128},
    {"VCVT.B2F", 8, 128},
    {"VCVT.Q2F", 4, 256},
    {"VPRM.COPY", 8, 128},
    {"VPRM.PAIRSWAP", 8, 64},
    {"VPRM.IOTA", 8, 128},
    {"VPRM.FILL", 8, 128},
    {"VPRM.TRANSPOSE", 32, 32},
    {"VPRM.TRANSPOSE", 16, 16},
    {"VPRM.TRANSPOSE", 64, 16},
    {"VPRM.GATHER", 8, 64},
    {"VSEL.COMPRESS", 2, 256},
    {"VSEL.HIST", 2, 64},
};

isa::Instr build(const Case& c, int copy) {
  isa::Instr in;
  for (const isa::Row& row : isa::table()) {
    const std::string kind = c.kind, mnemonic(row.mnemonic);
    if (kind.substr(0, kind.find('.')) != mnemonic) continue;
    in.op = row.op;
    for (const isa::Field& field : row.fields) {
      if (field.kind != isa::Kind::kFunc) continue;
      for (size_t f = 0; f < field.names.size(); ++f) {
        if (kind == mnemonic + "." + std::string(field.names[f])) in.func = static_cast<uint8_t>(f);
      }
    }
  }
  in.rows = c.rows;
  in.cols = c.cols;
  in.a.offset = 0;
  in.b.offset = 200;
  in.d.offset = static_cast<uint16_t>(300 + copy * 80);
  in.at = c.types & 1;
  in.bt = c.types >> 1 & 1;
  in.dt = c.types >> 2 & 1;
  in.bc = c.bc;
  in.flags = static_cast<uint8_t>(c.group_code << isa::flag::kGroupShift);
  if (in.op == isa::Op::kVqnt) {
    in.digits = c.digits;
    in.b.offset = static_cast<uint16_t>(800 + copy * 8);
  }
  const std::string kind = c.kind;
  const bool no_a = kind == "VPRM.IOTA" || kind == "VPRM.FILL";
  const bool has_b = in.op == isa::Op::kValu || in.op == isa::Op::kVmula || in.op == isa::Op::kVqnt ||
                     kind == "VCVT.Q2F" || kind == "VPRM.GATHER" || kind == "VSEL.COMPRESS";
  if (no_a) in.a = {};
  if (!has_b) in.b = {};
  return in;
}

sim::Issue issue_of(const isa::Instr& in) {
  sim::Issue issue;
  issue.op = in.op;
  issue.func = in.func;
  issue.flags = in.flags;
  issue.types = static_cast<uint8_t>(in.at | in.bt << 1 | in.dt << 2);
  issue.bc = in.bc;
  issue.digits = in.digits;
  issue.rows = in.rows;
  issue.cols = in.cols;
  issue.group = 128u >> (in.flags >> isa::flag::kGroupShift);
  issue.sstride = (in.cols + 15u) / 16;  // dense; not in one memory, because the memories here always grant
  issue.dstride = (in.rows + 15u) / 16;
  issue.d_acc = true;
  return issue;
}

isa::Instr cfg(isa::cfg::Vx key, uint32_t value) {
  isa::Instr in;
  in.op = isa::Op::kCfg;
  in.unit = static_cast<uint8_t>(isa::Unit::kVx);
  in.key = key;
  in.imm = value;
  return in;
}

}  // namespace

int print_cycles(const std::string& chip_file) {
  const chip::Chip chip = chip::load(chip_file);
  const sim::timing::CostModel model(chip);
  Device device("", 1);
  Image image(kSpmBytes, kAccBytes);  // zeros: gathers take row 0
  const Behaviour behaviour;
  std::printf("%-15s %5s %5s %-28s | %7s %7s %6s | %7s %7s\n", "instruction", "rows", "cols", "", "cycles", "assumed",
              "error", "alone", "assumed");
  double sum = 0, worst = 0;
  for (const Case& c : kCases) {
    std::vector<isa::Instr> code = {cfg(isa::cfg::kAOff, c.a_offset), cfg(isa::cfg::kDOff, c.d_offset),
                                    cfg(isa::cfg::kQDs, 32), cfg(isa::cfg::kCnt, 16000)};
    const size_t first = code.size();
    for (int copy = 0; copy < kCopies; ++copy) code.push_back(build(c, copy));
    const Run many = device.run(code, image, behaviour);
    const double cycles = static_cast<double>(many.done[first + kCopies - 1] - many.done[first + 1]) / (kCopies - 2);
    const Run one = device.run({code[first]}, image, behaviour);
    const sim::timing::Cost cost = model.vector(issue_of(code[first]));
    const double assumed = static_cast<double>(cost.cycles), error = (cycles - assumed) / assumed * 100;
    std::string note;
    if (c.types != 0) note += "types " + std::to_string(c.types) + " ";
    if (c.bc != 0) note += std::string(c.bc == 1 ? "row" : c.bc == 2 ? "col" : "scalar") + " ";
    if (code[first].op == isa::Op::kVqnt) {
      note += "digits " + std::to_string(c.digits) + " G" + std::to_string(128 >> c.group_code) + " ";
    }
    if (c.a_offset != 0) note += "a+" + std::to_string(c.a_offset) + " ";
    if (c.d_offset != 0) note += "d+" + std::to_string(c.d_offset) + " ";
    std::printf("%-15s %5u %5u %-28s | %7.1f %7.0f %+5.1f%% | %7llu %7llu\n", c.kind, c.rows, c.cols, note.c_str(),
                cycles, assumed, error, static_cast<unsigned long long>(one.done[0] - one.accepted[0]),
                static_cast<unsigned long long>(cost.cycles + cost.latency));
    sum += std::fabs(error);
    worst = std::max(worst, std::fabs(error));
  }
  std::printf("mean absolute error %.1f %%, worst %.1f %%\n", sum / std::size(kCases), worst);
  return 0;
}

}  // namespace hadal::dv
