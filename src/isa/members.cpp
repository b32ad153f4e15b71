// Fields of an instruction as raw values: where in Instr each field of the table lives.
#include "isa/table.h"

namespace hadal::isa {
namespace {

using enum Kind;
using M = Member;

// Values that overflow into a neighbour come out too wide for the field, which defect() reports.
constexpr uint64_t kTooWide = ~uint64_t{0};
uint64_t pack(const Local& l) {
  return l.offset > 0x7FFF ? kTooWide : uint64_t{l.areg} << 16 | uint64_t{l.acc} << 15 | l.offset;
}
uint64_t pack(const Dram& h) { return h.offset > 0xFFFFFFF ? kTooWide : uint64_t{h.areg} << 28 | h.offset; }
Local unpack_local(uint64_t raw) {
  return {static_cast<uint8_t>(raw >> 16 & 15), (raw >> 15 & 1) != 0, static_cast<uint16_t>(raw & 0x7FFF)};
}

}  // namespace

uint64_t get(const Instr& i, const Field& field) {
  const uint64_t mask = (uint64_t{1} << field.width) - 1;
  switch (field.member) {
    case M::kD: return pack(i.d);
    case M::kA: return pack(i.a);
    case M::kB: return pack(i.b);
    case M::kH: return pack(i.h);
    case M::kRd: return i.rd;
    case M::kRs: return i.rs;
    case M::kRt: return i.rt;
    case M::kImm:
      // A signed immediate is stored as int64: drop the sign extension only if it is one.
      if (field.kind == kSigned) {
        const auto value = static_cast<int64_t>(i.imm);
        const int64_t half = int64_t{1} << (field.width - 1);
        return value >= -half && value < half ? i.imm & mask : i.imm | ~mask;
      }
      return i.imm;
    case M::kRows: return i.rows;
    case M::kLen: return i.len;
    case M::kCols: return i.cols;
    case M::kSstride: return i.sstride;
    case M::kDstride: return i.dstride;
    case M::kMask: return i.mask;
    case M::kM: return i.m;
    case M::kN: return i.n;
    case M::kKg: return i.kg;
    case M::kFunc: return i.func;
    case M::kBc: return i.bc;
    case M::kAt: return i.at;
    case M::kBt: return i.bt;
    case M::kDt: return i.dt;
    case M::kDigits: return static_cast<uint8_t>(i.digits - 1);
    case M::kUnit: return i.unit;
    case M::kKey: return i.key;
    case M::kSh: return i.sh;
    case M::kSrc: return i.src;
    case M::kCount: return i.count;
    case M::kStep0Reg: return i.step[0].areg;
    case M::kStep1Reg: return i.step[1].areg;
    case M::kStep2Reg: return i.step[2].areg;
    case M::kStep0Inc: return static_cast<uint16_t>(i.step[0].inc);
    case M::kStep1Inc: return static_cast<uint16_t>(i.step[1].inc);
    case M::kStep2Inc: return static_cast<uint16_t>(i.step[2].inc);
    case M::kByte: return i.byte;
    case M::kSize: return i.size;
    case M::kRsh: return i.rsh;
    case M::kLsh: return i.lsh;
    case M::kAdd: return i.add;
  }
  return 0;
}

void set(Instr& i, const Field& field, uint64_t raw) {
  const auto u8 = static_cast<uint8_t>(raw);
  const auto u16 = static_cast<uint16_t>(raw);
  switch (field.member) {
    case M::kD: i.d = unpack_local(raw); break;
    case M::kA: i.a = unpack_local(raw); break;
    case M::kB: i.b = unpack_local(raw); break;
    case M::kH: i.h = {static_cast<uint8_t>(raw >> 28 & 15), static_cast<uint32_t>(raw & 0xFFFFFFF)}; break;
    case M::kRd: i.rd = u8; break;
    case M::kRs: i.rs = u8; break;
    case M::kRt: i.rt = u8; break;
    case M::kImm: {
      const uint64_t sign = uint64_t{1} << (field.width - 1);
      i.imm = field.kind == kSigned ? (raw ^ sign) - sign : raw;
      break;
    }
    case M::kRows: i.rows = u16; break;
    case M::kLen: i.len = u16; break;
    case M::kCols: i.cols = u16; break;
    case M::kSstride: i.sstride = u16; break;
    case M::kDstride: i.dstride = u16; break;
    case M::kMask: i.mask = u8; break;
    case M::kM: i.m = u8; break;
    case M::kN: i.n = u8; break;
    case M::kKg: i.kg = u8; break;
    case M::kFunc: i.func = u8; break;
    case M::kBc: i.bc = u8; break;
    case M::kAt: i.at = u8; break;
    case M::kBt: i.bt = u8; break;
    case M::kDt: i.dt = u8; break;
    case M::kDigits: i.digits = static_cast<uint8_t>(raw + 1); break;
    case M::kUnit: i.unit = u8; break;
    case M::kKey: i.key = u8; break;
    case M::kSh: i.sh = u8; break;
    case M::kSrc: i.src = u8; break;
    case M::kCount: i.count = u16; break;
    case M::kStep0Reg: i.step[0].areg = u8; break;
    case M::kStep1Reg: i.step[1].areg = u8; break;
    case M::kStep2Reg: i.step[2].areg = u8; break;
    case M::kStep0Inc: i.step[0].inc = static_cast<int16_t>(u16); break;
    case M::kStep1Inc: i.step[1].inc = static_cast<int16_t>(u16); break;
    case M::kStep2Inc: i.step[2].inc = static_cast<int16_t>(u16); break;
    case M::kByte: i.byte = u8; break;
    case M::kSize: i.size = u8; break;
    case M::kRsh: i.rsh = u8; break;
    case M::kLsh: i.lsh = u8; break;
    case M::kAdd: i.add = u16; break;
  }
}

bool uses(const Instr& instr, const Field& field) {
  if (field.flags != 0 && (instr.flags & field.flags) == 0) return false;
  return instr.func < 16 && (field.funcs >> instr.func & 1) != 0;
}

}  // namespace hadal::isa
