// LD, LDG, LDX, ST, STG and SND: which bytes go where.
#include <cmath>

#include "sim/functional/test_machine.h"

namespace hadal::sim::testing {
namespace {

// Line i of the input holds 16 times the word i.
void number_lines(Machine& machine, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i) machine.put<uint32_t>(i, std::vector<uint32_t>(16, i));
}

std::vector<uint32_t> line_numbers(const Machine& machine, uint64_t first, size_t count) {
  std::vector<uint32_t> numbers;
  for (size_t i = 0; i < count; ++i) {
    const auto words = machine.out<uint32_t>(first + i, 16);
    for (uint32_t w : words) EXPECT_EQ(w, words[0]) << "line " << first + i;
    numbers.push_back(words[0]);
  }
  return numbers;
}

using Numbers = std::vector<uint32_t>;

TEST(Dma, TwoDimensionalCopies) {
  Machine machine;
  number_lines(machine, 64);
  machine.core(0, chained("LD d=spm[10] s=hbm[1003] rows=3 len=2 sstride=7 dstride=2\n"
                          "LD d=spm[16] s=hbm[1040] rows=1 len=4\n"
                          "ST d=hbm[50000] s=spm[10] rows=1 len=10\n"
                          "ST d=hbm[50020] s=spm[10] rows=3 len=1 sstride=3 dstride=2\n"));
  machine.run();
  EXPECT_EQ(line_numbers(machine, 0, 10), (Numbers{3, 4, 10, 11, 17, 18, 40, 41, 42, 43}));
  EXPECT_EQ(line_numbers(machine, 20, 5), (Numbers{3, 0, 11, 0, 40}));
  EXPECT_EQ(machine.simulator->stats().dram_read_bytes, 10u * 64);
  EXPECT_EQ(machine.simulator->stats().dram_written_bytes, 13u * 64);
}

TEST(Dma, GapsBetweenLocalRowsStay) {
  Machine machine;
  number_lines(machine, 64);
  machine.core(0, chained("LD d=acc[0] s=hbm[1050] rows=1 len=8\n"
                          "LD d=acc[0] s=hbm[1000] rows=2 len=1 sstride=0 dstride=4\n"
                          "ST d=hbm[50000] s=acc[0] rows=1 len=8\n"));
  machine.run();
  EXPECT_EQ(line_numbers(machine, 0, 8), (Numbers{0, 51, 52, 53, 0, 55, 56, 57}));
}

TEST(Dma, RowCountsFromRegisters) {
  Machine machine;
  number_lines(machine, 64);
  machine.core(0, chained("SET rd=r5 imm=3\n"
                          "LD d=spm[0] s=hbm[1010] rows=r5 len=1 sstride=1 dstride=1\n"
                          "LD d=spm[0] s=hbm[1000] rows=r6 len=1 sstride=1 dstride=1\n"
                          "ST d=hbm[50000] s=spm[0] rows=r5 len=1 sstride=1 dstride=1\n"
                          "ST d=hbm[50000] s=spm[99] rows=r6 len=1\n"));
  machine.run();
  EXPECT_EQ(line_numbers(machine, 0, 4), (Numbers{10, 11, 12, 0}));
}

TEST(Dma, GatherAndScatter) {
  Machine machine;
  number_lines(machine, 64);
  machine.put<uint32_t>(100, {5, 0, 9, 5});
  machine.put<uint32_t>(101, {3, 1, 0, 2});
  machine.core(0, chained("LD d=spm[0] s=hbm[1100] rows=1 len=2\n"
                          "CFG.LD.PITCH imm=3\n"
                          "CFG.ST.PITCH imm=4\n"
                          "LDG d=spm[10] s=hbm[1001] idx=spm[0] rows=4 len=2\n"
                          "STG d=hbm[50000] idx=spm[1] s=spm[10] rows=4 len=2\n"));
  Trace trace;
  machine.run({}, &trace);
  EXPECT_EQ(line_numbers(machine, 0, 14), (Numbers{28, 29, 0, 0, 1, 2, 0, 0, 16, 17, 0, 0, 16, 17}));
  const Issue& gather = trace.cores[0].issues[3];
  EXPECT_EQ(gather.rows, 4u);
  EXPECT_EQ(gather.cols, 2u);
  const auto& lines = trace.cores[0].gather;
  ASSERT_EQ(lines.size(), 8u);
  EXPECT_EQ(std::vector<uint64_t>(lines.begin() + gather.gather_first, lines.begin() + gather.gather_first + 4),
            (std::vector<uint64_t>{1016, 1001, 1028, 1016}));
}

TEST(Dma, ReadOnlySegmentsEndInZeros) {
  Machine machine;
  number_lines(machine, 64);
  machine.program.segments[0].data = std::span(machine.input).first(2 * 64 + 8);
  machine.core(0, chained("LD d=spm[0] s=hbm[1001] rows=1 len=3\nST d=hbm[50000] s=spm[0] rows=1 len=3\n"));
  machine.run();
  EXPECT_EQ(machine.out<uint32_t>(0, 1)[0], 1u);
  EXPECT_EQ(machine.out<uint32_t>(1, 4), (Numbers{2, 2, 0, 0}));
  EXPECT_EQ(machine.out<uint32_t>(2, 2), (Numbers{0, 0}));
}

TEST(Dma, WritableSegmentsKeepTheirBytesBetweenLaunches) {
  Machine machine;
  std::vector<std::byte> initial(64 + 4, std::byte{7});
  machine.program.segments[1].data = initial;
  machine.core(0, chained("LD d=spm[0] s=hbm[50000] rows=1 len=2\nST d=hbm[50001] s=spm[0] rows=1 len=1\n"));
  Functional& simulator = machine.run();
  EXPECT_EQ(machine.out<uint8_t>(1, 64), std::vector<uint8_t>(64, 7));
  EXPECT_EQ(initial[64], std::byte{7});
  EXPECT_EQ(machine.spm<uint8_t>(0, 1, 6), (std::vector<uint8_t>{7, 7, 7, 7, 0, 0}));
  const std::vector<std::byte> nine(10, std::byte{9});
  simulator.write_dram(kOut * 64 + 3, nine);
  simulator.launch();
  EXPECT_EQ(machine.out<uint8_t>(1, 14), (std::vector<uint8_t>{7, 7, 7, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 7}));
  EXPECT_THROW(simulator.write_dram(kIn * 64, nine), Error) << "read-only";
  EXPECT_THROW(simulator.write_dram((kOut + kSegmentLines) * 64 - 5, nine), Error) << "outside";
}

TEST(Dma, AnotherProgramOnTheSameDram) {
  Machine machine;
  number_lines(machine, 8);
  machine.core(0, chained("LD d=spm[0] s=hbm[1003] rows=1 len=1\nST d=hbm[50000] s=spm[0] rows=1 len=1\n"));
  Functional& simulator = machine.run();
  program::Program other = machine.program;
  assemble_core(other, 0, chained("LD d=spm[0] s=hbm[50000] rows=1 len=1\nST d=hbm[50001] s=spm[0] rows=1 len=1\n"));
  simulator.set_program(other);
  simulator.launch();
  EXPECT_EQ(line_numbers(machine, 0, 2), (Numbers{3, 3}));
  other.segments[1].lines = 5;
  EXPECT_THROW(simulator.set_program(other), Error);
}

TEST(Dma, SendsToAMaskOfCores) {
  Machine machine(4);
  number_lines(machine, 64);
  machine.core(2,
               "SET rd=r1 imm=13\n"  // cores 0, 2 and 3
               "LD d=spm[0] s=hbm[1020] rows=1 len=8 post=1:1\n"
               "SND d=acc[4] s=spm[1] rows=2 len=2 mask=r1 sstride=3 dstride=2 wait=1:1 post=5:2\n"
               "ST d=hbm[50008] s=acc[4] rows=1 len=4 wait=5:2\n"
               "HALT");
  machine.core(0, "ST d=hbm[50000] s=acc[4] rows=1 len=4 wait=5:2\nHALT");
  machine.core(3, "ST d=hbm[50004] s=acc[4] rows=1 len=4 wait=5:2\nHALT");
  Functional& simulator = machine.run();
  EXPECT_EQ(line_numbers(machine, 0, 12), (Numbers{21, 22, 24, 25, 21, 22, 24, 25, 21, 22, 24, 25}));
  EXPECT_EQ(simulator.stats().noc_bytes, 3u * 4 * 64);
}

TEST(Dma, RemotePostsReachTheCoresOfTheMask) {
  Machine machine(3);
  number_lines(machine, 8);
  machine.core(0, "SET rd=r1 imm=6\nSYNC unit=VX mask=r1 REMOTE post=7:1\nHALT");
  machine.core(
      1,
      "LD d=spm[0] s=hbm[1001] rows=1 len=1 wait=7:1 post=0:1\nST d=hbm[50001] s=spm[0] rows=1 len=1 wait=0:1\nHALT");
  machine.core(
      2,
      "LD d=spm[0] s=hbm[1002] rows=1 len=1 wait=7:1 post=0:1\nST d=hbm[50002] s=spm[0] rows=1 len=1 wait=0:1\nHALT");
  machine.run();
  EXPECT_EQ(line_numbers(machine, 0, 3), (Numbers{0, 1, 2}));
}

// FP4 by its definition: E2M1 times 2^(s - S), S the largest scale of the column minus 6.
TEST(Dma, ExpandsFp4) {
  Machine machine;
  const float e2m1[16] = {0, 0.5, 1, 1.5, 2, 3, 4, 6, -0.f, -0.5, -1, -1.5, -2, -3, -4, -6};
  std::vector<uint8_t> source(2 * 17 * 64);
  uint32_t state = 1;
  const auto random = [&] { return state = state * 1664525u + 1013904223u, state >> 16; };
  for (auto& byte : source) byte = static_cast<uint8_t>(random());
  for (size_t panel = 0; panel < 2; ++panel) {
    for (size_t i = 0; i < 64; ++i) source[panel * 17 * 64 + 16 * 64 + i] = static_cast<uint8_t>(120 + random() % 9);
  }
  machine.put(0, source);
  machine.core(0, chained("CFG.LD.XSB imm=100\nLDX d=spm[8] s=hbm[1000] blocks=2\n"));
  machine.run();
  const auto e4m3 = [](uint8_t code) {
    const int sign = code >> 7, exponent = code >> 3 & 15, mantissa = code & 7;
    const float magnitude = exponent == 0 ? std::ldexp(static_cast<float>(mantissa), -9)
                                          : std::ldexp(static_cast<float>(8 + mantissa), exponent - 10);
    return sign != 0 ? -magnitude : magnitude;
  };
  for (size_t panel = 0; panel < 2; ++panel) {
    const uint8_t* nibbles = source.data() + panel * 17 * 64;
    const uint8_t* codes = nibbles + 16 * 64;
    const auto digits = machine.spm<uint8_t>(0, 8 + 32 * panel, 2048);
    const auto scales = machine.spm<float>(0, 100 + panel, 16);
    for (size_t c = 0; c < 16; ++c) {
      for (size_t k = 0; k < 128; ++k) {
        const size_t element = k / 4 * 64 + c * 4 + k % 4;
        const float given =
            e2m1[nibbles[element / 2] >> 4 * (element % 2) & 15] * std::ldexp(1.f, codes[4 * c + k / 32] - 127);
        ASSERT_EQ(e4m3(digits[element]) * scales[c], given) << "panel " << panel << " column " << c << " k " << k;
      }
    }
  }
  EXPECT_EQ(machine.simulator->stats().dram_read_bytes, 2u * 17 * 64);
}

}  // namespace
}  // namespace hadal::sim::testing
