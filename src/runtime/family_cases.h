// The tiny random models of tests/goldens/families.json, written out as checkpoints, with what transformers made of
// them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "base/temporary_directory.h"
#include "model/random_checkpoint.h"
#include "model/safetensors_writer.h"
#include "numerics/numerics.h"
#include "runtime/golden_files.h"

namespace hadal::runtime::testing {

inline constexpr const char* kFamilies = "tests/goldens/families.json";

inline const nlohmann::json& families() {
  static const nlohmann::json file = nlohmann::json::parse(read_file(source_path(kFamilies)), nullptr, false);
  return file;
}

inline uint64_t fnv1a(const std::string& text) {
  uint64_t value = 0xCBF29CE484222325u;
  for (const char c : text) value = (value ^ static_cast<uint8_t>(c)) * 0x100000001B3u;
  return value;
}

// The values the script gives a tensor, in its type.
inline std::vector<std::byte> contents(const std::string& name, size_t count, float scale, float offset, bool bf16) {
  std::vector<std::byte> out(count * (bf16 ? 2 : 4));
  uint64_t state = fnv1a(name);
  for (size_t i = 0; i < count; ++i) {
    uint64_t z = state += 0x9E3779B97F4A7C15u;  // splitmix64
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    z ^= z >> 31;
    const auto fields = static_cast<int64_t>((z & 0xFFFF) + (z >> 16 & 0xFFFF) + (z >> 32 & 0xFFFF) + (z >> 48));
    const float value = offset + scale * static_cast<float>(fields - 2 * 65535);
    if (bf16) {
      const uint16_t code = num::bf16_from_float(value);
      std::memcpy(out.data() + 2 * i, &code, 2);
    } else {
      std::memcpy(out.data() + 4 * i, &value, 4);
    }
  }
  return out;
}

struct FamilyCase {
  explicit FamilyCase(const nlohmann::json& given) : golden(given) {
    model::SafetensorsWriter writer;
    for (const nlohmann::json& tensor : golden["tensors"]) {
      const std::string name = tensor[0];
      const bool bf16 = tensor[1] == "BF16";
      const std::vector<int64_t> shape = tensor[2];
      size_t count = 1;
      for (const int64_t dim : shape) count *= static_cast<size_t>(dim);
      writer.add(name, bf16 ? model::Dtype::kBf16 : model::Dtype::kF32, shape,
                 contents(name, count, tensor[3], tensor[4], bf16));
    }
    model::write_file(directory.file("model.safetensors"), writer.bytes());
    model::write_file(directory.file("config.json"), golden["config"].dump(1));
    model::write_file(directory.file("tokenizer.json"), model::small_tokenizer_json(320));
    model = model::Model::load(directory.path());
    tokens = golden["tokens"].get<std::vector<int32_t>>();
    targets = golden["targets"].get<std::vector<int32_t>>();
    best = golden["best"].get<std::vector<int32_t>>();
    margins = golden["margins"].get<std::vector<double>>();
    for (const double nats : golden["nats"]) expected_nats += nats;
  }

  // Largest difference of the stored logits from these, relative to their standard deviation.
  double logit_error(size_t row, std::span<const float> logits) const {
    const auto it = golden["logits"].find(std::to_string(row));
    if (it == golden["logits"].end()) return 0;
    const std::vector<double> expected = *it;
    double mean = 0, squares = 0, worst = 0;
    for (const double x : expected) mean += x / static_cast<double>(expected.size());
    for (const double x : expected) squares += (x - mean) * (x - mean) / static_cast<double>(expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      worst = std::max(worst, std::abs(expected[i] - static_cast<double>(logits[i])));
    }
    return worst / std::sqrt(squares);
  }

  const nlohmann::json& golden;
  TemporaryDirectory directory;
  model::Model model;
  std::vector<int32_t> tokens, targets, best;
  std::vector<double> margins;
  double expected_nats = 0;
};

}  // namespace hadal::runtime::testing
