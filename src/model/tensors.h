// The tensors of an architecture: what a checkpoint of a configuration must hold, and what a random one is made of.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "model/model.h"

namespace hadal::model {

enum class TensorRole {
  kEmbedding,  // [n][k]
  kNorm,       // [n]
  kBias,       // [n], of a linear
  kGateBias,   // [n], of the choice of experts
  kMatrix,     // [n][k], which FP8 checkpoints leave as it is
  kLinear,     // [n][k], NAME.weight; of FP8 checkpoints with NAME.weight_scale_inv
};

struct ArchitectureTensor {
  std::string name;
  TensorRole role{};
  int64_t n = 0, k = 0;
};

// In the order of the layers; `mtp`: with the layer for multi-token prediction behind them.
void for_each_tensor(const Config& config, bool mtp, const std::function<void(const ArchitectureTensor&)>& use);

}  // namespace hadal::model
