// A program run by the functional simulator and timed from its trace: both must have counted the same work.
#include <gtest/gtest.h>

#include "chip/chip.h"
#include "program/program.h"
#include "sim/functional.h"
#include "sim/timing.h"

namespace hadal::sim::timing {
namespace {

// Four blocks of weights pass through one buffer into a tile of accumulators, which is squared and stored.
constexpr const char* kProgram = R"(.chip hadal-rtl
.segment weights line=0 lines=256
.segment input line=1024 lines=64
.segment scales line=2048 lines=1 f32 1*16
.segment output line=4096 lines=64 rw
.core 0
.op load
LD d=spm[0] s=hbm[1024] rows=1 len=64 post=0:1
LD d=spm[256] s=hbm[2048] rows=1 len=1 post=0:1
.op matmul
CFG.MM.SA imm=4096
CFG.MM.SB imm=4096
CFG.MM.SBSH imm=31
SYNC unit=MM wait=0:2
SYNC unit=VX post=2:1
SET rd=r1 imm=0
VPRM.FILL d=acc[0] rows=8 cols=32 post=3:1
SYNC unit=MM wait=3:1
LOOP n=4 len=2 step=r1:64
LD d=spm[128] s=hbm[r1] rows=1 len=64 wait=2:1 post=1:1
MMA c=acc[0] a=spm[0] b=spm[128] m=8 n=1 kg=1 wait=1:1 post=2:1
SYNC unit=MM post=6:1
.op square
VALU.MUL d=spm[512] a=acc[0] b=acc[0] rows=8 cols=32 wait=6:1 post=4:1
.op store
ST d=hbm[4096] s=spm[512] rows=1 len=16 wait=4:1 post=5:1
SYNC unit=CTL wait=5:1
HALT
)";

TEST(Launch, TimingCountsWhatTheFunctionalSimulatorDid) {
  const chip::Chip chip = chip::load(HADAL_SOURCE_DIR "/chips/hadal-rtl.yaml");
  const program::Program program = program::assemble(kProgram, "launch.hasm");
  Functional functional(chip, program);
  Trace trace;
  functional.launch(&trace);
  const TimingResult r = simulate_timing(chip, program, trace);

  const uint64_t code = (program.cores[0].code.size() * 16 + 63) / 64 * 64;
  EXPECT_EQ(r.instructions, functional.stats().instructions);
  EXPECT_EQ(r.macs, functional.stats().macs);
  EXPECT_EQ(r.dram_read_bytes, functional.stats().dram_read_bytes + code);
  EXPECT_EQ(r.dram_written_bytes, functional.stats().dram_written_bytes);

  uint64_t sum = 0;
  ASSERT_EQ(r.operators.size(), 4u);
  for (const OperatorTime& op : r.operators) sum += op.cycles;
  EXPECT_EQ(sum, r.cycles);
  EXPECT_EQ(r.operators[1].name, "matmul");
  // One buffer, so load and product alternate: four times 64 lines at 21.3 B a cycle and 4 tiles of B, each 8 cycles
  // and one for its scales, one for the scales of A and four for its rows, but one that the next product hides.
  EXPECT_EQ(r.operators[1].bound_by, "dram");
  EXPECT_EQ(r.operators[1].busy_cycles[static_cast<int>(isa::Unit::kMm)], 4u * (4 * 9 + 1 + 4 - 1));
  EXPECT_GT(r.operators[1].cycles, 4u * 64 * 64 * 12 / 256);
}

}  // namespace
}  // namespace hadal::sim::timing
