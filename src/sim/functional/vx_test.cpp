// The vector instructions: operands, strides, broadcasts, layouts, and results against plain loops. (The arithmetic
// itself is tested with src/numerics.)
#include <bit>
#include <cmath>
#include <limits>
#include <random>

#include "numerics/numerics.h"
#include "sim/functional/test_machine.h"

namespace hadal::sim::testing {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN(), kInf = std::numeric_limits<float>::infinity();

// Loads the first 512 lines of the input to spm[0..511] and all of ACC from it too, then runs `text` in a chain.
class Vx : public ::testing::Test {
 protected:
  Machine machine;

  void run(const std::string& text) {
    machine.core(0, chained("LD d=spm[0] s=hbm[1000] rows=1 len=512\nLD d=acc[0] s=hbm[1000] rows=1 len=256\n" + text));
    machine.run();
  }
  std::vector<float> floats(uint64_t line, size_t count, uint64_t word = 0) {
    return machine.spm<float>(0, line, count, word * 4);
  }
  std::vector<uint32_t> words(uint64_t line, size_t count, uint64_t word = 0) {
    return machine.spm<uint32_t>(0, line, count, word * 4);
  }
  std::vector<uint16_t> halves(uint64_t line, size_t count) { return machine.spm<uint16_t>(0, line, count); }
};

using Floats = std::vector<float>;
using Words = std::vector<uint32_t>;

uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }
uint16_t bf16(float x) { return static_cast<uint16_t>(bits(x) >> 16); }  // of values that are BF16 already

TEST_F(Vx, EveryAluFunction) {
  const Floats a = {1, -2, 3.5, kNan, 0, -0.f}, b = {2, -2, 0, 1, -0.f, 0};
  machine.put(0, a);
  machine.put(1, b);
  machine.put(2, Floats{10, 11, 12, 13, 14, 15});
  run("VALU.ADD d=spm[600] a=spm[0] b=spm[1] rows=1 cols=6\nVALU.SUB d=spm[601] a=spm[0] b=spm[1] rows=1 cols=6\n"
      "VALU.MUL d=spm[602] a=spm[0] b=spm[1] rows=1 cols=6\nVALU.MAX d=spm[603] a=spm[0] b=spm[1] rows=1 cols=6\n"
      "VALU.MIN d=spm[604] a=spm[0] b=spm[1] rows=1 cols=6\nVALU.ABS d=spm[605] a=spm[0] rows=1 cols=6\n"
      "VALU.SEL d=spm[2] a=spm[0] b=spm[1] rows=1 cols=6\nVALU.CMPGE d=spm[606] a=spm[0] b=spm[1] rows=1 cols=6\n"
      "VALU.CMPEQ d=spm[607] a=spm[0] b=spm[1] rows=1 cols=6\n");
  const uint32_t nan = num::kCanonicalNan;
  EXPECT_EQ(words(600, 6), (Words{bits(3), bits(-4), bits(3.5), nan, 0, 0}));
  EXPECT_EQ(words(601, 6), (Words{bits(-1), 0, bits(3.5), nan, 0, bits(-0.f)}));
  EXPECT_EQ(words(602, 6), (Words{bits(2), bits(4), 0, nan, bits(-0.f), bits(-0.f)}));
  EXPECT_EQ(words(603, 6), (Words{bits(2), bits(-2), bits(3.5), nan, 0, 0})) << "-0 < +0";
  EXPECT_EQ(words(604, 6), (Words{bits(1), bits(-2), 0, nan, bits(-0.f), bits(-0.f)}));
  EXPECT_EQ(words(605, 6), (Words{bits(1), bits(2), bits(3.5), nan, 0, 0}));
  EXPECT_EQ(words(2, 6), (Words{bits(1), bits(-2), bits(12), nan, bits(14), bits(15)})) << "b = -0 is 0 too";
  EXPECT_EQ(words(606, 6), (Words{0, bits(1), bits(1), 0, bits(1), bits(1)}));
  EXPECT_EQ(words(607, 6), (Words{0, bits(1), 0, 0, bits(1), bits(1)}));
}

