// Closed-form costs of MM and VX instructions; docs/timing.md derives them.
#include "sim/timing/cost.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"

namespace hadal::sim::timing {
namespace {

using isa::Op;

constexpr uint64_t kLine = 64;
constexpr uint64_t kBlock = 128;  // elements of k in an operand block
constexpr uint64_t kPanel = 16;   // columns of a panel of B; a line holds 4 of k of each
constexpr uint64_t kParts = 64;   // of a cycle: what one request in many costs another

uint64_t div_up(uint64_t a, uint64_t b) { return (a + b - 1) / b; }

// How much longer a fetch takes whose rows of `row_lines` lines lie `stride` lines apart in a memory `width` lines
// wide, when it wants `lines` lines a cycle.
uint8_t stride_conflict(uint64_t stride, uint64_t row_lines, uint64_t lines, uint64_t width) {
  const uint64_t distinct = std::min(width, width / std::gcd(stride % width, width) * row_lines);
  return static_cast<uint8_t>(
      std::clamp<uint64_t>(div_up(std::min(lines, width), std::max<uint64_t>(1, distinct)), 1, 255));
}

uint64_t element_bytes(const Issue& issue, int bit) { return issue.types >> bit & 1 ? 2 : 4; }
uint64_t row_lines(const Issue& issue, int bit) { return div_up(issue.cols * element_bytes(issue, bit), kLine); }

uint32_t tile_lines(uint64_t rows, uint64_t stride, uint64_t dense) {
  if (rows == 0) return 0;
  return static_cast<uint32_t>((rows - 1) * (stride != 0 ? stride : dense) + dense);
}

Extent extent(uint32_t first, uint32_t lines, bool acc) { return {first, first + lines, acc}; }

// One element a row. The trace gives the dense row stride where none is configured, and then the elements are packed.
Extent column(uint32_t first, uint64_t rows, uint64_t stride, uint64_t dense, bool acc) {
  const bool packed = stride == 0 || stride == dense;
  return extent(first, packed ? static_cast<uint32_t>(div_up(rows * 4, kLine)) : tile_lines(rows, stride, 1), acc);
}

}  // namespace

CostModel::CostModel(const chip::Chip& chip)
    : mm_latency_(static_cast<Cycle>(chip.matrix.latency_cycles)),
      vx_latency_(static_cast<Cycle>(chip.vector.latency_cycles)),
      bank_bytes_(static_cast<uint64_t>(chip.spm.bank_bytes)) {
  check(chip.matrix.rows > 0 && chip.matrix.cols > 0 && chip.matrix.depth > 0 && chip.vector.lanes > 0,
        "the matrix or vector unit of {} is not described", chip.name);
  auto number = [](int value) { return static_cast<uint64_t>(value); };
  const uint64_t spm_rate = number(chip.spm.banks) * bank_bytes_,
                 acc_rate = number(chip.acc.banks) * number(chip.acc.bank_bytes);
  check(spm_rate >= kLine && acc_rate >= kLine, "SPM and ACC of {} must move at least a line a cycle", chip.name);
  spm_rate_ = Divider(spm_rate);
  acc_rate_ = Divider(acc_rate);
  rows_ = Divider(number(chip.matrix.rows));
  cols_ = Divider(number(chip.matrix.cols));
  depth_ = Divider(number(chip.matrix.depth));
  const uint64_t macs = rows_.value() * cols_.value() * depth_.value();
  fixups_per_cycle_ = Divider(std::max<uint64_t>(1, macs / kBlock));
  a_port_ = Divider(std::max(rows_.value() * depth_.value(), kLine));
  b_port_ = Divider(std::max(cols_.value() * depth_.value(), kLine));
  lanes_ = Divider(number(chip.vector.lanes));
  sfu_lanes_ = Divider(std::max<uint64_t>(1, lanes_.value() / number(std::max(1, chip.vector.sfu_divisor))));
  histograms_ = Divider(std::max<uint64_t>(1, lanes_.value() / kLanesPerHistogram));
  transpose_side_ = std::min<uint64_t>(lanes_.value(), kTransposeSide);
  compress_width_ = Divider(std::min<uint64_t>(lanes_.value(), kCompressWidth));

  const uint64_t width = spm_rate / kLine, banks_a_line = std::max<uint64_t>(1, kLine / bank_bytes_);
  a_slots_ = std::min(width, a_port_.value() / kLine);
  br_slots_ = std::min(width, b_port_.value() / kLine);
  blocked_slots_ = std::min(width, std::max<uint64_t>(1, depth_.value() / 4) * div_up(cols_.value(), kPanel));
  bt_slots_ = std::min(width, std::max<uint64_t>(1, b_port_.value() / bank_bytes_));
  for (uint64_t stride = 0; stride < width; ++stride) {
    const uint64_t row_lines_of_block = kBlock / kLine;
    a_conflict_.push_back(stride_conflict(stride, row_lines_of_block, a_port_.value() / kLine, width));
    br_conflict_.push_back(stride_conflict(stride, row_lines_of_block, b_port_.value() / kLine, width));
    // Rows of k are read bank by bank.
    bt_conflict_.push_back(
        stride_conflict(stride * banks_a_line, 1, b_port_.value() / bank_bytes_, width * banks_a_line));
  }
}

// A line that is wanted where an operand's fetch takes `slots` of all line slots a cycle, and moves on: in every other
// cycle the line chooses first and the fetch loses the cycle if they meet; otherwise the line waits one, and they meet
// again only if the fetch takes more than half.
uint64_t CostModel::line_parts(uint64_t slots) const {
  const uint64_t width = a_conflict_.size();
  return kParts * (slots + (2 * slots > width ? 2 * slots - width : 0)) / (2 * width);
}

Cost CostModel::mma(const Issue& issue) const {
  const uint64_t m = issue.rows, n = issue.cols, groups = issue.groups, group = issue.group;
  if (m * n * groups == 0) return {.cycles = 1, .last_step = 1, .latency = mm_latency_};
  const uint64_t row_tiles = rows_.up(m), col_tiles = cols_.up(n);
  const uint64_t a_digits = issue.flags & isa::flag::kDa ? 2 : 1, b_digits = issue.flags & isa::flag::kDb ? 2 : 1;
  const uint64_t passes = a_digits * b_digits;
  const uint64_t last_rows = m - (row_tiles - 1) * rows_.value();

  // Operand fetch of one tile: A moves rows x group bytes over a port of R x Kd, B cols x group over one of C x Kd.
  const uint64_t width = a_conflict_.size();
  const uint64_t a_conflict = a_conflict_[issue.sstride % width];
  auto fill_a = [&](uint64_t rows) { return a_port_.up(rows * group * a_digits) * a_conflict; };
  uint64_t b_tile = cols_.value() * group * b_digits, b_conflict = 1;
  if (issue.flags & isa::flag::kBt) {
    b_tile =
        std::max(cols_.value(), bank_bytes_) * group * b_digits;  // a bank is read whole even when the grid is narrower
    b_conflict = bt_conflict_[issue.bstride % width];
  } else if (issue.flags & isa::flag::kBr) {
    b_conflict = br_conflict_[issue.bstride % width];
  }
  const uint64_t fill_b = b_port_.up(b_tile) * b_conflict;

  // A step is one group of one tile: digit passes over the dot units against draining the sums of the step before.
  const uint64_t dot = passes * depth_.up(group);
  auto work = [&](uint64_t rows) { return std::max(dot, fixups_per_cycle_.up(rows * cols_.value())); };
  const uint64_t last_step = work(last_rows);

  // What the fetches cost each other in the banks, in parts of a cycle: every tile comes with a line of scales.
  const bool bt = (issue.flags & isa::flag::kBt) != 0, br = (issue.flags & isa::flag::kBr) != 0;
  const uint64_t b_slots = bt ? bt_slots_ : br ? br_slots_ : blocked_slots_;
  const uint64_t line_at_a = line_parts(a_slots_), line_at_b = line_parts(b_slots);
  const bool side_by_side = a_slots_ + b_slots <= width && issue.sstride == kBlock / kLine &&
                            !(br && issue.bstride % std::max<uint64_t>(1, br_slots_) != 0);
  const uint64_t meet = side_by_side ? 0 : std::min<uint64_t>(width, a_slots_ + b_slots - 1);
  const uint64_t tile_b = kParts * fill_b + line_at_b;
  uint64_t per_group, group_b = 0;
  if (row_tiles == 1) {
    const uint64_t beside = kParts * fill_a(m) * meet / (width + meet);  // B does not get its banks
    group_b = col_tiles * tile_b + line_at_b + beside;
    per_group = std::max({kParts * col_tiles * last_step, kParts * fill_a(m) + line_at_a, group_b});
  } else {
    auto step = [&](uint64_t rows) { return std::max(kParts * work(rows), kParts * fill_a(rows) + line_at_a); };
    const uint64_t steps = (row_tiles - 1) * step(rows_.value()) + step(last_rows);
    const bool by_a = step(rows_.value()) > kParts * work(rows_.value());
    per_group = col_tiles * std::max(steps + (by_a ? line_at_a : 0), tile_b);
  }
  if (groups > 1) per_group = std::max<uint64_t>(per_group, kParts * kAccTurnaround);
  uint64_t parts = groups * per_group;
  if (per_group == group_b) {
    if ((issue.flags & isa::flag::kRsc) != 0) parts += line_at_b;        // the line of factors, with the first group
    parts -= std::max(tile_b, kParts * last_step) - kParts * last_step;  // the next one's B follows the last tile
  }

  Cost cost;
  cost.macs = m * n * groups * group;
  cost.digit_macs = cost.macs * passes;
  cost.fixups = m * n * groups;
  const uint64_t scales = m * groups * col_tiles * 4;
  cost.spm_bytes = groups * (col_tiles * b_tile + m * group * a_digits * (row_tiles > 1 ? col_tiles : 1)) + scales;
  cost.acc_bytes = cost.fixups * 8 - (issue.flags & isa::flag::kClr ? m * n * 4 : 0);
  cost.cycles = std::max({div_up(parts, kParts), spm_rate_.up(cost.spm_bytes), acc_rate_.up(cost.acc_bytes)});
  cost.fill = std::max(fill_a(std::min(m, rows_.value())), tile_b / kParts);
  cost.last_step = std::min<Cycle>(cost.cycles, last_step);
  cost.latency = fixups_per_cycle_.up(last_rows * cols_.value()) + mm_latency_;
  return cost;
}

// A lane adds columns l, l + 128, ... in order, so consecutive chunks of a row are an adder latency apart; rows are
// interleaved to fill the gap. What a row reaches of the 128 / lanes sums of a lane is folded into one, a pass each;
// the rest is a pipelined tree.
uint64_t CostModel::sum_cycles(uint64_t rows, uint64_t cols) const {
  const uint64_t groups = std::max<uint64_t>(1, lanes_.down(kArchLanes));
  const Divider interleave(std::max<uint64_t>(1, kAddCycles / groups));
  const uint64_t passes = lanes_.up(cols), chunks = div_up(cols, kArchLanes);
  const uint64_t full = std::max(interleave.value() * passes, chunks * kAddCycles);
  const uint64_t rest = interleave.rest(rows);
  return interleave.down(rows) * full + (rest != 0 ? std::max(rest * passes, chunks * kAddCycles) : 0) +
         rows * (std::min(passes, groups) - 1);
}

// Square blocks that come in by rows while the one before leaves by columns. In one memory both take their turns in the
// banks that they share.
uint64_t CostModel::transpose_cycles(const Issue& issue) const {
  const uint64_t side = transpose_side_, width = a_conflict_.size(), lines = div_up(side * 4, kLine);
  const uint64_t each = side * lanes_.up(side);
  const uint64_t row_blocks = div_up(issue.rows, side), col_blocks = div_up(issue.cols, side);
  if (issue.a_acc || issue.d_acc) return row_blocks * col_blocks * each;
  const uint64_t read_stride = issue.sstride, write_stride = issue.dstride;
  std::vector<uint64_t> read(width), written(width);
  auto count = [&](std::vector<uint64_t>& slots, uint64_t first, uint64_t stride) {
    for (uint64_t r = 0; r < side; ++r) {
      for (uint64_t l = 0; l < lines; ++l) ++slots[(first + r * stride + l) % width];
    }
  };
  uint64_t cycles = 0;
  for (uint64_t j = 0; j < col_blocks; ++j) {
    for (uint64_t i = 0; i < row_blocks; ++i) {
      std::fill(read.begin(), read.end(), 0);
      count(read, issue.a + i * side * read_stride + j * lines, read_stride);
      uint64_t most = each;
      for (uint64_t s = 0; s < width; ++s) most = std::max(most, read[s] + written[s]);
      cycles += most;
      std::fill(written.begin(), written.end(), 0);
      count(written, issue.d + j * side * write_stride + i * lines, write_stride);
    }
  }
  return cycles;
}

Cost CostModel::vector(const Issue& issue) const {
  const uint64_t rows = issue.rows, cols = issue.cols;
  const uint64_t elements = rows * cols;
  if (elements == 0) return {.cycles = kVxIssueCycles, .latency = vx_latency_};
  const uint64_t a_bytes = rows * row_lines(issue, 0) * kLine, d_bytes = rows * row_lines(issue, 2) * kLine;
  uint64_t passes = rows * lanes_.up(cols);
  Cost cost;
  auto move = [&](bool acc, uint64_t bytes) { (acc ? cost.acc_bytes : cost.spm_bytes) += bytes; };
  auto move_b = [&] {
    switch (static_cast<isa::Bc>(issue.bc)) {
      case isa::Bc::kNone:
      case isa::Bc::kRow: move(issue.b_acc, rows * row_lines(issue, 1) * kLine); break;
      case isa::Bc::kCol: move(issue.b_acc, rows * 4); break;
      case isa::Bc::kScalar: move(issue.b_acc, 4); break;
    }
  };
  cost.latency = vx_latency_;
  cost.lane_ops = elements;
  // Reads and writes of d take turns at its port. Reads run ahead, so the last write comes with the last turn.
  auto through_port_d = [&] {
    cost.latency = cost.latency > passes + kPortDCycles ? cost.latency - passes : kPortDCycles;
    passes *= 2;
  };
  switch (issue.op) {
    case Op::kValu:
      move(issue.a_acc, a_bytes);
      if (static_cast<isa::Alu>(issue.func) != isa::Alu::kAbs) move_b();
      move(issue.d_acc, d_bytes);
      if (vx_reads_d(issue)) {
        move(issue.d_acc, d_bytes);
        through_port_d();
      }
      break;
    case Op::kVmula:
      move(issue.a_acc, a_bytes);
      move_b();
      move(issue.d_acc, 2 * d_bytes);
      cost.latency += kAddCycles;  // the second rounding
      through_port_d();
      cost.lane_ops = 2 * elements;
      break;
    case Op::kVsfu:
      passes = rows * sfu_lanes_.up(cols);
      move(issue.a_acc, a_bytes);
      move(issue.d_acc, d_bytes);
      cost.latency += kSfuExtraCycles;
      cost.lane_ops = 4 * elements;
      break;
    case Op::kVred:
      if (static_cast<isa::Red>(issue.func) == isa::Red::kSum) {
        passes = sum_cycles(rows, cols);
        cost.latency += kSumTreeCycles;
      }
      move(issue.a_acc, a_bytes);
      move(issue.d_acc, rows * 4);
      break;
    case Op::kVqnt: {
      // As many columns as a group or a pass has: amax, the scale, then one conversion a digit.
      const uint64_t unit = std::max<uint64_t>(issue.group != 0 ? issue.group : kBlock, lanes_.value());
      passes = rows * div_up(cols, unit) * ((1u + issue.digits) * lanes_.up(unit) + 1);
      move(issue.a_acc, a_bytes * (1u + issue.digits));
      move(false, rows * div_up(cols, kBlock) * kBlock * issue.digits +
                      rows * div_up(cols, issue.group != 0 ? issue.group : 128) * 4);
      cost.latency += kQuantiseExtraCycles;
      cost.lane_ops = elements * (1u + issue.digits);
      break;
    }
    case Op::kVcvt:
      if (static_cast<isa::Cvt>(issue.func) == isa::Cvt::kQ2f) {
        move(issue.a_acc,
             rows * div_up(cols, kBlock) * kBlock + rows * div_up(cols, issue.group != 0 ? issue.group : 128) * 4);
      } else {
        move(issue.a_acc, a_bytes);
      }
      move(issue.d_acc, d_bytes);
      break;
    case Op::kVprm:
      switch (static_cast<isa::Prm>(issue.func)) {
        case isa::Prm::kTranspose:
          passes = transpose_cycles(issue);
          cost.latency += transpose_side_ - kTransposeAhead;  // the last block drains
          move(issue.a_acc, a_bytes);
          move(issue.d_acc, cols * div_up(rows * 4, kLine) * kLine);
          break;
        case isa::Prm::kGather:
          passes += rows;  // the number of a row, then its lines
          move(issue.b_acc, rows * 4);
          move(issue.a_acc, a_bytes);
          move(issue.d_acc, d_bytes);
          break;
        case isa::Prm::kIota:
        case isa::Prm::kFill: move(issue.d_acc, d_bytes); break;
        case isa::Prm::kCopy:
        case isa::Prm::kPairswap:
          move(issue.a_acc, a_bytes);
          move(issue.d_acc, d_bytes);
          break;
      }
      break;
    case Op::kVsel:
      move(issue.a_acc, a_bytes);
      if (static_cast<isa::Sel>(issue.func) == isa::Sel::kCompress) {
        passes = rows * (compress_width_.up(cols) + kCompressEndCycles);
        move(issue.d_acc, elements * 4 + rows * 4);
      } else {
        passes = rows * (histograms_.up(cols) + kHistogramLines);
        move(issue.d_acc, rows * kHistogramLines * kLine);
      }
      break;
    default: check(false, "instruction {} is not one of VX", static_cast<int>(issue.op));
  }
  cost.cycles = kVxIssueCycles + std::max({passes, spm_rate_.up(cost.spm_bytes), acc_rate_.up(cost.acc_bytes)});
  return cost;
}

Extent vx_writes(const Issue& issue) {
  const uint64_t rows = issue.rows;
  switch (issue.op) {
    case Op::kVred: return column(issue.d, rows, issue.dstride, row_lines(issue, 2), issue.d_acc);
    case Op::kVqnt: {
      const uint64_t blocks = div_up(issue.cols, kBlock);
      return extent(issue.d, static_cast<uint32_t>(rows * blocks * 2 * issue.digits), issue.d_acc);
    }
    case Op::kVprm:
      if (static_cast<isa::Prm>(issue.func) == isa::Prm::kTranspose) {
        return extent(issue.d, tile_lines(issue.cols, issue.dstride, div_up(rows * 4, kLine)), issue.d_acc);
      }
      break;
    case Op::kVsel:
      if (static_cast<isa::Sel>(issue.func) == isa::Sel::kHist) {
        return extent(issue.d, tile_lines(rows, issue.dstride, kHistogramLines), issue.d_acc);
      }
      break;
    default: break;
  }
  return extent(issue.d, tile_lines(rows, issue.dstride, row_lines(issue, 2)), issue.d_acc);
}

Extent vx_writes_scales(const Issue& issue) {
  if (issue.op != Op::kVqnt) return {};
  const uint64_t words = issue.rows * div_up(issue.cols, issue.group != 0 ? issue.group : kBlock);
  return extent(issue.b, static_cast<uint32_t>(div_up(words * 4, kLine)), false);
}

bool vx_reads_d(const Issue& issue) {
  return issue.op == Op::kVmula || (issue.op == Op::kValu && static_cast<isa::Alu>(issue.func) == isa::Alu::kSel);
}

Extent vx_reads_a(const Issue& issue) {
  if (issue.op == Op::kVcvt && static_cast<isa::Cvt>(issue.func) == isa::Cvt::kQ2f) {
    return extent(issue.a, static_cast<uint32_t>(issue.rows * div_up(issue.cols, kBlock) * 2), issue.a_acc);
  }
  if (issue.op == Op::kVprm && static_cast<isa::Prm>(issue.func) >= isa::Prm::kIota) {
    // IOTA and FILL read nothing; GATHER may read anything, so it waits for whatever is still being written there.
    if (static_cast<isa::Prm>(issue.func) != isa::Prm::kGather) return {};
    return {0, ~uint32_t{0}, issue.a_acc};
  }
  return extent(issue.a, tile_lines(issue.rows, issue.sstride, row_lines(issue, 0)), issue.a_acc);
}

Extent vx_reads_b(const Issue& issue) {
  switch (issue.op) {
    case Op::kValu:
      if (static_cast<isa::Alu>(issue.func) == isa::Alu::kAbs) return {};
      break;
    case Op::kVmula: break;
    case Op::kVcvt: return static_cast<isa::Cvt>(issue.func) == isa::Cvt::kQ2f ? extent(issue.b, 1, false) : Extent{};
    case Op::kVprm:
      if (static_cast<isa::Prm>(issue.func) != isa::Prm::kGather) return {};
      return extent(issue.b, static_cast<uint32_t>(div_up(issue.rows * 4, kLine)), issue.b_acc);
    case Op::kVsel: return extent(issue.b, 1, issue.b_acc);
    default: return {};
  }
  switch (static_cast<isa::Bc>(issue.bc)) {
    case isa::Bc::kRow: return extent(issue.b, static_cast<uint32_t>(row_lines(issue, 1)), issue.b_acc);
    case isa::Bc::kCol: return column(issue.b, issue.rows, issue.bstride, row_lines(issue, 1), issue.b_acc);
    case isa::Bc::kScalar: return extent(issue.b, 1, issue.b_acc);
    case isa::Bc::kNone: break;
  }
  return extent(issue.b, tile_lines(issue.rows, issue.bstride, row_lines(issue, 1)), issue.b_acc);
}

}  // namespace hadal::sim::timing
