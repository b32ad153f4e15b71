// Figures of the timing simulator, as text and as JSON.
#include <fmt/format.h>
#include <cmath>

#include <algorithm>
#include <map>

#include "report/run.h"
#include "report/table.h"
#include "report/units.h"

namespace hadal::report {
namespace {

std::string_view kind_of(std::string_view name) {
  const size_t dot = name.find('.');
  const bool layer = dot != std::string_view::npos && dot > 1 && name[0] == 'L' &&
                     std::all_of(name.begin() + 1, name.begin() + static_cast<std::ptrdiff_t>(dot),
                                 [](char c) { return c >= '0' && c <= '9'; });
  return layer ? name.substr(dot + 1) : name;
}

struct Component {
  const char* name;
  double joule;
};

std::vector<Component> components(const sim::EnergyBreakdown& e) {
  return {{"matrix", e.matrix}, {"vector", e.vector}, {"spm", e.spm},         {"acc", e.acc},
          {"dram", e.dram},     {"noc", e.noc},       {"control", e.control}, {"leakage", e.leakage}};
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  return out;
}

double ratio(double a, double b) { return b > 0 ? a / b : 0; }

}  // namespace

std::vector<sim::OperatorTime> by_kind(const std::vector<sim::OperatorTime>& operators) {
  std::vector<sim::OperatorTime> kinds;
  for (const sim::OperatorTime& op : operators) {
    const std::string kind(kind_of(op.name));
    auto it = std::find_if(kinds.begin(), kinds.end(), [&](const auto& k) { return k.name == kind; });
    if (it == kinds.end()) {
      kinds.emplace_back().name = kind;
      it = kinds.end() - 1;
    }
    sim::add(*it, op);
  }
  return kinds;
}

double simulated_s(const sim::TimingResult& timing, const chip::Chip& chip) {
  return static_cast<double>(timing.cycles) / chip.clock_hz;
}

double peak_flops(const chip::Chip& chip) {
  return 2.0 * chip.cores * chip.matrix.rows * chip.matrix.cols * chip.matrix.depth * chip.clock_hz;
}

double peak_dram_bytes_per_s(const chip::Chip& chip) { return chip.dram.channels * chip.dram.channel_bytes_per_s; }

std::string describe(const chip::Chip& chip) {
  return fmt::format("{}: {} core{}, {}, {} FP8, {} {}", chip.name, chip.cores, chip.cores == 1 ? "" : "s",
                     si(chip.clock_hz, "Hz"), si(peak_flops(chip), "FLOPS"), si(peak_dram_bytes_per_s(chip), "B/s"),
                     chip.dram.standard);
}

nlohmann::ordered_json to_json(const sim::TimingResult& timing, const chip::Chip& chip) {
  const double seconds = simulated_s(timing, chip);
  nlohmann::ordered_json out;
  out["cycles"] = timing.cycles;
  out["simulated_s"] = seconds;
  out["energy_j"] = timing.energy.total();
  out["operators"] = nlohmann::ordered_json::array();
  for (const sim::OperatorTime& op : by_kind(timing.operators)) {
    nlohmann::ordered_json busy;
    for (int u = 0; u < isa::kUnits; ++u) busy[lower(isa::name(static_cast<isa::Unit>(u)))] = op.busy_cycles[u];
    out["operators"].push_back(
        {{"name", op.name},
         {"cycles", op.cycles},
         {"bound_by", op.bound_by},
         {"share_pct", 100 * ratio(static_cast<double>(op.cycles), static_cast<double>(timing.cycles))},
         {"busy_core_cycles", busy},
         {"macs", op.macs},
         {"dram_read_bytes", op.dram_read_bytes},
         {"dram_written_bytes", op.dram_written_bytes}});
  }
  out["operators_by_layer"] = nlohmann::ordered_json::array();
  for (const sim::OperatorTime& op : timing.operators) {
    if (op.cycles > 0) out["operators_by_layer"].push_back({{"name", op.name}, {"cycles", op.cycles}});
  }
  for (int u = 0; u < isa::kUnits; ++u) {
    out["utilisation_pct"][lower(isa::name(static_cast<isa::Unit>(u)))] = 100 * timing.utilisation[u];
  }
  const auto moved = static_cast<double>(timing.dram_read_bytes + timing.dram_written_bytes);
  out["instructions"] = timing.instructions;
  out["macs"] = timing.macs;
  out["dram_read_bytes"] = timing.dram_read_bytes;
  out["dram_written_bytes"] = timing.dram_written_bytes;
  out["dram_bytes_per_s"] = ratio(moved, seconds);
  out["dram_peak_pct"] = 100 * ratio(ratio(moved, seconds), peak_dram_bytes_per_s(chip));
  out["dram_row_hits"] = timing.dram_row_hits;
  out["dram_row_misses"] = timing.dram_row_misses;
  out["spm_conflict_cycles"] = timing.spm_conflict_cycles;
  out["noc_stall_cycles"] = timing.noc_stall_cycles;
  for (const Component& part : components(timing.energy)) out["energy_by_component_j"][part.name] = part.joule;
  return out;
}

nlohmann::ordered_json to_json(const sim::Timeline& timeline, const chip::Chip& chip) {
  const size_t bins = timeline.dram_read_bytes.size();
  const double core_cycles = static_cast<double>(timeline.bin_cycles) * chip.cores;
  nlohmann::ordered_json out{{"bins", bins}, {"bin_cycles", timeline.bin_cycles}, {"clock_hz", chip.clock_hz}};
  for (int u = 0; u < isa::kUnits; ++u) {
    nlohmann::ordered_json& busy = out["busy_pct"][lower(isa::name(static_cast<isa::Unit>(u)))];
    busy = nlohmann::ordered_json::array();
    // The last digits of a share of a bin are nobody's, and there are thousands of bins.
    for (const uint64_t cycles : timeline.busy_cycles[u])
      busy.push_back(std::round(1e5 * static_cast<double>(cycles) / core_cycles) / 1e3);
  }
  out["dram_read_bytes"] = timeline.dram_read_bytes;
  out["dram_written_bytes"] = timeline.dram_written_bytes;
  return out;
}

nlohmann::ordered_json to_json(const chip::Chip& chip) {
  return {{"name", chip.name},
          {"cores", chip.cores},
          {"clock_hz", chip.clock_hz},
          {"peak_fp8_flops", peak_flops(chip)},
          {"peak_dram_bytes_per_s", peak_dram_bytes_per_s(chip)},
          {"dram", chip.dram.standard},
          {"dram_capacity_bytes", chip.dram.bytes}};
}

std::string to_text(const sim::TimingResult& timing, const chip::Chip& chip, uint64_t per, std::string_view per_name) {
  const auto total = static_cast<double>(timing.cycles), count = static_cast<double>(std::max<uint64_t>(per, 1));
  Table operators({{"operator", Align::kLeft},
                   {fmt::format("cycles a {}", per_name)},
                   {"share"},
                   {"bound by", Align::kLeft},
                   {"MM busy"},
                   {"VX busy"}});
  std::vector<sim::OperatorTime> kinds = by_kind(timing.operators);
  std::stable_sort(kinds.begin(), kinds.end(), [](const auto& a, const auto& b) { return a.cycles > b.cycles; });
  for (const sim::OperatorTime& op : kinds) {
    const double core_cycles = static_cast<double>(op.cycles) * chip.cores;
    auto busy = [&](isa::Unit unit) {
      return percent(ratio(static_cast<double>(op.busy_cycles[static_cast<int>(unit)]), core_cycles));
    };
    operators.add({op.name.empty() ? "(unmarked)" : op.name,
                   grouped(static_cast<uint64_t>(std::llround(static_cast<double>(op.cycles) / count))),
                   percent(ratio(static_cast<double>(op.cycles), total)), op.bound_by, busy(isa::Unit::kMm),
                   busy(isa::Unit::kVx)});
  }
  std::string out = operators.text();

  out += "\nUnits busy   ";
  for (int u = 0; u < isa::kUnits; ++u) {
    out += fmt::format("{}{} {}", u == 0 ? "" : ", ", isa::name(static_cast<isa::Unit>(u)),
                       percent(timing.utilisation[u]));
  }
  const double moved = static_cast<double>(timing.dram_read_bytes + timing.dram_written_bytes);
  const double rate = ratio(moved, simulated_s(timing, chip));
  const auto accesses = static_cast<double>(timing.dram_row_hits + timing.dram_row_misses);
  out += fmt::format("\nDRAM         {} read, {} written a {}: {}, {} of peak; {} of the accesses hit an open row\n",
                     si(static_cast<double>(timing.dram_read_bytes) / count, "B"),
                     si(static_cast<double>(timing.dram_written_bytes) / count, "B"), per_name, si(rate, "B/s"),
                     percent(ratio(rate, peak_dram_bytes_per_s(chip))),
                     percent(ratio(static_cast<double>(timing.dram_row_hits), accesses)));
  const double energy = timing.energy.total();
  out += fmt::format("Energy       {} a {}, {}:", si(energy / count, "J"), per_name,
                     si(ratio(energy, simulated_s(timing, chip)), "W"));
  std::vector<Component> parts = components(timing.energy);
  std::stable_sort(parts.begin(), parts.end(), [](const auto& a, const auto& b) { return a.joule > b.joule; });
  for (size_t i = 0; i < parts.size(); ++i) {
    out += fmt::format("{} {} {}", i == 0 ? "" : ",", parts[i].name, percent(ratio(parts[i].joule, energy)));
  }
  return out + "\n";
}

}  // namespace hadal::report
