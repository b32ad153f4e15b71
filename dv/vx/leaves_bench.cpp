// Each arithmetic module of the vector unit against src/numerics: random vectors with corners, and the finite domains
// whole (E4M3 codes, every mantissa once for each special function,
// in runs of a million vectors and more).
//   leaves_bench [VECTORS] [SEED]
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <random>
#include <string>

#include "Vhadal_vx_leaves.h"
#include "numerics/numerics.h"

namespace hadal::dv {
namespace {

uint32_t bits(float x) { return std::bit_cast<uint32_t>(x); }
float value(uint32_t b) { return std::bit_cast<float>(b); }
uint32_t clean(float x) { return bits(num::canonical(x)); }

constexpr uint32_t kCorners[] = {0x00000000, 0x80000000, 0x00000001, 0x807FFFFF, 0x00800000, 0x00800001, 0x3F800000,
                                 0xBF800000, 0x3F7FFFFF, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000,
                                 0xFF800001, 0x43E00000, 0x43D80000, 0x43E00001, 0x3C800000, 0x3A800000, 0x3A000000,
                                 0x4F000000, 0xCF000000, 0x4EFFFFFF, 0xCF000001, 0x3F000000, 0xBF000000, 0x3FC00000,
                                 0x43000000, 0x42FFFFFF, 0xC3158000, 0xC3158001, 0xC2FC0001, 0x3F808000, 0x4B7FFFFF};

struct Stimulus {
  uint32_t a = 0, b = 0;
  uint8_t sfu = 0;
  uint16_t scale = 127;
  bool low = false;
};

float special(const Stimulus& s) {
  const float x = value(s.a);
  return s.sfu == 0 ? num::exp2(x) : s.sfu == 1 ? num::rcp(x) : num::rsqrt(x);
}

// The digits of one element by the reference, whose scale is forced through EMIN and a group maximum that stays below.
uint8_t digit(const Stimulus& s) {
  const double x = std::ldexp(static_cast<double>(value(s.a)), 127 - int{s.scale});
  const auto narrow = [](double exact) {
    if (exact != 0 && std::fabs(exact) < 0x1p-126) return static_cast<float>(std::copysign(0x1p-126, exact));
    return static_cast<float>(exact);
  };
  const uint8_t high = num::e4m3_from_float(narrow(x));
  if (!s.low) return high;
  return std::isnan(x) ? 0 : num::e4m3_from_float(narrow(x - static_cast<double>(num::e4m3_to_float(high))));
}

// The smallest scale under which |x| is at most 448, biased by 127; VQNT never takes a smaller one.
int least_scale(uint32_t x) {
  return std::max(1, static_cast<int>(x >> 23 & 0xFF) - 8 + static_cast<int>((x & 0x7FFFFF) > 0x600000));
}

uint32_t to_int(const Stimulus& s) {
  const float x = value(s.a);
  if (std::isnan(x)) return 0;
  if (x >= 0x1p31f) return 0x7FFFFFFF;
  if (x < -0x1p31f) return 0x80000000;
  return static_cast<uint32_t>(static_cast<int32_t>(std::nearbyintf(x)));
}

struct Leaf {
  const char* name;
  size_t latency;
  std::function<uint32_t(const Vhadal_vx_leaves&)> found;
  std::function<uint32_t(const Stimulus&)> expected;
  uint64_t compared = 0, differences = 0;
};

class Bench {
 public:
  void apply(const Stimulus& s) {
    top_.a_i = s.a;
    top_.b_i = s.b;
    top_.sfu_i = s.sfu;
    top_.scale_i = s.scale;
    top_.low_i = s.low;
    top_.clk_i = 0;
    top_.eval();
    history_.push_front(s);
    if (history_.size() > 6) history_.pop_back();
    for (Leaf& leaf : leaves_) {
      if (leaf.latency >= history_.size()) continue;
      const Stimulus& was = history_[leaf.latency];
      // The scale of a quantised element and the function go along with it; both modules latch them with the operand.
      const uint32_t found = leaf.found(top_), expected = leaf.expected(was);
      ++leaf.compared;
      if (found == expected) continue;
      if (leaf.differences++ < 5) {
        std::printf("%s: a %08x b %08x function %d scale %d low %d: expected %08x, found %08x\n", leaf.name, was.a,
                    was.b, was.sfu, was.scale, was.low, expected, found);
      }
    }
    top_.clk_i = 1;
    top_.eval();
  }
  uint64_t report() const {
    uint64_t differences = 0;
    for (const Leaf& leaf : leaves_) {
      std::printf("  %-10s %12llu vectors %6llu differences\n", leaf.name,
                  static_cast<unsigned long long>(leaf.compared), static_cast<unsigned long long>(leaf.differences));
      differences += leaf.differences;
    }
    return differences;
  }

