// VX: operands of the vector instructions (docs/machine.md, section 7). Arithmetic is num::'s; what moves, converts or
// selects words is here.
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "numerics/numerics.h"
#include "sim/functional/core.h"

namespace hadal::sim {
namespace {

using isa::cfg::Vx;
using num::Bcast;
using num::Tile;
using num::Type;

constexpr uint64_t kBlock = 128;  // columns that QGS counts by
constexpr uint32_t kHistogramBins = 256;
constexpr uint64_t kLargestAddress = uint64_t{1} << 54;  // bytes; larger than any memory, small enough to add to

// An operand found and checked: where it is and what it covers.
struct Operand {
  Tile tile;
  Region region;
  bool acc = false;
};

uint32_t load_word(const std::byte* p) {
  uint32_t word;
  std::memcpy(&word, p, 4);
  return word;
}
void store_word(std::byte* p, uint32_t word) { std::memcpy(p, &word, 4); }

uint16_t load_half(const std::byte* p) {
  uint16_t half;
  std::memcpy(&half, p, 2);
  return half;
}
void store_half(std::byte* p, uint16_t half) { std::memcpy(p, &half, 2); }

std::byte* at(const Tile& tile, int r, int c, uint64_t size = 4) {
  return tile.base + static_cast<size_t>(r) * tile.row_bytes + static_cast<size_t>(c) * size;
}

int32_t to_int(float x) {
  if (std::isnan(x)) return 0;
  if (x >= 0x1p31f) return INT32_MAX;
  if (x < -0x1p31f) return INT32_MIN;
  return static_cast<int32_t>(std::nearbyintf(x));
}

}  // namespace

// One vector instruction.
class VectorUnit {
 public:
  VectorUnit(Core& core, const Issued& issued, const Access& access)
      : core_(core),
        issued_(issued),
        in_(issued.code->instr),
        access_(access),
        cfg_(core.state(isa::Unit::kVx).cfg),
        rows_(static_cast<int>(issued.rows)),
        cols_(in_.cols) {
    for (const Vx key : {Vx::kAOff, Vx::kBOff, Vx::kDOff}) {
      if (cfg_[key] > 15) fault("a word offset of {} does not lie in a line", cfg_[key]);
    }
  }

  void execute() {
    if (Issue* trace = core_.trace_of(issued_)) record(*trace);
    if (rows_ == 0 || cols_ == 0) return;
    switch (in_.op) {
      case isa::Op::kValu: alu(); break;
      case isa::Op::kVmula: mula(); break;
      case isa::Op::kVsfu: sfu(); break;
      case isa::Op::kVred: reduce(); break;
      case isa::Op::kVqnt: quantise(); break;
      case isa::Op::kVcvt: convert(); break;
      case isa::Op::kVprm: permute(); break;
      case isa::Op::kVsel: select(); break;
      default: fault("is not an instruction of VX");
    }
    core_.stats.vector_elements += static_cast<uint64_t>(rows_) * static_cast<uint64_t>(cols_);
  }

 private:
  static uint64_t size_of(Type type) { return type == Type::kBf16 ? 2 : 4; }
  static Type type_of(uint8_t bit) { return bit != 0 ? Type::kBf16 : Type::kF32; }
  static uint64_t dense(uint64_t cols, uint64_t size) { return (cols * size + kLine - 1) / kLine; }
  uint64_t stride_or(Vx key, uint64_t otherwise) const { return cfg_[key] != 0 ? uint64_t{cfg_[key]} : otherwise; }
  int group() const { return 128 >> (in_.flags >> isa::flag::kGroupShift); }

