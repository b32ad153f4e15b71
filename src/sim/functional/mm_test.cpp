// MMA against its definition: element by element, from addresses computed as the contract writes them.
#include <cmath>
#include <map>
#include <random>

#include "numerics/numerics.h"
#include "sim/functional/test_machine.h"

namespace hadal::sim::testing {
namespace {

// Places in the SPM, lines. The whole SPM is loaded from the input segment, so any stride reads something.
constexpr uint64_t kA = 0, kALow = 100, kB = 200, kBLow = 560, kScales = 980, kAcc = 8;
constexpr uint64_t kSpmLines = 1024, kAccLines = 256;

struct Shape {
  std::string flags;                    // of the instruction
  int m, n, kg;                         // n: units of 32 columns
  std::map<std::string, uint32_t> cfg;  // what is set; the rest is default
};

std::string print(const Shape& s) {
  std::string text = fmt::format("m={} n={} kg={} {}", s.m, s.n, s.kg, s.flags);
  for (const auto& [key, value] : s.cfg) text += fmt::format(" {}={}", key, value);
  return text;
}

class Mma : public ::testing::TestWithParam<Shape> {};

TEST_P(Mma, MatchesItsDefinition) {
  const Shape shape = GetParam();
  SCOPED_TRACE(print(shape));
  const auto has = [&](const char* flag) {
    return (" " + shape.flags + " ").find(fmt::format(" {} ", flag)) != std::string::npos;
  };
  const auto cfg = [&](const char* key, uint64_t otherwise) {
    return shape.cfg.contains(key) && shape.cfg.at(key) != 0 ? shape.cfg.at(key) : otherwise;
  };

  Machine machine;
  std::mt19937 random(7);
  std::vector<uint8_t> bytes(kSpmLines * 64);
  for (size_t i = 0; i < kScales * 64; ++i) {
    do {
      bytes[i] = static_cast<uint8_t>(random());
    } while ((bytes[i] & 0x7F) == 0x7F);  // no NaN; one is put in below
  }
  std::uniform_real_distribution<float> scale(0.5f, 2.f);
  for (size_t i = kScales * 64; i < bytes.size(); i += 4) {
    const float s = scale(random);
    std::memcpy(bytes.data() + i, &s, 4);
  }
  bytes[(kA + cfg("ARS", 2)) * 64 + 5] = 0x7F;  // A[1][5]
  machine.put(0, bytes);

  std::string text = "LD d=spm[0] s=hbm[1000] rows=1 len=1024\nLD d=acc[0] s=hbm[1000] rows=1 len=256\n";
  for (const auto& [key, value] : shape.cfg) text += fmt::format("CFG.MM.{} imm={}\n", key, value);
  text += fmt::format("MMA c=acc[{}] a=spm[{}] b=spm[{}] m={} n={} kg={} {}\n", kAcc, kA, kB, shape.m, shape.n,
                      shape.kg, shape.flags);
  machine.core(0, chained(text));
  machine.run();

  const uint64_t group = has("G32") ? 32 : has("G64") ? 64 : 128;
  const uint64_t m = static_cast<uint64_t>(shape.m), columns = 32 * static_cast<uint64_t>(shape.n);
  const uint64_t ars = cfg("ARS", 2), ags = cfg("AGS", m * ars), bns = cfg("BNS", 32);
  const uint64_t bgs = cfg("BGS", has("BR")   ? 2
                                  : has("BT") ? 128 * bns
                                              : columns / 16 * bns),
                 crs = cfg("CRS", columns / 16);
  const auto a_byte = [&](uint64_t plane, uint64_t r, uint64_t k) {
    return bytes.at((kA + plane + k / 128 * ags + r * ars) * 64 + k % 128);
  };
  const auto b_byte = [&](uint64_t plane, uint64_t k, uint64_t c) {
    const uint64_t b = kB + plane;
    if (has("BR")) return bytes.at((b + c * bns + k / 128 * bgs) * 64 + k % 128);
    if (has("BT")) return bytes.at((b + k / 128 * bgs + k % 128 * bns) * 64 + c);
    return bytes.at((b + k / 128 * bgs + c / 16 * bns + k % 128 / 4) * 64 + c % 16 * 4 + k % 4);
  };
  const auto word = [&](uint64_t w) {
    float value;
    std::memcpy(&value, bytes.data() + 4 * w, 4);
    return value;
  };
  const uint64_t sa = cfg("SA", 0), sb = cfg("SB", 0), al = cfg("AL", 0), sag = cfg("SAG", m);
  const uint64_t sbsh = cfg("SBSH", 0), sbn = cfg("SBN", 0), sbg = cfg("SBG", 0);
  for (uint64_t r = 0; r < m; ++r) {
    for (uint64_t c = 0; c < columns; ++c) {
      float acc = word((kAcc + r * crs) * 16 + c);
      for (uint64_t g = 0; g < static_cast<uint64_t>(shape.kg); ++g) {
        int64_t sum = 0;
        bool nan = false;
        for (uint64_t k = g * group; k < (g + 1) * group; ++k) {
          int64_t a = num::e4m3_to_fixed(a_byte(0, r, k)), b = num::e4m3_to_fixed(b_byte(0, k, c));
          nan |= a_byte(0, r, k) == 0x7F;
          if (has("DA")) a += num::e4m3_to_fixed(a_byte(cfg("ADS", 0), r, k));
          if (has("DB")) b += num::e4m3_to_fixed(b_byte(cfg("BDS", 0), k, c));
          sum += a * b;
        }
        const float f = nan ? NAN : num::fixed_to_float(sum);
        const float s = word(sa + g * sag + r) * word(sb + (c >> sbsh) * sbn + g * sbg);
        const float product = f * s;
        if (g == 0 && has("CLR")) acc = 0;
        if (g == 0 && has("RSC")) acc = acc * word(al + r);
        acc = acc + product;
      }
      const uint32_t expected = std::isnan(acc) ? num::kCanonicalNan : std::bit_cast<uint32_t>(acc);
      ASSERT_EQ(machine.acc<uint32_t>(0, kAcc + r * crs, 1, c * 4)[0], expected) << "row " << r << " column " << c;
    }
  }
  // Nothing else of the ACC has changed.
  const auto all = machine.acc<uint8_t>(0, 0, kAccLines * 64);
  for (uint64_t i = 0; i < all.size(); ++i) {
    const uint64_t line = i / 64;
    const bool written = line >= kAcc && (line - kAcc) / crs < m && (line - kAcc) % crs < columns / 16;
    if (written) continue;
    ASSERT_EQ(all[i], bytes[i]) << "ACC byte " << i;
  }
  const uint64_t digits = (has("DA") ? 2 : 1) * (has("DB") ? 2 : 1);
  EXPECT_EQ(machine.simulator->stats().macs, m * columns * static_cast<uint64_t>(shape.kg) * group * digits);
}

constexpr uint32_t kSa = kScales * 16, kSb = kScales * 16 + 200, kAl = kScales * 16 + 500;

INSTANTIATE_TEST_SUITE_P(
    Shapes, Mma,
    ::testing::Values(
        Shape{"CLR", 1, 1, 1, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 31}}},
        Shape{"CLR", 4, 2, 2, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 31}, {"SBG", 1}}},
        Shape{"", 4, 2, 2, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 5}, {"SBN", 7}, {"SBG", 1}}},
        Shape{"RSC", 3, 1, 2, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 31}, {"SBG", 1}, {"AL", kAl}}},
        Shape{"CLR", 5, 3, 1, {{"SA", kSa}, {"SB", kSb}, {"SBN", 1}, {"CRS", 9}, {"ARS", 3}}},
        Shape{"CLR DA", 2, 1, 2, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 31}, {"ADS", kALow}, {"SAG", 16}}},
        Shape{"DA DB", 3, 1, 1, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 31}, {"ADS", kALow}, {"BDS", kBLow - kB}}},
        Shape{"CLR DB", 2, 2, 2, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 4}, {"SBN", 2}, {"SBG", 1}, {"BDS", kBLow - kB}}},
        Shape{"CLR BR", 3, 2, 3, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 31}, {"BNS", 6}, {"SBG", 2}}},
        Shape{"CLR BR", 3, 1, 2, {{"SA", kSa}, {"SB", kSb}, {"SBN", 1}, {"SBG", 32}, {"BNS", 2}, {"BGS", 64}}},
        Shape{"CLR BT", 3, 3, 1, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 31}, {"BNS", 2}}},
        Shape{"BT", 2, 1, 2, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 31}, {"BNS", 1}, {"SBG", 3}}},
        Shape{"CLR G64", 3, 1, 3, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 31}, {"SBG", 1}}},
        Shape{"CLR BT G64", 4, 2, 1, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 31}, {"BNS", 1}}},
        Shape{
            "CLR BR DA G32", 3, 1, 5, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 31}, {"SBG", 1}, {"BNS", 4}, {"ADS", kALow}}},
        Shape{"CLR", 3, 1, 2, {{"SA", kSa}, {"SB", kSb}, {"SBSH", 31}, {"BNS", 40}, {"BGS", 100}, {"AGS", 20}}}));

TEST(MmaEdge, NothingToDo) {
  Machine machine;
  machine.core(0,
               "MMA c=acc[0] a=spm[0] b=spm[0] m=0 n=1 kg=1\nMMA c=acc[0] a=spm[0] b=spm[0] m=1 n=0 kg=1\n"
               "MMA c=acc[0] a=spm[0] b=spm[0] m=1 n=1 kg=0 CLR\nHALT");
  EXPECT_EQ(machine.fault_of(), "");
}

}  // namespace
}  // namespace hadal::sim::testing
