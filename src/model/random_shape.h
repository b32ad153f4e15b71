// Random weights in the shape of any published model, of every family: from its config.json alone to a checkpoint that
// loads, written piece by piece so that the size of the model does not matter.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "model/model.h"

namespace hadal::model {

struct ShapeOptions {
  uint64_t seed = 1;
  int64_t layers = 0;                        // 0: as many as the configuration says, as those below
  int64_t dense_layers = -1;                 // of them without experts, where the family has such (-1: as it says)
  int64_t experts = 0, groups = 0;           // routed experts of a layer, and their groups
  int64_t vocabulary = 0;                    // tokens; text then begins with 0 and ends with 1
  uint64_t shard_bytes = uint64_t{2} << 30;  // a shard ends with the tensor that reaches this
  bool sparse_experts = false;               // routed experts are holes of the files: zeros that take no disk
};

struct WrittenShape {
  int64_t parameters = 0;
  uint64_t bytes = 0;   // of tensors
  uint64_t filled = 0;  // of those that are not holes
  int shards = 0;
};

// The text of a config.json with the cuts of `options`; layers for multi-token prediction are left out.
std::string cut_config(std::string_view config_json, const std::string& file, const ShapeOptions& options);

// config.json, tokenizer.json (a small one) and safetensors into `directory`, which is created and must hold no
// checkpoint. Linears are E4M3 in blocks where the configuration says so, everything else BF16; weights are near N(0,
// 1/k), embeddings near N(0, 1), norms near 1. Equal arguments give equal files. `file` names the text in errors.
WrittenShape write_random_shape(const std::string& directory, std::string_view config_json, const std::string& file,
                                const ShapeOptions& options = {});

}  // namespace hadal::model