// All broadcasts, types, offsets and strides of a binary instruction, in SPM and ACC.
TEST_F(Vx, OperandLayouts) {
  const char* broadcast[] = {"none", "row", "col", "scalar"};
  std::mt19937 random(5);
  for (int trial = 0; trial < 120; ++trial) {
    Machine fresh;
    const auto pick = [&](uint32_t n) { return static_cast<uint32_t>(random() % n); };
    const uint32_t rows = 1 + pick(5), cols = 1 + pick(40), bc = pick(4);
    const bool at = pick(3) == 0, bt = pick(3) == 0, dt = pick(3) == 0, a_acc = pick(2) != 0, d_acc = pick(2) != 0;
    const uint32_t aoff = pick(16), boff = pick(16), doff = pick(16);
    const uint32_t ars = pick(2) * 5, brs = pick(2) * 4, drs = pick(2) * 6;
    std::vector<uint16_t> input(256 * 32);
    for (auto& h : input) h = static_cast<uint16_t>(0x3F00 + random() % 0x100);  // BF16 and FP32 near 1
    fresh.put(0, input);
    fresh.core(
        0, chained(fmt::format("LD d=spm[0] s=hbm[1000] rows=1 len=256\nLD d=acc[0] s=hbm[1000] rows=1 len=256\n"
                               "CFG.VX.AOFF imm={}\nCFG.VX.BOFF imm={}\nCFG.VX.DOFF imm={}\nCFG.VX.ARS "
                               "imm={}\nCFG.VX.BRS imm={}\nCFG.VX.DRS imm={}\n"
                               "VMULA d={}[150] a={}[3] b=spm[40] rows={} cols={} bc={} at={} bt={} dt={}\n",
                               aoff, boff, doff, ars, brs, drs, d_acc ? "acc" : "spm", a_acc ? "acc" : "spm", rows,
                               cols, broadcast[bc], at ? "bf16" : "f32", bt ? "bf16" : "f32", dt ? "bf16" : "f32")));
    fresh.run();
    const uint8_t* source = reinterpret_cast<const uint8_t*>(input.data());
    const auto load = [&](const uint8_t* from, uint64_t byte, bool half) {
      uint32_t word = 0;
      std::memcpy(&word, from + byte, half ? 2 : 4);
      return std::bit_cast<float>(half ? word << 16 : word);
    };
    const auto dense = [&](bool half) { return (cols * (half ? 2 : 4) + 63) / 64; };
    const auto element = [&](uint32_t line, uint32_t off, uint32_t stride, bool half, uint32_t r, uint32_t c) {
      return 64 * line + 4 * off + 64 * r * (stride != 0 ? stride : dense(half)) + c * (half ? 2 : 4);
    };
    std::vector<uint8_t> expected(source, source + 256 * 64);
    for (uint32_t r = 0; r < rows; ++r) {
      for (uint32_t c = 0; c < cols; ++c) {
        uint64_t b_byte = element(40, boff, brs, bt, r, c);
        if (bc == 1) b_byte = element(40, boff, brs, bt, 0, c);
        if (bc == 2) b_byte = 64 * 40 + 4 * boff + r * (brs != 0 ? 64 * brs : bt ? 2 : 4);
        if (bc == 3) b_byte = 64 * 40 + 4 * boff;
        const uint64_t d_byte = element(150, doff, drs, dt, r, c);
        const float product = load(source, element(3, aoff, ars, at, r, c), at) * load(source, b_byte, bt);
        const float sum = product + load(source, d_byte, dt);
        if (dt) {
          const uint16_t half = num::bf16_from_float(sum);
          std::memcpy(expected.data() + d_byte, &half, 2);
        } else {
          std::memcpy(expected.data() + d_byte, &sum, 4);
        }
      }
    }
    const auto result = d_acc ? fresh.acc<uint8_t>(0, 0, 256 * 64) : fresh.spm<uint8_t>(0, 0, 256 * 64);
    for (size_t i = 0; i < expected.size(); ++i)
      ASSERT_EQ(result[i], expected[i]) << "trial " << trial << " byte " << i;
  }
}