  // What timing needs to know of the operands' strides, in lines.
  void record(Issue& issue) const {
    const uint64_t cols = static_cast<uint64_t>(cols_);
    const bool quantised = in_.op == isa::Op::kVqnt || in_.op == isa::Op::kVcvt;
    issue.cols = static_cast<uint32_t>(cols);
    issue.group = quantised ? static_cast<uint32_t>(group()) : 0;
    issue.sstride = static_cast<uint32_t>(stride_or(Vx::kVARs, dense(cols, in_.at != 0 ? 2 : 4)));
    issue.bstride = static_cast<uint32_t>(stride_or(Vx::kVBRs, dense(cols, in_.bt != 0 ? 2 : 4)));
    issue.dstride = static_cast<uint32_t>(stride_or(Vx::kVDRs, dense(cols, in_.dt != 0 ? 2 : 4)));
  }

  Operand locate(const isa::Local& local, uint64_t line, Vx offset, uint64_t rows, uint64_t cols, uint64_t stride,
                 Type type) {
    Operand operand;
    operand.acc = local.acc;
    operand.region = {line * kLine + 4 * uint64_t{cfg_[offset]}, cols * size_of(type), rows, stride};
    operand.tile.row_bytes = stride;
    operand.tile.type = type;
    return operand;
  }
  void read(Operand& operand, const char* name) {
    // num:: takes one kind of tile for operands and results.
    operand.tile.base = const_cast<std::byte*>(core_.memory(operand.acc).read(access_, operand.region, name));
  }
  void write(Operand& operand, const char* name) {
    const Region& r = operand.region;
    if (r.rows > 1 && r.stride < r.row_bytes) {
      fault("rows of {} of {} bytes overlap: they are {} bytes apart", name, r.row_bytes, r.stride);
    }
    operand.tile.base = core_.memory(operand.acc).write(access_, r, name);
  }

  Operand locate_a(int rows, int cols, Type type) {
    const uint64_t c = static_cast<uint64_t>(cols);
    return locate(in_.a, issued_.a, Vx::kAOff, static_cast<uint64_t>(rows), c,
                  stride_or(Vx::kVARs, dense(c, size_of(type))) * kLine, type);
  }
  Operand read_a(Type type) {
    Operand a = locate_a(rows_, cols_, type);
    read(a, "a");
    return a;
  }
  // b of VALU and VMULA, with its broadcast.
  Operand read_b() {
    const Type type = type_of(in_.bt);
    const uint64_t size = size_of(type);
    uint64_t rows = static_cast<uint64_t>(rows_), cols = static_cast<uint64_t>(cols_);
    uint64_t stride = stride_or(Vx::kVBRs, dense(cols, size)) * kLine;
    switch (static_cast<Bcast>(in_.bc)) {
      case Bcast::kNone: break;
      case Bcast::kRow: rows = 1; break;
      case Bcast::kCol:
        cols = 1;
        stride = cfg_[Vx::kVBRs] != 0 ? cfg_[Vx::kVBRs] * kLine : size;
        break;
      case Bcast::kScalar: rows = cols = 1; break;
    }
    Operand b = locate(in_.b, issued_.b, Vx::kBOff, rows, cols, stride, type);
    read(b, "b");
    return b;
  }
  Operand locate_d(int rows, int cols, Type type) {
    const uint64_t c = static_cast<uint64_t>(cols);
    return locate(in_.d, issued_.d, Vx::kDOff, static_cast<uint64_t>(rows), c,
                  stride_or(Vx::kVDRs, dense(c, size_of(type))) * kLine, type);
  }
  Operand write_d(Type type) {
    Operand d = locate_d(rows_, cols_, type);
    write(d, "d");
    return d;
  }

  // A result may replace an operand element by element; any other overlap has no defined order of reads and writes.
  static void check_elementwise(const Operand& d, const Operand& operand, const char* name) {
    const bool same_rows = d.region.rows == 1 || d.region.stride == operand.region.stride;
    const bool same = d.region.byte == operand.region.byte && d.region.row_bytes == operand.region.row_bytes &&
                      d.region.rows == operand.region.rows && same_rows && d.tile.type == operand.tile.type;
    if (!same) check_apart(d, operand, name);
  }
  static void check_apart(const Operand& d, const Operand& operand, const char* name) {
    if (d.acc == operand.acc && overlap(d.region, operand.region)) fault("d overlaps {}", name);
  }

