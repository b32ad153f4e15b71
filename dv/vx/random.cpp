// Random vector instructions, configurations and memory contents (see random.h).
#include "random.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "isa/table.h"

namespace hadal::dv {
namespace {

using isa::Op;
using isa::cfg::Vx;

constexpr uint32_t kCorners[] = {
    0x00000000, 0x80000000, 0x00000001, 0x80000001, 0x007FFFFF, 0x00800000, 0x00800001, 0x3F800000, 0xBF800000,
    0x3F7FFFFF, 0x3F800001, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFC12345,
    0x43E00000, 0x43DFFFFF, 0x43E80000, 0x3C800000, 0x3A800000, 0x3B000000, 0x4B000000, 0x4B800000, 0x4F000000,
    0xCF000000, 0x4EFFFFFF, 0x3F000000, 0xBF000000, 0x40200000, 0x43000000, 0x42FFFFFF, 0xC3158000, 0xC3158001,
    0xC3160000, 0xC2FC0000, 0x33800000, 0x7E967699, 0x00400000, 0x3F808000, 0x3F818000, 0x7F7F8000, 0xFFFFFFFF};

constexpr size_t kRowNumbers = 980;  // from this line of the SPM on, filled with row numbers for gathers

uint32_t div_up(uint32_t a, uint32_t b) { return (a + b - 1) / b; }

}  // namespace

uint32_t Generator::word(uint32_t kind) {
  const uint32_t bits = static_cast<uint32_t>(random_());
  switch (kind) {
    case 0: return bits;  // anything
    case 1: return kCorners[bits % std::size(kCorners)];
    case 2: return (bits & 0x807FFFFF) | (0x78 + below(16)) << 23;  // near 1
    case 3: return (bits & 0x807FFFFF) | (0x70 + below(32)) << 23;
    case 4: return (bits & 0x80FF80FFu) | 0x3F003F00u;  // BF16 near 1
    case 5: return one_in(8) ? kCorners[below(std::size(kCorners))] : (bits & 0x807FFFFF) | (0x7C + below(6)) << 23;
    case 6: return (bits & 0x807FFFFF) | below(3) << 23;                                           // subnormals
    case 7: return std::bit_cast<uint32_t>(static_cast<float>(static_cast<int>(below(64)) - 32));  // many equal
    case 8: return static_cast<uint32_t>(static_cast<int32_t>(bits) >> below(31));                 // integers
    case 10: return 0x80000000;                                                                    // zeros below zero
    default: return below(24);                                                                     // row numbers
  }
}

void Generator::fill(Image& image) {
  for (bool acc : {false, true}) {
    std::vector<uint8_t>& memory = image.of(acc);
    for (size_t at = 0; at < memory.size();) {
      const bool rows = !acc && at / kLineBytes >= kRowNumbers;
      const uint32_t kind = rows ? 9 : below(11);
      const size_t end = std::min(memory.size(), at + kLineBytes * (1 + below(24)));
      for (; at < end; at += 4) {
        const uint32_t value = word(kind);
        std::memcpy(memory.data() + at, &value, 4);
      }
    }
  }
}

Generator::Shape Generator::shape(uint32_t max_lines) {
  static constexpr uint32_t kCols[] = {1, 2, 15, 16, 17, 31, 32, 33, 48, 64, 96, 127, 128, 129, 130, 192, 256, 300};
  Shape s{};
  s.cols = one_in(3) ? 1 + below(330) : kCols[below(std::size(kCols))];
  if (one_in(60)) s.cols = 1000 + below(600);
  const uint32_t most = std::max<uint32_t>(1, max_lines / div_up(s.cols, 16));
  s.rows = 1 + below(std::min<uint32_t>(one_in(3) ? 40 : 6, most));
  return s;
}

isa::Local Generator::place(const Image& image, uint32_t lines, bool spm_only) {
  isa::Local local;
  const auto spm_lines = static_cast<uint32_t>(image.spm.size() / kLineBytes);
  const auto acc_lines = static_cast<uint32_t>(image.acc.size() / kLineBytes);
  local.acc = !spm_only && lines < acc_lines && one_in(3);
  const uint32_t size = local.acc ? acc_lines : spm_lines;
  local.offset = static_cast<uint16_t>(lines >= size ? 0 : one_in(16) ? size - lines : below(size - lines + 1));
  return local;
}

isa::Instr Generator::instruction(const Image& image, Config& config, const std::string& only) {
  isa::Instr in;
  static const std::vector<std::string> kinds = all_kinds();
  const std::string kind = only.empty() ? kinds[below(static_cast<uint32_t>(kinds.size()))] : only;
  for (const isa::Row& row : isa::table()) {
    const std::string mnemonic(row.mnemonic);
    if (kind.substr(0, kind.find('.')) != mnemonic) continue;
    in.op = row.op;
    for (const isa::Field& field : row.fields) {
      if (field.kind != isa::Kind::kFunc) continue;
      for (size_t f = 0; f < field.names.size(); ++f) {
        if (kind == mnemonic + "." + std::string(field.names[f])) in.func = static_cast<uint8_t>(f);
      }
    }
  }
  const auto is = [&](const char* name) { return kind == name; };
  const bool quant = in.op == Op::kVqnt, q2f = is("VCVT.Q2F"), gather = is("VPRM.GATHER"), hist = is("VSEL.HIST");
  const bool transpose = is("VPRM.TRANSPOSE"), compress = is("VSEL.COMPRESS"), pair = is("VPRM.PAIRSWAP");
  Shape s = shape(96);
  if (hist) s = {1 + below(3), std::min(s.cols, 200u)};
  if (transpose) s = {1 + below(40), 1 + below(40)};
  if (pair) s.cols += s.cols % 2;
  in.rows = static_cast<uint16_t>(s.rows);
  in.cols = static_cast<uint16_t>(s.cols);
  if (one_in(200)) in.rows = 0;
  if (one_in(200)) in.cols = 0;

  const bool typed = in.op == Op::kValu || in.op == Op::kVmula || in.op == Op::kVsfu || in.op == Op::kVred;
  const bool binary = (in.op == Op::kValu && !is("VALU.ABS")) || in.op == Op::kVmula;
  if (typed || quant || pair) in.at = below(2) != 0;
  if (typed) in.dt = below(2) != 0;
  if (binary) {
    in.bt = below(2) != 0;
    in.bc = static_cast<uint8_t>(below(4));
  }
  const bool a_half = in.at != 0 || is("VCVT.B2F"), d_half = in.dt != 0 || is("VCVT.F2B") || (pair && in.at != 0);
  const auto dense = [](uint32_t cols, bool half) { return div_up(cols * (half ? 2 : 4), 64); };
  const auto stride = [&](uint32_t least) { return one_in(2) ? 0 : least + below(3); };
  const auto reach = [&](uint32_t rows, uint32_t step, uint32_t least) {
    return (rows - 1) * (step ? step : least) + least + 1;
  };

  for (Vx key : {Vx::kAOff, Vx::kBOff, Vx::kDOff}) config[key] = one_in(2) ? 0 : below(16);
  const uint32_t a_least = dense(s.cols, a_half), b_least = dense(s.cols, in.bt != 0);
  const uint32_t d_rows = transpose ? s.cols : s.rows;
  const uint32_t d_least = transpose ? dense(s.rows, false) : hist ? 16 : dense(s.cols, d_half);
  const bool element_d = in.op == Op::kVred;
  config[Vx::kVARs] = stride(a_least);
  config[Vx::kVBRs] = stride(in.bc >= 2 ? 1 : b_least);
  config[Vx::kVDRs] =
      element_d ? (one_in(2) ? 0 : 1 + below(3)) : stride(d_least + (config[Vx::kDOff] != 0 && one_in(2)));
  config[Vx::kImm] = word(below(9));
  config[Vx::kByte] = below(4);
  config[Vx::kEmin] = one_in(2) ? 0 : static_cast<uint32_t>(static_cast<int32_t>(below(265)) - 138);

  in.a = place(image, reach(s.rows, config[Vx::kVARs], a_least), false);
  in.d = place(image, reach(d_rows, config[Vx::kVDRs], element_d ? 1 : d_least), quant);
  if (binary || gather || compress) in.b = place(image, reach(s.rows, config[Vx::kVBRs], b_least), false);
  if (gather && !one_in(8)) in.b = {0, false, static_cast<uint16_t>(kRowNumbers + below(40))};
  const bool elementwise = !element_d && !quant && !q2f && !transpose && !gather && !compress && !hist;
  if (elementwise && a_half == d_half && one_in(4)) {
    in.d = in.a;
    config[Vx::kDOff] = config[Vx::kAOff];
    config[Vx::kVDRs] = config[Vx::kVARs];
  }
  if (quant || q2f) {
    in.flags = static_cast<uint8_t>(below(3) << isa::flag::kGroupShift);
    const uint32_t group = 128u >> (in.flags >> isa::flag::kGroupShift), groups = div_up(s.cols, group);
    const uint32_t blocks = div_up(s.cols, 128);
    config[Vx::kQRs] = one_in(2) ? 0 : 2 + below(2);
    const uint32_t row = config[Vx::kQRs] != 0 ? config[Vx::kQRs] : 2;
    config[Vx::kQGs] = one_in(2) ? 0 : s.rows * row + below(3);
    const uint32_t plane = blocks * (config[Vx::kQGs] != 0 ? config[Vx::kQGs] : s.rows * row);
    config[Vx::kSRs] = one_in(2) ? 0 : groups + below(3);
    config[Vx::kSGs] = one_in(2) ? 0 : config[Vx::kSRs] != 0 ? 1 : s.rows + below(3);
    in.digits = static_cast<uint8_t>(quant ? 1 + below(2) : 0);
    config[Vx::kQDs] = plane + below(3);
    const isa::Local tile = place(image, 2 * plane + 2, quant);
    (quant ? in.d : in.a) = tile;
    in.b = place(image, div_up((s.rows + 4) * (groups + 4), 16) + 1, true);
  } else {
    for (Vx key : {Vx::kQRs, Vx::kQGs, Vx::kQDs, Vx::kSRs, Vx::kSGs}) {
      if (one_in(4)) config[key] = below(8);
    }
  }
  config[Vx::kCnt] = below(static_cast<uint32_t>(image.spm.size() / 4 - 64));
  // What an instruction does not use stays zero.
  if (is("VPRM.IOTA") || is("VPRM.FILL")) in.a = {};
  return in;
}

std::string kind_of(const isa::Instr& instr) {
  const isa::Row& row = isa::row_of(instr.op);
  std::string text(row.mnemonic);
  for (const isa::Field& field : row.fields) {
    if (field.kind == isa::Kind::kFunc) text += "." + std::string(field.names[instr.func]);
  }
  return text;
}

std::vector<std::string> all_kinds() {
  std::vector<std::string> kinds;
  for (const isa::Row& row : isa::table()) {
    if (row.unit != isa::Unit::kVx) continue;
    const std::string mnemonic(row.mnemonic);
    bool functions = false;
    for (const isa::Field& field : row.fields) {
      if (field.kind != isa::Kind::kFunc) continue;
      functions = true;
      for (std::string_view name : field.names) kinds.push_back(mnemonic + "." + std::string(name));
    }
    if (!functions) kinds.push_back(mnemonic);
  }
  return kinds;
}

}  // namespace hadal::dv
