// Reading a memory description.
#include "plan/memory.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/mapped_file.h"

namespace hadal::plan {

Memory parse_memory(std::string_view text, const std::string& file, Ledger& ledger) {
  Memory m;
  with_yaml(text, file, [&](const YAML::Node& node) {
    const chip::Section top(node, file, "",
                            {"name", "kind", "standard", "availability", "capacity", "bandwidth", "energy", "price",
                             "footprint", "phy_area"});
    const std::string stem = std::filesystem::path(file).stem().string();
    m.file = file;
    m.name = top.text("name");
    m.kind = top.text("kind");
    m.standard = top.text("standard");
    if (m.kind != "hbm" && m.kind != "lpddr" && m.kind != "gddr" && m.kind != "ddr") {
      top.refuse("kind", fmt::format("'{}' is unknown; use hbm, lpddr, gddr or ddr", m.kind));
    }
    m.availability = read_availability(top, ledger.sources());
    m.capacity = ledger.read(top, stem, "capacity", Dimension::kBytes, 1, 1e13);
    m.bandwidth = ledger.read(top, stem, "bandwidth", Dimension::kBytesPerSecond, 1e6, 1e14);
    m.energy = ledger.read(top, stem, "energy", Dimension::kPicojoulePerByte, 0.01, 1e4);
    m.price = ledger.read(top, stem, "price", Dimension::kUsd, 0, 1e6);
    m.footprint = ledger.read(top, stem, "footprint", Dimension::kArea, 1, 1e4);
    m.phy_area = ledger.read(top, stem, "phy_area", Dimension::kArea, 0.01, 1e3);
  });
  return m;
}

Memory load_memory(const std::string& path, Ledger& ledger) {
  return parse_memory(MappedFile::open(path).text(), path, ledger);
}

double bandwidth_density(const Memory& m) { return m.bandwidth.value / 1e9 / m.footprint.value; }

}  // namespace hadal::plan
