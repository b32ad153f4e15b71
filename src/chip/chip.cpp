// Reading a chip description: the schema, its units and the rules a chip must obey.
#include "chip/chip.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <numeric>

#include "base/error.h"
#include "base/mapped_file.h"
#include "chip/performance.h"
#include "chip/section.h"

namespace hadal::chip {
namespace {

constexpr int64_t kLine = 64;                // bytes of a line: the unit of every local and DRAM address
constexpr int64_t kMaxCores = 48;            // a core mask is one 48-bit register
constexpr int64_t kMaxLocalLines = 1 << 15;  // line offsets have 15 bits
constexpr int64_t kInstructionBytes = 16;
constexpr int64_t kLanes = 128;  // architectural lanes of reductions
constexpr int64_t kGroup = 128;  // elements of k per fix-up
constexpr int64_t kSmallestGroup = 32;
constexpr int64_t kMi = 1024 * 1024;
constexpr double kHuge = 1e15;

Matrix read_matrix(const Section& s) {
  Matrix m;
  m.rows = static_cast<int>(s.count("rows", 1, 256));
  m.cols = static_cast<int>(s.count("columns", 1, 256));
  m.depth = static_cast<int>(s.count("depth", 1, 32));
  m.latency_cycles = static_cast<int>(s.whole("latency", Dimension::kCycles, 0, 10000));
  if (kSmallestGroup % m.depth != 0) {
    s.refuse("depth", fmt::format("{} does not divide the smallest group of 32; use 1, 2, 4, 8, 16 or 32", m.depth));
  }
  if (32 % m.cols != 0 && m.cols % 32 != 0) {
    s.refuse("columns", fmt::format("{} neither divides 32 nor is a multiple of it, the unit of n in MMA", m.cols));
  }
  // Fix-ups of a column keep up with its dot units only if R x Kd <= 128 f for a whole number f of fix-up lanes.
  const int64_t step = int64_t{m.rows} * m.depth;
  if (step > kGroup && step % kGroup != 0) {
    s.refuse("rows",
             fmt::format("rows x depth = {} is more than 128 but not a multiple of it, so no whole number of fix-up "
                         "lanes a column keeps up; with depth {} use rows in steps of {}",
                         step, m.depth, kGroup / m.depth));
  }
  return m;
}

Vector read_vector(const Section& s) {
  Vector v;
  v.lanes = static_cast<int>(s.count("lanes", 1, kLanes));
  v.sfu_divisor = static_cast<int>(s.count("sfu_divisor", 1, kLanes));
  v.latency_cycles = static_cast<int>(s.whole("latency", Dimension::kCycles, 0, 10000));
  if (kLanes % v.lanes != 0) {
    s.refuse("lanes",
             fmt::format("{} does not divide the 128 architectural lanes; use 1, 2, 4, 8, 16, 32, 64 or 128", v.lanes));
  }
  if (v.lanes % v.sfu_divisor != 0) {
    s.refuse("sfu_divisor", fmt::format("{} does not divide the {} lanes", v.sfu_divisor, v.lanes));
  }
  return v;
}

Scratch read_scratch(const Section& s) {
  Scratch scratch;
  scratch.bytes = static_cast<uint64_t>(s.whole("size", Dimension::kBytes, 1024, kMaxLocalLines * kLine));
  scratch.banks = static_cast<int>(s.count("banks", 1, 1024));
  scratch.bank_bytes = static_cast<int>(s.whole("bank_width", Dimension::kBytes, 4, 1024));
  if (scratch.bank_bytes % 4 != 0) s.refuse("bank_width", "must be a whole number of 4-byte words");
  const auto stripe = static_cast<uint64_t>(scratch.banks) * static_cast<uint64_t>(scratch.bank_bytes);
  const uint64_t unit = std::lcm(stripe, uint64_t{kLine});
  if (scratch.bytes % unit != 0) {
    s.refuse("size",
             fmt::format("{} bytes are not a multiple of banks x bank_width = {} x {} = {} and of the 64-byte line; "
                         "the nearest smaller size is {} B",
                         scratch.bytes, scratch.banks, scratch.bank_bytes, stripe, scratch.bytes / unit * unit));
  }
  return scratch;
}

Dma read_dma(const Section& s) {
  Dma dma;
  dma.bytes_per_cycle = static_cast<int>(s.whole("port", Dimension::kBytesPerCycle, 1, 4096));
  dma.outstanding_requests = static_cast<int>(s.count("outstanding", 1, 1 << 20));
  dma.burst_bytes = static_cast<int>(s.whole("burst", Dimension::kBytes, kLine, 1 << 20));
  dma.setup_cycles = static_cast<int>(s.whole("setup", Dimension::kCycles, 0, 10000));
  if (dma.burst_bytes % kLine != 0)
    s.refuse("burst", fmt::format("{} B is not a multiple of the 64-byte line", dma.burst_bytes));
  return dma;
}

Noc read_noc(const Section& s, int cores) {
  Noc noc;
  noc.topology = s.text("topology");
  if (noc.topology != "mesh") s.refuse("topology", fmt::format("'{}' is unknown; known is mesh", noc.topology));
  noc.columns = static_cast<int>(s.count("columns", 1, kMaxCores));
  noc.bytes_per_cycle = static_cast<int>(s.whole("link", Dimension::kBytesPerCycle, 1, 4096));
  noc.hop_cycles = static_cast<int>(s.whole("hop", Dimension::kCycles, 1, 1000));
  noc.setup_cycles = static_cast<int>(s.whole("setup", Dimension::kCycles, 0, 10000));
  if (cores % noc.columns != 0) {
    s.refuse("columns", fmt::format("{} does not divide the {} cores: the mesh must be full", noc.columns, cores));
  }
  return noc;
}

DramSystem read_dram(const Section& s) {
  DramSystem d;
  const auto seconds = [&](std::string_view key) { return s.quantity(key, Dimension::kSeconds, 1e-12, 1e-3); };
  d.standard = s.text("standard");
  d.bytes = static_cast<uint64_t>(s.whole("capacity", Dimension::kBytes, kMi, int64_t{1} << 50));
  d.channels = static_cast<int>(s.count("channels", 1, 1 << 16));
  d.banks = static_cast<int>(s.count("banks", 1, 1024));
  d.row_bytes = static_cast<uint64_t>(s.whole("row", Dimension::kBytes, kLine, kMi));
  d.burst_bytes = static_cast<int>(s.whole("burst", Dimension::kBytes, 1, 4096));
  d.channel_bytes_per_s = s.quantity("channel_bandwidth", Dimension::kBytesPerSecond, 1e6, 1e13);
  d.t_rcd_s = seconds("t_rcd");
  d.t_rp_s = seconds("t_rp");
  d.t_cl_s = seconds("t_cl");
  d.t_ras_s = seconds("t_ras");
  d.t_rfc_s = seconds("t_rfc");
  d.t_refi_s = seconds("t_refi");
  d.controller_cycles = static_cast<int>(s.whole("controller_latency", Dimension::kCycles, 0, 100000));
  if (d.row_bytes % kLine != 0) s.refuse("row", fmt::format("{} B is not a multiple of the 64-byte line", d.row_bytes));
  if (d.row_bytes % static_cast<uint64_t>(d.burst_bytes) != 0) {
    s.refuse("burst", fmt::format("{} B does not divide the row of {} B", d.burst_bytes, d.row_bytes));
  }
  const uint64_t stripe = static_cast<uint64_t>(d.channels) * static_cast<uint64_t>(d.banks) * d.row_bytes;
  if (d.bytes % stripe != 0) {
    s.refuse("capacity",
             fmt::format("{} bytes are not a whole number of rows in every bank: channels x banks x row = {} x {} x "
                         "{} B",
                         d.bytes, d.channels, d.banks, d.row_bytes));
  }
  if (d.t_ras_s < d.t_rcd_s) s.refuse("t_ras", "a row cannot close before it is open: t_ras must be at least t_rcd");
  if (d.t_refi_s <= d.t_rfc_s) s.refuse("t_refi", "refresh would take all the time: t_refi must exceed t_rfc");
  return d;
}

Energy read_energy(const Section& s) {
  Energy e;
  const auto pj = [&](std::string_view key) { return s.quantity(key, Dimension::kPicojoule, 0, kHuge); };
  const auto pj_per_byte = [&](std::string_view key) {
    return s.quantity(key, Dimension::kPicojoulePerByte, 0, kHuge);
  };
  e.mac_pj = pj("mac");
  e.fixup_pj = pj("fixup");
  e.vector_op_pj = pj("vector_op");
  e.spm_pj_per_byte = pj_per_byte("spm");
  e.acc_pj_per_byte = pj_per_byte("acc");
  e.noc_pj_per_byte_hop = pj_per_byte("noc_hop");
  e.dram_pj_per_byte = pj_per_byte("dram");
  e.instruction_pj = pj("instruction");
  e.static_w = s.quantity("static", Dimension::kWatt, 0, kHuge);
  return e;
}

constexpr const char* kMachineKeys[] = {
    "instruction_memory", "fifo_depth", "matrix", "vector", "spm", "acc", "dma", "noc", "dram", "energy"};

// The sections that compiler and simulators need.
void read_machine(const Section& top, Chip& chip) {
  const int64_t imem = top.whole("instruction_memory", Dimension::kBytes, kInstructionBytes, kMi);
  if (imem % kInstructionBytes != 0) top.refuse("instruction_memory", "must be a whole number of 16-byte instructions");
  chip.imem_instructions = static_cast<int>(imem / kInstructionBytes);
  chip.fifo_depth = static_cast<int>(top.count("fifo_depth", 1, 1024));
  chip.matrix = read_matrix(top.section("matrix", {"rows", "columns", "depth", "latency"}));
  chip.vector = read_vector(top.section("vector", {"lanes", "sfu_divisor", "latency"}));
  chip.spm = read_scratch(top.section("spm", {"size", "banks", "bank_width"}));
  chip.acc = read_scratch(top.section("acc", {"size", "banks", "bank_width"}));
  chip.dma = read_dma(top.section("dma", {"port", "burst", "outstanding", "setup"}));
  chip.noc = read_noc(top.section("noc", {"topology", "columns", "link", "hop", "setup"}), chip.cores);
  chip.dram =
      read_dram(top.section("dram", {"standard", "capacity", "channels", "banks", "row", "burst", "channel_bandwidth",
                                     "t_rcd", "t_rp", "t_cl", "t_ras", "t_rfc", "t_refi", "controller_latency"}));
  chip.energy = read_energy(
      top.section("energy", {"mac", "fixup", "vector_op", "spm", "acc", "noc_hop", "dram", "instruction", "static"}));
}

// A description with a `performance` section stands for a chip that others make; all others run programs.
Chip read_chip(const YAML::Node& node, const std::string& file, Bound bound) {
  const bool described_only = node.IsMap() && node["performance"].IsDefined();
  std::vector<std::string_view> keys{"name", "description", "process", "cores", "clock"};
  if (described_only) {
    keys.emplace_back("performance");
  } else {
    keys.insert(keys.end(), std::begin(kMachineKeys), std::end(kMachineKeys));
  }
  const Section top(node, file, "", keys, {"links"});
  Chip chip;
  chip.file = file;
  chip.name = top.text("name");
  chip.description = top.text("description");
  chip.process = top.text("process");
  chip.clock_hz = top.quantity("clock", Dimension::kHertz, 1e6, 1e11);
  chip.runs_programs = !described_only;
  if (described_only) {
    chip.cores = static_cast<int>(top.count("cores", 1, 1 << 20));
    read_performance(top, bound, chip);
  } else {
    chip.cores = static_cast<int>(top.count("cores", 1, kMaxCores));
    read_machine(top, chip);
    chip.performance = derive_performance(chip);
  }
  if (top.has("links")) read_links(top, bound, chip);
  return chip;
}

}  // namespace

Chip parse_any(std::string_view text, const std::string& file, Bound bound) {
  try {
    return read_chip(YAML::Load(std::string(text)), file, bound);
  } catch (const YAML::Exception& error) {
    const std::string line = error.mark.is_null() ? "" : fmt::format(":{}", error.mark.line + 1);
    input_error(file + line, "not valid YAML: {}", error.msg);
  }
}

Chip parse(std::string_view text, const std::string& file) {
  Chip chip = parse_any(text, file);
  if (!chip.runs_programs) {
    input_error(file,
                "describes a chip by its performance only; running programs needs one with matrix, spm, dma and "
                "the other sections of chips/hadal-1.yaml");
  }
  return chip;
}

Chip load(const std::string& path) { return parse(MappedFile::open(path).text(), path); }

Chip load_any(const std::string& path, Bound bound) { return parse_any(MappedFile::open(path).text(), path, bound); }

}  // namespace hadal::chip
