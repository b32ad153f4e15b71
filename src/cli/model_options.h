// Options of the commands that keep a model on the chip and answer requests: chat and serve.
#pragma once

#include <CLI/CLI.hpp>

#include <memory>
#include <string>

#include "chip/chip.h"
#include "model/model.h"
#include "runtime/session.h"
#include "serve/prompting.h"

namespace hadal::cli {

struct ModelOptions {
  std::string model, chip = "chips/hadal-1.yaml", kv = "auto";
  int digits = 2, weight_digits = 2, threads = 1, sequences = 1;
  int64_t context = 0;  // 0: 4096, or the model's limit if that is less
  bool no_timing = false, no_checks = false;
};

// How numbers are held on the chip: --kv, --weight-digits, --activation-digits.
void add_format_options(CLI::App& command, std::string& kv, int& weight_digits, int& activation_digits);

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