TEST_F(Vx, SpecialFunctions) {
  machine.put(0, Floats{0, 1, -3, 200, -200, kNan});
  machine.put(1, Floats{2, -4, 0, -0.f, kInf, kNan});
  machine.put(2, Floats{4, 0.25, 0, -1, kInf, kNan});
  run("VSFU.EXP2 d=spm[600] a=spm[0] rows=1 cols=6\nVSFU.RCP d=spm[601] a=spm[1] rows=1 cols=6\n"
      "VSFU.RSQRT d=spm[602] a=spm[2] rows=1 cols=6\n");
  const uint32_t nan = num::kCanonicalNan;
  EXPECT_EQ(words(600, 6), (Words{bits(1), bits(2), bits(0.125), bits(kInf), 0, nan}));
  EXPECT_EQ(words(601, 6), (Words{bits(0.5), bits(-0.25), bits(kInf), bits(-kInf), 0, nan}));
  EXPECT_EQ(words(602, 6), (Words{bits(0.5), bits(2), bits(kInf), nan, 0, nan}));
}

TEST_F(Vx, ReductionsPackOrStride) {
  Floats values;
  for (int r = 0; r < 3; ++r) {
    for (int c = 0; c < 32; ++c) values.push_back(static_cast<float>((r + 1) * (c % 2 == 0 ? c : -c)));
  }
  machine.put(0, values);
  run("VRED.SUM d=spm[600] a=spm[0] rows=3 cols=20\nVRED.MAX d=spm[601] a=spm[0] rows=3 cols=20\n"
      "VRED.AMAX d=spm[602] a=spm[0] rows=3 cols=20 dt=bf16\nVRED.ARGMAX d=spm[603] a=spm[0] rows=3 cols=20\n"
      "CFG.VX.DRS imm=2\nCFG.VX.DOFF imm=5\nVRED.SUM d=spm[610] a=spm[0] rows=3 cols=20\n");
  EXPECT_EQ(floats(600, 3), (Floats{-10, -20, -30}));
  EXPECT_EQ(floats(601, 3), (Floats{18, 36, 54}));
  EXPECT_EQ(halves(602, 3), (std::vector<uint16_t>{bf16(19), bf16(38), bf16(57)}));
  EXPECT_EQ(floats(603, 3), (Floats{18, 18, 18}));
  for (uint64_t r = 0; r < 3; ++r) EXPECT_EQ(floats(610 + 2 * r, 1, 5)[0], -10.f * static_cast<float>(r + 1));
}

TEST_F(Vx, SumsRunOver128Lanes) {
  Floats values(300);
  std::mt19937 random(3);
  for (float& v : values) v = static_cast<float>(random() % 1000) * 0.001f;
  machine.put(0, values);
  run("VRED.SUM d=spm[600] a=spm[0] rows=1 cols=300\n");
  float lane[128] = {};
  for (size_t c = 0; c < 300; ++c) lane[c % 128] = c < 128 ? values[c] : lane[c % 128] + values[c];
  for (size_t stride = 64; stride > 0; stride /= 2) {
    for (size_t i = 0; i < stride; ++i) lane[i] = lane[i] + lane[i + stride];
  }
  EXPECT_EQ(words(600, 1)[0], bits(lane[0]));
}

float e4m3(uint8_t code) { return num::e4m3_to_float(code); }

TEST_F(Vx, QuantisesAndBack) {
  std::mt19937 random(9);
  std::normal_distribution<float> normal;
  Floats values(4 * 208);
  for (float& v : values) v = normal(random);
  std::fill(values.begin() + 64, values.begin() + 128, 0.f);  // a group of zeros
  machine.put(0, values);
  run("CFG.VX.QRS imm=3\nCFG.VX.QGS imm=20\nCFG.VX.QDS imm=100\nCFG.VX.SRS imm=5\nCFG.VX.SGS imm=1\nCFG.VX.ARS imm=13\n"
      "VQNT d=spm[600] s=spm[800] a=spm[0] rows=4 cols=200 digits=2 G64\n"
      "CFG.VX.DRS imm=13\nVCVT.Q2F d=spm[900] a=spm[600] s=spm[800] rows=4 cols=200 G64\n");
  for (uint64_t r = 0; r < 4; ++r) {
    for (uint64_t g = 0; g < 4; ++g) {
      const float scale = floats(800, 1, 5 * r + g)[0];
      float amax = 0;
      for (uint64_t c = 64 * g; c < std::min<uint64_t>(200, 64 * g + 64); ++c)
        amax = std::max(amax, std::fabs(values[208 * r + c]));
      // The smallest power of two that brings amax to at most 448.
      EXPECT_EQ(scale, amax == 0 ? 0x1p-126f : std::exp2(std::ceil(std::log2(amax / 448)))) << r << " " << g;
      for (uint64_t c = 64 * g; c < 64 * g + 64; ++c) {
        const uint64_t byte = (c / 128 * 20 + r * 3) * 64 + c % 128;
        const uint8_t h = machine.spm<uint8_t>(0, 600, 1, byte)[0], l = machine.spm<uint8_t>(0, 700, 1, byte)[0];
        if (c >= 200) {
          EXPECT_EQ(h | l, 0) << "padding";
          continue;
        }
        const float x = values[208 * r + c] / scale;
        ASSERT_EQ(h, num::e4m3_from_float(x));
        ASSERT_EQ(l, num::e4m3_from_float(x - e4m3(h)));
        ASSERT_EQ(floats(900 + 13 * r, 1, c)[0], e4m3(h) * scale);
      }
    }
  }
}

