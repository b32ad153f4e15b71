// Yield, area and cost against closed forms, limits and simulation.
#include "plan/cost.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>
#include <string>

#include "base/temporary_directory.h"
#include "plan/area.h"
#include "plan/testing.h"

namespace hadal::plan {
namespace {

using testing::data;
using testing::edited;
using testing::refusal;
using testing::text;
constexpr YieldModel kAll[] = {YieldModel::kPoisson, YieldModel::kMurphy, YieldModel::kSeeds,
                               YieldModel::kNegativeBinomial};

TEST(Yield, ModelsAgreeWithTheirDefectDensities) {
  // The densities that give 20 and 40 % on 665.61 mm2 in each model, worked out by hand.
  constexpr double kArea = 665.61;
  EXPECT_NEAR(defect_free(YieldModel::kPoisson, kArea, 0.2418, 3), 0.20, 0.001);
  EXPECT_NEAR(defect_free(YieldModel::kMurphy, kArea, 0.286, 3), 0.20, 0.001);
  EXPECT_NEAR(defect_free(YieldModel::kSeeds, kArea, 0.601, 3), 0.20, 0.001);
  EXPECT_NEAR(defect_free(YieldModel::kNegativeBinomial, kArea, 0.320, 3), 0.20, 0.001);
  EXPECT_NEAR(defect_free(YieldModel::kNegativeBinomial, kArea, 0.161, 3), 0.40, 0.001);
}

TEST(Yield, LimitsAndOrder) {
  for (const YieldModel model : kAll) {
    EXPECT_DOUBLE_EQ(defect_free(model, 500, 0, 3), 1);
    double last = 1;
    for (double area = 10; area < 900; area += 10) {
      const double y = defect_free(model, area, 0.2, 3);
      EXPECT_LT(y, last);
      EXPECT_GT(y, 0);
      last = y;
    }
  }
  // Clustering helps: Poisson <= Murphy <= NB(3) <= Seeds; NB tends to Poisson and is Seeds at alpha 1.
  for (double x : {0.1, 0.5, 1.0, 2.0}) {
    const double p = defect_free(YieldModel::kPoisson, 100, x, 3), m = defect_free(YieldModel::kMurphy, 100, x, 3);
    const double n = defect_free(YieldModel::kNegativeBinomial, 100, x, 3);
    const double s = defect_free(YieldModel::kSeeds, 100, x, 3);
    EXPECT_LT(p, m);
    EXPECT_LT(m, n);
    EXPECT_LT(n, s);
    EXPECT_NEAR(defect_free(YieldModel::kNegativeBinomial, 100, x, 1), s, 1e-12);
    EXPECT_NEAR(defect_free(YieldModel::kNegativeBinomial, 100, x, 1e7), p, 1e-6);
  }
}

TEST(Yield, DiesPerWafer) {
  EXPECT_NEAR(dies_per_wafer(665.61, 300), 80.4, 0.1);
  EXPECT_NEAR(dies_per_wafer(814, 300), 63.5, 0.1);
  EXPECT_EQ(dies_per_wafer(70000, 300), 0);
}

TEST(Yield, HarvestingWithNoSpareIsThePlainModel) {
  for (const YieldModel model : kAll) {
    EXPECT_NEAR(harvested_yield(model, {400, 5, 48, 0}, 0.2, 3), defect_free(model, 400, 0.2, 3), 1e-12);
    // All cores spare: only the rest must be good. Computed through the integral, so a check of it as well.
    EXPECT_NEAR(harvested_yield(model, {400, 5, 48, 48}, 0.2, 3), defect_free(model, 160, 0.2, 3), 2e-6);
    double last = 0;
    for (int spare = 0; spare <= 8; ++spare) {
      const double y = harvested_yield(model, {400, 5, 48, spare}, 0.2, 3);
      EXPECT_GT(y, last);
      last = y;
    }
  }
}

TEST(Yield, TheClosedFormIsTheIntegral) {
  constexpr unsigned kSeed = 11;
  std::mt19937_64 random(kSeed);
  const auto uniform = [&](double low, double high) {
    return std::uniform_real_distribution<double>(low, high)(random);
  };
  for (int i = 0; i < 150; ++i) {
    HarvestedDie die;
    die.cores = 1 + static_cast<int>(random() % 64);
    die.spare = static_cast<int>(random() % static_cast<uint64_t>(die.cores + 1));
    die.core_mm2 = uniform(0.2, 12);
    die.empty_mm2 = uniform(0, 100);
    die.area_mm2 = die.cores * die.core_mm2 + die.empty_mm2 + uniform(10, 300);
    const double d0 = uniform(0.01, 0.5), alpha = uniform(1, 10);
    for (const YieldModel model : kAll) {
      const double exact = harvested_yield_by_quadrature(model, die, d0, alpha);
      EXPECT_NEAR(harvested_yield(model, die, d0, alpha), exact, 1e-7 * exact)
          << name_of(model) << ": " << die.cores << " cores, " << die.spare << " spare, seed " << kSeed;
    }
  }
}

TEST(Yield, EmptyAreaCannotBreak) {
  for (const YieldModel model : kAll) {
    EXPECT_NEAR(harvested_yield(model, {400, 5, 48, 2, 100}, 0.2, 3), harvested_yield(model, {300, 5, 48, 2}, 0.2, 3),
                1e-12);
  }
}

// Wafers of dies with gamma distributed defect densities and Poisson defects at random places: the model's own story.
TEST(Yield, HarvestingAgreesWithSimulatedDefects) {
  constexpr unsigned kSeed = 7;
  RecordProperty("seed", kSeed);
  std::mt19937_64 random(kSeed);
  const HarvestedDie die{665.61, 12, 25, 1};
  constexpr double kD0 = 0.22, kAlpha = 3;
  std::gamma_distribution<double> density(kAlpha, kD0 / kAlpha);
  constexpr int kDies = 200000;
  int good = 0;
  for (int i = 0; i < kDies; ++i) {
    const double lambda = density(random) * die.area_mm2 / 100;
    const int defects = std::poisson_distribution<int>(lambda)(random);
    std::vector<bool> bad(25);
    bool dead = false;
    for (int d = 0; d < defects; ++d) {
      const double at = std::uniform_real_distribution<double>(0, die.area_mm2)(random);
      if (at >= 25 * 12.0)
        dead = true;
      else
        bad[static_cast<size_t>(at / 12)] = true;
    }
    if (!dead && std::count(bad.begin(), bad.end(), true) <= die.spare) ++good;
  }
  const double predicted = harvested_yield(YieldModel::kNegativeBinomial, die, kD0, kAlpha);
  const double sigma = std::sqrt(predicted * (1 - predicted) / kDies);
  EXPECT_NEAR(static_cast<double>(good) / kDies, predicted, 5 * sigma);
}

TEST(Yield, RefusesAnUnknownModel) {
  EXPECT_EQ(testing::refusal([] { parse_yield_model("murphi", "s.yaml:3"); }),
            "s.yaml:3: yield model 'murphi' is unknown; did you mean 'murphy'?");
}

class Cost : public ::testing::Test {
 protected:
  Ledger ledger_ = testing::ledger();
  Process n2_ = load_process(data("processes/smic-n2.yaml"), ledger_);
  Process n5_ = load_process(data("processes/tsmc-n5.yaml"), ledger_);
  Memory hbm_ = load_memory(data("memories/cxmt-hbm3.yaml"), ledger_);
  Memory lpddr_ = load_memory(data("memories/lpddr5x.yaml"), ledger_);
  Package package_ = load_package(data("packages/domestic-25d.yaml"), ledger_);
  AreaData areas_ = load_area_data(data("areas/hadal.yaml"), ledger_);
  chip::Chip chip_ = chip::load(data("chips/hadal-1.yaml"));
};

TEST_F(Cost, GoodDieOfThe665mm2Class) {
  // 14,000 USD, 80.4 dies, 28.4 % yield: 613 USD without test.
  EXPECT_NEAR(die_cost({665.61, 0, 0, 0}, n2_, YieldModel::kNegativeBinomial, 0).usd, 613, 2);
}

TEST_F(Cost, ChipletsOfTheSameAreaAreCheaper) {
  const DieCost whole = die_cost({660, 0, 0, 0}, n2_, YieldModel::kNegativeBinomial, 0);
  const DieCost third = die_cost({220, 0, 0, 0}, n2_, YieldModel::kNegativeBinomial, 0);
  EXPECT_LT(3 * third.usd, 0.5 * whole.usd);
}

TEST_F(Cost, AUnitAddsUp) {
  const UnitCost u = unit_cost({300, 2, 48, 2}, 1, n2_, YieldModel::kNegativeBinomial, hbm_, 5, package_);
  EXPECT_NEAR(u.logic_usd + u.memory_usd + u.interposer_usd + u.test_usd + u.other_usd + u.yield_loss_usd, u.total_usd,
              1e-6);
  EXPECT_NEAR(u.assembly_yield, std::pow(0.97, 6) * 0.92, 1e-12);
  EXPECT_EQ(u.memory_usd, 5 * 480);
  const UnitCost board = unit_cost({300, 2, 48, 2}, 1, n2_, YieldModel::kNegativeBinomial, lpddr_, 16, package_);
  EXPECT_NEAR(board.assembly_yield, 0.97 * 0.92, 1e-12);
}

TEST_F(Cost, RangesEncloseTheBase) {
  const auto total = [&](const Process& p, const Memory& m, const Package& k) {
    return unit_cost({300, 2, 48, 2}, 1, p, YieldModel::kNegativeBinomial, m, 5, k).total_usd;
  };
  const double base = total(n2_, hbm_, package_);
  const auto low = [](const Figure& f) { return f.low; };
  const auto high = [](const Figure& f) { return f.high; };
  EXPECT_LT(total(with(n2_, low), hbm_, package_), base);
  EXPECT_GT(total(with(n2_, high), hbm_, package_), base);
  EXPECT_LT(total(n2_, with(hbm_, low), package_), base);
  EXPECT_GT(total(n2_, with(hbm_, high), package_), base);
  EXPECT_EQ(total(with(n2_, [](const Figure& f) { return f.value; }), hbm_, package_), base);
}

TEST_F(Cost, AreaOfTheProductChip) {
  const ChipArea a = chip_area(chip_, n2_, areas_, hbm_, 5, 400e9);
  // Logic: cells x 0.78 / 0.61. 1 MiB in banks of 32 KiB, of 0.576 (1 + 28.8 / 512)^-2: 8388608 x 0.03 um2 / 0.516.
  EXPECT_EQ(a.parts[0].name, "matrix unit");
  EXPECT_NEAR(a.parts[0].each_mm2, core_cells(chip_, areas_).matrix * 0.78 / 0.61, 1e-9);
  EXPECT_EQ(a.parts[2].name, "scratchpad");
  EXPECT_NEAR(a.parts[2].each_mm2, 0.4875, 0.001);
  double sum = 0;
  for (const AreaPart& part : a.parts) sum += part.total_mm2();
  EXPECT_NEAR(sum, a.content_mm2, 1e-9);
  EXPECT_GT(a.core_mm2, 2.0);
  EXPECT_LT(a.core_mm2, 6.0);
  // Five stacks need three a side: 31 mm, and a die at least 31 / 2.5 mm wide.
  EXPECT_TRUE(a.edge_bound);
  EXPECT_NEAR(a.height_mm, 31.2, 1e-9);
  EXPECT_NEAR(a.die_mm2, 31.2 * 31.2 / 2.5, 1e-6);
  // With memory on the board the content decides.
  const ChipArea board = chip_area(chip_, n2_, areas_, lpddr_, 16, 400e9);
  EXPECT_FALSE(board.edge_bound);
  EXPECT_NEAR(board.die_mm2, board.content_mm2, 1e-9);
}

// The core that was synthesised is the sum of its blocks, whatever the laws of growth are; groups that it has not all
// blocks of are estimates.
TEST_F(Cost, TheSynthesisedCoreIsTheSumOfItsBlocks) {
  const chip::Chip small = chip::load(data("chips/hadal-rtl.yaml"));
  double sum = 0;
  for (const auto& [name, block] : areas_.synthesis.blocks) {
    if (name.starts_with("mm_") || name == "hadal_mm") sum += block.count * block.area.value;
  }
  EXPECT_NEAR(core_cells(small, areas_).matrix, sum, 1e-9);
  EXPECT_GT(sum, 0.1);
  AreaData with = areas_, without = areas_;
  for (const char* name : {"hadal_ld", "hadal_st"}) {
    with.synthesis.blocks[name].count = 1;
    with.synthesis.blocks[name].area.value = 0.02;
  }
  without.synthesis.blocks.erase("hadal_st");
  const auto estimated = [](const CoreCells& c) {
    return std::find(c.estimated.begin(), c.estimated.end(), "DMA engines") != c.estimated.end();
  };
  EXPECT_DOUBLE_EQ(core_cells(chip_, with).dma, 0.04);
  EXPECT_FALSE(estimated(core_cells(chip_, with)));
  EXPECT_DOUBLE_EQ(core_cells(chip_, without).dma, areas_.dma.value);
  EXPECT_TRUE(estimated(core_cells(chip_, without)));
}

TEST_F(Cost, AreaFollowsTheFileOfSynthesis) {
  const double core = chip_area(chip_, n2_, areas_, hbm_, 5, 400e9).core_mm2;
  AreaData larger = areas_;
  larger.synthesis.blocks.at("mm_dot").area.value += 100e-6;  // 100 um2, in 1024 dot units
  const double grown = chip_area(chip_, n2_, larger, hbm_, 5, 400e9).core_mm2;
  EXPECT_NEAR(grown - core, 1024 * 100e-6 * 0.78 / 0.61, 1e-9);
  const std::string file = text("areas/hadal-rtl.yaml");
  const size_t line = file.find("\n  mm_dot: {value: ");
  ASSERT_NE(line, std::string::npos);
  const TemporaryDirectory folder;
  const auto load = [&](const std::string& synthesis) {
    std::ofstream(folder.file("hadal-rtl.yaml")) << synthesis;
    std::ofstream(folder.file("hadal.yaml")) << text("areas/hadal.yaml");
    Ledger ledger = testing::ledger();
    return load_area_data(folder.file("hadal.yaml"), ledger);
  };
  EXPECT_DOUBLE_EQ(chip_area(chip_, n2_, load(file), hbm_, 5, 400e9).core_mm2, core);
  std::string larger_dot = file;
  const size_t value = line + std::string("\n  mm_dot: {value: ").size();
  larger_dot.replace(value, file.find(' ', value) - value, "1800.0");
  EXPECT_GT(chip_area(chip_, n2_, load(larger_dot), hbm_, 5, 400e9).core_mm2, core);
  EXPECT_NE(refusal([&] { load(edited(file, "\n  mm_dot: {value: ", "\n  mm_dat: {value: ")); }).find("mm_dat"),
            std::string::npos);
  const std::string clock = file.substr(0, file.find("\nclocks:"));
  EXPECT_NE(refusal([&] { load(clock + "\n"); }).find("clocks"), std::string::npos);
  std::string more = file;
  const size_t at = more.find("mm_dot: {value: ", more.find("\nclocks:")) + std::string("mm_dot: {value: ").size();
  more.replace(at, more.find(", source", at) - at, "99 pJ");
  EXPECT_NE(refusal([&] { load(more); }).find("more than the energy of a cycle at full rate"), std::string::npos);
  EXPECT_NE(refusal([&] { load(edited(file, "size: {rows: 8", "size: {rows: 0")); }).find("rows"), std::string::npos);
}

TEST_F(Cost, ADenserProcessShrinksLogic) {
  const ChipArea n2 = chip_area(chip_, n2_, areas_, lpddr_, 16, 0), n5 = chip_area(chip_, n5_, areas_, lpddr_, 16, 0);
  // Logic by its cells and by what chips reach of them in either class, memory by its bit cells.
  EXPECT_NEAR(n5.parts[0].each_mm2 / n2.parts[0].each_mm2, (0.55 / 1.16) / (0.78 / 0.61), 1e-9);
  EXPECT_NEAR(n5.parts[2].each_mm2 / n2.parts[2].each_mm2, 0.021 / 0.030, 1e-9);
}

TEST_F(Cost, ClassesOfLogicDensityGoByLithography) {
  const auto kind = [&](const char* name) {
    return density_class(load_process(data(std::string("processes/") + name + ".yaml"), ledger_));
  };
  for (const char* name : {"tsmc-n5", "tsmc-4n", "tsmc-n2", "samsung-sf4x"}) EXPECT_EQ(kind(name), 0u) << name;
  for (const char* name : {"tsmc-n7", "tsmc-n6", "smic-n2", "smic-n3", "samsung-8"}) EXPECT_EQ(kind(name), 1u) << name;
  for (const char* name : {"tsmc-16", "samsung-14", "smic-14", "tsmc-28"}) EXPECT_EQ(kind(name), 2u) << name;
  EXPECT_EQ(&utilisation(areas_, n2_), &areas_.utilisation[1]);
}

TEST_F(Cost, ClockAndPower) {
  // The slowest block sets the clock: a path that is no longer than it changes nothing, a longer one does.
  AreaData slower = areas_;
  const SlowestBlock slowest = slowest_block(areas_);
  EXPECT_NEAR(reachable_clock_hz(n2_, areas_), 1 / (slowest.path_s * 1.3), 1);
  slower.synthesis.blocks.at("mm_dot").path.value = slowest.path_s;
  EXPECT_DOUBLE_EQ(reachable_clock_hz(n2_, slower), reachable_clock_hz(n2_, areas_));
  slower.synthesis.blocks.at("mm_dot").path.value = 2e-9;
  EXPECT_NEAR(reachable_clock_hz(n2_, slower), 1 / (2e-9 * 1.3), 1);
}

// The matrix units at full rate are what synthesis measured, cycle by cycle; idle ones are what gates leave of the
// clock.
TEST_F(Cost, PowerIsTheEnergyOfTheBlocks) {
  const Activity all{1, 1, 1}, none{0, 0, 0};
  const auto power = [&](const AreaData& data, const Process& process, const Activity& activity) {
    return chip_power(chip_, data, process, hbm_, 5, 1, chip_.clock_hz, activity);
  };
  const Power p = power(areas_, n2_, all), idle = power(areas_, n2_, none);
  const double macs = 32 * 32 * 16, cores = 48;
  EXPECT_NEAR(p.matrix_w, operation_energy(chip_, areas_, n2_, 1e9).product_pj * macs * cores * chip_.clock_hz * 1e-12,
              1e-6 * p.matrix_w);
  EXPECT_NEAR(p.memory_w, 5 * 819.2e9 * 44e-12, 0.1);
  EXPECT_NEAR(p.static_w, 5 * 3 + 10, 1e-9);
  EXPECT_NEAR(power(areas_, n5_, all).matrix_w / p.matrix_w, 0.70 / 1.1, 1e-9);
  EXPECT_EQ(idle.memory_w, 0);
  EXPECT_EQ(idle.sram_w, 0);
  EXPECT_NEAR(idle.matrix_w + idle.vector_w + idle.control_w, idle.clock_w, 1e-9);
  EXPECT_LT(idle.clock_w, p.clock_w);
  // Without gates the clock never stops; where nobody measured, they save clock_gating of what idles.
  AreaData unmeasured = areas_;
  for (auto& [name, block] : unmeasured.synthesis.blocks) block.working = block.resting = std::nullopt;
  const Power full = power(unmeasured, n2_, all);
  EXPECT_GT(full.clock_w, p.clock_w);
  EXPECT_NEAR(power(unmeasured, n2_, none).clock_w, 0.2 * full.clock_w, 1e-9 * full.clock_w);
  unmeasured.clock_gating.value = 0;
  EXPECT_NEAR(power(unmeasured, n2_, none).clock_w, full.clock_w, 1e-9 * full.clock_w);
  EXPECT_NEAR(operation_energy(chip_, areas_, n2_, chip_.clock_hz).idle_w, idle.clock_w, 1e-9 * p.clock_w);
  const Power half = power(areas_, n2_, {0.5, 0.5, 0.5});
  EXPECT_NEAR(half.total_w(), (p.total_w() + idle.total_w()) / 2, 1e-6);
  // One core of the size that was synthesised: the blocks of its matrix unit, added up.
  chip::Chip small = chip::load(data("chips/hadal-rtl.yaml"));
  double sum = 0;
  for (const auto& [name, block] : areas_.synthesis.blocks) {
    const double left = block.working ? block.working->value : 1;
    if (name.starts_with("mm_") || name == "hadal_mm")
      sum += block.count * (block.energy.value - block.clock.value * (1 - left));
  }
  EXPECT_NEAR(operation_energy(small, areas_, n2_, 1e9).product_pj, sum / (8 * 8 * 16) * 1.15 * 1.3 * 1.1, 1e-9);
}

TEST_F(Cost, InterposersFollowTheirParts) {
  const Package cowos = load_package(data("packages/cowos-s.yaml"), ledger_);
  // A die of 26 x 31.2 mm with three stacks a side: 2 rims and 2 gaps and 2 stacks of 110 / 10.4 mm more.
  const Outline h100 = interposer_outline(814, 0, 1, hbm_, 6, cowos);
  EXPECT_NEAR(h100.length_mm, 31.2 + 2, 1e-9);
  EXPECT_NEAR(h100.width_mm, 814 / 31.2 + 2 * (110 / 10.4 + 0.5) + 2, 1e-9);
  const Outline two = interposer_outline(814, 0, 2, hbm_, 12, cowos);
  EXPECT_NEAR(two.length_mm, 2 * 31.2 + 0.5 + 2, 1e-9);
  EXPECT_NEAR(two.width_mm, h100.width_mm, 1e-9);
  // Memory on the board takes no interposer; a die with one stack has it on one side.
  EXPECT_NEAR(interposer_outline(400, 20, 1, lpddr_, 8, cowos).area_mm2(), 22 * 22, 1e-9);
  EXPECT_NEAR(interposer_outline(400, 20, 1, hbm_, 1, cowos).width_mm, 20 + 110 / 10.4 + 0.5 + 2, 1e-9);
}

TEST(Yield, RectanglesOnAWafer) {
  EXPECT_EQ(rectangles_per_wafer(100, 100, 300, 0), 4);  // a square of 200 has a diagonal of 283
  EXPECT_EQ(rectangles_per_wafer(200, 200, 300, 0), 1);
  EXPECT_EQ(rectangles_per_wafer(200, 200, 300, 10), 0);  // 283 of 280
  EXPECT_EQ(rectangles_per_wafer(30, 50, 300, 3), rectangles_per_wafer(50, 30, 300, 3));
  // Small ones come close to the formula.
  EXPECT_NEAR(rectangles_per_wafer(8, 10, 300, 0), dies_per_wafer(80, 300), 0.02 * dies_per_wafer(80, 300));
}

}  // namespace
}  // namespace hadal::plan
