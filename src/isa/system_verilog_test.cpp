// The SystemVerilog package is the table's, and the one in rtl/ is current.
#include "isa/system_verilog.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace hadal::isa {
namespace {

TEST(SystemVerilog, SaysWhatTheTableSays) {
  const std::string text = system_verilog_package();
  for (const char* line :
       {"localparam int unsigned HEADER_OP_LSB = 122;", "localparam logic [5:0] OP_VALU = 6'h30;",
        "localparam int unsigned VALU_COLS_LSB = 14;", "localparam int unsigned VALU_COLS_WIDTH = 12;",
        "localparam logic [3:0] FUNC_VPRM_GATHER = 4'h5;", "localparam logic [7:0] FLAG_MMA_RSC = 8'h2;",
        "localparam logic [7:0] FLAG_VQNT_G32 = 8'h80;", "localparam logic [7:0] FLAG_VQNT_G32_MASK = 8'hc0;",
        "localparam logic [4:0] CFG_VX_EMIN = 5'he;", "localparam logic [2:0] UNIT_VX = 3'h5;",
        "localparam logic [1:0] VALU_BC_SCALAR = 2'h3;"}) {
    EXPECT_NE(text.find(line), std::string::npos) << line;
  }
}

TEST(SystemVerilog, NamesAreUnique) {
  std::istringstream lines(system_verilog_package());
  std::set<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    const size_t equals = line.find(" = ");
    if (line.find("localparam") == std::string::npos) continue;
    const size_t start = line.rfind(' ', equals - 1) + 1;
    EXPECT_TRUE(names.insert(line.substr(start, equals - start)).second) << line;
  }
  EXPECT_GT(names.size(), 300u);
}

TEST(SystemVerilog, PackageOfTheRtlIsCurrent) {
  std::ifstream file(std::string(HADAL_SOURCE_DIR) + "/rtl/hadal_isa_pkg.sv");
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_EQ(text.str(), system_verilog_package()) << "write it anew: hadal isa --system-verilog > rtl/hadal_isa_pkg.sv";
}

}  // namespace
}  // namespace hadal::isa
