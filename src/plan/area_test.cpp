// Memories by the size of their banks, against a foundry's compiler; what stands on the edge of a die.
#include "plan/area.h"

#include <cmath>

#include "plan/testing.h"

namespace hadal::plan {
namespace {

class AreaTest : public ::testing::Test {
 protected:
  Ledger ledger_ = testing::ledger();
  AreaData data_ = load_area_data(testing::data("areas/hadal.yaml"), ledger_);
};

// Outlines of single-port memories as the IHP open PDK has them, um. A bit is 2.81 x 1.134 um: 11.24 um a data bit of
// four columns, 0.2835 um a word of a quarter row.
struct Macro {
  int words, bits, columns_a_bit;
  double width_um, height_um;
};
constexpr Macro kMacros[] = {
    {1024, 16, 4, 236.8, 336.46}, {1024, 32, 4, 416.64, 336.46}, {1024, 64, 4, 784.48, 336.46},
    {1024, 8, 4, 146.88, 336.46}, {2048, 64, 4, 784.48, 626.7},  {256, 16, 4, 236.8, 118.78},
    {256, 32, 4, 416.64, 118.78}, {256, 48, 4, 596.48, 118.78},  {256, 64, 4, 784.48, 118.78},
    {256, 8, 8, 236.8, 74.1},     {4096, 16, 8, 416.64, 618.3},  {4096, 8, 8, 236.8, 618.3},
    {512, 16, 4, 236.8, 191.34},  {512, 32, 4, 416.64, 191.34},  {512, 64, 4, 784.48, 191.34},
    {512, 8, 8, 236.8, 110.38},   {64, 64, 4, 784.48, 64.36},    {8192, 32, 16, 1520.16, 618.3}};
constexpr double kCellWidth = 2.81, kCellHeight = 1.134;
constexpr double kRows = 40.8, kColumns = 20.3;  // without bits

// Bit cells over area of a macro that is nothing but a macro.
double law(AreaData data, double bits) {
  data.sram_placement.value = 1;
  return sram_efficiency(data, bits / 8);
}

TEST_F(AreaTest, RowsAndColumnsWithoutBitsExplainACompiler) {
  EXPECT_NEAR(std::sqrt(kRows * kColumns), data_.sram_periphery.value, 0.05);
  for (const Macro& m : kMacros) {
    const double rows = double(m.words) / m.columns_a_bit, columns = double(m.bits) * m.columns_a_bit;
    const double published = m.width_um * m.height_um;
    const double predicted = (rows + kRows) * kCellHeight * (columns + kColumns) * kCellWidth;
    EXPECT_NEAR(predicted / published, 1, m.columns_a_bit == 4 ? 0.04 : 0.12) << m.words << " x " << m.bits;
  }
}

TEST_F(AreaTest, TheBestShapeIsTheLaw) {
  int close = 0;
  for (const Macro& m : kMacros) {
    const double bits = double(m.words) * m.bits;
    const double reached = bits * kCellWidth * kCellHeight / (m.width_um * m.height_um);
    EXPECT_LT(reached, law(data_, bits) * 1.06)
        << m.words << " x " << m.bits;  // no shape beats it by more than its fit
    close += std::abs(reached / law(data_, bits) - 1) < 0.05;
  }
  EXPECT_GE(close, 8);
}

TEST_F(AreaTest, SmallBanksAreLessDense) {
  double last = 0;
  for (double bytes = 64; bytes <= 1 << 24; bytes *= 2) {
    const double e = sram_efficiency(data_, bytes);
    EXPECT_GT(e, last);
    EXPECT_LT(e, data_.sram_placement.value);
    last = e;
  }
  EXPECT_NEAR(last, data_.sram_placement.value, 0.01);
  EXPECT_NEAR(sram_efficiency(data_, 16384), 0.49, 0.005);  // the GC200, which sets the placement
  // The same scratchpad in smaller banks takes more of a core.
  const Process process = load_process(testing::data("processes/smic-n2.yaml"), ledger_);
  const Memory memory = load_memory(testing::data("memories/hbm3.yaml"), ledger_);
  chip::Chip chip = chip::load(testing::data("chips/hadal-1.yaml"));
  const auto scratchpad = [&] {
    for (const AreaPart& part : chip_area(chip, process, data_, memory, 5, 400e9).parts) {
      if (part.name == "scratchpad") return part.each_mm2;
    }
    return 0.0;
  };
  const double before = scratchpad();
  chip.spm.banks *= 4;
  EXPECT_GT(scratchpad(), 1.03 * before);
}

TEST_F(AreaTest, TheEdgeIsWhatAChipsPartsSay) {
  const Process process = load_process(testing::data("processes/smic-n2.yaml"), ledger_);
  const Memory memory = load_memory(testing::data("memories/hbm3.yaml"), ledger_);
  double parts = 0;
  for (const AreaPart& part :
       chip_area(chip::load(testing::data("chips/hadal-1.yaml")), process, data_, memory, 5, 400e9).parts) {
    if (!part.in_core && part.name != "system" && part.name != "overhead of the die") parts += part.total_mm2();
  }
  EXPECT_NEAR(edge_mm2(data_, memory, 5, 400e9, 1), parts, 1e-9);
  EXPECT_NEAR(edge_mm2(data_, memory, 6, 450e9, 1), 6 * 8 + 34 * 0.9 + 10, 1e-9);  // an H100
  EXPECT_EQ(edge_mm2(data_, memory, 0, 0, 0), 0);
}

}  // namespace
}  // namespace hadal::plan
