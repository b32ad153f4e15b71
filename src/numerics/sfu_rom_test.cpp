// The SFU tables in rtl/ are the ones in sfu_tables.h.
#include "numerics/sfu_rom.h"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

namespace hadal::num {
namespace {

TEST(SfuRom, ModuleOfTheRtlIsCurrent) {
  std::ifstream file(std::string(HADAL_SOURCE_DIR) + "/rtl/vx/hadal_vx_sfu_rom.sv");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), sfu_rom_system_verilog()) << "write it anew: hadal isa --sfu-rom > rtl/vx/hadal_vx_sfu_rom.sv";
}

}  // namespace
}  // namespace hadal::num
