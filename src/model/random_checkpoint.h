// Random checkpoints of any shape, for tests and for the time of shapes whose weights do not matter: config.json,
// tokenizer.json and safetensors that Model::load accepts.
#pragma once

#include <cstdint>
#include <string>

#include "model/model.h"

namespace hadal::model {

// Small but with everything: dense and expert layers, groups of experts, YaRN, ragged last blocks in both directions.
Config small_config();

struct CheckpointOptions {
  uint64_t seed = 1;
  int shards = 1;                    // above 1: model.safetensors.index.json and that many files
  bool power_of_two_scales = false;  // weight scales are 2^n, as "scale_fmt": "ue8m0"
  size_t padding = 0;                // spaces after the header; 1..3 leave the FP32 scales unaligned
};

// Weights are near N(0, 1/k), so that activations keep a sensible size through the layers. Equal arguments give equal
// files. `directory` is created; vocab_size must be at least 258 (two special tokens and the bytes).
void write_random_checkpoint(const std::string& directory, const Config& config, const CheckpointOptions& options = {});

std::string config_json(const Config& config);
std::string small_tokenizer_json(int64_t vocab_size);

}  // namespace hadal::model
