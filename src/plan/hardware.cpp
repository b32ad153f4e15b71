// Reading accelerators.
#include "plan/hardware.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

namespace hadal::plan {

Hardware load_hardware(const std::string& path, Ledger& ledger) {
  Hardware h;
  with_yaml_file(path, [&](const YAML::Node& node) {
    const chip::Section top(
        node, path, "",
        {"name", "chip", "designer", "process", "availability", "formats", "logic_area", "transistors", "memory",
         "memory_capacity", "memory_bandwidth", "io_bandwidth", "power", "host_power", "price", "server"},
        {"rental"});
    const std::string stem = std::filesystem::path(path).stem().string();
    h.file = path;
    h.name = top.text("name");
    h.chip = top.text("chip");
    h.process = top.text("process");
    h.designer = top.text("designer");
    if (h.designer != "us" && h.designer != "prc") {
      top.refuse("designer", fmt::format("'{}' is unknown; use us or prc", h.designer));
    }
    h.availability = read_availability(top, ledger.sources());
    for (const chip::Section& s : top.list("formats", {"name", "bits", "rate"})) {
      h.formats.push_back({s.text("name"), static_cast<int>(s.count("bits", 1, 128)),
                           s.quantity("rate", Dimension::kOpsPerSecond, 1, 1e20)});
    }
    const chip::Section memory = top.section("memory", {"kind", "standard", "density", "imported"});
    h.memory_kind = memory.text("kind");
    h.memory_standard = memory.text("standard");
    h.memory_density = memory.quantity("density", Dimension::kNone, 0, 1e6);
    h.memory_imported = memory.text("imported") == "yes";
    const auto read = [&](std::string_view key, Dimension dimension, double low, double high) {
      return ledger.read(top, stem, key, dimension, low, high);
    };
    h.logic_area = read("logic_area", Dimension::kArea, 1, 1e5);
    h.transistors = read("transistors", Dimension::kTransistors, 1e6, 1e14);
    h.memory_capacity = read("memory_capacity", Dimension::kBytes, 1, 1e15);
    h.memory_bandwidth = read("memory_bandwidth", Dimension::kBytesPerSecond, 1e6, 1e17);
    h.io_bandwidth = read("io_bandwidth", Dimension::kBytesPerSecond, 0, 1e17);
    h.power = read("power", Dimension::kWatt, 0.1, 1e6);
    h.host_power = read("host_power", Dimension::kWatt, 0, 1e6);
    h.price = read("price", Dimension::kUsd, 0, 1e8);
    h.server = read("server", Dimension::kUsd, 0, 1e8);
    if (top.has("rental")) h.rental = read("rental", Dimension::kUsdPerHour, 0, 1e4);
  });
  return h;
}

Subject subject_of(const Hardware& h) {
  Subject s;
  s.name = h.name;
  s.formats = h.formats;
  s.logic_mm2 = h.logic_area.value;
  s.transistors = h.transistors.value;
  s.dram_bytes_per_s = h.memory_bandwidth.value;
  s.io_bytes_per_s = h.io_bandwidth.value;
  s.memory_density = h.memory_density;
  s.is_hbm = h.memory_kind == "hbm";
  s.memory_imported = h.memory_imported;
  s.prc_designed = h.designer == "prc";
  s.foundry_bound = h.process.rfind("smic", 0) != 0;
  s.approved_designer = h.designer == "us";
  return s;
}

}  // namespace hadal::plan
