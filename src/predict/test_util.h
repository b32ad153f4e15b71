// What the tests of the predictor share: the shipped chips, shapes and constants.
#pragma once

#include <string>

#include "predict/measurement.h"
#include "predict/system.h"

namespace hadal::predict::testing {

inline std::string chip_file(const std::string& name) {
  return std::string(HADAL_SOURCE_DIR) + "/chips/" + name + ".yaml";
}
inline std::string shape_file(const std::string& name) {
  return std::string(HADAL_SOURCE_DIR) + "/models/configs/" + name + ".json";
}
inline chip::Chip chip_named(const std::string& name) { return chip::load_any(chip_file(name)); }
inline model::Architecture shape_named(const std::string& name) { return model::Architecture::load(shape_file(name)); }
inline Constants constants() { return load_constants(std::string(HADAL_SOURCE_DIR) + "/measurements/constants.yaml"); }

inline SystemOptions decode_v3(double batch = 128, double context = 4096, int64_t ep = 128) {
  SystemOptions o;
  o.plan.ep = o.plan.dp = ep;
  o.sequences = batch;
  o.keys = context;
  o.overlap = 2;
  return o;
}

inline SystemOptions prefill_v3(double batch = 4, double prompt = 4096, int64_t ep = 32) {
  SystemOptions o = decode_v3(batch, prompt, ep);
  o.prefill = true;
  o.queries = prompt;
  o.comm_cores = 24;
  return o;
}

}  // namespace hadal::predict::testing