TEST_F(Vx, QuantisedTilesHaveDefaultStrides) {
  machine.put(0, Floats(2 * 256, 448.f));
  run("VQNT d=spm[600] s=spm[800] a=spm[0] rows=2 cols=256\nCFG.VX.EMIN imm=3\nVQNT d=spm[620] s=spm[801] a=spm[0] "
      "rows=2 cols=128\n");
  for (uint64_t line = 600; line < 608; ++line)
    EXPECT_EQ(machine.spm<uint8_t>(0, line, 64), std::vector<uint8_t>(64, 0x7E)) << line;
  EXPECT_EQ(floats(800, 4), (Floats{1, 1, 1, 1}));
  EXPECT_EQ(floats(801, 2), (Floats{8, 8}));
  EXPECT_EQ(e4m3(machine.spm<uint8_t>(0, 620, 1)[0]), 56.f);
}

TEST_F(Vx, Conversions) {
  machine.put(0, Floats{1.5, 1 + 0x1p-8f, 1 + 0x3p-8f, kNan, 3e38f, -0.f});
  machine.put<uint16_t>(1, {bf16(1.5), 0xFFFF, 0x0001, 0x8000});
  machine.put<int32_t>(2, {-7, 16777217, 2147483647, -2147483647 - 1});
  machine.put(3, Floats{2.5, -3.5, 1e10, -1e10, kNan, 0.49999997f});
  run("VCVT.F2B d=spm[600] a=spm[0] rows=1 cols=6\nVCVT.B2F d=spm[601] a=spm[1] rows=1 cols=4\n"
      "VCVT.I2F d=spm[602] a=spm[2] rows=1 cols=4\nVCVT.F2I d=spm[603] a=spm[3] rows=1 cols=6\n");
  EXPECT_EQ(halves(600, 6), (std::vector<uint16_t>{bf16(1.5), 0x3F80, 0x3F82, 0x7FC0, 0x7F62, 0x8000}));
  EXPECT_EQ(words(601, 4), (Words{bits(1.5), num::kCanonicalNan, 0x00010000, 0x80000000}));
  EXPECT_EQ(floats(602, 4), (Floats{-7, 16777216, 0x1p31f, -0x1p31f}));
  EXPECT_EQ(machine.spm<int32_t>(0, 603, 6), (std::vector<int32_t>{2, -4, 2147483647, -2147483647 - 1, 0, 0}));
}