  void alu() {
    const auto f = static_cast<isa::Alu>(in_.func);
    const Operand a = read_a(type_of(in_.at));
    Operand b;
    if (f != isa::Alu::kAbs) b = read_b();
    Operand d = locate_d(rows_, cols_, type_of(in_.dt));
    check_elementwise(d, a, "a");
    if (f != isa::Alu::kAbs) check_elementwise(d, b, "b");
    if (f == isa::Alu::kSel) read(d, "d");
    write(d, "d");
    num::alu(static_cast<num::AluOp>(f), d.tile, a.tile, b.tile, static_cast<Bcast>(in_.bc), rows_, cols_);
  }

  void mula() {
    const Operand a = read_a(type_of(in_.at)), b = read_b();
    Operand d = locate_d(rows_, cols_, type_of(in_.dt));
    check_elementwise(d, a, "a");
    check_elementwise(d, b, "b");
    read(d, "d");
    write(d, "d");
    num::mula(d.tile, a.tile, b.tile, static_cast<Bcast>(in_.bc), rows_, cols_);
  }

  void sfu() {
    const Operand a = read_a(type_of(in_.at));
    const Operand d = write_d(type_of(in_.dt));
    check_elementwise(d, a, "a");
    num::sfu(static_cast<num::SfuOp>(in_.func), d.tile, a.tile, rows_, cols_);
  }

  void reduce() {
    const Operand a = read_a(type_of(in_.at));
    const Type type = type_of(in_.dt);
    const uint64_t stride = cfg_[Vx::kVDRs] != 0 ? cfg_[Vx::kVDRs] * kLine : size_of(type);
    Operand d = locate(in_.d, issued_.d, Vx::kDOff, static_cast<uint64_t>(rows_), 1, stride, type);
    check_apart(d, a, "a");
    write(d, "d");
    num::reduce(static_cast<num::RedOp>(in_.func), d.tile, a.tile, rows_, cols_);
  }

  // ---- E4M3 tiles ----

  struct QuantLayout {
    uint64_t row, block, low;         // lines
    uint64_t scale_row, scale_group;  // words
  };
  QuantLayout quant_layout() const {
    const uint64_t row = stride_or(Vx::kQRs, 2), rows = static_cast<uint64_t>(rows_);
    return {row, stride_or(Vx::kQGs, rows * row), cfg_[Vx::kQDs], stride_or(Vx::kSRs, 1), stride_or(Vx::kSGs, rows)};
  }
  num::QuantTile quant_tile(const QuantLayout& layout, const std::byte* digits, const std::byte* scales) const {
    num::QuantTile tile;
    tile.base = reinterpret_cast<uint8_t*>(const_cast<std::byte*>(digits));
    tile.row_bytes = layout.row * kLine;
    tile.block_bytes = layout.block * kLine;
    tile.low_offset = static_cast<ptrdiff_t>(layout.low * kLine);
    tile.scale = reinterpret_cast<float*>(const_cast<std::byte*>(scales));
    tile.scale_row = layout.scale_row;
    tile.scale_group = layout.scale_group;
    return tile;
  }
  // The pieces of a plane of digits, one a block of 128 columns.
  template <typename F>
  void digit_blocks(const QuantLayout& layout, uint64_t line, uint64_t cols, F&& f) const {
    for (uint64_t done = 0, block = 0; done < cols; done += kBlock, ++block) {
      f(Region{(line + block * layout.block) * kLine, std::min(kBlock, cols - done), static_cast<uint64_t>(rows_),
               layout.row * kLine});
    }
  }
  // The same, but a single row's in one piece.
  template <typename F>
  void digit_regions(const QuantLayout& layout, uint64_t line, uint64_t cols, F&& f) const {
    if (rows_ > 1 || cols % kBlock != 0) return digit_blocks(layout, line, cols, f);
    f(Region{line * kLine, kBlock, cols / kBlock, layout.block * kLine});
  }
  // Blocks of both planes may lie between one another's rows, but on none. Most lie behind one another.
  void check_digits_apart(const QuantLayout& layout, uint64_t cols) const {
    const uint64_t blocks = (cols + kBlock - 1) / kBlock, rows = static_cast<uint64_t>(rows_);
    if (layout.block >= (rows - 1) * layout.row + kBlock / kLine &&
        (in_.digits == 1 || layout.low >= blocks * layout.block))
      return;
    std::vector<Region> pieces;
    for (uint64_t digit = 0; digit < in_.digits; ++digit)
      digit_blocks(layout, issued_.d + digit * layout.low, cols, [&](const Region& r) { pieces.push_back(r); });
    for (size_t i = 0; i < pieces.size(); ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (overlap(pieces[i], pieces[j]))
          fault("digits overlap: QRS is {}, QGS {}, QDS {}", layout.row, layout.block, layout.low);
      }
    }
  }
  template <typename F>
  void scale_regions(const QuantLayout& layout, uint64_t line, F&& f) const {
    const uint64_t groups = static_cast<uint64_t>((cols_ + group() - 1) / group());
    if (rows_ == 1) return f(Region{line * kLine, 4, groups, layout.scale_group * 4});
    for (uint64_t g = 0; g < groups; ++g) {
      f(Region{line * kLine + g * layout.scale_group * 4, 4, static_cast<uint64_t>(rows_), layout.scale_row * 4});
    }
  }

