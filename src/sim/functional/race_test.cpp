// Races: small programs that miss one order, each with its corrected version. Every race must be found in the default
// order, which would often give the right result by luck, and under random orders; the corrected version never.
#include "sim/functional/test_machine.h"

namespace hadal::sim::testing {
namespace {

struct Race {
  const char* name;
  const char* message;                    // part of the fault of the wrong version
  std::vector<const char*> wrong, right;  // a text for each core
};

void PrintTo(const Race& race, std::ostream* out) { *out << race.name; }

class Races : public ::testing::TestWithParam<Race> {};

std::string run(const std::vector<const char*>& texts, FunctionalOptions options) {
  Machine machine(static_cast<int>(texts.size()));
  for (size_t c = 0; c < texts.size(); ++c) machine.core(static_cast<int>(c), std::string(texts[c]) + "\nHALT");
  return machine.fault_of(options);
}

TEST_P(Races, AreFound) {
  const std::string message = run(GetParam().wrong, {});
  EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
  EXPECT_NE(message.find("not ordered after"), std::string::npos) << message;
  EXPECT_EQ(run(GetParam().right, {}), "");
  for (uint64_t seed = 0; seed < 40; ++seed) {
    FunctionalOptions options;
    options.interleave_seed = seed;
    EXPECT_NE(run(GetParam().wrong, options), "") << "seed " << seed;
    EXPECT_EQ(run(GetParam().right, options), "") << "seed " << seed;
  }
}

// 4 lines to spm[0], then a token on S0.
#define LOAD "LD d=spm[0] s=hbm[1000] rows=1 len=4 post=0:1\n"

const std::vector<Race> kRaces = {
    {"MissingPost",
     "SPM line 0",
     {"LD d=spm[0] s=hbm[1000] rows=1 len=1\nVALU.ABS d=spm[9] a=spm[0] rows=1 cols=1"},
     {"LD d=spm[0] s=hbm[1000] rows=1 len=1 post=0:1\nVALU.ABS d=spm[9] a=spm[0] rows=1 cols=1 wait=0:1"}},
    {"WaitForTheWrongLoad",
     "SPM line 4",
     {LOAD "LD d=spm[4] s=hbm[1000] rows=1 len=1 post=0:1\nST d=hbm[50000] s=spm[4] rows=1 len=1 wait=0:1\nSYNC "
           "unit=ST wait=0:1"},
     {LOAD "LD d=spm[4] s=hbm[1000] rows=1 len=1 post=0:1\nST d=hbm[50000] s=spm[4] rows=1 len=1 wait=0:2"}},
    {"BufferReusedTooEarly",
     "SPM line 3",
     {LOAD "VALU.ABS d=spm[9] a=spm[0] rows=1 cols=64 wait=0:1\nLD d=spm[3] s=hbm[1000] rows=1 len=1\nLD d=spm[0] "
           "s=hbm[1000] rows=1 len=1"},
     {LOAD
      "VALU.ABS d=spm[9] a=spm[0] rows=1 cols=64 wait=0:1 post=1:1\nLD d=spm[3] s=hbm[1000] rows=1 len=1 wait=1:1\n"
      "LD d=spm[0] s=hbm[1000] rows=1 len=1"}},
    {"OverlappingLoadAndVector",
     "SPM line 3",
     {"LD d=spm[0] s=hbm[1000] rows=1 len=4\nVPRM.FILL d=spm[3] rows=1 cols=16"},
     {"LD d=spm[0] s=hbm[1000] rows=1 len=3\nVPRM.FILL d=spm[3] rows=1 cols=16"}},
    {"TwoWordsOfOneLine",
     "SPM line 5",
     {"CFG.VX.DOFF imm=4\nVPRM.FILL d=spm[5] rows=1 cols=1\nLD d=spm[5] s=hbm[1000] rows=1 len=1"},
     {"CFG.VX.DOFF imm=4\nVPRM.FILL d=spm[5] rows=1 cols=1 post=0:1\nLD d=spm[5] s=hbm[1000] rows=1 len=1 wait=0:1"}},
    {"PostBeforeTheWrite",
     "SPM line 0",
     {"SYNC unit=LD post=0:1\nLD d=spm[0] s=hbm[1000] rows=1 len=4\nST d=hbm[50000] s=spm[0] rows=1 len=1 wait=0:1"},
     {"LD d=spm[0] s=hbm[1000] rows=1 len=4\nSYNC unit=LD post=0:1\nST d=hbm[50000] s=spm[0] rows=1 len=1 wait=0:1"}},
    {"LoadRegisterWithoutWait",
     "SPM line 0",
     {LOAD "SYNC unit=CTL wait=0:1\nLD d=spm[0] s=hbm[1000] rows=1 len=1\nLDR rd=r1 s=spm[0] size=u8"},
     {LOAD "SYNC unit=CTL wait=0:1\n" LOAD "LDR rd=r1 s=spm[0] size=u8 wait=0:1"}},
    {"LoadRegisterThenOverwrite",
     "SPM line 0",
     {LOAD
      "VALU.ABS d=spm[9] a=spm[0] rows=1 cols=16 wait=0:1\nSYNC unit=LD post=1:1\nLDR rd=r1 s=spm[0] size=u8 wait=1:1\n"
      "LD d=spm[0] s=hbm[1000] rows=1 len=1"},
     {LOAD "LDR rd=r1 s=spm[0] size=u8 wait=0:1\nLD d=spm[0] s=hbm[1000] rows=1 len=1"}},
    {"CtlWaitsOnlyAfterDispatch",
     "SPM line 0",
     {LOAD "ST d=hbm[50000] s=spm[0] rows=1 len=4\nSYNC unit=CTL wait=0:1"},
     {LOAD "SYNC unit=CTL wait=0:1\nST d=hbm[50000] s=spm[0] rows=1 len=4"}},
    {"IndexListWithoutWait",
     "SPM line 1",
     {LOAD "CFG.LD.PITCH imm=1\nVPRM.FILL d=spm[1] rows=1 cols=16 wait=0:1\nLDG d=spm[8] s=hbm[1000] idx=spm[1] rows=3 "
           "len=1"},
     {LOAD "CFG.LD.PITCH imm=1\nVPRM.FILL d=spm[1] rows=1 cols=16 wait=0:1 post=1:1\n"
           "LDG d=spm[8] s=hbm[1000] idx=spm[1] rows=3 len=1 wait=1:1"}},
    {"DramWriteThenRead",
     "DRAM line 50001",
     {LOAD "ST d=hbm[50000] s=spm[0] rows=1 len=2 wait=0:1\nLD d=spm[8] s=hbm[50001] rows=1 len=1"},
     {LOAD "ST d=hbm[50000] s=spm[0] rows=1 len=2 wait=0:1 post=1:1\nLD d=spm[8] s=hbm[50001] rows=1 len=1 wait=1:1"}},
    {"DramReadThenWrite",
     "DRAM line 50000",
     {LOAD "LD d=spm[8] s=hbm[50000] rows=1 len=1\nST d=hbm[50000] s=spm[0] rows=1 len=2 wait=0:1"},
     {"LD d=spm[8] s=hbm[50000] rows=1 len=1\n" LOAD "ST d=hbm[50000] s=spm[0] rows=1 len=2 wait=0:1"}},
    {"DramOfTwoCores",
     "DRAM line 50070",
     {LOAD "ST d=hbm[50000] s=spm[0] rows=2 len=1 sstride=1 dstride=70 wait=0:1",
      LOAD "ST d=hbm[50070] s=spm[0] rows=1 len=1 wait=0:1"},
     {LOAD "ST d=hbm[50000] s=spm[0] rows=2 len=1 sstride=1 dstride=70 wait=0:1",
      LOAD "ST d=hbm[50071] s=spm[0] rows=1 len=1 wait=0:1"}},
    {"DramThroughACoreThatWasNotTold",
     "DRAM line 50000",
     {"SET rd=r1 imm=2\n" LOAD "ST d=hbm[50000] s=spm[0] rows=1 len=1 wait=0:1\nSYNC unit=LD mask=r1 post=5:1 REMOTE",
      "LD d=spm[0] s=hbm[50000] rows=1 len=1 wait=5:1"},
     {"SET rd=r1 imm=2\n" LOAD "ST d=hbm[50000] s=spm[0] rows=1 len=1 wait=0:1\nSYNC unit=ST mask=r1 post=5:1 REMOTE",
      "LD d=spm[0] s=hbm[50000] rows=1 len=1 wait=5:1"}},
    {"DramReaderOverwritten",
     "DRAM line 50002",
     {"LD d=spm[0] s=hbm[50002] rows=1 len=1", LOAD "ST d=hbm[50002] s=spm[0] rows=1 len=1 wait=0:1"},
     {"SET rd=r1 imm=2\nLD d=spm[0] s=hbm[50002] rows=1 len=1\nSYNC unit=LD mask=r1 post=5:1 REMOTE",
      LOAD "SYNC unit=ST wait=5:1\nST d=hbm[50002] s=spm[0] rows=1 len=1 wait=0:1"}},
    {"SendToABufferInUse",
     "SPM line 0",
     {"SET rd=r1 imm=2\n" LOAD "SND d=spm[0] s=spm[0] rows=1 len=1 mask=r1 wait=0:1 post=5:1",
      "VPRM.FILL d=spm[0] rows=1 cols=16"},
     {"SET rd=r1 imm=2\n" LOAD "SYNC unit=NX wait=0:1\nSND d=spm[0] s=spm[0] rows=1 len=1 mask=r1 wait=6:1 post=5:1",
      "SET rd=r1 imm=1\nVPRM.FILL d=spm[0] rows=1 cols=16\nSYNC unit=VX mask=r1 post=6:1 REMOTE"}},
    {"SentDataReadWithoutWait",
     "SPM line 20",
     {"SET rd=r1 imm=2\n" LOAD "SND d=spm[20] s=spm[0] rows=1 len=1 mask=r1 wait=0:1 post=5:1",
      "VPRM.FILL d=spm[20] rows=1 cols=16 wait=5:1\nSYNC unit=LD post=0:1\nST d=hbm[50000] s=spm[20] rows=1 len=1 "
      "wait=0:1"},
     {"SET rd=r1 imm=2\n" LOAD "SND d=spm[20] s=spm[0] rows=1 len=1 mask=r1 wait=0:1 post=5:1",
      "VPRM.FILL d=spm[20] rows=1 cols=16 wait=5:1 post=0:1\nST d=hbm[50000] s=spm[20] rows=1 len=1 wait=0:1"}},
    {"SourceOverwrittenWhileSending",
     "SPM line 0",
     {"SET rd=r1 imm=2\n" LOAD
      "SND d=spm[20] s=spm[0] rows=1 len=1 mask=r1 wait=0:1 post=5:1\nLD d=spm[0] s=hbm[1000] rows=1 len=1",
      "SYNC unit=ST wait=5:1"},
     {"SET rd=r1 imm=2\n" LOAD "SND d=spm[20] s=spm[0] rows=1 len=1 mask=r1 wait=0:1 post=5:1\nSYNC unit=NX post=1:1\n"
      "LD d=spm[0] s=hbm[1000] rows=1 len=1 wait=1:1",
      "SYNC unit=ST wait=5:1"}},
    {"TwoSendersOneBuffer",
     "SPM line 20 of core 2",
     {"SET rd=r1 imm=4\n" LOAD "SND d=spm[20] s=spm[0] rows=1 len=1 mask=r1 wait=0:1 post=5:1",
      "SET rd=r1 imm=4\n" LOAD "SND d=spm[20] s=spm[0] rows=1 len=1 mask=r1 wait=0:1 post=5:1",
      "SYNC unit=VX wait=5:2"},
     {"SET rd=r1 imm=4\n" LOAD "SND d=spm[20] s=spm[0] rows=1 len=1 mask=r1 wait=0:1 post=5:1",
      "SET rd=r1 imm=4\n" LOAD "SND d=spm[21] s=spm[0] rows=1 len=1 mask=r1 wait=0:1 post=5:1",
      "SYNC unit=VX wait=5:2"}},
    {"DoubleBufferOneCreditTooMany",
     "SPM line",
     {"SYNC unit=VX post=1:3\nLOOP n=6 len=2 step=r1:1\nLD d=spm[r2] s=hbm[r1+1000] rows=1 len=1 wait=1:1 post=0:1\n"
      "VALU.ADD d=spm[9] a=spm[r2] b=spm[r2] rows=1 cols=16 wait=0:1 post=1:1"},
     {"SYNC unit=VX post=1:1\nLOOP n=6 len=2 step=r1:1\nLD d=spm[r2] s=hbm[r1+1000] rows=1 len=1 wait=1:1 post=0:1\n"
      "VALU.ADD d=spm[9] a=spm[r2] b=spm[r2] rows=1 cols=16 wait=0:1 post=1:1"}},
    {"MatrixReadsWhileLoading",
     "SPM line 0",
     {"CFG.MM.SBSH imm=31\nLD d=spm[0] s=hbm[1000] rows=1 len=80\nMMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 CLR"},
     {"CFG.MM.SBSH imm=31\nLD d=spm[0] s=hbm[1000] rows=1 len=80 post=0:1\nMMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 "
      "CLR wait=0:1"}},
    {"AccumulatorsReadTooEarly",
     "ACC line 0",
     {"CFG.MM.SBSH imm=31\nLD d=spm[0] s=hbm[1000] rows=1 len=80 post=0:2\nSYNC unit=VX wait=0:1\n"
      "MMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 CLR wait=0:1\nVALU.ABS d=acc[8] a=acc[0] rows=1 cols=32"},
     {"CFG.MM.SBSH imm=31\nLD d=spm[0] s=hbm[1000] rows=1 len=80 post=0:1\n"
      "MMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 CLR wait=0:1 post=1:1\nVALU.ABS d=acc[8] a=acc[0] rows=1 cols=32 "
      "wait=1:1"}},
};

std::string name_of(const ::testing::TestParamInfo<Race>& race) { return race.param.name; }
INSTANTIATE_TEST_SUITE_P(All, Races, ::testing::ValuesIn(kRaces), name_of);

TEST(RaceMessages, NameBothSides) {
  Machine machine;
  machine.core(
      0,
      ".op weights\nLD d=spm[0] s=hbm[1000] rows=1 len=4 post=1:1\n.op norm\nLD d=spm[8] s=hbm[1000] rows=1 len=4\n"
      ".op q_b\nVALU.ABS d=spm[40] a=spm[9] rows=1 cols=16 wait=1:1\nHALT");
  EXPECT_EQ(machine.fault_of(),
            "core 0 VX instruction 2 (q_b) VALU.ABS d=spm[40] a=spm[9] rows=1 cols=16 wait=1:1: reads SPM line 9, not "
            "ordered "
            "after the write by core 0 LD instruction 1 (norm) LD d=spm[8] s=hbm[1000] rows=1 len=4");
}

TEST(RaceMessages, EarlierLaunchesAreOrdered) {
  Machine machine(2);
  machine.core(0, LOAD "ST d=hbm[50000] s=spm[0] rows=1 len=1 wait=0:1\nHALT");
  machine.core(1, "HALT");
  Functional& simulator = machine.run();
  program::Program other = machine.program;
  assemble_core(other, 0, "HALT");
  assemble_core(other, 1,
                "LD d=spm[0] s=hbm[50000] rows=1 len=1 post=0:1\nST d=hbm[50000] s=spm[0] rows=1 len=1 wait=0:1\nHALT");
  simulator.set_program(other);
  EXPECT_NO_THROW(simulator.launch());
  simulator.set_program(machine.program);
  EXPECT_NO_THROW(simulator.launch());
}

}  // namespace
}  // namespace hadal::sim::testing
