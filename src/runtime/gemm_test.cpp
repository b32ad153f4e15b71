// The stand-alone product computes what the scalar reference computes from the same bytes in another layout.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "base/error.h"
#include "kernels/gemm.h"
#include "numerics/numerics.h"
#include "runtime/layer_program.h"
#include "sim/functional.h"

namespace hadal::runtime {
namespace {

struct Case {
  const char* chip;
  kernels::GemmShape shape;
};
void PrintTo(const Case& c, std::ostream* out) {
  *out << c.chip << " " << c.shape.m << "x" << c.shape.n << "x" << c.shape.k;
}

class GemmProgram : public ::testing::TestWithParam<Case> {};

TEST_P(GemmProgram, EqualsTheReference) {
  const chip::Chip chip = std::string(GetParam().chip) == "test"
                              ? testing::small_chip(5)
                              : chip::load(std::string(HADAL_SOURCE_DIR) + "/chips/" + GetParam().chip + ".yaml");
  const kernels::Gemm gemm = kernels::compile_gemm(chip, GetParam().shape);
  const auto [m, n, k] = GetParam().shape;
  const size_t groups = static_cast<size_t>(k) / 128, rows = static_cast<size_t>(gemm.rows);

  std::mt19937 random(11);
  const auto digits = [&](size_t count) {
    std::vector<uint8_t> out(count);
    for (uint8_t& d : out) d = static_cast<uint8_t>(random() % 2000 == 0 ? 0x7F : random() % 0x78 | (random() & 0x80));
    return out;
  };
  const auto scales = [&](size_t count) {
    std::vector<float> out(count);
    for (float& s : out)
      s = std::ldexp(1.0f + static_cast<float>(random() % 64) / 64, static_cast<int>(random() % 9) - 4);
    return out;
  };
  const std::vector<uint8_t> a = digits(groups * rows * 128), b = digits(gemm.b.tiles * gemm.b.tile_lines() * 64);
  const std::vector<float> sa = scales(groups * rows), sb = scales(gemm.b.tiles * gemm.b.scale_lines() * 16);

  sim::Functional functional(chip, gemm.program);
  functional.write_dram(gemm.a, std::as_bytes(std::span(a)));
  functional.write_dram(gemm.a_scales, std::as_bytes(std::span(sa)));
  functional.write_dram(gemm.b.line * 64, std::as_bytes(std::span(b)));
  functional.write_dram(gemm.b.scale_line * 64, std::as_bytes(std::span(sb)));
  functional.launch();
  std::vector<float> found(static_cast<size_t>(m) * static_cast<size_t>(n)), expected(found.size());
  functional.read_dram(gemm.c, std::as_writable_bytes(std::span(found)));

  // One instruction's worth of everything, over the host's copy of the same layout.
  num::Mma op;
  op.m = m;
  op.n = n;
  op.groups = static_cast<int>(groups);
  op.clear = true;
  op.a = a.data();
  op.a_row = 128;
  op.a_block = rows * 128;
  op.sa = sa.data();
  op.sa_group = rows;
  op.b = b.data();
  op.b_n = groups * 2048;
  op.b_block = 2048;
  op.sb = sb.data();
  op.sb_shift = 5;
  op.sb_n = gemm.b.scale_lines() * 16;
  op.sb_group = 1;
  op.acc = expected.data();
  op.acc_row = static_cast<size_t>(n);
  num::reference::mma(op);
  EXPECT_EQ(std::memcmp(found.data(), expected.data(), found.size() * 4), 0);
}

INSTANTIATE_TEST_SUITE_P(Shapes, GemmProgram,
                         ::testing::Values(Case{"hadal-rtl", {1, 32, 128}}, Case{"hadal-rtl", {37, 96, 384}},
                                           Case{"hadal-rtl", {300, 160, 1280}}, Case{"test", {65, 352, 512}},
                                           Case{"test", {7, 64, 2176}}, Case{"hadal-1", {1, 512, 256}},
                                           Case{"hadal-1", {200, 288, 1152}}));

TEST(GemmProgram, RejectsShapesTheChipCannotTake) {
  const chip::Chip chip = testing::small_chip(1);
  for (const kernels::GemmShape& shape :
       {kernels::GemmShape{0, 32, 128}, {1, 33, 128}, {1, 32, 100}, {1, 65536, 128}, {1 << 20, 32768, 128}}) {
    EXPECT_THROW(kernels::compile_gemm(chip, shape), Error) << shape.m << "x" << shape.n << "x" << shape.k;
  }
}

}  // namespace
}  // namespace hadal::runtime
