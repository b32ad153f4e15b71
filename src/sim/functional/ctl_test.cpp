// CTL: registers, loops, skips, semaphores. Registers are seen through the DRAM lines that a store addresses.
#include "sim/functional/test_machine.h"

namespace hadal::sim::testing {
namespace {

// Runs `text`, which may use spm[0] (line 0 of the input, loaded), and returns r1 modulo 2^32.
uint32_t register_after(std::string_view text, const std::vector<uint32_t>& line = {}) {
  Machine machine;
  machine.put<uint32_t>(0, line);
  machine.core(0, "LD d=spm[0] s=hbm[1000] rows=1 len=1 post=0:1\nSYNC unit=CTL wait=0:1\n" + std::string(text) +
                      "\nCFG.VX.IMM rs=r1\nVPRM.FILL d=spm[1] rows=1 cols=16 post=1:1\n"
                      "ST d=hbm[50000] s=spm[1] rows=1 len=1 wait=1:1\nHALT");
  machine.run();
  return machine.out<uint32_t>(0, 1)[0];
}

TEST(Ctl, SetAndAdd) {
  EXPECT_EQ(register_after("SET rd=r1 imm=77"), 77u);
  EXPECT_EQ(register_after("SET rd=r2 imm=70\nSET rd=r3 imm=8\nADD rd=r1 rs=r2 rt=r3 imm=-5"), 73u);
  EXPECT_EQ(register_after("SET rd=r0 imm=5\nADD rd=r1 rs=r0 imm=1"), 1u) << "R0 stays 0";
}

TEST(Ctl, RegistersWrapAt48Bits) {
  EXPECT_EQ(register_after("SET rd=r2 imm=281474976710655\nADD rd=r2 rs=r2 imm=1\nADD rd=r1 rs=r2 imm=0"), 0u);
  // 2^48 - 1 is not 0: SKIPZ does not skip. After the wrap it does.
  EXPECT_EQ(register_after("SET rd=r1 imm=1\nSET rd=r2 imm=281474976710655\nSKIPZ rs=r2 len=1\nSET rd=r1 imm=2"), 2u);
  EXPECT_EQ(register_after("SET rd=r1 imm=1\nSET rd=r2 imm=281474976710655\nADD rd=r2 rs=r2 imm=1\nSKIPZ rs=r2 len=1\n"
                           "SET rd=r1 imm=2"),
            1u);
}

TEST(Ctl, LoadRegister) {
  const std::vector<uint32_t> line = {0x04030201, 0xFFFFFFFF, 1000};
  EXPECT_EQ(register_after("LDR rd=r1 s=spm[0] byte=1 size=u8", line), 2u);
  EXPECT_EQ(register_after("LDR rd=r1 s=spm[0] byte=2 size=u16", line), 0x0403u);
  EXPECT_EQ(register_after("LDR rd=r1 s=spm[0] byte=4 size=u32", line), 0xFFFFFFFFu);
  // ((1000 + 31) >> 5) << 3, + 7
  EXPECT_EQ(register_after("SET rd=r5 imm=7\nLDR rd=r1 s=spm[0] byte=8 size=u32 add=31 rsh=5 lsh=3 rs=r5", line),
            32u * 8 + 7);
  // The sum is not cut to 32 bits before the shift.
  EXPECT_EQ(register_after("LDR rd=r1 s=spm[0] byte=4 size=u32 add=1 rsh=16", line), 0x10000u);
}

TEST(Ctl, LoopsStepRegisters) {
  EXPECT_EQ(register_after("LOOP n=5 len=1 step=r2:10,r3:-1\nADD rd=r1 rs=r1 rt=r2"), 0u + 10 + 20 + 30 + 40);
  EXPECT_EQ(register_after("LOOP n=5 len=1 step=r2:10,r1:-1\nADD rd=r3 rs=r3 rt=r2"), static_cast<uint32_t>(-5));
  EXPECT_EQ(register_after("SET rd=r4 imm=3\nLOOP n=r4 len=1\nADD rd=r1 rs=r1 imm=7"), 21u);
  EXPECT_EQ(register_after("LOOP n=0 len=1 step=r1:1\nADD rd=r1 rs=r1 imm=7"), 0u) << "no pass, no step";
  EXPECT_EQ(register_after("SET rd=r1 imm=3\nLOOP n=r9 len=2\nSET rd=r1 imm=4\nSET rd=r1 imm=5"), 3u);
  EXPECT_EQ(register_after("LOOP n=4 len=0 step=r1:3"), 12u);
}

TEST(Ctl, LoopsNestAndEndTogether) {
  EXPECT_EQ(register_after("LOOP n=3 len=2\nLOOP n=4 len=1\nADD rd=r1 rs=r1 imm=1"), 12u);
  EXPECT_EQ(register_after("LOOP n=2 len=4\nLOOP n=2 len=3\nLOOP n=2 len=2\nLOOP n=2 len=1\nADD rd=r1 rs=r1 imm=1"),
            16u);
  EXPECT_EQ(register_after("LOOP n=3 len=3\nLOOP n=4 len=1\nADD rd=r1 rs=r1 imm=1\nADD rd=r1 rs=r1 imm=100"), 312u);
  // An empty inner loop at the end of the outer body still ends a pass.
  EXPECT_EQ(register_after("LOOP n=3 len=3 step=r1:1\nADD rd=r1 rs=r1 imm=10\nLOOP n=0 len=1\nADD rd=r1 rs=r1 imm=100"),
            33u);
}

TEST(Ctl, SkipsToTheEndOfABody) {
  // r2 = 1, 0, -1: the second pass skips.
  EXPECT_EQ(register_after("SET rd=r2 imm=1\nLOOP n=3 len=2 step=r2:-1\nSKIPZ rs=r2 len=1\nADD rd=r1 rs=r1 imm=1"), 2u);
}

TEST(Ctl, ConfigurationTakesRegisters) {
  Machine machine;
  machine.core(0, chained("SET rd=r3 imm=5\n"
                          "CFG.VX.IMM rs=r3 sh=4 imm=3\n"
                          "VPRM.FILL d=spm[1] rows=1 cols=16\n"
                          "CFG.VX.IMM imm=-1\n"
                          "VPRM.FILL d=spm[2] rows=1 cols=16\n"
                          "ST d=hbm[50000] s=spm[1] rows=1 len=2\n"));
  machine.run();
  EXPECT_EQ(machine.out<uint32_t>(0, 1)[0], 83u);
  EXPECT_EQ(machine.out<uint32_t>(1, 1)[0], 0xFFFFFFFFu);
}

TEST(Ctl, DispatchReadsRegistersInOrder) {
  // The store is still in its FIFO when r1 changes.
  Machine machine;
  machine.core(0,
               "SET rd=r1 imm=50000\n"
               "CFG.VX.IMM imm=9\n"
               "ST d=hbm[r1] s=spm[1] rows=1 len=1 wait=0:1\n"
               "SET rd=r1 imm=1\n"
               "VPRM.FILL d=spm[1] rows=1 cols=16 post=0:1\n"
               "HALT");
  machine.run();
  EXPECT_EQ(machine.out<uint32_t>(0, 1)[0], 9u);
}

TEST(Ctl, WaitsTakeManyTokens) {
  Machine machine;
  machine.core(0, "LOOP n=20 len=1\nSYNC unit=LD post=3:3\nSYNC unit=VX wait=3:40\nSYNC unit=VX wait=3:20\nHALT");
  EXPECT_EQ(machine.fault_of(), "");
  machine.core(0, "LOOP n=20 len=1\nSYNC unit=LD post=3:3\nSYNC unit=VX wait=3:61\nHALT");
  EXPECT_NE(machine.fault_of(), "");
}

TEST(Ctl, EveryLaunchStartsFromReset) {
  Machine machine;
  machine.core(0,
               "CFG.VX.IMM rs=r1 imm=4\nSYNC unit=LD post=2:1\nADD rd=r1 rs=r1 imm=1\n"
               "VPRM.FILL d=spm[1] rows=1 cols=16 post=0:1\n"
               "ST d=hbm[50000] s=spm[1] rows=1 len=1 wait=0:1\nHALT");
  Functional& simulator = machine.run();
  for (int i = 0; i < 100; ++i) simulator.launch();  // the tokens of S2 would overflow if they stayed
  EXPECT_EQ(machine.out<uint32_t>(0, 1)[0], 4u);
  EXPECT_EQ(simulator.stats().launches, 101u);
  EXPECT_EQ(simulator.stats().instructions, 101u * 6);
}

TEST(Ctl, TracesWhatItExecutes) {
  Machine machine;
  machine.core(
      0,
      ".op first\nSET rd=r1 imm=2\nLOOP n=r1 len=1 step=r2:3\n.op second\n"
      "LD d=spm[r2+1] s=hbm[r2+1000] rows=1 len=2 sstride=4 dstride=5\nSKIPZ rs=r0 len=1\nSET rd=r9 imm=1\nHALT");
  Trace trace;
  machine.run({}, &trace);
  const auto& issues = trace.cores[0].issues;
  ASSERT_EQ(issues.size(), 6u);
  const std::vector<uint32_t> pcs = {0, 1, 2, 2, 3, 5};
  for (size_t i = 0; i < pcs.size(); ++i) EXPECT_EQ(issues[i].pc, pcs[i]) << i;
  EXPECT_EQ(issues[1].op, isa::Op::kLoop);
  EXPECT_EQ(issues[1].rows, 2u);
  EXPECT_EQ(issues[1].op_mark, 0u);
  EXPECT_EQ(issues[2].op_mark, 1u);
  EXPECT_EQ(issues[2].d, 1u);
  EXPECT_EQ(issues[3].d, 4u);
  EXPECT_EQ(issues[3].dram, 1003u);
  EXPECT_EQ(issues[3].cols, 2u);
  EXPECT_EQ(issues[3].sstride, 4u);
  EXPECT_EQ(issues[3].dstride, 5u);
  EXPECT_EQ(issues[3].unit, isa::Unit::kLd);
}

}  // namespace
}  // namespace hadal::sim::testing
