// Sizes of a chip as SystemVerilog constants.
#include "verify/packages.h"

#include <fmt/format.h>

#include <bit>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "isa/isa.h"
#include "isa/system_verilog.h"

namespace hadal::verify {
namespace {

constexpr int kLine = isa::kLineBytes;
constexpr int kPieceBytes = 32;      // banks are half a line wide: what the matrix unit reads at a time
constexpr int kOperandPieces = 4;    // it reads this many of each operand a cycle
constexpr int kFixupProducts = 128;  // one fix-up lane for this many multipliers

void require(const chip::Chip& chip, bool holds, const std::string& what) {
  if (!holds) input_error(chip.file, "the RTL needs {}", what);
}

void check_buildable(const chip::Chip& chip) {
  const auto power = [](int value) { return value > 0 && std::has_single_bit(static_cast<unsigned>(value)); };
  const chip::Matrix& m = chip.matrix;
  require(chip, power(m.rows) && m.rows >= 2 && m.rows <= 8, "2 to 8 matrix rows, a power of two");
  require(chip, m.cols == 8, "8 matrix columns: half a line of accumulators");
  require(chip, power(m.depth) && m.depth >= 4 && m.depth <= 32, "a matrix depth of 4 to 32, a power of two");
  require(chip, m.rows * m.cols * m.depth / kFixupProducts <= m.cols, "at most one fix-up lane a matrix column");
  for (const chip::Scratch* memory : {&chip.spm, &chip.acc}) {
    require(chip, memory->bank_bytes == kPieceBytes, "spm and acc banks of 32 B");
    require(chip, power(memory->banks) && memory->banks >= kOperandPieces, "4, 8, 16... banks in spm and acc");
    require(chip, std::has_single_bit(memory->bytes), "spm and acc of a power of two bytes");
  }
  require(chip, chip.dma.bytes_per_cycle == kLine && chip.dma.burst_bytes == kLine, "a dma port and bursts of 64 B");
  require(chip, power(chip.dma.outstanding_requests) && chip.dma.outstanding_requests <= 64,
          "2, 4 ... 64 outstanding dma requests");
  require(chip, power(chip.imem_instructions) && chip.imem_instructions >= 64, "instruction memory of a power of two");
  require(chip, power(chip.fifo_depth), "a fifo_depth of a power of two");
  require(chip,
          chip.dma.setup_cycles >= 2 && chip.dma.setup_cycles <= 17 && chip.noc.setup_cycles >= 2 &&
              chip.noc.setup_cycles <= 17,
          "2 to 17 setup cycles of dma and noc");
}

}  // namespace

std::string chip_package(const chip::Chip& chip) {
  check_buildable(chip);
  std::string text = fmt::format(
      "// Generated from the description of {} by `hadal verify --write-packages`; not edited.\n"
      "/* verilator lint_off UNUSEDPARAM */\n"
      "package hadal_chip_pkg;\n",
      chip.name);
  const auto number = [&](const char* name, uint64_t value) {
    text += fmt::format("  localparam int {} = {};\n", name, value);
  };
  const auto size = [&](const char* name, int value) { number(name, static_cast<uint64_t>(value)); };
  size("Cores", chip.cores);
  size("ImemInstructions", chip.imem_instructions);
  size("FifoDepth", chip.fifo_depth);
  size("MmRows", chip.matrix.rows);
  size("MmCols", chip.matrix.cols);
  size("MmDepth", chip.matrix.depth);
  size("VxLanes", chip.vector.lanes);
  size("VxSfuDivisor", chip.vector.sfu_divisor);
  number("SpmLines", chip.spm.bytes / kLine);
  size("SpmBanks", chip.spm.banks);
  number("AccLines", chip.acc.bytes / kLine);
  size("AccBanks", chip.acc.banks);
  size("DmaOutstanding", chip.dma.outstanding_requests);
  size("DmaSetup", chip.dma.setup_cycles);
  size("NocSetup", chip.noc.setup_cycles);
  return text + "endpackage\n/* verilator lint_on UNUSEDPARAM */\n";
}

void write_packages(const chip::Chip& chip, const std::string& directory) {
  const std::string chip_text = chip_package(chip);  // before anything is written
  std::error_code ignored;
  std::filesystem::create_directories(directory, ignored);
  const auto write = [&](const char* name, const std::string& text) {
    const std::string path = directory + "/" + name;
    std::ofstream out(path);
    out << text;
    if (!out.flush()) input_error(path, "cannot be written; give a directory that can");
  };
  write("hadal_isa_pkg.sv", isa::system_verilog_package());
  write("hadal_chip_pkg.sv", chip_text);
}

}  // namespace hadal::verify
