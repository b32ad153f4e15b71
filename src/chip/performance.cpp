// Reading and deriving what decides the time of an operator.
#include "chip/performance.h"

#include <fmt/format.h>

#include <string>

namespace hadal::chip {
namespace {

constexpr double kMostBytes = 1e15;

// Quantities of one section, each either a figure or an assumption with a range.
class Figures {
 public:
  Figures(const Section& section, std::string path, Bound bound, Chip& chip)
      : section_(section), path_(std::move(path)), bound_(bound), chip_(chip) {}

  double operator()(std::string_view key, Dimension dimension, double low, double high) const {
    const Section::Range range = section_.assumed(key, dimension, low, high);
    if (!range.given) return range.value;
    chip_.assumptions.push_back({fmt::format("{}.{}", path_, key), range.value, range.low, range.high});
    if (bound_ == Bound::kNominal) return range.value;
    return (bound_ == Bound::kFast) == (dimension == Dimension::kSeconds) ? range.low : range.high;
  }
  // A format that the chip may lack.
  double rate(std::string_view key) const {
    return section_.text(key) == "none" ? 0 : (*this)(key, Dimension::kPerCycle, 1, 1e9);
  }

 private:
  const Section& section_;
  std::string path_;
  Bound bound_;
  Chip& chip_;
};

Link read_link(const Section& parent, std::string_view key, Bound bound, Chip& chip) {
  const Section s = parent.section(key, {"chips", "bandwidth", "latency"});
  const Figures figure(s, fmt::format("links.{}", key), bound, chip);
  Link link;
  link.chips = static_cast<int>(s.count("chips", 0, 1 << 24));
  link.bytes_per_s = figure("bandwidth", Dimension::kBytesPerSecond, 1e6, 1e15);
  link.latency_s = figure("latency", Dimension::kSeconds, 1e-9, 1);
  return link;
}

}  // namespace

void read_performance(const Section& top, Bound bound, Chip& chip) {
  const Section s = top.section("performance",
                                {"devices", "sustained_clock", "matrix", "vector", "special", "scratch", "accumulator",
                                 "cache", "port", "memory", "kernel_start", "power"},
                                {"unit_exchange"});
  const Figures figure(s, "performance", bound, chip);
  Performance p;
  p.devices = static_cast<int>(s.count("devices", 1, 64));
  p.sustained_hz = figure("sustained_clock", Dimension::kHertz, 1e6, 1e11);
  if (p.sustained_hz > chip.clock_hz) {
    s.refuse("sustained_clock", fmt::format("{:g} Hz is above the clock of {:g} Hz; under load a chip is never faster",
                                            p.sustained_hz, chip.clock_hz));
  }
  if (chip.cores % p.devices != 0) {
    s.refuse("devices", fmt::format("{} does not divide the {} cores", p.devices, chip.cores));
  }
  const Section m = s.section("matrix", {"bf16", "fp8", "int8", "fp4", "tile_rows"});
  const Figures rates(m, "performance.matrix", bound, chip);
  p.bf16_mac = rates.rate("bf16");
  p.fp8_mac = rates.rate("fp8");
  p.int8_mac = rates.rate("int8");
  p.fp4_mac = rates.rate("fp4");
  p.tile_rows = static_cast<int>(m.count("tile_rows", 1, 4096));
  if (p.bf16_mac <= 0) m.refuse("bf16", "is none; attention is computed in BF16 on every chip, so a rate is needed");
  p.vector_op = figure("vector", Dimension::kPerCycle, 1, 1e9);
  p.special_op = figure("special", Dimension::kPerCycle, 1, 1e9);
  p.scratch_bytes = figure("scratch", Dimension::kBytes, 1024, kMostBytes);
  p.accumulator_bytes = figure("accumulator", Dimension::kBytes, 1024, kMostBytes);
  p.cache_bytes = figure("cache", Dimension::kBytes, 0, kMostBytes);
  p.port_bytes_per_cycle = figure("port", Dimension::kBytesPerCycle, 1, 1e6);
  if (s.has("unit_exchange")) {
    p.unit_exchange_bytes_per_s = figure("unit_exchange", Dimension::kBytesPerSecond, 1e6, 1e15);
  }
  const Section memory = s.section("memory", {"standard", "capacity", "bandwidth", "latency"});
  const Figures store(memory, "performance.memory", bound, chip);
  p.memory_standard = memory.text("standard");
  p.memory_bytes = store("capacity", Dimension::kBytes, 1024, kMostBytes);
  p.memory_bytes_per_s = store("bandwidth", Dimension::kBytesPerSecond, 1e6, 1e15);
  p.memory_latency_s = store("latency", Dimension::kSeconds, 1e-9, 1e-3);
  p.kernel_start_s = figure("kernel_start", Dimension::kSeconds, 0, 1e-2);
  p.power_w = figure("power", Dimension::kWatt, 0.1, 1e6);
  chip.performance = p;
}

void read_links(const Section& top, Bound bound, Chip& chip) {
  const Section s = top.section("links", {"scale_up", "scale_out"});
  chip.links.scale_up = read_link(s, "scale_up", bound, chip);
  chip.links.scale_out = read_link(s, "scale_out", bound, chip);
  chip.has_links = true;
}

Performance derive_performance(const Chip& c) {
  Performance p;
  p.sustained_hz = c.clock_hz;
  p.fp8_mac = double(c.matrix.rows) * c.matrix.cols * c.matrix.depth;
  p.bf16_mac = p.fp8_mac / 4;  // two E4M3 digits on either side: four passes
  p.tile_rows = c.matrix.rows;
  p.vector_op = c.vector.lanes;
  p.special_op = double(c.vector.lanes) / c.vector.sfu_divisor;
  p.scratch_bytes = static_cast<double>(c.spm.bytes);
  p.accumulator_bytes = static_cast<double>(c.acc.bytes);
  p.port_bytes_per_cycle = c.dma.bytes_per_cycle;
  p.memory_standard = c.dram.standard;
  p.memory_bytes = static_cast<double>(c.dram.bytes);
  p.memory_bytes_per_s = c.dram.channels * c.dram.channel_bytes_per_s;
  p.memory_latency_s = c.dram.controller_cycles / c.clock_hz + c.dram.t_rcd_s + c.dram.t_cl_s;
  // Between operators the cores meet at a hub (a message there and one back over the mesh, each with its set-up), fetch
  // what the next one needs, and walk through a chain of dependent vector instructions before the first product.
  const double rows = double(c.cores) / c.noc.columns;
  const double exchange = 2 * (c.noc.setup_cycles + c.noc.hop_cycles * (c.noc.columns + rows));
  constexpr double kChain = 20, kRound = 4;  // of a round of top-k: largest, compare, place, leave out
  p.round_s = kRound * (c.vector.latency_cycles + 4) / c.clock_hz;
  p.kernel_start_s = p.memory_latency_s + (exchange + kChain * (c.vector.latency_cycles + 4)) / c.clock_hz;
  p.power_w = c.energy.static_w + p.fp8_mac * c.cores * c.clock_hz * c.energy.mac_pj * 1e-12;
  return p;
}

}  // namespace hadal::chip
