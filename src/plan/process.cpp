// Reading a process description.
#include "plan/process.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/mapped_file.h"

namespace hadal::plan {

Process parse_process(std::string_view text, const std::string& file, Ledger& ledger) {
  Process p;
  with_yaml(text, file, [&](const YAML::Node& node) {
    const chip::Section top(node, file, "", {"name",           "foundry",          "lithography",
                                             "node_nm",        "non_planar",       "availability",
                                             "logic_density",  "sram_bitcell",     "relative_area",
                                             "relative_speed", "relative_energy",  "relative_sram_energy",
                                             "wafer_diameter", "wafer_price",      "defect_density",
                                             "clustering",     "systematic_yield", "mask_set",
                                             "design_cost",    "fabrication"});
    const std::string stem = std::filesystem::path(file).stem().string();
    const auto read = [&](std::string_view key, Dimension dimension, double low, double high) {
      return ledger.read(top, stem, key, dimension, low, high);
    };
    p.file = file;
    p.name = top.text("name");
    p.foundry = top.text("foundry");
    p.lithography = top.text("lithography");
    p.node_nm = static_cast<int>(top.count("node_nm", 1, 1000));
    const std::string non_planar = top.text("non_planar");
    if (non_planar != "yes" && non_planar != "no") {
      top.refuse("non_planar", fmt::format("'{}' is unknown; use yes or no", non_planar));
    }
    p.non_planar = non_planar == "yes";
    p.availability = read_availability(top, ledger.sources());
    p.logic_density = read("logic_density", Dimension::kTransistorDensity, 0.1, 2000);
    p.sram_bitcell = read("sram_bitcell", Dimension::kArea, 1e-9, 1e-5);
    p.relative_area = read("relative_area", Dimension::kNone, 0.05, 50);
    p.relative_speed = read("relative_speed", Dimension::kNone, 0.05, 10);
    p.relative_energy = read("relative_energy", Dimension::kNone, 0.05, 20);
    p.relative_sram_energy = read("relative_sram_energy", Dimension::kNone, 0.05, 20);
    p.wafer_diameter = read("wafer_diameter", Dimension::kMillimetre, 50, 450);
    p.wafer_price = read("wafer_price", Dimension::kUsd, 100, 1e6);
    p.defect_density = read("defect_density", Dimension::kPerCm2, 0, 10);
    p.clustering = read("clustering", Dimension::kNone, 0.1, 1000);
    p.systematic_yield = read("systematic_yield", Dimension::kPercent, 0.01, 1);
    p.mask_set = read("mask_set", Dimension::kUsd, 1e4, 1e9);
    p.design_cost = read("design_cost", Dimension::kUsd, 1e5, 1e10);
    p.fabrication = read("fabrication", Dimension::kMonths, 0.5, 24);
  });
  return p;
}

Process load_process(const std::string& path, Ledger& ledger) {
  return parse_process(MappedFile::open(path).text(), path, ledger);
}

}  // namespace hadal::plan
