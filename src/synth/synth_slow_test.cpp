// One small block through Yosys and OpenSTA on the library of Debian, where they are installed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "base/temporary_directory.h"
#include "chip/chip.h"
#include "synth/synthesis.h"
#include "synth/tools.h"

namespace hadal::synth {
namespace {

constexpr const char* kLibrary = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

TEST(Tools, SynthesiseALaneOfTheQuantiser) {
  if (std::system("command -v yosys >/dev/null && command -v sta >/dev/null") != 0 ||
      !std::filesystem::exists(kLibrary))
    GTEST_SKIP() << "yosys, sta or " << kLibrary << " is missing; tools/setup.sh synth installs them";
  const TemporaryDirectory folder;
  const std::string& directory = folder.path();
  const std::string root = HADAL_SOURCE_DIR;
  const Design design = elaborate(chip::load(root + "/chips/hadal-rtl.yaml"), root + "/rtl", directory);
  EXPECT_EQ(design.memory_bits, (64u + 16 + 16) * 1024 * 8);  // SPM, ACC, instructions
  const auto block = std::find_if(design.blocks.begin(), design.blocks.end(),
                                  [](const Block& b) { return b.name == "hadal_vx_quant_lane"; });
  ASSERT_NE(block, design.blocks.end());
  const std::string text = load_liberty_text(kLibrary);
  const Liberty liberty = parse_liberty(text, kLibrary);
  const auto cells = parse_cells(text, kLibrary);
  const Synthesis s = synthesize(*block, liberty, cells, kLibrary, directory);
  // An exponent, a comparison and a rounding of 32 bits.
  EXPECT_GT(s.count.cells, 500);
  EXPECT_LT(s.count.cells, 10000);
  EXPECT_GT(s.count.area_um2, 1e4);
  EXPECT_GT(s.timing.longest_s, 0.5e-9);
  EXPECT_LT(s.timing.longest_s, 20e-9);
  EXPECT_GT(s.timing.active_w, s.timing.idle_w);
  const Synthesis again = synthesize(*block, liberty, cells, kLibrary, directory);
  EXPECT_EQ(again.wall_s, 0);  // it was there
  EXPECT_EQ(again.count.cells, s.count.cells);
}

}  // namespace
}  // namespace hadal::synth