  void quantise() {
    const Operand a = read_a(type_of(in_.at));
    const QuantLayout layout = quant_layout();
    const uint64_t padded = static_cast<uint64_t>((cols_ + group() - 1) / group() * group());
    if (in_.digits == 2 && layout.low == 0) fault("QDS, the offset of the low digits, is not set");
    if (rows_ > 1 && layout.row * kLine < std::min(padded, kBlock))
      fault("rows of digits overlap: QRS is {}", layout.row);
    check_digits_apart(layout, padded);
    const auto write_spm = [&](const Region& region, const char* name) {
      if (!in_.a.acc && overlap(region, a.region)) fault("{} overlaps a", name);
      core_.spm_.write(access_, region, name);
    };
    for (uint64_t digit = 0; digit < in_.digits; ++digit) {
      digit_regions(layout, issued_.d + digit * layout.low, padded, [&](const Region& r) { write_spm(r, "d"); });
    }
    scale_regions(layout, issued_.b, [&](const Region& scales) {
      for (uint64_t digit = 0; digit < in_.digits; ++digit) {
        digit_regions(layout, issued_.d + digit * layout.low, padded, [&](const Region& r) {
          if (overlap(r, scales)) fault("s overlaps d");
        });
      }
      write_spm(scales, "s");
    });
    const std::byte* spm = core_.spm_.bytes().data();
    const int emin = cfg_[Vx::kEmin] != 0 ? static_cast<int32_t>(cfg_[Vx::kEmin]) : -126;
    num::quantise(quant_tile(layout, spm + issued_.d * kLine, spm + issued_.b * kLine), a.tile, rows_, cols_,
                  in_.digits, group(), emin);
  }

  void dequantise() {
    const QuantLayout layout = quant_layout();
    LocalMemory& memory = core_.memory(in_.a.acc);
    Operand d = locate_d(rows_, cols_, Type::kF32);
    const auto apart = [&](const Region& region, bool acc, const char* name) {
      if (d.acc == acc && overlap(d.region, region)) fault("d overlaps {}", name);
    };
    digit_regions(layout, issued_.a, static_cast<uint64_t>(cols_), [&](const Region& r) {
      memory.read(access_, r, "a");
      apart(r, in_.a.acc, "a");
    });
    scale_regions(layout, issued_.b, [&](const Region& r) {
      core_.spm_.read(access_, r, "s");
      apart(r, false, "s");
    });
    write(d, "d");
    num::dequantise(
        d.tile,
        quant_tile(layout, memory.bytes().data() + issued_.a * kLine, core_.spm_.bytes().data() + issued_.b * kLine),
        rows_, cols_, group());
  }

