// Chip descriptions: the two that ship, and every rule a description can break.
#include "chip/chip.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/mapped_file.h"

namespace hadal::chip {
namespace {

std::string shipped(const std::string& name) { return std::string(HADAL_SOURCE_DIR) + "/chips/" + name + ".yaml"; }

std::string refusal(const std::string& text) {
  try {
    parse(text, "c.yaml");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "";
}

// The shipped description with one line replaced.
std::string edited(const std::string& from, const std::string& to) {
  std::string text(MappedFile::open(shipped("hadal-1")).text());
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void expect_refusal(const std::string& from, const std::string& to, const std::string& message) {
  const std::string found = refusal(edited(from, to));
  EXPECT_NE(found.find(message), std::string::npos) << "got: " << found << "\nexpected: " << message;
  EXPECT_EQ(found.rfind("c.yaml:", 0), 0u) << found;
}

TEST(Chip, ProductConfiguration) {
  const Chip c = load(shipped("hadal-1"));
  EXPECT_EQ(c.name, "hadal-1");
  EXPECT_EQ(c.file, shipped("hadal-1"));
  EXPECT_EQ(c.process, "smic-n2");
  EXPECT_EQ(c.cores, 48);
  EXPECT_DOUBLE_EQ(c.clock_hz, 1.2e9);
  EXPECT_EQ(c.imem_instructions, 1024);
  EXPECT_EQ(c.fifo_depth, 8);
  EXPECT_EQ(c.matrix.rows, 32);
  EXPECT_EQ(c.matrix.cols, 32);
  EXPECT_EQ(c.matrix.depth, 16);
  EXPECT_EQ(c.vector.lanes, 128);
  EXPECT_EQ(c.spm.bytes, 1u << 20);
  EXPECT_EQ(c.acc.bytes, 256u << 10);
  EXPECT_EQ(c.noc.columns, 8);
  // Enough bursts in flight to cover a latency of 1000 cycles at full rate.
  EXPECT_GE(c.dma.outstanding_requests * c.dma.burst_bytes, 1000 * c.dma.bytes_per_cycle);
  // DRAM at 90 % of its peak feeds every port.
  const double ports = c.cores * c.dma.bytes_per_cycle * c.clock_hz;
  EXPECT_NEAR(0.9 * c.dram.channels * c.dram.channel_bytes_per_s / ports, 1.0, 0.001);
  EXPECT_EQ(c.dram.bytes, uint64_t{80} << 30);
  EXPECT_DOUBLE_EQ(c.energy.dram_pj_per_byte, 44);
  EXPECT_DOUBLE_EQ(c.energy.mac_pj, 0.55);
}

TEST(Chip, VerifiedConfiguration) {
  const Chip c = load(shipped("hadal-rtl"));
  EXPECT_EQ(c.cores, 1);
  EXPECT_EQ(c.matrix.rows * c.matrix.cols * c.matrix.depth, 1024);
  EXPECT_EQ(c.vector.lanes, 16);
  EXPECT_EQ(c.spm.bytes, 64u << 10);
  EXPECT_EQ(c.acc.bytes, 16u << 10);
  EXPECT_EQ(c.dram.channels, 1);
}

TEST(Chip, NamesFileLineAndNearestKey) {
  EXPECT_EQ(refusal(edited("cores: 48", "corse: 48")), "c.yaml:6: unknown key 'corse'; did you mean 'cores'?");
  EXPECT_EQ(refusal(edited("  rows: 32\n", "  row: 32\n")),
            "c.yaml:12: unknown key 'matrix.row'; did you mean 'rows'?");
  expect_refusal("fifo_depth: 8", "", "missing key 'fifo_depth'");
  expect_refusal("  depth: 16\n", "", "missing key 'matrix.depth'");
  expect_refusal("fifo_depth: 8", "fifo_depth: 8\nfifo_depth: 9", "key 'fifo_depth' is given twice");
}

TEST(Chip, WantsUnits) {
  EXPECT_EQ(refusal(edited("clock: 1.2 GHz", "clock: 1.2")),
            "c.yaml:7: clock: '1.2' has no unit; units are Hz, kHz, MHz, GHz");
  expect_refusal("size: 1 MiB", "size: 1 MB", "spm.size: unit 'MB' is not one of B, KiB, MiB, GiB");
  expect_refusal("t_rp: 14.4 ns", "t_rp: 14.4 cycles", "dram.t_rp: unit 'cycles' is not one of s, ms, us, ns, ps");
  expect_refusal("dram: 5.5 pJ/bit", "dram: 5.5 pJ", "energy.dram: unit 'pJ' is not one of pJ/B, pJ/bit");
  expect_refusal("cores: 48", "cores: 48 cores", "cores: '48 cores' is not a whole number");
  expect_refusal("port: 64 B/cycle", "port: 0.5 B/cycle", "dma.port: 0.5 B/cycle is out of range");
  expect_refusal("port: 64 B/cycle", "port: 64.5 B/cycle", "dma.port: '64.5 B/cycle' is not a whole number");
}

TEST(Chip, RefusesImpossibleValues) {
  expect_refusal("cores: 48", "cores: 0", "cores: 0 is out of range; it must be from 1 to 48");
  expect_refusal("cores: 48", "cores: 49", "cores: 49 is out of range; it must be from 1 to 48");
  expect_refusal("cores: 48", "cores: 47", "noc.columns: 8 does not divide the 47 cores");
  expect_refusal("lanes: 128", "lanes: 96", "vector.lanes: 96 does not divide the 128 architectural lanes");
  expect_refusal("sfu_divisor: 4", "sfu_divisor: 3", "vector.sfu_divisor: 3 does not divide the 128 lanes");
  expect_refusal("size: 1 MiB", "size: 1048577 B",
                 "spm.size: 1048577 bytes are not a multiple of banks x bank_width = 32 x 32");
  expect_refusal("size: 1 MiB", "size: 1048577 B", "the nearest smaller size is 1048576 B");
  expect_refusal("size: 1 MiB", "size: 4 MiB", "spm.size: 4 MiB is out of range");
  expect_refusal("depth: 16", "depth: 12", "matrix.depth: 12 does not divide the smallest group of 32");
  expect_refusal("  columns: 32", "  columns: 48", "matrix.columns: 48 neither divides 32");
  expect_refusal("  rows: 32", "  rows: 30", "matrix.rows: rows x depth = 480 is more than 128 but not a multiple");
  expect_refusal("topology: mesh", "topology: torus", "noc.topology: 'torus' is unknown; known is mesh");
  expect_refusal("burst: 256 B", "burst: 100 B", "dma.burst: 100 B is not a multiple of the 64-byte line");
  expect_refusal("capacity: 80 GiB", "capacity: 81 MiB",
                 "dram.capacity: 84934656 bytes are not a whole number of rows");
  expect_refusal("burst: 32 B", "burst: 48 B", "dram.burst: 48 B does not divide the row of 1024 B");
  expect_refusal("t_ras: 34.4 ns", "t_ras: 3 ns", "dram.t_ras: a row cannot close before it is open");
  expect_refusal("t_refi: 3.9 us", "t_refi: 300 ns", "dram.t_refi: refresh would take all the time");
  expect_refusal("mac: 0.55 pJ", "mac: -1 pJ", "energy.mac: -1 pJ is out of range");
}

TEST(Chip, RefusesBrokenYaml) {
  EXPECT_EQ(refusal(""), "c.yaml: a mapping of keys is needed here");
  EXPECT_EQ(refusal("- 1\n"), "c.yaml:1: a mapping of keys is needed here");
  EXPECT_EQ(refusal("a: [1\nb: 2\n").rfind("c.yaml:2: not valid YAML: ", 0), 0u) << refusal("a: [1\nb: 2\n");
  const std::string whole(MappedFile::open(shipped("hadal-1")).text());
  const std::string cut = whole.substr(0, whole.find("\nenergy:")) + "\nenergy: 3\n";
  EXPECT_NE(refusal(cut).find(": energy: a mapping of keys is needed here"), std::string::npos) << refusal(cut);
  expect_refusal("clock: 1.2 GHz", "clock: [1, 2]", "clock: a single value is needed");
}

}  // namespace
}  // namespace hadal::chip
