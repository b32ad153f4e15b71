// Everything a program can do wrong except races: each stops with a message that names the place and the reason.
#include "sim/functional/test_machine.h"

namespace hadal::sim::testing {
namespace {

struct Bad {
  const char* name;
  const char* text;     // of core 0, chained
  const char* message;  // part of the fault; "" for a program that is right
};

void PrintTo(const Bad& bad, std::ostream* out) { *out << bad.name; }

class Faults : public ::testing::TestWithParam<Bad> {};

TEST_P(Faults, StopTheProgram) {
  Machine machine;
  machine.put<uint32_t>(0, {1, 2, 3});
  machine.put<uint32_t>(1, {0xFFFFFFFF});
  machine.put<uint8_t>(36, {127, 127, 127, 0xFF});  // as scales of an FP4 panel at line 20: one NaN
  machine.put<uint8_t>(66, {127, 127, 127, 100});   // and at line 50: too wide a spread
  machine.core(0, GetParam().text[0] == '!' ? std::string(GetParam().text + 1) : chained(GetParam().text));
  const std::string message = machine.fault_of();
  if (GetParam().message[0] == '\0') {
    EXPECT_EQ(message, "");
  } else {
    EXPECT_NE(message.find(GetParam().message), std::string::npos) << message;
    EXPECT_NE(message.find("core 0"), std::string::npos) << message;
  }
}

std::string name_of(const ::testing::TestParamInfo<Bad>& info) { return info.param.name; }

// Loads 16 lines to spm[0..15]; what follows reads beyond.
#define LOADED "LD d=spm[0] s=hbm[1000] rows=1 len=16\n"

INSTANTIATE_TEST_SUITE_P(
    Uninitialised, Faults,
    ::testing::Values(
        Bad{"Store", LOADED "ST d=hbm[50000] s=spm[15] rows=1 len=2",
            "reads word 0 of SPM line 16, which nobody wrote"},
        Bad{"StoreRight", LOADED "ST d=hbm[50000] s=spm[15] rows=1 len=1", ""},
        Bad{"StoreOfRows", LOADED "ST d=hbm[50000] s=spm[0] rows=3 len=2 sstride=7 dstride=2", ""},
        Bad{"StoreOfRowsBeyond", LOADED "ST d=hbm[50000] s=spm[1] rows=3 len=2 sstride=7 dstride=2", "SPM line 16"},
        Bad{"Accumulators", "ST d=hbm[50000] s=acc[3] rows=1 len=1", "reads word 0 of ACC line 3"},
        Bad{"LoadRegister", "LDR rd=r1 s=spm[2] byte=8 size=u8", "core 0 CTL instruction 0 LDR"},
        Bad{"LoadRegisterWord", "LDR rd=r1 s=spm[2] byte=8 size=u8", "reads word 2 of SPM line 2"},
        Bad{"Send", LOADED "SET rd=r1 imm=1\nSND d=spm[40] s=spm[15] rows=1 len=2 mask=r1", "NX instruction 2 SND"},
        Bad{"IndexList", "CFG.LD.PITCH imm=1\nLDG d=spm[0] s=hbm[1000] idx=spm[20] rows=1 len=1",
            "reads word 0 of SPM line 20"},
        Bad{"TileColumn", LOADED "VALU.ABS d=spm[40] a=spm[15] rows=1 cols=17", "reads word 0 of SPM line 16"},
        Bad{"TileRight", LOADED "VALU.ABS d=spm[40] a=spm[15] rows=1 cols=16", ""},
        Bad{"TileWord", LOADED "VALU.ABS d=spm[40] a=spm[0] rows=1 cols=3\nVALU.ABS d=spm[41] a=spm[40] rows=1 cols=4",
            "reads word 3 of SPM line 40"},
        Bad{"TileWordRight",
            LOADED "VALU.ABS d=spm[40] a=spm[0] rows=1 cols=3\nVALU.ABS d=spm[41] a=spm[40] rows=1 cols=3", ""},
        Bad{"WordOffset",
            LOADED "CFG.VX.DOFF imm=2\nCFG.VX.AOFF imm=2\nVALU.ABS d=spm[40] a=spm[0] rows=1 cols=3\n"
                   "CFG.VX.AOFF imm=1\nVALU.ABS d=spm[41] a=spm[40] rows=1 cols=3",
            "reads word 1 of SPM line 40"},
        Bad{"PackedColumn",
            LOADED
            "VRED.SUM d=spm[40] a=spm[0] rows=3 cols=5\nVALU.ADD d=spm[50] a=spm[0] b=spm[40] rows=4 cols=5 bc=col",
            "reads word 3 of SPM line 40"},
        Bad{"MultiplyAddReadsD", LOADED "VMULA d=spm[40] a=spm[0] b=spm[1] rows=1 cols=4",
            "reads word 0 of SPM line 40"},
        Bad{"SelectReadsD", LOADED "VALU.SEL d=spm[40] a=spm[0] b=spm[1] rows=1 cols=4", "reads word 0 of SPM line 40"},
        Bad{"MatrixA", LOADED "CFG.MM.SBSH imm=31\nMMA c=acc[0] a=spm[15] b=spm[0] m=1 n=1 kg=1 CLR", "SPM line 16"},
        Bad{"MatrixB", LOADED "CFG.MM.SBSH imm=31\nMMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 CLR", "SPM line 16"},
        Bad{"MatrixAccumulate",
            "LD d=spm[0] s=hbm[1000] rows=1 len=64\nCFG.MM.SBSH imm=31\n"
            "MMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1",
            "reads word 0 of ACC line 0"},
        Bad{"MatrixClear",
            "LD d=spm[0] s=hbm[1000] rows=1 len=64\nCFG.MM.SBSH imm=31\n"
            "MMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 CLR",
            ""},
        Bad{"MatrixScale",
            "LD d=spm[0] s=hbm[1000] rows=1 len=64\nCFG.MM.SBSH imm=31\nCFG.MM.SB imm=1024\n"
            "MMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 CLR",
            "reads word 0 of SPM line 64"},
        Bad{"MatrixAlpha",
            "LD d=spm[0] s=hbm[1000] rows=1 len=64\nLD d=acc[0] s=hbm[1000] rows=1 len=2\nCFG.MM.SBSH imm=31\n"
            "CFG.MM.AL imm=1040\nMMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 RSC",
            "reads word 0 of SPM line 65"},
        Bad{"QuantisedPadding",
            LOADED "VQNT d=spm[40] s=spm[50] a=spm[0] rows=1 cols=40 G32\n"
                   "ST d=hbm[50000] s=spm[40] rows=1 len=1",
            ""},
        Bad{"QuantisedBeyond",
            LOADED "VQNT d=spm[40] s=spm[50] a=spm[0] rows=1 cols=32 G32\n"
                   "ST d=hbm[50000] s=spm[40] rows=1 len=1",
            "reads word 8 of SPM line 40"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    OutOfRange, Faults,
    ::testing::Values(
        Bad{"LoadToEnd", "LD d=spm[1020] s=hbm[1000] rows=1 len=4", ""},
        Bad{"LoadBeyondSpm", "LD d=spm[1020] s=hbm[1000] rows=1 len=5", "d is outside the SPM"},
        Bad{"LoadBeyondAcc", "LD d=acc[200] s=hbm[1000] rows=8 len=1 sstride=1 dstride=8", "d is outside the ACC"},
        Bad{"RegisterFarAway", "SET rd=r1 imm=281474976710655\nLD d=spm[r1] s=hbm[1000] rows=1 len=1",
            "outside the SPM"},
        Bad{"RegisterWraps", "SET rd=r1 imm=281474976710655\nLD d=spm[r1+1] s=hbm[1000] rows=1 len=1", ""},
        Bad{"DramNowhere", "LD d=spm[0] s=hbm[999] rows=1 len=1", "reads DRAM lines 999..999, which no segment holds"},
        Bad{"DramOverTheEnd", "LD d=spm[0] s=hbm[2020] rows=1 len=5", "beyond the end of segment in"},
        Bad{"DramLastRow", "LD d=spm[0] s=hbm[2020] rows=3 len=1 sstride=2 dstride=1", "reads DRAM lines 2024..2024"},
        Bad{"ReadOnly", LOADED "ST d=hbm[1000] s=spm[0] rows=1 len=1", "segment in, which is read-only"},
        Bad{"StoreNowhere", LOADED "ST d=hbm[60000] s=spm[0] rows=1 len=1", "writes DRAM lines 60000..60000"},
        Bad{"GatherIndex", LOADED "CFG.LD.PITCH imm=1\nLDG d=spm[20] s=hbm[1000] idx=spm[1] rows=1 len=1",
            "no segment holds"},
        Bad{"ScatterIndex", LOADED "CFG.ST.PITCH imm=-1\nSTG d=hbm[50000] idx=spm[1] s=spm[0] rows=1 len=1",
            "outside the DRAM"},
        Bad{"NoPitch", LOADED "LDG d=spm[20] s=hbm[1000] idx=spm[0] rows=1 len=1", "PITCH is not set"},
        Bad{"VectorResult", LOADED "VALU.ABS d=spm[1023] a=spm[0] rows=2 cols=16", "d is outside the SPM"},
        Bad{"MatrixStride", LOADED "CFG.MM.ARS imm=-1\nMMA c=acc[0] a=spm[0] b=spm[0] m=2 n=1 kg=1 CLR",
            "a is outside the SPM"},
        Bad{"MatrixScaleWord",
            "LD d=spm[0] s=hbm[1000] rows=1 len=64\nCFG.MM.SA imm=16384\n"
            "MMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 CLR",
            "the scales of a is outside the SPM"},
        Bad{"GatherRows", LOADED "CFG.VX.ARS imm=-1\nVPRM.GATHER d=spm[40] a=spm[0] b=spm[1] rows=1 cols=16",
            "leads outside"},
        Bad{"SendBeyond", LOADED "SET rd=r1 imm=1\nSND d=spm[1023] s=spm[0] rows=1 len=2 mask=r1",
            "d is outside the SPM"},
        Bad{"SendToNobody", LOADED "SET rd=r1 imm=2\nSND d=spm[0] s=spm[0] rows=1 len=1 mask=r1",
            "cores that the chip does not have"},
        Bad{"PostToNobody", "!SET rd=r1 imm=2\nSYNC unit=ST mask=r1 REMOTE post=1:1\nHALT",
            "cores that the chip does not have"},
        Bad{"LoadRegisterMisaligned", LOADED "LDR rd=r1 s=spm[0] byte=2 size=u32", "not a multiple of the size"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Operands, Faults,
    ::testing::Values(
        Bad{"DestinationRowsOverlap", "LD d=spm[0] s=hbm[1000] rows=2 len=2 sstride=2 dstride=1",
            "rows of 2 lines overlap"},
        Bad{"ShiftedInPlace", LOADED "VALU.ABS d=spm[1] a=spm[0] rows=1 cols=32", "d overlaps a"},
        Bad{"InPlace", LOADED "VALU.MUL d=spm[0] a=spm[0] b=spm[0] rows=2 cols=32", ""},
        Bad{"InPlaceOfAnotherType", LOADED "VALU.ABS d=spm[0] a=spm[0] rows=1 cols=32 at=bf16", "d overlaps a"},
        Bad{"RowOfTheResult", LOADED "VALU.ADD d=spm[0] a=spm[0] b=spm[0] rows=2 cols=16 bc=row", "d overlaps b"},
        Bad{"TransposeInPlace", LOADED "VPRM.TRANSPOSE d=spm[0] a=spm[0] rows=4 cols=4", "d overlaps a"},
        Bad{"ReduceIntoItself", LOADED "VRED.SUM d=spm[1] a=spm[0] rows=2 cols=16", "d overlaps a"},
        Bad{"NextToEachOther", LOADED "CFG.VX.DOFF imm=3\nVRED.SUM d=spm[0] a=spm[0] rows=1 cols=3", ""},
        Bad{"ResultRowsOverlap", LOADED "CFG.VX.DRS imm=1\nVALU.ABS d=spm[40] a=spm[0] rows=2 cols=32", "rows of d"},
        Bad{"LowDigitsOnHighDigits",
            LOADED "CFG.VX.QDS imm=1\nVQNT d=spm[40] s=spm[50] a=spm[0] rows=1 cols=128 digits=2", "digits overlap"},
        Bad{"LowDigitsUnplaced", LOADED "VQNT d=spm[40] s=spm[50] a=spm[0] rows=1 cols=32 digits=2", "QDS"},
        Bad{"BlocksOfDigitsMeet", LOADED "CFG.VX.QRS imm=1\nVQNT d=spm[40] s=spm[60] a=spm[0] rows=1 cols=256 digits=1",
            "digits overlap"},
        Bad{"ScalesAmongDigits", LOADED "VQNT d=spm[40] s=spm[41] a=spm[0] rows=2 cols=32", "s overlaps d"},
        Bad{"ScalesAmongLowDigits",
            LOADED "CFG.VX.QDS imm=4\nVQNT d=spm[40] s=spm[44] a=spm[0] rows=2 cols=32 digits=2", "s overlaps d"},
        Bad{"OddPairs", LOADED "VPRM.PAIRSWAP d=spm[40] a=spm[0] rows=1 cols=3", "even number"},
        Bad{"OffsetBeyondLine", LOADED "CFG.VX.AOFF imm=16\nVALU.ABS d=spm[40] a=spm[0] rows=1 cols=3",
            "word offset of 16"},
        Bad{"RowsOfBNeedAStride", LOADED "MMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=1 CLR BR", "BNS must be set"},
        Bad{"AccumulatorRowsOverlap",
            "LD d=spm[0] s=hbm[1000] rows=1 len=80\nCFG.MM.CRS imm=1\n"
            "MMA c=acc[0] a=spm[0] b=spm[0] m=2 n=1 kg=1 CLR",
            "accumulator rows"},
        Bad{"Fp4", "CFG.LD.XSB imm=100\nLDX d=spm[0] s=hbm[1100] blocks=1", ""},
        Bad{"Fp4Spread", "CFG.LD.XSB imm=100\nLDX d=spm[0] s=hbm[1050] blocks=1", "FP4 panel 0"},
        Bad{"Fp4ScaleNan", "CFG.LD.XSB imm=100\nLDX d=spm[0] s=hbm[1020] blocks=1", "FP4 panel 0"},
        Bad{"Fp4ScalesInTheTile", "CFG.LD.XSB imm=31\nLDX d=spm[0] s=hbm[1100] blocks=1", "overlaps the scales"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Control, Faults,
    ::testing::Values(
        Bad{"NoHalt", "!SET rd=r1 imm=1", "the stream ends without HALT"},
        Bad{"LoopDepth",
            "!LOOP n=1 len=5\nLOOP n=1 len=4\nLOOP n=1 len=3\nLOOP n=1 len=2\nLOOP n=1 len=1\nSET rd=r1 imm=1\nHALT",
            "CTL instruction 4 LOOP n=1 len=1: loops nest more than 4 deep"},
        Bad{"LoopDepthWithoutPasses",
            "!LOOP n=1 len=5\nLOOP n=1 len=4\nLOOP n=1 len=3\nLOOP n=1 len=2\nLOOP n=0 len=1\n"
            "SET rd=r1 imm=1\nHALT",
            ""},
        Bad{"LoopsCross", "!LOOP n=2 len=2\nSET rd=r1 imm=1\nLOOP n=2 len=1\nSET rd=r1 imm=1\nHALT",
            "behind that of the surrounding loop"},
        Bad{"LoopBehindEnd", "!LOOP n=2 len=2\nHALT", "behind the stream"},
        Bad{"SkipOutOfLoop", "!LOOP n=2 len=2\nSKIPZ rs=r0 len=2\nSET rd=r1 imm=1\nSET rd=r1 imm=1\nHALT",
            "behind the end of its loop"},
        Bad{"SkipBehindEnd", "!SKIPZ rs=r0 len=5\nHALT", "behind the end of the stream"},
        Bad{"SemaphoreOverflow", "!LOOP n=22 len=1\nSYNC unit=MM post=4:3\nHALT",
            "the post of 3 to semaphore 4 exceeds 63: it is 63"},
        Bad{"SemaphoreFull", "!LOOP n=21 len=1\nSYNC unit=MM post=4:3\nHALT", ""},
        Bad{"RemoteOverflow", "!SET rd=r1 imm=1\nLOOP n=22 len=1\nSYNC unit=MM mask=r1 post=4:3 REMOTE\nHALT",
            "the post of 3 to semaphore 4 of core 0 exceeds 63"},
        Bad{"NeverPosted", "!SYNC unit=MM wait=9:2\nHALT", "waits for semaphore 9 to reach 2, it is 0"},
        Bad{"CtlNeverPosted", "!SYNC unit=CTL wait=9:2\nHALT", "core 0 CTL instruction 0 SYNC"},
        Bad{"TooFewPosts", "!SYNC unit=LD post=9:1\nSYNC unit=MM wait=9:2\nHALT",
            "waits for semaphore 9 to reach 2, it is 1"},
        Bad{"WaitsInACircle", "!SYNC unit=LD wait=1:1 post=2:1\nSYNC unit=MM wait=2:1 post=1:1\nHALT",
            "core 0 MM instruction 1"},
        Bad{"FifoFull", "!LOOP n=20 len=1\nSYNC unit=LD wait=1:1\nSYNC unit=MM post=1:3\nHALT",
            "waits for room in the FIFO of LD"}),
    name_of);

TEST(FaultMessages, NameTheOperator) {
  Machine machine(2);
  machine.core(1, ".op L2.norm\nSET rd=r1 imm=1\n.op L2.q_b\nVALU.ABS d=spm[0] a=spm[9] rows=1 cols=1\nHALT");
  EXPECT_EQ(machine.fault_of(),
            "core 1 VX instruction 1 (L2.q_b) VALU.ABS d=spm[0] a=spm[9] rows=1 cols=1: "
            "reads word 0 of SPM line 9, which nobody wrote in this launch");
}

TEST(FaultMessages, BadEncoding) {
  Machine machine;
  machine.program.cores[0].code.set(0, {{0, 0, 0, 0xFFFFFFFF}});
  EXPECT_NE(machine.fault_of().find("core 0 instruction 0: bad encoding"), std::string::npos);
}

TEST(FaultMessages, DeadlockNamesTheFirstCores) {
  Machine machine(6);
  for (int c = 1; c < 6; ++c) machine.core(c, ".op barrier\nSYNC unit=ST wait=1:1\nHALT");
  const std::string message = machine.fault_of();
  EXPECT_NE(message.find("deadlock:\n  core 1 ST instruction 0 (barrier) SYNC"), std::string::npos) << message;
  EXPECT_NE(message.find("and 1 more cores"), std::string::npos) << message;
}

TEST(FaultMessages, TheNextLaunchStartsClean) {
  Machine machine;
  machine.core(0,
               "SET rd=r1 imm=50000\nLD d=spm[0] s=hbm[r1] rows=1 len=1 post=0:1\nSYNC unit=CTL wait=0:1\n"
               "LDR rd=r1 s=spm[0] size=u8\nSKIPZ rs=r1 len=1\nSYNC unit=MM wait=3:1\nHALT");
  Functional& simulator = machine.run();
  const std::vector<std::byte> one(1, std::byte{1});
  simulator.write_dram(kOut * 64, one);
  EXPECT_THROW(simulator.launch(), Error);
  const std::vector<std::byte> zero(1, std::byte{0});
  simulator.write_dram(kOut * 64, zero);
  EXPECT_NO_THROW(simulator.launch());
}

TEST(FaultMessages, MemoryIsUninitialisedAgainInEveryLaunch) {
  Machine machine;
  machine.core(0,
               "LD d=spm[1] s=hbm[50000] rows=1 len=1 post=0:1\nSYNC unit=CTL wait=0:1\nLDR rd=r1 s=spm[1] size=u8\n"
               "SKIPZ rs=r1 len=1\nST d=hbm[50001] s=spm[7] rows=1 len=1\n"
               "SET rd=r2 imm=1\nADD rd=r2 rs=r2 rt=r1 imm=-1\nSKIPZ rs=r2 len=1\nHALT\n"
               "LD d=spm[7] s=hbm[50000] rows=1 len=1\nHALT");
  Functional& simulator = machine.run();  // writes spm[7]
  const std::vector<std::byte> one(1, std::byte{1});
  simulator.write_dram(kOut * 64, one);
  try {
    simulator.launch();
    ADD_FAILURE() << "spm[7] was read";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("SPM line 7, which nobody wrote"), std::string::npos) << error.what();
  }
}

TEST(FaultMessages, LoopBodiesFitInTheInstructionMemory) {
  Machine machine;
  std::string body;
  for (int i = 0; i < 13; ++i) body += "SET rd=r1 imm=1\n";
  machine.chip.imem_instructions = 13;
  machine.core(0, "LOOP n=2 len=13\n" + body + "HALT");
  EXPECT_EQ(machine.fault_of(), "");
  machine.chip.imem_instructions = 12;
  EXPECT_NE(machine.fault_of().find("does not fit in the instruction memory of 12"), std::string::npos);
}

TEST(FaultMessages, ChecksCanBeOff) {
  Machine machine;
  machine.core(0, chained(LOADED "ST d=hbm[50000] s=spm[40] rows=1 len=1"));
  FunctionalOptions options;
  options.check_initialised = false;
  EXPECT_EQ(machine.fault_of(options), "");
  machine.core(0, LOADED "ST d=hbm[50000] s=spm[0] rows=1 len=1\nHALT");
  options.check_initialised = true;
  EXPECT_NE(machine.fault_of(options), "");
  options.check_races = false;
  EXPECT_EQ(machine.fault_of(options), "");
}

}  // namespace
}  // namespace hadal::sim::testing
