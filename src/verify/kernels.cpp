// The kernels of the cycle comparison.
#include "verify/kernels.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <memory>
#include <string_view>

namespace hadal::verify {
namespace {

constexpr uint64_t kIn = 0x1000, kOut = 0x9000;

struct Text {
  const char* name;
  const char* code;  // the last line is repeated by a loop
  int repeat;
};

// E4M3 digits lie at spm[0], words at spm[512], row numbers at spm[960]; 16 KiB of words in ACC.
constexpr Text kKernels[] = {
    {"fill", "", 0},
    {"ctl.add", "ADD rd=r5 rs=r5 imm=1", 2000},
    {"ctl.ldr", "LDR rd=r5 s=spm[960] size=u32", 400},
    {"ctl.sync", "SYNC unit=VX", 2000},
    {"ld.stream", "LD d=spm[512] s=hbm[0x1000] rows=1 len=256", 8},
    {"ld.lines", "LD d=spm[512] s=hbm[0x1000] rows=1 len=1", 400},
    {"ld.rows", "LD d=spm[512] s=hbm[0x1000] rows=16 len=11 sstride=13 dstride=11", 12},
    {"ld.gather", "CFG.LD.PITCH imm=11\nLDG d=spm[512] s=hbm[0x1000] idx=spm[960] rows=32 len=11", 6},
    {"ld.fp4", "CFG.LD.XSB imm=1000\nLDX d=spm[0] s=hbm[0x1400] blocks=8", 10},
    {"st.stream", "ST d=hbm[0x9000] s=spm[512] rows=1 len=256", 8},
    {"st.scatter", "CFG.ST.PITCH imm=11\nSTG d=hbm[0x9000] idx=spm[960] s=spm[512] rows=32 len=11", 6},
    {"nx.self", "SET rd=r4 imm=1\nSND d=spm[768] s=spm[512] rows=1 len=128 mask=r4", 16},
    {"mm.decode", "CFG.MM.SA imm=8192\nCFG.MM.SB imm=8192\nMMA c=acc[0] a=spm[0] b=spm[64] m=1 n=1 kg=4 CLR", 100},
    {"mm.decode.two",
     "CFG.MM.SA imm=8192\nCFG.MM.SB imm=8192\nCFG.MM.ADS imm=8\nMMA c=acc[0] a=spm[0] b=spm[64] m=1 n=1 kg=4 CLR DA",
     100},
    {"mm.rows8", "CFG.MM.SA imm=8192\nCFG.MM.SB imm=8192\nMMA c=acc[0] a=spm[0] b=spm[128] m=8 n=2 kg=2", 80},
    {"mm.rows32", "CFG.MM.SA imm=8192\nCFG.MM.SB imm=8192\nMMA c=acc[0] a=spm[0] b=spm[128] m=32 n=2 kg=2", 20},
    {"mm.two.digits",
     "CFG.MM.SA imm=8192\nCFG.MM.SB imm=8192\nCFG.MM.ADS imm=32\nCFG.MM.BDS imm=128\nMMA c=acc[0] a=spm[0] b=spm[128] "
     "m=16 n=1 kg=1 DA DB",
     40},
    {"mm.br",
     "CFG.MM.SA imm=8192\nCFG.MM.SB imm=8192\nCFG.MM.BNS imm=3\nMMA c=acc[0] a=spm[0] b=spm[128] m=8 n=2 kg=1 BR", 80},
    {"mm.bt",
     "CFG.MM.SA imm=8192\nCFG.MM.SB imm=8192\nCFG.MM.BNS imm=1\nMMA c=acc[0] a=spm[0] b=spm[128] m=8 n=2 kg=1 BT", 60},
    {"mm.rescale",
     "CFG.MM.SA imm=8192\nCFG.MM.SB imm=8192\nCFG.MM.AL imm=8192\nMMA c=acc[0] a=spm[0] b=spm[128] m=8 n=2 kg=1 RSC",
     80},
    {"mm.g32", "CFG.MM.SA imm=8192\nCFG.MM.SB imm=8192\nMMA c=acc[0] a=spm[0] b=spm[128] m=8 n=2 kg=4 G32", 60},
    {"vx.add", "VALU.ADD d=spm[768] a=spm[512] b=spm[640] rows=4 cols=256", 60},
    {"vx.mul.row", "VALU.MUL d=spm[768] a=spm[512] b=spm[640] rows=8 cols=256 bc=row", 40},
    {"vx.mula", "VMULA d=spm[768] a=spm[512] b=spm[640] rows=4 cols=256", 60},
    {"vx.exp2", "VSFU.EXP2 d=spm[768] a=spm[512] rows=4 cols=256", 40},
    {"vx.sum", "VRED.SUM d=spm[768] a=spm[512] rows=8 cols=512", 20},
    {"vx.max", "VRED.MAX d=spm[768] a=spm[512] rows=8 cols=512", 20},
    {"vx.quant", "CFG.VX.QDS imm=32\nVQNT d=spm[0] s=spm[768] a=spm[512] rows=4 cols=512 digits=2", 20},
    {"vx.f2b", "VCVT.F2B d=spm[768] a=spm[512] rows=4 cols=256", 40},
    {"vx.transpose", "VPRM.TRANSPOSE d=spm[768] a=spm[512] rows=32 cols=64", 20},
    {"vx.gather", "VPRM.GATHER d=spm[768] a=spm[512] b=spm[960] rows=16 cols=64", 10},
    {"vx.compress", "VSEL.COMPRESS d=spm[768] a=spm[512] t=spm[640] rows=4 cols=256", 20},
    {"vx.hist", "VSEL.HIST d=spm[768] a=spm[512] rows=2 cols=256", 10},
};

std::shared_ptr<std::vector<std::byte>> contents() {
  auto bytes = std::make_shared<std::vector<std::byte>>(1400 * 64);
  for (size_t at = 0; at < bytes->size(); at += 4) {
    const size_t line = at / 64;
    uint32_t word = static_cast<uint32_t>(at * 2654435761u) & 0x77777777u;  // digits that are no NaN
    if (line >= 512) word = std::bit_cast<uint32_t>(1.0f + static_cast<float>(at / 4 % 97) / 64.0f);
    if (line >= 960 && line < 1024) word = static_cast<uint32_t>(at / 4 % 16);
    if (line >= 1024) word = 0x78787878;  // nibbles and scales of FP4
    std::memcpy(bytes->data() + at, &word, 4);
  }
  return bytes;
}

}  // namespace

std::vector<Kernel> kernels(const chip::Chip& chip) {
  std::vector<Kernel> all;
  const auto data = contents();
  for (const Text& text : kKernels) {
    std::vector<isa::Instr> code;
    const auto line = [&](const std::string& l) { code.push_back(isa::assemble_line(l, text.name)); };
    line("LD d=spm[0] s=hbm[0x1000] rows=1 len=1024");
    line("LD d=acc[0] s=hbm[0x1200] rows=1 len=256 post=30:3");
    line("SYNC unit=LD post=30:3");
    for (int u = 0; u < isa::kUnits; ++u)
      line(fmt::format("SYNC unit={} wait=30:1", isa::name(static_cast<isa::Unit>(u))));
    std::string_view rest = text.code;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find('\n'), rest.size());
      if (end == rest.size()) line(fmt::format("LOOP n={} len=1", text.repeat));
      line(std::string(rest.substr(0, end)));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    line("HALT");
    Kernel kernel{text.name, {}};
    kernel.program.chip = chip.name;
    kernel.program.cores.resize(static_cast<size_t>(chip.cores));
    for (auto& stream : kernel.program.cores) stream.code = {isa::encode(isa::assemble_line("HALT", text.name))};
    kernel.program.cores[0].code.clear();
    for (const isa::Instr& instr : code) kernel.program.cores[0].code.push_back(isa::encode(instr));
    kernel.program.segments.resize(2);
    kernel.program.segments[0] = {"in", kIn, data->size() / 64, false, *data, data};
    kernel.program.segments[1] = {"out", kOut, 1024, true, {}, nullptr};
    all.push_back(std::move(kernel));
  }
  return all;
}

}  // namespace hadal::verify
