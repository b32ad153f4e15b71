// Time of one task on one device: the structural model. Sizes come from the task, rates from the chip description, and
// what remains from the constants; there is no table of measured times. docs/predict.md gives the formulas.
#pragma once

#include <string_view>

#include "chip/chip.h"
#include "graph/forward.h"
#include "predict/constants.h"

namespace hadal::predict {

// One device (a package may hold several) with its rates in units a second.
struct Device {
  Device(const chip::Chip& chip, const Constants& constants);

  // The same device with a share of its cores, as when the others move data.
  Device with_cores(double share) const;
  double mac_per_cycle(graph::Format format) const;  // a core; formats the chip lacks run at the next wider one's rate

  chip::Performance chip;
  chip::Links links;
  bool has_links = false;
  Constants constants;
  double cores = 0, hz = 0;
  double memory_bytes_per_s = 0, cache_bytes = 0, memory_bytes = 0;
  double unit_exchange_bytes_per_s = 0;            // between matrix and vector cores; 0: nothing stands between them
  double up_bytes_per_s = 0, out_bytes_per_s = 0;  // of this device, one direction
  int64_t domain = 1;                              // devices that scale-up reaches; 0: all
  double kernel_extra_s = 0;                       // what the way of measuring adds to each kernel
};

enum class Bound : uint8_t { kMatrix, kMemory, kVector, kLink, kStart };
std::string_view bound_name(Bound bound);

struct Estimate {
  double seconds = 0;
  Bound bound{};
  double memory_bytes = 0;  // read and written in device memory
  double core_seconds = 0;  // of an exchange: kernels on all cores, during which nothing else computes
};

Estimate estimate(const Device& device, const graph::GemmTask& task);
Estimate estimate(const Device& device, const graph::AttentionTask& task);
Estimate estimate(const Device& device, const graph::IndexTask& task);
Estimate estimate(const Device& device, const graph::VectorTask& task);
Estimate estimate(const Device& device, const graph::ExchangeTask& task);
Estimate estimate(const Device& device, const graph::Task& task);

// Seconds that the device's matrix or vector units would take for a task at their peak: the work it is, in products and
// operations, whatever else it waits for.
struct Work {
  double matrix_s = 0, vector_s = 0;
};
Work work(const Device& device, const graph::Task& task);

// Expected places (nodes or devices) out of `places` that a token of the exchange goes to.
double bulk_copies(const graph::ExchangeTask& task, double places);

}  // namespace hadal::predict
