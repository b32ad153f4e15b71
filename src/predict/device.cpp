// A device's rates, and tasks handed to the model of their kind.
#include <algorithm>

#include "predict/operators.h"

namespace hadal::predict {

Device::Device(const chip::Chip& c, const Constants& k)
    : chip(c.performance), links(c.links), has_links(c.has_links), constants(k) {
  const double devices = chip.devices;
  cores = c.cores / devices;
  hz = chip.sustained_hz;
  // All cores together take what their ports let through, whatever the memory has.
  memory_bytes_per_s =
      std::min(chip.memory_bytes_per_s / devices * k.memory_efficiency, cores * chip.port_bytes_per_cycle * hz);
  memory_bytes = chip.memory_bytes / devices;
  cache_bytes = chip.cache_bytes / devices;
  unit_exchange_bytes_per_s = chip.unit_exchange_bytes_per_s / devices;
  up_bytes_per_s = links.scale_up.bytes_per_s / devices;
  out_bytes_per_s = links.scale_out.bytes_per_s / devices;
  domain = int64_t{links.scale_up.chips} * chip.devices;
}

Device Device::with_cores(double share) const {
  Device out = *this;
  out.cores = std::max(1.0, cores * share);
  return out;
}

double Device::mac_per_cycle(graph::Format format) const {
  using graph::Format;
  if (format == Format::kFp4 && chip.fp4_mac > 0) return chip.fp4_mac;
  const bool narrow_float = format == Format::kFp4 || format == Format::kFp8;
  if ((narrow_float || chip.int8_mac <= 0) && format != Format::kBf16) {
    return chip.fp8_mac > 0 ? chip.fp8_mac : chip.bf16_mac;
  }
  return format == Format::kInt8 ? chip.int8_mac : chip.bf16_mac;
}

std::string_view bound_name(Bound bound) {
  switch (bound) {
    case Bound::kMatrix: return "matrix";
    case Bound::kMemory: return "dram";
    case Bound::kVector: return "vector";
    case Bound::kLink: return "link";
    case Bound::kStart: return "start";
  }
  return "";
}

Estimate estimate(const Device& device, const graph::Task& task) {
  return std::visit([&](const auto& work) { return estimate(device, work); }, task.work);
}

}  // namespace hadal::predict