 private:
  using Top = Vhadal_vx_leaves;
  Top top_;
  std::deque<Stimulus> history_;
  std::array<Leaf, 8> leaves_ = {{
      {"add", 1, [](const Top& t) { return t.sum_o; },
       [](const Stimulus& s) { return clean(value(s.a) + value(s.b)); }},
      {"multiply", 1, [](const Top& t) { return t.product_o; },
       [](const Stimulus& s) { return clean(value(s.a) * value(s.b)); }},
      {"special", 5, [](const Top& t) { return t.special_o; }, [](const Stimulus& s) { return bits(special(s)); }},
      {"digit", 3, [](const Top& t) { return uint32_t{t.digit_o}; },
       [](const Stimulus& s) { return uint32_t{digit(s)}; }},
      {"from int", 0, [](const Top& t) { return t.from_int_o; },
       [](const Stimulus& s) { return bits(static_cast<float>(static_cast<int32_t>(s.a))); }},
      {"to int", 0, [](const Top& t) { return t.to_int_o; }, to_int},
      {"bf16", 0, [](const Top& t) { return uint32_t{t.half_o}; },
       [](const Stimulus& s) { return uint32_t{num::bf16_from_float(value(s.a))}; }},
      {"e4m3", 0, [](const Top& t) { return t.code_o; },
       [](const Stimulus& s) { return bits(num::e4m3_to_float(static_cast<uint8_t>(s.a))); }},
  }};
};

int run(uint64_t vectors, uint64_t seed) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  Bench bench;
  std::mt19937_64 random(seed);
  // Every mantissa once, at exponents in turn; a sample of them in a short run.
  const uint32_t mantissas = vectors < 1000000 ? 1u << 16 : 1u << 23;
  for (uint32_t fraction = 0; fraction < mantissas; ++fraction) {
    const uint32_t field[] = {127, 128, 1 + fraction % 254, 126};
    Stimulus s;
    s.a = (fraction & 1) << 31 | field[fraction >> 1 & 3] << 23 | (fraction * 2654435761u & 0x7FFFFF);
    s.b = s.a ^ 0x80000001u;
    s.scale = static_cast<uint16_t>(least_scale(s.a));
    for (uint8_t f = 0; f < 3; ++f) {
      s.sfu = f;
      s.low = f & 1;
      bench.apply(s);
    }
  }
  for (uint64_t i = 0; i < vectors; ++i) {
    const uint64_t r = random();
    Stimulus s;
    s.a = static_cast<uint32_t>(r);
    s.b = static_cast<uint32_t>(r >> 32);
    const uint32_t kind = static_cast<uint32_t>(random() % 9);
    if (kind < 3) s.b = (s.b & 0x807FFFFF) | ((s.a & 0x7F800000) + ((random() % 5) << 23)) % 0x7F800000;  // near a
    if (kind == 3) s.a = kCorners[r % std::size(kCorners)];
    if (kind == 8) s.a = kCorners[random() % std::size(kCorners)];
    if (kind == 4 || kind == 8) s.b = kCorners[r % std::size(kCorners)];
    if (kind == 5) s.a &= 0x80FFFFFF;                         // small
    if (kind == 6) s.b = s.a ^ 0x80000000u ^ (random() % 4);  // cancellation
    if (kind == 7) s.a = (s.a & 0x807FFFFF) | (0x78 + random() % 24) << 23;
    s.sfu = static_cast<uint8_t>(random() % 3);
    const int scale = least_scale(s.a) + static_cast<int>(random() % 4 == 0 ? random() % 40 : random() % 2);
    s.scale = static_cast<uint16_t>(std::min(scale, 511));
    s.low = random() % 2;
    bench.apply(s);
  }
  return bench.report() == 0 ? 0 : 1;
}

}  // namespace
}  // namespace hadal::dv

int main(int argc, char** argv) {
  return hadal::dv::run(argc > 1 ? std::stoull(argv[1]) : 5000000, argc > 2 ? std::stoull(argv[2]) : 1);
}
