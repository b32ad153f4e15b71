// LD, ST and NX: what the data movers do (docs/machine.md, sections 4 and 8).
#include <cstring>
#include <utility>

#include "numerics/numerics.h"
#include "sim/functional/core.h"

namespace hadal::sim {
namespace {

constexpr uint64_t kPanelLines = 32;     // 16 columns x 128 k of E4M3
constexpr uint64_t kFp4PanelLines = 17;  // the same as FP4 and its scales
constexpr uint64_t kLentLines = 32;      // from here on a load may be weights

// Rows of whole lines.
Region lines(uint64_t line, uint64_t rows, uint64_t len, uint64_t stride) {
  return {line * kLine, len * kLine, rows, stride * kLine};
}

// Rows that overlap would make the result depend on the order of writes inside the instruction.
void check_row_overlap(uint64_t rows, uint64_t len, uint64_t stride) {
  if (rows > 1 && stride < len) fault("destination rows of {} lines overlap: they are {} lines apart", len, stride);
}

// The DRAM line of row i of an index list.
uint64_t row_line(uint64_t first, const std::byte* list, uint64_t i, uint64_t pitch) {
  uint32_t index;
  std::memcpy(&index, list + 4 * i, 4);
  const uint64_t offset = index * pitch;
  if (offset >> 48 != 0) fault("row {} with index {} lies outside the DRAM", i, index);
  return first + offset;
}

Region list_region(const Issued& issued) { return {issued.b * kLine, 4 * issued.rows, 1, 0}; }

}  // namespace

void Core::execute_ld(const Issued& issued, const Access& access) {
  const isa::Instr& in = issued.code->instr;
  const uint64_t rows = issued.rows, len = in.len;
  if (Issue* trace = trace_of(issued)) {
    trace->cols = in.len;
    trace->sstride = in.sstride;
    trace->dstride = in.dstride;
  }
  if (rows == 0 || len == 0) return;
  check_row_overlap(rows, len, in.dstride);
  size_t& hint = state(isa::Unit::kLd).dram_hint;
  const bool one_piece = rows == 1 || (in.sstride == len && in.dstride == len);
  stats.dram_read_bytes += rows * len * kLine;
  if (!in.d.acc && rows * len >= kLentLines && observer_ == nullptr) {
    Dram::Loan loan = dram_.lend(issued.dram, one_piece ? rows * len : (rows - 1) * in.sstride + len, hint);
    if (loan.from != nullptr) {
      const Region to = one_piece ? lines(issued.d, 1, rows * len, 0) : lines(issued.d, rows, len, in.dstride);
      return spm_.lend(access, to, loan.from, in.sstride * kLine, "d", std::move(loan.hold));
    }
  }
  std::byte* to = memory(in.d.acc).write(access, lines(issued.d, rows, len, in.dstride), "d");
  if (one_piece) {
    dram_.read(access, issued.dram, rows * len, to, hint);
  } else {
    for (uint64_t r = 0; r < rows; ++r) {
      dram_.read(access, issued.dram + r * in.sstride, len, to + r * in.dstride * kLine, hint);
    }
  }
}

void Core::execute_st(const Issued& issued, const Access& access) {
  const isa::Instr& in = issued.code->instr;
  const uint64_t rows = issued.rows, len = in.len;
  if (Issue* trace = trace_of(issued)) {
    trace->cols = in.len;
    trace->sstride = in.sstride;
    trace->dstride = in.dstride;
  }
  if (rows == 0 || len == 0) return;
  check_row_overlap(rows, len, in.dstride);
  const std::byte* from = memory(in.a.acc).read(access, lines(issued.a, rows, len, in.sstride), "s");
  size_t& hint = state(isa::Unit::kSt).dram_hint;
  if (rows == 1 || (in.sstride == len && in.dstride == len)) {
    dram_.write(access, issued.dram, rows * len, from, hint);
  } else {
    for (uint64_t r = 0; r < rows; ++r) {
      dram_.write(access, issued.dram + r * in.dstride, len, from + r * in.sstride * kLine, hint);
    }
  }
  stats.dram_written_bytes += rows * len * kLine;
}

// The DRAM lines of the rows that an index list names; empty when nothing moves.
std::vector<uint64_t> Core::listed_rows(const Issued& issued, const Access& access) {
  const uint64_t rows = issued.rows, len = issued.code->instr.len;
  Issue* trace = trace_of(issued);
  if (trace != nullptr) {
    trace->cols = issued.code->instr.len;
    trace->gather_first = static_cast<uint32_t>(trace_->gather.size());
  }
  std::vector<uint64_t> lines;
  if (rows == 0 || len == 0) return lines;
  const uint64_t pitch = state(issued.code->unit).cfg[isa::cfg::kPitch];
  if (pitch == 0) fault("PITCH is not set");
  const std::byte* list = spm_.read(access, list_region(issued), "idx");
  for (uint64_t i = 0; i < rows; ++i) lines.push_back(row_line(issued.dram, list, i, pitch));
  if (trace != nullptr) trace_->gather.insert(trace_->gather.end(), lines.begin(), lines.end());
  return lines;
}

void Core::execute_ldg(const Issued& issued, const Access& access) {
  const isa::Instr& in = issued.code->instr;
  const uint64_t len = in.len;
  const std::vector<uint64_t> from = listed_rows(issued, access);
  if (from.empty()) return;
  const Region region = lines(issued.d, 1, from.size() * len, 0);
  std::byte* to = memory(in.d.acc).write(access, region, "d");
  if (!in.d.acc && overlap(region, list_region(issued))) fault("d overlaps the index list");
  for (size_t i = 0; i < from.size(); ++i) {
    dram_.read(access, from[i], len, to + i * len * kLine, state(isa::Unit::kLd).dram_hint);
  }
  stats.dram_read_bytes += from.size() * len * kLine;
}

void Core::execute_stg(const Issued& issued, const Access& access) {
  const isa::Instr& in = issued.code->instr;
  const uint64_t len = in.len;
  const std::vector<uint64_t> to = listed_rows(issued, access);
  if (to.empty()) return;
  const std::byte* from = memory(in.a.acc).read(access, lines(issued.a, 1, to.size() * len, 0), "s");
  for (size_t i = 0; i < to.size(); ++i) {
    dram_.write(access, to[i], len, from + i * len * kLine, state(isa::Unit::kSt).dram_hint);
  }
  stats.dram_written_bytes += to.size() * len * kLine;
}

void Core::execute_ldx(const Issued& issued, const Access& access) {
  const isa::Instr& in = issued.code->instr;
  const uint64_t panels = in.len;
  UnitState& ld = state(isa::Unit::kLd);
  const uint64_t scale_line = ld.cfg[isa::cfg::kXsb];
  if (Issue* trace = trace_of(issued)) {
    trace->rows = in.len;
    trace->b = static_cast<uint32_t>(scale_line);
  }
  if (panels == 0) return;
  const Region to_region = lines(issued.d, 1, panels * kPanelLines, 0), scale_region = lines(scale_line, 1, panels, 0);
  std::byte* to = memory(in.d.acc).write(access, to_region, "d");
  std::byte* scales = spm_.write(access, scale_region, "the scales at XSB");
  if (!in.d.acc && overlap(to_region, scale_region)) fault("d overlaps the scales at XSB");
  const std::byte* from = dram_.view(access, issued.dram, panels * kFp4PanelLines, spare_, ld.dram_hint);
  for (uint64_t i = 0; i < panels; ++i) {
    const bool fits = num::expand_fp4_panel(reinterpret_cast<const uint8_t*>(from + i * kFp4PanelLines * kLine),
                                            reinterpret_cast<uint8_t*>(to + i * kPanelLines * kLine),
                                            reinterpret_cast<float*>(scales + i * kLine));
    if (!fits) fault("FP4 panel {}: the scales of a column spread too far, or one is NaN", i);
  }
  stats.dram_read_bytes += panels * kFp4PanelLines * kLine;
}

void Core::execute_snd(const Issued& issued, const Access& access) {
  const isa::Instr& in = issued.code->instr;
  const uint64_t rows = issued.rows, len = in.len;
  if (Issue* trace = trace_of(issued)) {
    trace->cols = in.len;
    trace->sstride = in.sstride;
    trace->dstride = in.dstride;
  }
  if (issued.mask >> cores_ != 0) fault("the mask 0x{:x} names cores that the chip does not have", issued.mask);
  if (issued.mask == 0) return;
  Message message;
  message.from = {id_, isa::Unit::kNx, issued.pc};
  message.unit = access.unit;
  message.time = access.now;
  message.clock = clock_to_send(isa::Unit::kNx);
  message.mask = issued.mask;
  message.sem = in.psem;
  message.count = in.pcnt;
  if (rows != 0 && len != 0) {
    check_row_overlap(rows, len, in.dstride);
    const Region from = lines(issued.a, rows, len, in.sstride);
    message.data = memory(in.a.acc).read(access, from, "s");
    message.data_stride = from.stride;
    message.to_acc = in.d.acc;
    message.to = lines(issued.d, rows, len, in.dstride);
    const bool to_self = (issued.mask >> id_ & 1) != 0 && in.a.acc == in.d.acc;
    memory(in.d.acc).check_bounds(message.to, "d");
    if (to_self && from != message.to && overlap(from, message.to)) fault("the source overlaps the destination");
    stats.noc_bytes += rows * len * kLine * static_cast<uint64_t>(std::popcount(issued.mask));
  }
  fabric_->send(std::move(message));
}

}  // namespace hadal::sim
