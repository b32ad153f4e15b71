// The static check finds what must go wrong, and nothing in programs that are right.
#include "program/lint.h"

#include <gtest/gtest.h>

namespace hadal::program {
namespace {

chip::Chip small_chip() {
  chip::Chip chip;
  chip.name = "small";
  chip.cores = 2;
  chip.imem_instructions = 8;
  chip.spm.bytes = 64 * 100;
  chip.acc.bytes = 64 * 10;
  return chip;
}

std::vector<std::string> findings(const std::string& text) {
  std::vector<std::string> messages;
  for (const Finding& finding : lint(assemble(".chip small\n" + text, "p"), small_chip()))
    messages.push_back(to_string(finding));
  return messages;
}

using Messages = std::vector<std::string>;

TEST(Lint, AcceptsRightPrograms) {
  EXPECT_EQ(findings("HALT\n"), Messages{});
  EXPECT_EQ(findings(".segment a line=16 lines=4 rw\n"
                     "LOOP n=4 len=3 step=r1:1\n"
                     "LD d=spm[99] s=hbm[19] rows=1 len=1 wait=2:1 post=1:1\n"
                     "ST d=hbm[16] s=acc[9] rows=1 len=1 wait=1:1 post=2:1\n"
                     "SYNC unit=CTL post=2:1\n"
                     "HALT\n"),
            Messages{});
  // A loop whose count is not known may post any number of times.
  EXPECT_EQ(findings("LOOP n=r1 len=1\nSYNC unit=LD post=1:1\nSYNC unit=VX wait=1:60\nHALT\n"), Messages{});
  // What is waited for inside a skip may never run.
  EXPECT_EQ(findings("SYNC unit=LD post=1:1\nSKIPZ rs=r1 len=1\nSYNC unit=VX wait=1:2\nSYNC unit=VX wait=1:1\nHALT\n"),
            Messages{});
}

TEST(Lint, FindsBrokenStructure) {
  EXPECT_EQ(findings("SET rd=r1 imm=1\n"), Messages{"core 0, instruction 0: the stream does not end with HALT"});
  EXPECT_EQ(findings(".core 1\nHALT\n"), Messages{"core 0, instruction 0: the stream does not end with HALT"});
  EXPECT_EQ(
      findings(".op L1.x\nLOOP n=1 len=2\nHALT\n"),
      Messages{"core 0, instruction 0 (L1.x): the loop body ends at instruction 3, past the end of the stream at 2"});
  EXPECT_EQ(findings("SKIPZ rs=r1 len=2\nHALT\n"),
            Messages{"core 0, instruction 0: the skip ends at instruction 3, past the end of the stream at 2"});
  EXPECT_EQ(
      findings("LOOP n=2 len=2\nLOOP n=2 len=2\nADD rd=r1\nADD rd=r1\nHALT\n"),
      Messages{"core 0, instruction 1: the loop body ends at instruction 4, past the end of the loop around it at 3"});
  EXPECT_EQ(findings("LOOP n=2 len=2\nSKIPZ rs=r1 len=2\nADD rd=r1\nADD rd=r1\nHALT\n"),
            Messages{"core 0, instruction 1: the skip ends at instruction 4, past the end of the loop around it at 3"});
  EXPECT_EQ(
      findings("LOOP n=1 len=5\nLOOP n=1 len=4\nLOOP n=1 len=3\nLOOP n=1 len=2\nLOOP n=1 len=1\nADD rd=r1\nHALT\n"),
      Messages{"core 0, instruction 4: loops nest more than 4 deep"});
  std::string body = "LOOP n=1 to=end\n";
  for (int i = 0; i < 9; ++i) body += "ADD rd=r1\n";
  EXPECT_EQ(
      findings(body + "end: HALT\n"),
      Messages{"core 0, instruction 0: the loop body of 9 instructions does not fit the instruction memory of 8"});
}

TEST(Lint, FindsBadEncodings) {
  Program p = assemble(".chip small\nHALT\n", "p");
  isa::Encoded bad = p.cores[0].code[0];
  bad.word[0] = 1;
  p.cores[0].code.set(0, bad);
  const auto found = lint(p, small_chip());
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found[0].message.find("reserved bits are set"), std::string::npos);
}

TEST(Lint, FindsConstantAddressesOutOfRange) {
  EXPECT_EQ(findings("VPRM.IOTA d=spm[100] rows=1 cols=1\nHALT\n"),
            Messages{"core 0, instruction 0: d is line 100 of the SPM, which has 100 lines"});
  EXPECT_EQ(findings("VPRM.IOTA d=acc[10] rows=1 cols=1\nHALT\n"),
            Messages{"core 0, instruction 0: d is line 10 of the ACC, which has 10 lines"});
  EXPECT_EQ(findings("VPRM.IOTA d=acc[r1+10] rows=1 cols=1\nHALT\n"), Messages{});
  EXPECT_EQ(findings(".segment a line=4 lines=4\nLD d=spm[0] s=hbm[8] rows=1 len=1\nHALT\n"),
            Messages{"core 0, instruction 0: s is DRAM line 8, which no segment holds"});
}

TEST(Lint, FindsWaitsThatCanNeverBeMet) {
  EXPECT_EQ(findings("SYNC unit=VX wait=3:1\nHALT\n"),
            Messages{"core 0, instruction 0: waits for semaphore 3, which nobody posts"});
  EXPECT_EQ(
      findings("SYNC unit=LD post=3:1\nSYNC unit=VX wait=3:1\nSYNC unit=VX wait=3:1\nHALT\n"),
      Messages{"core 0, instruction 1: waits from here on take 2 tokens of semaphore 3, but at most 1 are posted"});
  EXPECT_EQ(
      findings("SYNC unit=LD post=3:3\nLOOP n=4 len=1\nSYNC unit=VX wait=3:1\nHALT\n"),
      Messages{"core 0, instruction 2: waits from here on take 4 tokens of semaphore 3, but at most 3 are posted"});
  // Posted on the other core: by a mask that is a constant, or may be anything.
  EXPECT_EQ(
      findings("SYNC unit=VX wait=3:1\nHALT\n.core 1\nSET rd=r1 imm=1\nSYNC unit=NX mask=r1 REMOTE post=3:1\nHALT\n"),
      Messages{});
  EXPECT_EQ(
      findings("SYNC unit=VX wait=3:1\nHALT\n.core 1\nADD rd=r1 imm=2\nSYNC unit=NX mask=r1 REMOTE post=3:1\nHALT\n"),
      Messages{});
  EXPECT_EQ(findings("SYNC unit=VX wait=3:1\nHALT\n.core 1\nSET rd=r1 imm=2\nSND d=spm[0] s=spm[0] rows=1 len=1 "
                     "mask=r1 post=3:1\nHALT\n"),
            Messages{"core 0, instruction 0: waits for semaphore 3, which nobody posts"});
}

TEST(Lint, FindsTooManyCores) {
  EXPECT_EQ(findings(".cores 3\n"), Messages{"core 2, instruction 0: the program has 3 cores, the chip small has 2"});
}

}  // namespace
}  // namespace hadal::program