  void convert() {
    const auto f = static_cast<isa::Cvt>(in_.func);
    if (f == isa::Cvt::kQ2f) return dequantise();
    const Operand a = read_a(f == isa::Cvt::kB2f ? Type::kBf16 : Type::kF32);
    const Operand d = write_d(f == isa::Cvt::kF2b ? Type::kBf16 : Type::kF32);
    check_elementwise(d, a, "a");
    for (int r = 0; r < rows_; ++r) {
      for (int c = 0; c < cols_; ++c) {
        switch (f) {
          case isa::Cvt::kF2b:
            store_half(at(d.tile, r, c, 2), num::bf16_from_float(std::bit_cast<float>(load_word(at(a.tile, r, c)))));
            break;
          case isa::Cvt::kB2f:
            store_word(at(d.tile, r, c),
                       std::bit_cast<uint32_t>(num::canonical(num::bf16_to_float(load_half(at(a.tile, r, c, 2))))));
            break;
          case isa::Cvt::kI2f:
            store_word(at(d.tile, r, c),
                       std::bit_cast<uint32_t>(static_cast<float>(static_cast<int32_t>(load_word(at(a.tile, r, c))))));
            break;
          default:
            store_word(at(d.tile, r, c),
                       static_cast<uint32_t>(to_int(std::bit_cast<float>(load_word(at(a.tile, r, c))))));
            break;
        }
      }
    }
  }

  // ---- words ----

  void permute() {
    switch (static_cast<isa::Prm>(in_.func)) {
      case isa::Prm::kCopy: copy(); break;
      case isa::Prm::kTranspose: transpose(); break;
      case isa::Prm::kPairswap: swap_pairs(); break;
      case isa::Prm::kGather: gather(); break;
      case isa::Prm::kIota:
      case isa::Prm::kFill: generate(); break;
    }
  }

  void copy() {
    const Operand a = read_a(Type::kF32), d = write_d(Type::kF32);
    check_elementwise(d, a, "a");
    for (int r = 0; r < rows_; ++r) std::memmove(at(d.tile, r, 0), at(a.tile, r, 0), static_cast<size_t>(cols_) * 4);
  }

  void transpose() {
    const Operand a = read_a(Type::kF32);
    Operand d = locate_d(cols_, rows_, Type::kF32);
    check_apart(d, a, "a");
    write(d, "d");
    for (int r = 0; r < rows_; ++r) {
      for (int c = 0; c < cols_; ++c) store_word(at(d.tile, c, r), load_word(at(a.tile, r, c)));
    }
  }

  void swap_pairs() {
    if (cols_ % 2 != 0) fault("PAIRSWAP of {} columns: pairs need an even number", cols_);
    const Type type = type_of(in_.at);
    const Operand a = read_a(type), d = write_d(type);
    check_elementwise(d, a, "a");
    for (int r = 0; r < rows_; ++r) {
      for (int c = 0; c < cols_; c += 2) {
        if (type == Type::kBf16) {
          const uint32_t pair = load_half(at(a.tile, r, c, 2)), other = load_half(at(a.tile, r, c + 1, 2));
          store_half(at(d.tile, r, c, 2), static_cast<uint16_t>(other));
          store_half(at(d.tile, r, c + 1, 2), static_cast<uint16_t>(pair));
        } else {
          const uint32_t pair = load_word(at(a.tile, r, c)), other = load_word(at(a.tile, r, c + 1));
          store_word(at(d.tile, r, c), other);
          store_word(at(d.tile, r, c + 1), pair);
        }
      }
    }
  }

  void generate() {
    const Operand d = write_d(Type::kF32);
    const bool iota = static_cast<isa::Prm>(in_.func) == isa::Prm::kIota;
    for (int c = 0; c < cols_; ++c) {
      store_word(at(d.tile, 0, c), iota ? std::bit_cast<uint32_t>(static_cast<float>(c)) : cfg_[Vx::kImm]);
    }
    for (int r = 1; r < rows_; ++r) std::memcpy(at(d.tile, r, 0), at(d.tile, 0, 0), static_cast<size_t>(cols_) * 4);
  }

