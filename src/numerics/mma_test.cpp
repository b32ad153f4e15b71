// MMA: the reference against an independent wide-integer computation, and every engine against the reference.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "numerics/mma_engine.h"
#include "numerics/numerics.h"
#include "numerics/test_util.h"

namespace hadal::num {
namespace {

using test::Random;

// One MMA with its memory. Digits, scales and accumulators lie with odd gaps to catch stride mistakes.
struct Case {
  Mma op;
  std::vector<uint8_t> a, a_low, b, b_low;
  std::vector<float> sa, sb, alpha, acc;
};

enum class Fill { kPlain, kExtreme, kNans };

uint8_t random_code(Random& random, Fill fill) {
  uint8_t code = static_cast<uint8_t>(random.bits());
  if (fill == Fill::kExtreme) return random.chance(3) ? 0xFE : 0x7E;
  if ((code & 0x7F) == 0x7F && (fill == Fill::kPlain || !random.chance(40))) code ^= 0x10;
  return code;
}

float random_scale(Random& random, Fill fill) {
  if (fill == Fill::kNans && random.chance(4)) return random.any_float();
  if (random.chance(3)) return random.plain_float();
  return std::ldexp(1.0f, random.below(40) - 20);
}

Case make_case(Random& random, int m, int n, int groups, int group, BLayout layout, bool two_a, bool two_b, Fill fill) {
  Case x;
  Mma& op = x.op;
  op.m = m;
  op.n = n;
  op.groups = groups;
  op.group = group;
  op.layout = layout;
  int init = random.below(3);
  op.clear = init == 0;
  op.rescale = init == 1;
  const size_t blocks = static_cast<size_t>(groups * group + 127) / 128;
  op.a_row = 128 + static_cast<size_t>(random.below(3)) * 7;
  op.a_block = op.a_row * static_cast<size_t>(m) + static_cast<size_t>(random.below(100));
  if (layout == BLayout::kBlocked) {
    op.b_n = 2048 + static_cast<size_t>(random.below(2)) * 64;
    op.b_block = op.b_n * static_cast<size_t>(n) / 16 + static_cast<size_t>(random.below(2)) * 192;
  } else if (layout == BLayout::kRows) {
    op.b_block = 128;
    op.b_n = 128 * blocks + static_cast<size_t>(random.below(3)) * 5;
  } else {
    op.b_n = static_cast<size_t>(n) + static_cast<size_t>(random.below(3)) * 3;
    op.b_block = 128 * op.b_n + static_cast<size_t>(random.below(50));
  }
  const size_t a_size = op.a_block * blocks + 128;
  const size_t b_size = layout == BLayout::kRows ? op.b_n * static_cast<size_t>(n) : op.b_block * blocks + 128;
  auto digits = [&](std::vector<uint8_t>& to, size_t size) {
    to.resize(size);
    for (uint8_t& code : to) code = random_code(random, fill);
    return to.data();
  };
  op.a = digits(x.a, a_size);
  if (two_a) op.a_low = digits(x.a_low, a_size);
  op.b = digits(x.b, b_size);
  if (two_b) op.b_low = digits(x.b_low, b_size);
  op.sb_shift = std::vector<int>{0, 1, 3, 4, 7, 31}[static_cast<size_t>(random.below(6))];
  op.sb_n = static_cast<size_t>(1 + random.below(3));
  op.sa_group = static_cast<size_t>(m + random.below(3));
  op.sb_group = op.sb_n * static_cast<size_t>(n);
  op.acc_row = static_cast<size_t>(n + random.below(2) * 16);
  auto floats = [&](std::vector<float>& to, size_t size) {
    to.resize(size);
    for (float& f : to) f = random_scale(random, fill);
    return to.data();
  };
  op.sa = floats(x.sa, op.sa_group * static_cast<size_t>(groups));
  op.sb = floats(x.sb, op.sb_group * static_cast<size_t>(groups) + op.sb_n);
  op.alpha = floats(x.alpha, static_cast<size_t>(m));
  op.acc = floats(x.acc, op.acc_row * static_cast<size_t>(m));
  return x;
}

void expect_same(Random& random, Case& x, Engine engine) {
  std::vector<float> start = x.acc;
  reference::mma(x.op);
  std::vector<float> expected = x.acc;
  x.acc = start;
  x.op.acc = x.acc.data();
  mma_with(engine, x.op);
  const Mma& op = x.op;
  for (size_t i = 0; i < expected.size(); ++i) {
    ASSERT_EQ(std::bit_cast<uint32_t>(expected[i]), std::bit_cast<uint32_t>(x.acc[i]))
        << random.where() << " engine " << static_cast<int>(engine) << " row " << i / op.acc_row << " column "
        << i % op.acc_row << " m " << op.m << " n " << op.n << " groups " << op.groups << " of " << op.group
        << " layout " << static_cast<int>(op.layout) << " digits " << (op.a_low ? 2 : 1) << "x" << (op.b_low ? 2 : 1);
  }
}

class MmaEngine : public testing::TestWithParam<Engine> {
 protected:
  void SetUp() override {
    if (!has_engine(GetParam())) GTEST_SKIP() << "this machine lacks the instructions";
  }
};

TEST_P(MmaEngine, EveryShapeAndLayoutEqualsReference) {
  Random random;
  const int rows[] = {1, 2, 3, 4, 5, 6, 9, 10, 11, 16, 17, 21, 37};
  for (BLayout layout : {BLayout::kBlocked, BLayout::kRows, BLayout::kTransposed}) {
    for (int group : {128, 64, 32}) {
      for (int digits = 0; digits < 4; ++digits) {
        for (int m : rows) {
          Fill fill = random.chance(3) ? Fill::kNans : random.chance(6) ? Fill::kExtreme : Fill::kPlain;
          Case x = make_case(random, m, 32 * (1 + random.below(3)), 1 + random.below(5), group, layout, digits & 1,
                             digits & 2, fill);
          expect_same(random, x, GetParam());
          if (HasFatalFailure()) return;
        }
      }
    }
  }
}

TEST_P(MmaEngine, ManyRowsEqualReference) {
  Random random;
  for (int m : {127, 128, 255, 261}) {
    Case x = make_case(random, m, 96, 2, 128, BLayout::kBlocked, m & 1, false, Fill::kNans);
    expect_same(random, x, GetParam());
    if (HasFatalFailure()) return;
  }
}

// Every pair of codes, and every pair of two-digit values, in every position of the digit arithmetic.
TEST_P(MmaEngine, EveryPairOfCodesEqualsReference) {
  Random random;
  for (int two = 0; two < 2; ++two) {
    for (int code = 0; code < 256; code += 16) {
      Case x = make_case(random, 16, 256, 1, 32, BLayout::kRows, two, two, Fill::kPlain);
      std::fill(x.a.begin(), x.a.end(), uint8_t{0});
      for (int r = 0; r < 16; ++r) x.a[static_cast<size_t>(r) * x.op.a_row + 5] = static_cast<uint8_t>(code + r);
      for (int c = 0; c < 256; ++c) x.b[static_cast<size_t>(c) * x.op.b_n + 5] = static_cast<uint8_t>(c);
      expect_same(random, x, GetParam());
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(MmaEngine, LargestSumsDoNotOverflow) {
  Random random;
  for (int digits = 0; digits < 4; ++digits) {
    for (int signs = 0; signs < 8; ++signs) {
      for (int m : {1, 16, 39}) {
        Case x = make_case(random, m, 96, 2, 128, BLayout::kBlocked, digits & 1, digits & 2, Fill::kPlain);
        for (auto* v : {&x.a, &x.a_low}) std::fill(v->begin(), v->end(), uint8_t(signs & 1 ? 0xFE : 0x7E));
        for (auto* v : {&x.b, &x.b_low}) std::fill(v->begin(), v->end(), uint8_t(signs & 2 ? 0xFE : 0x7E));
        // Every other k of B in the opposite sign: the products cancel.
        for (auto* v : {&x.b, &x.b_low}) {
          for (size_t i = 0; signs & 4 && i < v->size(); i += 2) (*v)[i] ^= 0x80;
        }
        expect_same(random, x, GetParam());
        if (HasFatalFailure()) return;
      }
    }
  }
}

// All values the same, from the edges of every range an engine may split codes into.
TEST_P(MmaEngine, ConstantOperandsEqualReference) {
  Random random;
  for (int digits = 0; digits < 4; ++digits) {
    for (int code_a : {0x01, 0x3F, 0x40, 0xBF, 0xC0, 0xFE}) {
      for (int code_b : {0x07, 0x3F, 0x40, 0xBF, 0xFE}) {
        Case x = make_case(random, 39, 96, 1, 128, BLayout::kBlocked, digits & 1, digits & 2, Fill::kPlain);
        for (auto* v : {&x.a, &x.a_low}) std::fill(v->begin(), v->end(), static_cast<uint8_t>(code_a));
        for (auto* v : {&x.b, &x.b_low}) std::fill(v->begin(), v->end(), static_cast<uint8_t>(code_b));
        expect_same(random, x, GetParam());
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(MmaEngine, LongRandom) {
  if (!test::long_run()) GTEST_SKIP() << "set HADAL_LONG=1";
  Random random;
  const int groups[] = {128, 64, 32};
  for (int i = 0; i < 5000; ++i) {
    Case x = make_case(random, 1 + random.below(70), 32 * (1 + random.below(8)), 1 + random.below(8),
                       groups[random.below(3)], static_cast<BLayout>(random.below(3)), random.chance(2),
                       random.chance(2), static_cast<Fill>(random.below(3)));
    expect_same(random, x, GetParam());
    if (HasFatalFailure()) return;
  }
}

std::string engine_name(const testing::TestParamInfo<Engine>& engine) {
  return engine.param == Engine::kAmx ? "amx" : engine.param == Engine::kVnni ? "vnni" : "portable";
}

INSTANTIATE_TEST_SUITE_P(Engines, MmaEngine, testing::Values(Engine::kPortable, Engine::kVnni, Engine::kAmx),
                         engine_name);

}  // namespace
}  // namespace hadal::num
