// Area and clock models; docs/plan.md has the derivations.
#include "plan/area.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "base/error.h"

namespace hadal::plan {
namespace {

constexpr double kTransistorsPerBit = 6;

int lanes_of(const AreaData& data, double link_bytes_per_s) {
  return static_cast<int>(std::ceil(link_bytes_per_s / data.link_lane_bandwidth.value));
}

}  // namespace

size_t density_class(const Process& process) {
  constexpr int kOldNm = 10;
  return process.lithography.starts_with("EUV") ? 0 : process.node_nm < kOldNm ? 1 : 2;
}

const Figure& utilisation(const AreaData& data, const Process& process) {
  return data.utilisation[density_class(process)];
}

double sram_efficiency(const AreaData& data, double bank_bytes) {
  const double overhead = 1 + data.sram_periphery.value / std::sqrt(8 * bank_bytes);
  return data.sram_placement.value / (overhead * overhead);
}

double edge_mm2(const AreaData& data, const Memory& memory, int stacks, double link_bytes_per_s, int hosts) {
  return stacks * memory.phy_area.value + lanes_of(data, link_bytes_per_s) * data.link_lane.value +
         hosts * data.host_interface.value;
}

AreaData load_area_data(const std::string& path, Ledger& ledger) {
  AreaData d;
  std::string synthesis;
  with_yaml_file(path, [&](const YAML::Node& node) {
    const chip::Section top(node, path, "",
                            {"name",
                             "synthesis",
                             "estimates",
                             "router",
                             "crossbar_growth",
                             "utilisation",
                             "sram_placement",
                             "sram_periphery",
                             "two_port_factor",
                             "die_overhead",
                             "host_interface",
                             "system",
                             "link_lane",
                             "link_lane_bandwidth",
                             "memory_edge",
                             "aspect_ratio",
                             "wire_derate",
                             "supply_energy",
                             "wire_energy",
                             "clock_gating",
                             "spm_energy",
                             "acc_energy",
                             "stack_background",
                             "die_background",
                             "cache_efficiency"});
    const std::string stem = fmt::format("areas/{}", std::filesystem::path(path).stem().string());
    d.file = path;
    d.name = top.text("name");
    synthesis = (std::filesystem::path(path).parent_path() / top.text("synthesis")).string();
    if (!std::filesystem::exists(synthesis))
      top.refuse("synthesis", fmt::format("{} is not there; give a file that `hadal synth --write` made", synthesis));
    const auto area = [&](std::string_view key) { return ledger.read(top, stem, key, Dimension::kArea, 0, 500); };
    const auto fraction = [&](std::string_view key, double low) {
      return ledger.read(top, stem, key, Dimension::kPercent, low, 1);
    };
    const chip::Section estimates =
        top.section("estimates", {"vector_lane", "special_lane", "crossbars", "control", "dma", "sender"});
    const auto estimate = [&](std::string_view key) {
      return ledger.read(estimates, stem, key, Dimension::kArea, 0, 10);
    };
    d.vector_lane = estimate("vector_lane");
    d.special_lane = estimate("special_lane");
    d.crossbars = estimate("crossbars");
    d.control = estimate("control");
    d.dma = estimate("dma");
    d.sender = estimate("sender");
    d.router = area("router");
    d.crossbar_growth = ledger.read(top, stem, "crossbar_growth", Dimension::kNone, 0, 3);
    const chip::Section reached = top.section("utilisation", {kDensityClasses.begin(), kDensityClasses.end()});
    for (size_t i = 0; i < kDensityClasses.size(); ++i) {
      // More than all of it where the quoted density is that of larger cells than a chip uses.
      d.utilisation[i] = ledger.read(reached, stem, kDensityClasses[i], Dimension::kPercent, 0.05, 4);
    }
    d.cache_efficiency = fraction("cache_efficiency", 0.05);
    d.sram_placement = fraction("sram_placement", 0.05);
    d.sram_periphery = ledger.read(top, stem, "sram_periphery", Dimension::kNone, 0, 1000);
    d.two_port_factor = ledger.read(top, stem, "two_port_factor", Dimension::kNone, 1, 4);
    d.die_overhead = fraction("die_overhead", 0);
    d.host_interface = area("host_interface");
    d.system = area("system");
    d.link_lane = area("link_lane");
    d.link_lane_bandwidth = ledger.read(top, stem, "link_lane_bandwidth", Dimension::kBytesPerSecond, 1e8, 1e12);
    d.memory_edge = ledger.read(top, stem, "memory_edge", Dimension::kMillimetre, 0.1, 50);
    d.aspect_ratio = ledger.read(top, stem, "aspect_ratio", Dimension::kNone, 1, 10);
    d.wire_derate = fraction("wire_derate", 0);
    d.supply_energy = ledger.read(top, stem, "supply_energy", Dimension::kNone, 0.1, 10);
    d.wire_energy = ledger.read(top, stem, "wire_energy", Dimension::kPercent, 0, 5);
    d.clock_gating = fraction("clock_gating", 0);
    const auto a_byte = [&](std::string_view key) {
      return ledger.read(top, stem, key, Dimension::kPicojoulePerByte, 0.01, 100);
    };
    d.spm_energy = a_byte("spm_energy");
    d.acc_energy = a_byte("acc_energy");
    const auto watt = [&](std::string_view key) { return ledger.read(top, stem, key, Dimension::kWatt, 0, 1000); };
    d.stack_background = watt("stack_background");
    d.die_background = watt("die_background");
  });
  d.synthesis = load_synthesis(synthesis, ledger);
  core_cells(chip::Chip{}, d);  // every block it needs is there
  return d;
}

ChipArea chip_area(const chip::Chip& chip, const Process& process, const AreaData& data, const Memory& memory,
                   int stacks, double link_bytes_per_s) {
  check(chip.runs_programs, "the area model needs the machine sections of {}", chip.name);
  const double reached = utilisation(data, process).value;
  const double logic = process.relative_area.value / reached;  // placed mm2 a mm2 of ASAP7 cells
  const double imem_bytes = chip.imem_instructions * 16.0;
  const int lanes = lanes_of(data, link_bytes_per_s);
  ChipArea a;
  double logic_mm2 = 0, sram_bits = 0;
  const auto add = [&](const char* name, int count, double each, bool in_core) {
    if (count > 0) a.parts.push_back({name, count, each, in_core});
  };
  const auto add_logic = [&](const char* name, double cells_mm2) {
    add(name, chip.cores, cells_mm2 * logic, true);
    logic_mm2 += chip.cores * cells_mm2 * logic;
  };
  // `bytes` in `banks` of one size; `factor` for more than one port.
  const auto add_sram = [&](const char* name, double bytes, double banks, double factor) {
    const double mm2 = bytes * 8 * process.sram_bitcell.value * factor / sram_efficiency(data, bytes / banks);
    add(name, chip.cores, bytes > 0 ? mm2 : 0, true);
    sram_bits += chip.cores * bytes * 8;
  };
  const CoreCells cells = core_cells(chip, data);
  add_logic("matrix unit", cells.matrix);
  add_logic("vector unit", cells.vector);
  add_sram("scratchpad", static_cast<double>(chip.spm.bytes), chip.spm.banks, 1);
  add_sram("accumulators", static_cast<double>(chip.acc.bytes), chip.acc.banks, data.two_port_factor.value);
  add_sram("instruction memory", imem_bytes, 1, 1);
  // Answers of DRAM come in any order and wait for their turn.
  add_sram("answer buffer", static_cast<double>(chip.dma.outstanding_requests) * chip.dma.burst_bytes, 1, 1);
  add_logic("memory crossbars", cells.crossbars);
  add_logic("control", cells.control);
  add_logic("DMA engines", cells.dma);
  add_logic("sender and router", cells.network);
  add("memory PHY and controller", stacks, memory.phy_area.value, false);
  add("link lane", lanes, data.link_lane.value, false);
  add("host interface", 1, data.host_interface.value, false);
  add("system", 1, data.system.value, false);
  double core_total = 0;
  for (const AreaPart& part : a.parts) {
    a.content_mm2 += part.total_mm2();
    if (part.in_core) core_total += part.total_mm2();
  }
  a.core_mm2 = core_total / chip.cores;
  a.parts.push_back({"overhead of the die", 1, a.content_mm2 * data.die_overhead.value, false});
  a.content_mm2 += a.parts.back().total_mm2();

  // Stacks stand along the two longer sides; a die may not be narrower than its aspect ratio allows.
  const double square = std::sqrt(a.content_mm2);
  const double edge = memory.is_stacked() ? std::ceil(stacks / 2.0) * data.memory_edge.value : 0;
  a.height_mm = std::max(square, edge);
  a.width_mm = std::max(a.content_mm2 / a.height_mm, a.height_mm / data.aspect_ratio.value);
  a.die_mm2 = a.width_mm * a.height_mm;
  a.edge_bound = a.die_mm2 > a.content_mm2 * 1.001;
  a.transistors = logic_mm2 * process.logic_density.value * 1e6 * reached + sram_bits * kTransistorsPerBit;
  return a;
}

double reachable_clock_hz(const Process& process, const AreaData& data) {
  return process.relative_speed.value / (slowest_block(data).path_s * (1 + data.wire_derate.value));
}

double fp8_flops(const chip::Chip& c, double clock_hz) {
  return 2.0 * c.cores * c.matrix.rows * c.matrix.cols * c.matrix.depth * clock_hz;
}

}  // namespace hadal::plan