  // Row i of d is row idx[i] of a. Which rows those are is known only now, so each is an operand of its own.
  void gather() {
    const uint64_t rows = static_cast<uint64_t>(rows_), row_bytes = static_cast<uint64_t>(cols_) * 4;
    Operand indices = locate(in_.b, issued_.b, Vx::kBOff, 1, rows, 0, Type::kF32);
    read(indices, "b");
    Operand d = locate_d(rows_, cols_, Type::kF32);
    check_apart(d, indices, "b");
    const Operand a = locate_a(1, cols_, Type::kF32);
    std::vector<const std::byte*> sources(rows);
    for (uint64_t r = 0; r < rows; ++r) {
      const uint64_t index = load_word(indices.tile.base + 4 * r);
      if (index > kLargestAddress / a.region.stride) fault("index {} of row {} leads outside", index, r);
      Operand row = a;
      row.region = {a.region.byte + index * a.region.stride, row_bytes, 1, 0};
      read(row, "a");
      check_apart(d, row, "a");
      sources[r] = row.tile.base;
    }
    write(d, "d");
    for (uint64_t r = 0; r < rows; ++r) std::memcpy(at(d.tile, static_cast<int>(r), 0), sources[r], row_bytes);
  }

  // ---- VSEL ----

  void select() {
    if (static_cast<isa::Sel>(in_.func) == isa::Sel::kCompress) {
      compress();
    } else {
      histogram();
    }
  }

  void compress() {
    const Operand a = read_a(Type::kF32);
    Operand t = locate(in_.b, issued_.b, Vx::kBOff, 1, 1, 0, Type::kF32);
    read(t, "t");
    const float threshold = std::bit_cast<float>(load_word(t.tile.base));
    Operand d = locate_d(rows_, cols_, Type::kF32);
    Operand counts;
    counts.region = {uint64_t{cfg_[Vx::kCnt]} * 4, 4 * static_cast<uint64_t>(rows_), 1, 0};
    for (const Operand* result : {&d, &counts}) {
      check_apart(*result, a, "a");
      check_apart(*result, t, "t");
    }
    check_apart(d, counts, "the counts at CNT");
    write(d, "d");
    write(counts, "the counts at CNT");
    for (int r = 0; r < rows_; ++r) {
      int found = 0;
      for (int c = 0; c < cols_; ++c) {
        const float x = std::bit_cast<float>(load_word(at(a.tile, r, c)));
        if (x >= threshold) store_word(at(d.tile, r, found++), static_cast<uint32_t>(c));
      }
      std::memset(at(d.tile, r, found), 0, static_cast<size_t>(cols_ - found) * 4);
      store_word(counts.tile.base + 4 * r, static_cast<uint32_t>(found));
    }
  }

  void histogram() {
    if (cfg_[Vx::kByte] > 3) fault("BYTE is {}: a key has bytes 0..3", cfg_[Vx::kByte]);
    const Operand a = read_a(Type::kF32);
    Operand d = locate_d(rows_, kHistogramBins, Type::kF32);
    check_apart(d, a, "a");
    write(d, "d");
    for (int r = 0; r < rows_; ++r) {
      std::array<uint32_t, kHistogramBins> count{};
      for (int c = 0; c < cols_; ++c) {
        const uint32_t bits = load_word(at(a.tile, r, c));
        const uint32_t key = bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
        ++count[key >> 8 * cfg_[Vx::kByte] & 0xFF];
      }
      std::memcpy(at(d.tile, r, 0), count.data(), sizeof count);
    }
  }

  Core& core_;
  const Issued& issued_;
  const isa::Instr& in_;
  const Access& access_;
  const std::array<uint32_t, isa::cfg::kVxWords>& cfg_;
  const int rows_, cols_;
};

void Core::execute_vx(const Issued& issued, const Access& access) { VectorUnit(*this, issued, access).execute(); }

}  // namespace hadal::sim
