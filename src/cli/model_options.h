// Options that commands which run a model share: how it lies on its chips, how tokens are drawn, and a whole session
// for those that answer requests (chat and serve).
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "chip/chip.h"
#include "model/model.h"
#include "runtime/sampler.h"
#include "runtime/session.h"
#include "serve/prompting.h"

namespace hadal::cli {

// Positions a cache slot holds unless a command or the model says otherwise.
inline constexpr int64_t kUsualContext = 4096;

// How a model lies on its chips and in the host's memory.
struct PlacementOptions {
  std::string kv = "auto";
  int digits = 2, weight_digits = 2;
  int chips = 1;               // 0: as few as hold it
  int rows = 0;                // most of a step; 0: as many as fit
  double host_memory_gib = 0;  // 0: the usual bound
};
// --kv, --weight-digits, --activation-digits, --chips, --rows, --host-memory.
void add_placement_options(CLI::App& command, PlacementOptions& options);
kernels::CompileOptions compile_options(const PlacementOptions& options);

// --temperature, --top-p, --seed.
void add_sampling_options(CLI::App& command, runtime::SamplerOptions& options);

struct ModelOptions {
  std::string model, chip = "chips/hadal-1.yaml";
  PlacementOptions placement;
  int threads = 1, sequences = 1;
  int64_t context = 0;  // 0: 4096, or the model's limit if that is less
  bool no_timing = false, no_checks = false;
};

void add_model_options(CLI::App& command, ModelOptions& options);

// The model on its chip. Loads and compiles when made.
struct LoadedModel {
  explicit LoadedModel(const ModelOptions& options);
  chip::Chip chip;
  model::Model model;
  serve::Prompting prompting;
  std::unique_ptr<runtime::Session> session;
};

}  // namespace hadal::cli
