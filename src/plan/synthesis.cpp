// Reads what synthesis measured, and grows the blocks of the core that was synthesised into those of a described chip.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <optional>

#include "base/error.h"
#include "plan/area.h"

namespace hadal::plan {
namespace {

constexpr double kMacsPerFixup = 128;

}  // namespace

SynthesisData load_synthesis(const std::string& path, Ledger& ledger) {
  SynthesisData d;
  with_yaml_file(path, [&](const YAML::Node& node) {
    const chip::Section top(
        node, path, "",
        {"name", "library", "voltage", "measured", "size", "counts", "areas", "paths", "energies", "clocks"},
        {"working", "resting"});
    const std::string stem = fmt::format("areas/{}", std::filesystem::path(path).stem().string());
    d.file = path;
    d.name = top.text("name");
    d.library = top.text("library");
    const chip::Section size =
        top.section("size", {"rows", "columns", "depth", "lanes", "special_lanes", "spm_banks", "acc_banks"});
    const auto count = [&](std::string_view key) { return static_cast<int>(size.count(key, 1, 4096)); };
    d.rows = count("rows");
    d.columns = count("columns");
    d.depth = count("depth");
    d.lanes = count("lanes");
    d.special_lanes = count("special_lanes");
    d.spm_banks = count("spm_banks");
    d.acc_banks = count("acc_banks");
    const chip::Section counts = top.free_section("counts");
    const chip::Section areas = top.free_section("areas"), paths = top.free_section("paths"),
                        energies = top.free_section("energies"), clocks = top.free_section("clocks");
    const auto if_there = [&](std::string_view key) {
      return top.has(key) ? std::optional(top.free_section(key)) : std::nullopt;
    };
    const std::optional<chip::Section> working = if_there("working"), resting = if_there("resting");
    for (const std::string& name : top.names("areas")) {
      SynthesisData::Measured m;
      m.count = static_cast<int>(counts.count(name, 1, 1 << 20));
      // A block may be wires alone.
      m.area = ledger.read(areas, stem, name, Dimension::kArea, 0, 10);
      m.path = ledger.read(paths, stem + ".path", name, Dimension::kSeconds, 0, 1e-6);
      m.energy = ledger.read(energies, stem + ".energy", name, Dimension::kPicojoule, 0, 1e6);
      m.clock = ledger.read(clocks, stem + ".clock", name, Dimension::kPicojoule, 0, 1e6);
      if (m.clock.value > m.energy.value) clocks.refuse(name, "is more than the energy of a cycle at full rate");
      // Gates may cost a block more than they save it.
      if (working && working->has(name))
        m.working = ledger.read(*working, stem + ".working", name, Dimension::kPercent, 0, 1.5);
      if (resting && resting->has(name))
        m.resting = ledger.read(*resting, stem + ".resting", name, Dimension::kPercent, 0, 1.5);
      d.blocks.emplace(name, std::move(m));
    }
    if (d.blocks.empty()) top.refuse("areas", "has no block; write the file anew with `hadal synth --write`");
  });
  return d;
}

const SynthesisData::Measured& SynthesisData::block(const std::string& block_name) const {
  const auto found = blocks.find(block_name);
  if (found == blocks.end()) input_error(file, "has no block {}; write it anew with `hadal synth --write`", block_name);
  return found->second;
}

bool SynthesisData::has(std::initializer_list<const char*> names) const {
  return std::all_of(names.begin(), names.end(), [&](const char* each) { return blocks.contains(each); });
}

namespace {

using Measured = SynthesisData::Measured;

// One figure of every block, grown from the core that was synthesised to that of `chip`: `of` says which. Groups of
// which not all blocks were measured take their estimated area times what the measured ones have for an mm2.
CoreCells grown(const chip::Chip& chip, const AreaData& data, const std::function<double(const Measured&)>& of) {
  const SynthesisData& s = data.synthesis;
  const auto each = [&](const char* name) { return of(s.block(name)); };
  const auto all = [&](const char* name) { return s.block(name).count * each(name); };
  const auto sum = [&](auto... names) { return (all(names) + ...); };
  // Of an mm2 of the measured blocks whose names begin so; of all blocks where there are none.
  const auto an_mm2 = [&](std::string_view prefix) {
    double value = 0, area = 0;
    for (const bool any : {false, true}) {
      for (const auto& [name, m] : s.blocks) {
        if (!any && !name.starts_with(prefix)) continue;
        value += m.count * of(m);
        area += m.count * m.area.value;
      }
      if (area > 0) break;
    }
    return area > 0 ? value / area : 0;
  };
  const double rows = chip.matrix.rows, columns = chip.matrix.cols, depth = chip.matrix.depth;
  const double sides = (rows + columns) / (s.rows + s.columns);
  CoreCells c;
  c.matrix = rows * columns * each("mm_dot") * depth / s.depth +
             rows * columns * depth / kMacsPerFixup * each("mm_fix") + (rows + columns) * each("mm_lane") +
             all("mm_grid") * sides * depth / s.depth + all("mm_drain") * rows * columns / (s.rows * s.columns) +
             sum("mm_buffers", "mm_a_fetch", "mm_b_fetch", "hadal_mm") * sides;
  const double lanes = chip.vector.lanes, special = lanes / chip.vector.sfu_divisor;
  if (s.has({"hadal_vx_lane", "hadal_vx_lanes", "hadal_vx_quant_lane", "hadal_vx_quant", "hadal_vx_sum", "hadal_vx_max",
             "hadal_vx_transpose", "hadal_vx_compress", "hadal_vx_hist", "hadal_vx_read", "hadal_vx_write",
             "hadal_vx_exec", "hadal_vx_sfu_lane", "hadal_vx_sfu", "hadal_vx_ctrl", "hadal_vx"})) {
    c.vector = sum("hadal_vx_lane", "hadal_vx_lanes", "hadal_vx_quant_lane", "hadal_vx_quant", "hadal_vx_sum",
                   "hadal_vx_max", "hadal_vx_transpose", "hadal_vx_compress", "hadal_vx_hist", "hadal_vx_read",
                   "hadal_vx_write", "hadal_vx_exec") *
                   lanes / s.lanes +
               sum("hadal_vx_sfu_lane", "hadal_vx_sfu") * special / s.special_lanes + sum("hadal_vx_ctrl", "hadal_vx");
  } else {
    c.vector = (lanes * data.vector_lane.value + special * data.special_lane.value) * an_mm2("hadal_vx");
    c.estimated.emplace_back("vector unit");
  }
  const auto growth = [&](int banks, int measured) {
    return std::pow(static_cast<double>(banks) / measured, data.crossbar_growth.value);
  };
  if (s.has({"hadal_mem_spm", "hadal_mem_acc"})) {
    c.crossbars = all("hadal_mem_spm") * growth(chip.spm.banks, s.spm_banks) +
                  all("hadal_mem_acc") * growth(chip.acc.banks, s.acc_banks);
  } else {
    c.crossbars = data.crossbars.value * growth(chip.spm.banks, s.spm_banks) * an_mm2("hadal_mem");
    c.estimated.emplace_back("memory crossbars");
  }
  const bool queues = std::any_of(s.blocks.begin(), s.blocks.end(),
                                  [](const auto& block) { return block.first.starts_with("hadal_queue"); });
  if (queues && s.has({"hadal_ctl", "hadal_fetch", "hadal_sem", "hadal_core"})) {
    c.control = sum("hadal_ctl", "hadal_fetch", "hadal_sem", "hadal_core");
    for (const auto& [name, measured] : s.blocks) {
      if (name.starts_with("hadal_queue")) c.control += measured.count * of(measured);
    }
  } else {
    c.control = data.control.value * an_mm2("hadal_c");
    c.estimated.emplace_back("control");
  }
  if (s.has({"hadal_ld", "hadal_st"})) {
    c.dma = sum("hadal_ld", "hadal_st");
  } else {
    c.dma = data.dma.value * an_mm2("hadal_ld");
    c.estimated.emplace_back("DMA engines");
  }
  if (s.has({"hadal_nx", "hadal_outbox"})) {
    c.network = sum("hadal_nx", "hadal_outbox") + data.router.value * an_mm2("hadal_nx");
  } else {
    c.network = (data.sender.value + data.router.value) * an_mm2("hadal_nx");
    c.estimated.emplace_back("sender and router");
  }
  return c;
}

}  // namespace

CoreCells core_cells(const chip::Chip& chip, const AreaData& data) {
  return grown(chip, data, [](const Measured& m) { return m.area.value; });
}

CoreCells core_clock_pj(const chip::Chip& chip, const AreaData& data, Clocked when) {
  const bool work = when == Clocked::kAtWork;
  const double otherwise = work ? 1 : 1 - data.clock_gating.value;
  return grown(chip, data, [&](const Measured& m) {
    const std::optional<Figure>& left = work ? m.working : m.resting;
    return m.clock.value * (left ? left->value : otherwise);
  });
}

CoreCells core_data_pj(const chip::Chip& chip, const AreaData& data) {
  return grown(chip, data, [](const Measured& m) { return m.energy.value - m.clock.value; });
}

SlowestBlock slowest_block(const AreaData& data) {
  SlowestBlock slowest;
  for (const auto& [name, measured] : data.synthesis.blocks) {
    if (measured.path.value > slowest.path_s) slowest = {name, measured.path.value};
  }
  return slowest;
}

}  // namespace hadal::plan
