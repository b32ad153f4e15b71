// Emission of instructions with the lines they read and write.
#include "kernels/builder.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/error.h"

namespace hadal::kernels {
namespace {

using isa::Op;
using isa::Unit;

isa::Local local(Loc at) { return {at.areg, at.acc, static_cast<uint16_t>(at.line)}; }

Access access(Loc at, uint32_t lines, bool write) {
  return {at.acc ? Space::kAcc : Space::kSpm, at.line, at.areg == 0 ? lines : 0, write};
}

Access object_access(Object object, bool write) { return {Space::kObject, static_cast<uint32_t>(object), 1, write}; }

// Lines covered by `words` words starting at word `off` of a line.
uint32_t lines_of_words(uint32_t off, uint32_t words) { return (off + words + 15) / 16; }

}  // namespace

Builder::Builder(const chip::Chip& chip, int core)
    : chip_(chip),
      core_(core),
      spm_lines_(static_cast<uint32_t>(chip.spm.bytes / isa::kLineBytes)),
      acc_lines_(static_cast<uint32_t>(chip.acc.bytes / isa::kLineBytes)) {
  // Configuration words are zero at launch.
  for (auto& unit : config_) unit.fill(0u);
}

Loc Builder::spm(uint32_t lines) { return {take(spm_top_, lines, spm_lines_, "scratchpad"), false}; }

Loc Builder::acc(uint32_t lines) { return {take(acc_top_, lines, acc_lines_, "accumulators"), true}; }

uint32_t Builder::take(uint32_t& top, uint32_t lines, uint32_t size, const char* what) const {
  if (top + lines > size) {
    throw DoesNotFit(ErrorKind::kInput,
                     fmt::format("{}: the program needs more {} than the {} lines of a core ({} in use, {} more asked)",
                                 chip_.file, what, size, top, lines));
  }
  top += lines;
  return top - lines;
}

void Builder::release(Mark m) {
  spm_top_ = m.spm;
  acc_top_ = m.acc;
}

// Entries of a part of begin_if: waits and posts come on top, and all must fit the 1,023 instructions of a loop.
constexpr size_t kIfEntries = 640;

Entry& Builder::push(isa::Instr instr, std::vector<Access> accesses) {
  // Where a part ends does not matter: all parts run or none, so configuration and registers hold what they held.
  if (if_register_ && entries_.size() - open_loops_.back() > kIfEntries) {
    const int reg = *std::exchange(if_register_, std::nullopt);
    const auto config = config_;
    const auto window = window_, mask = mask_;
    end_loop();
    begin_if(reg);
    config_ = config;
    window_ = window;
    mask_ = mask;
  }
  entries_.push_back({instr, std::move(accesses), false, 0, op_, -1});
  return entries_.back();
}

// ---- CTL ---------------------------------------------------------------------------------------------------------

void Builder::set(int rd, uint64_t imm) {
  isa::Instr i{.op = Op::kSet};
  i.rd = static_cast<uint8_t>(rd);
  i.imm = imm;
  push(i, {});
}

void Builder::add(int rd, int rs, int rt, int64_t imm) {
  isa::Instr i{.op = Op::kAdd};
  i.rd = static_cast<uint8_t>(rd);
  i.rs = static_cast<uint8_t>(rs);
  i.rt = static_cast<uint8_t>(rt);
  i.imm = static_cast<uint64_t>(imm);
  push(i, {});
}

void Builder::skip_if_zero(int rs, int count) {
  isa::Instr i{.op = Op::kSkipz};
  i.rs = static_cast<uint8_t>(rs);
  i.len = static_cast<uint16_t>(count);
  push(i, {});
}

void Builder::ldr(int rd, Loc line, int word, int add, int rsh, int lsh, int rs) {
  isa::Instr i{.op = Op::kLdr};
  i.rd = static_cast<uint8_t>(rd);
  i.rs = static_cast<uint8_t>(rs);
  i.a = local(line + static_cast<uint32_t>(word) / 16);
  i.byte = static_cast<uint8_t>(word % 16 * 4);
  i.size = 2;
  i.add = static_cast<uint16_t>(add);
  i.rsh = static_cast<uint8_t>(rsh);
  i.lsh = static_cast<uint8_t>(lsh);
  push(i, {access(line + static_cast<uint32_t>(word) / 16, 1, false)});
}

void Builder::begin_loop(int count_reg, int count, std::array<isa::Step, 3> steps) {
  isa::Instr join{.op = Op::kSync};
  push(join, {}).join = true;
  isa::Instr i{.op = Op::kLoop};
  i.src = count_reg >= 0 ? 1 : 0;
  i.count = static_cast<uint16_t>(count_reg >= 0 ? count_reg : count);
  i.step = steps;
  open_loops_.push_back(static_cast<uint32_t>(entries_.size()));
  push(i, {});
  forget_config();
}

void Builder::end_loop() {
  isa::Instr join{.op = Op::kSync};
  push(join, {}).join = true;
  check(!open_loops_.empty(), "end_loop without begin_loop");
  entries_[open_loops_.back()].loop_end = static_cast<uint32_t>(entries_.size());
  open_loops_.pop_back();
  forget_config();
}

void Builder::begin_if(int reg) {
  check(open_loops_.empty(), "begin_if inside a loop");
  begin_loop(reg, 0);
  if_register_ = reg;
}

void Builder::end_if() {
  if_register_.reset();
  end_loop();
}

void Builder::halt() { push({.op = Op::kHalt}, {}); }

// ---- exchange ----------------------------------------------------------------------------------------------------

int Builder::sync_post_remote(int sem, int mask_reg, std::vector<Access> after, int wait_sem, int count) {
  isa::Instr i{.op = Op::kSync};
  i.unit = static_cast<uint8_t>(Unit::kNx);
  i.flags = isa::flag::kRemote;
  i.mask = static_cast<uint8_t>(mask_reg);
  i.wsem = static_cast<uint8_t>(wait_sem);
  i.wcnt = static_cast<uint8_t>(count);
  i.psem = static_cast<uint8_t>(sem);
  i.pcnt = 1;
  after.push_back(object_access(Object::kExchange, false));
  push(i, std::move(after));
  return static_cast<int>(entries_.size()) - 1;
}

void Builder::sync_wait(Unit unit, int sem, int count, std::vector<Access> writes, int answers) {
  isa::Instr i{.op = Op::kSync};
  i.unit = static_cast<uint8_t>(unit);
  i.wsem = static_cast<uint8_t>(sem);
  i.wcnt = static_cast<uint8_t>(count);
  writes.push_back(object_access(Object::kExchange, true));
  push(i, std::move(writes)).implies = answers;
}

// ---- DMA ---------------------------------------------------------------------------------------------------------

void Builder::ld(Loc d, isa::Dram s, int rows, int lines, int sstride, int dstride, std::optional<Object> object) {
  isa::Instr i{.op = Op::kLd};
  i.d = local(d);
  i.h = s;
  i.rows = static_cast<uint16_t>(rows);
  i.len = static_cast<uint16_t>(lines);
  i.sstride = static_cast<uint16_t>(sstride);
  i.dstride = static_cast<uint16_t>(dstride);
  std::vector<Access> accesses{access(d, static_cast<uint32_t>((rows - 1) * dstride + lines), true)};
  if (object) accesses.push_back(object_access(*object, false));
  push(i, std::move(accesses));
}

void Builder::ld_rows(Loc d, isa::Dram s, int rows_reg, int lines, Object object, std::vector<Access> writes) {
  isa::Instr i{.op = Op::kLd};
  i.flags = isa::flag::kRowsReg;
  i.d = local(d);
  i.h = s;
  i.rows = static_cast<uint16_t>(rows_reg);
  i.len = i.sstride = i.dstride = static_cast<uint16_t>(lines);
  writes.push_back(object_access(object, false));
  push(i, std::move(writes));
}

void Builder::ldg(Loc d, isa::Dram s, Loc idx, int rows, int lines, uint32_t pitch, std::optional<Object> object) {
  dcfg(Unit::kLd, isa::cfg::kPitch, pitch);
  isa::Instr i{.op = Op::kLdg};
  i.d = local(d);
  i.h = s;
  i.b = local(idx);
  i.rows = static_cast<uint16_t>(rows);
  i.len = static_cast<uint16_t>(lines);
  std::vector<Access> accesses{access(d, static_cast<uint32_t>(rows * lines), true),
                               access(idx, lines_of_words(0, static_cast<uint32_t>(rows)), false)};
  if (object) accesses.push_back(object_access(*object, false));
  push(i, std::move(accesses));
}

void Builder::st(isa::Dram d, Loc s, int rows, int lines, int sstride, int dstride, Object object) {
  isa::Instr i{.op = Op::kSt};
  i.a = local(s);
  i.h = d;
  i.rows = static_cast<uint16_t>(rows);
  i.len = static_cast<uint16_t>(lines);
  i.sstride = static_cast<uint16_t>(sstride);
  i.dstride = static_cast<uint16_t>(dstride);
  push(i, {access(s, static_cast<uint32_t>((rows - 1) * sstride + lines), false), object_access(object, true)});
}

void Builder::stg(isa::Dram d, Loc idx, Loc s, int rows, int lines, uint32_t pitch, Object object, int max_rows) {
  dcfg(Unit::kSt, isa::cfg::kPitch, pitch);
  isa::Instr i{.op = Op::kStg};
  i.a = local(s);
  i.b = local(idx);
  i.h = d;
  i.len = static_cast<uint16_t>(lines);
  const int most = rows >= 0 ? rows : max_rows;
  if (rows >= 0) {
    i.rows = static_cast<uint16_t>(rows);
  } else {
    i.rows = static_cast<uint16_t>(-rows);
    i.flags = isa::flag::kRowsReg;
  }
  push(i, {access(s, static_cast<uint32_t>(most * lines), false),
           access(idx, lines_of_words(0, static_cast<uint32_t>(most)), false), object_access(object, true)});
}

void Builder::snd(Loc d, Loc s, int rows, int lines, int mask_reg, int sstride, int dstride) {
  isa::Instr i{.op = Op::kSnd};
  i.d = local(d);
  i.a = local(s);
  i.rows = static_cast<uint16_t>(rows);
  i.len = static_cast<uint16_t>(lines);
  i.mask = static_cast<uint8_t>(mask_reg);
  i.sstride = static_cast<uint16_t>(sstride);
  i.dstride = static_cast<uint16_t>(dstride);
  push(i, {access(s, static_cast<uint32_t>((rows - 1) * sstride + lines), false),
           access(d, static_cast<uint32_t>((rows - 1) * dstride + lines), true)});
}

// ---- configuration -----------------------------------------------------------------------------------------------

void Builder::config(Unit unit, uint8_t key, uint32_t value) {
  auto& known = config_[static_cast<size_t>(unit)][key];
  if (known == value) return;
  known = value;
  isa::Instr i{.op = Op::kCfg};
  i.unit = static_cast<uint8_t>(unit);
  i.key = key;
  i.imm = value;
  push(i, {});
}

isa::Dram Builder::dram(uint64_t line) {
  const uint64_t window = line / kWindowLines;
  if (window == 0) return {0, static_cast<uint32_t>(line)};
  if (window_ != window) set(kWindowRegister, window * kWindowLines);
  window_ = window;
  return {kWindowRegister, static_cast<uint32_t>(line % kWindowLines)};
}

int Builder::mask(uint64_t cores) {
  if (mask_ != cores) set(kSendRegister, cores);
  mask_ = cores;
  return kSendRegister;
}

void Builder::forget_config() {
  window_.reset();
  mask_.reset();
  for (auto& unit : config_) unit.fill(std::nullopt);
}

void Builder::mcfg(isa::cfg::Mm key, uint32_t value) { config(Unit::kMm, key, value); }
void Builder::mcfg_from(isa::cfg::Mm key, int reg, int shift, uint32_t value) {
  config_[static_cast<size_t>(Unit::kMm)][key] = std::nullopt;
  isa::Instr i{.op = Op::kCfg};
  i.unit = static_cast<uint8_t>(Unit::kMm);
  i.key = key;
  i.rs = static_cast<uint8_t>(reg);
  i.sh = static_cast<uint8_t>(shift);
  i.imm = value;
  push(i, {});
}

void Builder::vcfg(isa::cfg::Vx key, uint32_t value) { config(Unit::kVx, key, value); }
void Builder::dcfg(Unit unit, isa::cfg::Dma key, uint32_t value) { config(unit, key, value); }

// ---- MM ----------------------------------------------------------------------------------------------------------

void Builder::mma(Loc c, Loc a, Loc b, int m, int n_tiles, int groups, uint8_t flags) {
  using namespace isa::cfg;
  isa::Instr i{.op = Op::kMma};
  i.flags = flags;
  i.d = local(c);
  i.a = local(a);
  i.b = local(b);
  i.m = static_cast<uint8_t>(m);
  i.n = static_cast<uint8_t>(n_tiles);
  i.kg = static_cast<uint8_t>(groups);
  const auto& cfg = config_[static_cast<size_t>(Unit::kMm)];
  auto value = [&](Mm key, uint32_t otherwise) {
    check(cfg[key].has_value(), "MMA configuration word {} is unknown inside this loop", static_cast<int>(key));
    return *cfg[key] != 0 ? *cfg[key] : otherwise;
  };
  const uint32_t group = 128u >> (flags >> isa::flag::kGroupShift);
  const uint32_t blocks = (static_cast<uint32_t>(groups) * group + 127) / 128;
  const uint32_t columns = static_cast<uint32_t>(n_tiles) * 32;
  const uint32_t rows = static_cast<uint32_t>(m);
  const uint32_t a_row = value(kARs, 2), a_block = value(kAGs, rows * a_row);
  const uint32_t k_lines = (std::min(128u, static_cast<uint32_t>(groups) * group) + 63) / 64;
  const uint32_t a_lines = (blocks - 1) * a_block + (rows - 1) * a_row + k_lines;
  std::vector<Access> accesses{access(a, a_lines, false)};
  if (flags & isa::flag::kDa) accesses.push_back(access(a + value(kADs, 0), a_lines, false));
  uint32_t b_lines = 0;
  if (flags & isa::flag::kBr) {
    b_lines = (columns - 1) * value(kBNs, 0) + (blocks - 1) * value(kBGs, 2) + k_lines;
  } else if (flags & isa::flag::kBt) {
    b_lines = (blocks - 1) * value(kBGs, 128 * value(kBNs, 0)) + (std::min(128u, groups * group) - 1) * value(kBNs, 0) +
              (columns + 63) / 64;
  } else {
    const uint32_t panel = value(kBNs, 32);
    b_lines = (blocks - 1) * value(kBGs, columns / 16 * panel) + (columns / 16 - 1) * panel + 32;
  }
  accesses.push_back(access(b, b_lines, false));
  if (flags & isa::flag::kDb) accesses.push_back(access(b + value(kBDs, 0), b_lines, false));
  auto words = [&](uint32_t first, uint32_t last) {
    accesses.push_back({Space::kSpm, first / 16, last / 16 - first / 16 + 1, false});
  };
  const uint32_t sa = value(kSa, 0);
  words(sa, sa + (static_cast<uint32_t>(groups) - 1) * value(kSaG, rows) + rows - 1);
  if (cfg[kSb].has_value()) {  // otherwise from a register
    const uint32_t sb = *cfg[kSb];
    words(sb, sb + ((columns - 1) >> value(kSbSh, 0)) * value(kSbN, 0) +
                  (static_cast<uint32_t>(groups) - 1) * value(kSbG, 0));
  }
  if (flags & isa::flag::kRsc) words(value(kAl, 0), value(kAl, 0) + rows - 1);
  accesses.push_back(access(c, (rows - 1) * value(kCRs, columns / 16) + columns / 16, true));
  push(i, std::move(accesses));
}

// ---- VX ----------------------------------------------------------------------------------------------------------

isa::Instr Builder::vector(Op op, uint8_t func, int rows, int cols) const {
  isa::Instr i{.op = op};
  i.func = func;
  i.rows = static_cast<uint16_t>(rows);
  i.cols = static_cast<uint16_t>(cols);
  return i;
}

Access Builder::operand(isa::cfg::Vx off_key, isa::cfg::Vx stride_key, const Vt& t, int rows, int cols, bool write) {
  vcfg(off_key, t.off);
  vcfg(stride_key, t.stride);
  const uint32_t words = t.bf16 ? (static_cast<uint32_t>(cols) + 1) / 2 : static_cast<uint32_t>(cols);
  const uint32_t stride = t.stride != 0 ? t.stride : lines_of_words(0, words);
  return access(t.at, (static_cast<uint32_t>(rows) - 1) * stride + lines_of_words(t.off, words), write);
}

// A column vector: one element a row, packed unless it has a stride.
Access Builder::column(const Vt& t, int rows, bool write) {
  const auto n = static_cast<uint32_t>(rows);
  return access(t.at, t.stride != 0 ? (n - 1) * t.stride + lines_of_words(t.off, 1) : lines_of_words(t.off, n), write);
}

Access Builder::broadcast(const Vt& t, isa::Bc bc, int rows, int cols) {
  using namespace isa::cfg;
  switch (bc) {
    case isa::Bc::kNone: return operand(kBOff, kVBRs, t, rows, cols, false);
    case isa::Bc::kRow: return operand(kBOff, kVBRs, t, 1, cols, false);
    case isa::Bc::kScalar: return operand(kBOff, kVBRs, t, 1, 1, false);
    case isa::Bc::kCol: break;
  }
  vcfg(kBOff, t.off);
  vcfg(kVBRs, t.stride);
  return column(t, rows, false);
}

void Builder::alu(isa::Alu f, Vt d, Vt a, Vt b, isa::Bc bc, int rows, int cols) {
  using namespace isa::cfg;
  isa::Instr i = vector(Op::kValu, static_cast<uint8_t>(f), rows, cols);
  i.d = local(d.at);
  i.a = local(a.at);
  i.at = a.bf16;
  i.dt = d.bf16;
  std::vector<Access> accesses{operand(kAOff, kVARs, a, rows, cols, false)};
  if (f != isa::Alu::kAbs) {
    i.b = local(b.at);
    i.bc = static_cast<uint8_t>(bc);
    i.bt = b.bf16;
    accesses.push_back(broadcast(b, bc, rows, cols));
  }
  accesses.push_back(operand(kDOff, kVDRs, d, rows, cols, true));
  push(i, std::move(accesses));
}

void Builder::mula(Vt d, Vt a, Vt b, isa::Bc bc, int rows, int cols) {
  alu(isa::Alu::kAdd, d, a, b, bc, rows, cols);
  isa::Instr& i = entries_.back().instr;
  i.op = Op::kVmula;
  i.func = 0;
}

void Builder::sfu(isa::Sfu f, Vt d, Vt a, int rows, int cols) {
  using namespace isa::cfg;
  isa::Instr i = vector(Op::kVsfu, static_cast<uint8_t>(f), rows, cols);
  i.d = local(d.at);
  i.a = local(a.at);
  i.at = a.bf16;
  i.dt = d.bf16;
  std::vector<Access> accesses{operand(kAOff, kVARs, a, rows, cols, false)};
  accesses.push_back(operand(kDOff, kVDRs, d, rows, cols, true));
  push(i, std::move(accesses));
}

void Builder::red(isa::Red f, Vt d, Vt a, int rows, int cols) {
  using namespace isa::cfg;
  isa::Instr i = vector(Op::kVred, static_cast<uint8_t>(f), rows, cols);
  i.d = local(d.at);
  i.a = local(a.at);
  i.at = a.bf16;
  std::vector<Access> accesses{operand(kAOff, kVARs, a, rows, cols, false)};
  vcfg(kDOff, d.off);
  vcfg(kVDRs, d.stride);
  accesses.push_back(column(d, rows, true));
  push(i, std::move(accesses));
}

void Builder::qnt(const Quant& q, Vt a, int rows, int cols, int digits, int group) {
  using namespace isa::cfg;
  isa::Instr i = vector(Op::kVqnt, 0, rows, cols);
  i.d = local(q.d);
  i.b = local(Loc{q.scale_word / 16});
  i.a = local(a.at);
  i.at = a.bf16;
  i.digits = static_cast<uint8_t>(digits);
  i.flags = static_cast<uint8_t>((std::countr_zero(128u) - std::countr_zero(static_cast<unsigned>(group)))
                                 << isa::flag::kGroupShift);
  check(q.scale_word % 16 == 0 || q.scale_row != 0, "scale tiles start on a line");
  std::vector<Access> accesses{operand(kAOff, kVARs, a, rows, cols, false)};
  vcfg(kQRs, q.row);
  vcfg(kQGs, q.block);
  if (digits == 2) vcfg(kQDs, q.low);
  vcfg(kSRs, q.scale_row);
  vcfg(kSGs, q.scale_group);
  const auto n = static_cast<uint32_t>(rows);
  const uint32_t row = q.row != 0 ? q.row : 2, block = q.block != 0 ? q.block : n * row;
  const uint32_t padded = (static_cast<uint32_t>(cols) + static_cast<uint32_t>(group) - 1) /
                          static_cast<uint32_t>(group) * static_cast<uint32_t>(group);
  const uint32_t blocks = (padded + 127) / 128;
  const uint32_t lines = (blocks - 1) * block + (n - 1) * row + (std::min(padded, 128u) + 63) / 64;
  accesses.push_back(access(q.d, lines, true));
  if (digits == 2) accesses.push_back(access(q.d + q.low, lines, true));
  const uint32_t scale_row = q.scale_row != 0 ? q.scale_row : 1, scale_group = q.scale_group != 0 ? q.scale_group : n;
  const uint32_t last = q.scale_word + (n - 1) * scale_row + (padded / static_cast<uint32_t>(group) - 1) * scale_group;
  accesses.push_back({Space::kSpm, q.scale_word / 16, last / 16 - q.scale_word / 16 + 1, true});
  push(i, std::move(accesses));
}

void Builder::cvt(isa::Cvt f, Vt d, Vt a, int rows, int cols) {
  using namespace isa::cfg;
  isa::Instr i = vector(Op::kVcvt, static_cast<uint8_t>(f), rows, cols);
  i.d = local(d.at);
  i.a = local(a.at);
  a.bf16 = f == isa::Cvt::kB2f;
  d.bf16 = f == isa::Cvt::kF2b;
  std::vector<Access> accesses{operand(kAOff, kVARs, a, rows, cols, false)};
  accesses.push_back(operand(kDOff, kVDRs, d, rows, cols, true));
  push(i, std::move(accesses));
}

void Builder::prm(isa::Prm f, Vt d, Vt a, int rows, int cols) {
  using namespace isa::cfg;
  isa::Instr i = vector(Op::kVprm, static_cast<uint8_t>(f), rows, cols);
  i.d = local(d.at);
  std::vector<Access> accesses;
  if (f != isa::Prm::kIota && f != isa::Prm::kFill) {
    i.a = local(a.at);
    i.at = a.bf16;
    accesses.push_back(operand(kAOff, kVARs, a, rows, cols, false));
  }
  const bool turn = f == isa::Prm::kTranspose;
  d.bf16 = a.bf16;
  accesses.push_back(operand(kDOff, kVDRs, d, turn ? cols : rows, turn ? rows : cols, true));
  push(i, std::move(accesses));
}

void Builder::gather(Vt d, Vt a, Loc idx, int rows, int cols, uint32_t source_rows) {
  using namespace isa::cfg;
  isa::Instr i = vector(Op::kVprm, static_cast<uint8_t>(isa::Prm::kGather), rows, cols);
  i.d = local(d.at);
  i.a = local(a.at);
  i.b = local(idx);
  std::vector<Access> accesses{operand(kAOff, kVARs, a, static_cast<int>(source_rows), cols, false)};
  vcfg(kBOff, 0);
  accesses.push_back(access(idx, lines_of_words(0, static_cast<uint32_t>(rows)), false));
  accesses.push_back(operand(kDOff, kVDRs, d, rows, cols, true));
  push(i, std::move(accesses));
}

void Builder::fill(Vt d, float value, int rows, int cols) {
  vcfg(isa::cfg::kImm, std::bit_cast<uint32_t>(value));
  prm(isa::Prm::kFill, d, d, rows, cols);
}

void Builder::compress(Loc d, Vt a, Vt threshold, uint32_t count_word, int rows, int cols) {
  using namespace isa::cfg;
  isa::Instr i = vector(Op::kVsel, static_cast<uint8_t>(isa::Sel::kCompress), rows, cols);
  i.d = local(d);
  i.a = local(a.at);
  i.b = local(threshold.at);
  vcfg(kCnt, count_word);
  std::vector<Access> accesses{operand(kAOff, kVARs, a, rows, cols, false)};
  accesses.push_back(broadcast(threshold, isa::Bc::kScalar, 1, 1));
  accesses.push_back(operand(kDOff, kVDRs, Vt{d}, rows, cols, true));
  const uint32_t last = count_word + static_cast<uint32_t>(rows) - 1;
  accesses.push_back({Space::kSpm, count_word / 16, last / 16 - count_word / 16 + 1, true});
  push(i, std::move(accesses));
}

program::Stream Builder::finish() {
  check(open_loops_.empty(), "a loop was not closed");
  return synchronise(entries_, spm_lines_, acc_lines_);
}

}  // namespace hadal::kernels