TEST_F(Vx, Permutations) {
  Words numbers(64);
  for (uint32_t i = 0; i < 64; ++i) numbers[i] = 0x7F800000 + i;  // NaN patterns must survive
  machine.put(0, numbers);
  run("VPRM.COPY d=spm[600] a=spm[0] rows=2 cols=20\n"
      "VPRM.TRANSPOSE d=spm[610] a=spm[0] rows=3 cols=4\n"
      "VPRM.PAIRSWAP d=spm[620] a=spm[0] rows=1 cols=4\nVPRM.PAIRSWAP d=spm[1] a=spm[1] rows=1 cols=8 at=bf16\n"
      "VPRM.IOTA d=spm[630] rows=2 cols=5\nCFG.VX.IMM imm=77\nVPRM.FILL d=spm[640] rows=1 cols=3\n");
  EXPECT_EQ(words(600, 20), Words(numbers.begin(), numbers.begin() + 20));
  EXPECT_EQ(words(602, 20), Words(numbers.begin() + 32, numbers.begin() + 52)) << "two lines a row";
  for (uint64_t c = 0; c < 4; ++c) EXPECT_EQ(words(610 + c, 3), (Words{numbers[c], numbers[16 + c], numbers[32 + c]}));
  EXPECT_EQ(words(620, 4), (Words{numbers[1], numbers[0], numbers[3], numbers[2]}));
  for (size_t i = 0; i < 4; ++i) EXPECT_EQ(words(1, 4)[i], numbers[16 + i] << 16 | numbers[16 + i] >> 16);
  EXPECT_EQ(floats(630, 5), (Floats{0, 1, 2, 3, 4}));
  EXPECT_EQ(floats(631, 5), (Floats{0, 1, 2, 3, 4}));
  EXPECT_EQ(words(640, 3), (Words{77, 77, 77}));
}

TEST_F(Vx, GatherMovesRows) {
  Words numbers(40 * 16);
  for (uint32_t i = 0; i < numbers.size(); ++i) numbers[i] = i;
  machine.put(0, numbers);
  machine.put<uint32_t>(100, {9, 9, 9, 3, 0, 7, 3});
  run("CFG.VX.BOFF imm=3\nCFG.VX.AOFF imm=2\nVPRM.GATHER d=spm[600] a=spm[1] b=spm[100] rows=4 cols=10\n"
      "CFG.VX.ARS imm=3\nCFG.VX.DRS imm=2\nVPRM.GATHER d=spm[610] a=spm[1] b=spm[100] rows=4 cols=20\n");
  const uint32_t index[] = {3, 0, 7, 3};
  for (uint32_t r = 0; r < 4; ++r) {
    for (uint32_t c = 0; c < 10; ++c) EXPECT_EQ(words(600 + r, 10)[c], 16 + 16 * index[r] + 2 + c);
    for (uint32_t c = 0; c < 20; ++c) EXPECT_EQ(words(610 + 2 * r, 20)[c], 16 + 48 * index[r] + 2 + c);
  }
}

TEST_F(Vx, CompressKeepsWhatReachesTheThreshold) {
  machine.put(0, Floats{1, 5, -2, 3, kNan, 3.5, 2.9f, kInf});
  machine.put(1, Floats{0, 0, 0, 0, 0, 0, 0, 3});
  machine.put(2, Floats{3});
  run("CFG.VX.CNT imm=11201\nVSEL.COMPRESS d=spm[600] a=spm[0] t=spm[2] rows=2 cols=8\n");
  EXPECT_EQ(words(600, 8), (Words{1, 3, 5, 7, 0, 0, 0, 0}));
  EXPECT_EQ(words(601, 8), (Words{7, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(words(700, 2, 1), (Words{4, 1}));
}

TEST_F(Vx, HistogramOfKeys) {
  Floats values(50);
  std::mt19937 random(2);
  for (float& v : values) v = static_cast<float>(static_cast<int>(random() % 200)) - 100.f;
  machine.put(0, values);
  run("CFG.VX.BYTE imm=3\nVSEL.HIST d=spm[600] a=spm[0] rows=1 cols=50\nCFG.VX.BYTE imm=2\nVSEL.HIST d=spm[616] "
      "a=spm[0] rows=1 cols=50\n");
  for (uint32_t byte : {3u, 2u}) {
    Words count(256);
    for (float v : values) {
      const uint32_t key = v < 0 || bits(v) >> 31 != 0 ? ~bits(v) : bits(v) | 0x80000000u;
      ++count[key >> 8 * byte & 255];
    }
    EXPECT_EQ(words(byte == 3 ? 600 : 616, 256), count) << "byte " << byte;
  }
}

TEST_F(Vx, NothingToDo) {
  run("VALU.ABS d=spm[1023] a=spm[1000] rows=0 cols=40\nVALU.ABS d=spm[1023] a=spm[1000] rows=3 cols=0\n");
  EXPECT_EQ(machine.simulator->stats().vector_elements, 0u);
}

}  // namespace
}  // namespace hadal::sim::testing
