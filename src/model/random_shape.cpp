// The tensors of an architecture as a list, then shard by shard their contents.
#include "model/random_shape.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/json_file.h"
#include "model/random_checkpoint.h"
#include "model/safetensors_format.h"
#include "model/safetensors_writer.h"
#include "model/tensors.h"
#include "numerics/numerics.h"

namespace hadal::model {
namespace {

using nlohmann::json;

constexpr float kCodeSigma = 64;         // E4M3 codes are drawn from N(0, 64^2), inside +-448
constexpr size_t kDraws = 1 << 16;       // values a distribution is drawn from
constexpr size_t kBlockBytes = 1 << 20;  // written at once; whole elements

struct Planned {
  std::string name;
  Dtype dtype = Dtype::kBf16;
  std::vector<int64_t> shape;
  float mean = 0, sigma = 1;  // kBf16: of a normal distribution; kF32: of a uniform one, sigma its half width
  bool hole = false;
  int64_t elements() const {
    int64_t count = 1;
    for (const int64_t dim : shape) count *= dim;
    return count;
  }
  uint64_t bytes() const {
    return static_cast<uint64_t>(elements()) * (dtype == Dtype::kE4m3 ? 1 : dtype == Dtype::kF32 ? 4 : 2);
  }
};

float inverse_root(int64_t k) { return 1 / std::sqrt(static_cast<float>(k)); }

// Every tensor that Model::load asks for, with what fills it.
std::vector<Planned> planned(const Config& config, bool sparse_experts) {
  std::vector<Planned> all;
  for_each_tensor(config, false, [&](const ArchitectureTensor& t) {
    const float scale = inverse_root(t.k);
    switch (t.role) {
      case TensorRole::kEmbedding: all.push_back({t.name, Dtype::kBf16, {t.n, t.k}, 0, 1}); return;
      case TensorRole::kNorm: all.push_back({t.name, Dtype::kBf16, {t.n}, 1, 0.1f}); return;
      case TensorRole::kBias: all.push_back({t.name, Dtype::kBf16, {t.n}, 0, 0.3f}); return;
      case TensorRole::kGateBias: all.push_back({t.name, Dtype::kF32, {t.n}, 0, 0.1f}); return;
      case TensorRole::kMatrix: all.push_back({t.name, Dtype::kBf16, {t.n, t.k}, 0, scale}); return;
      case TensorRole::kLinear: break;
    }
    if (!config.fp8) {
      all.push_back({t.name + ".weight", Dtype::kBf16, {t.n, t.k}, 0, scale});
      return;
    }
    const float of_codes = scale / kCodeSigma;
    all.push_back({t.name + ".weight", Dtype::kE4m3, {t.n, t.k}});
    all.push_back(
        {t.name + ".weight_scale_inv", Dtype::kF32, {(t.n + 127) / 128, (t.k + 127) / 128}, of_codes, 0.4f * of_codes});
  });
  for (Planned& t : all) t.hole = sparse_experts && t.name.find(".experts.") != std::string::npos;
  return all;
}

uint64_t splitmix(uint64_t& state) {
  uint64_t z = state += 0x9E3779B97F4A7C15u;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return z ^ z >> 31;
}

// Normally distributed values to draw from: sums of twelve uniforms, no libm, so the same everywhere.
const std::vector<float>& normals() {
  static const std::vector<float> table = [] {
    std::vector<float> out(kDraws);
    uint64_t state = 0;
    for (float& value : out) {
      value = -6;
      for (int i = 0; i < 12; ++i) value += static_cast<float>(splitmix(state) >> 40) * 0x1p-24f;
    }
    return out;
  }();
  return table;
}

// The contents of a tensor, in order; each tensor has a sequence of its own.
class Contents {
 public:
  Contents(const Planned& tensor, uint64_t seed) : tensor_(tensor), state_(seed) {
    for (const char c : tensor.name) state_ = (state_ ^ static_cast<uint8_t>(c)) * 0x100000001B3u;
    if (tensor.dtype == Dtype::kF32) return;
    for (const float value : normals()) {
      codes_.push_back(tensor.dtype == Dtype::kE4m3 ? num::e4m3_from_float(value * kCodeSigma)
                                                    : num::bf16_from_float(tensor.mean + tensor.sigma * value));
    }
  }
  // Whole elements, as many as `out` holds.
  void next(std::vector<char>& out) {
    if (tensor_.dtype == Dtype::kF32) {
      for (size_t i = 0; i < out.size(); i += 4) {
        const float unit = static_cast<float>(splitmix(state_) >> 40) * 0x1p-23f - 1;
        const float value = tensor_.mean + tensor_.sigma * unit;
        std::memcpy(&out[i], &value, 4);
      }
      return;
    }
    const size_t width = tensor_.dtype == Dtype::kE4m3 ? 1 : 2;
    uint64_t bits = 0;
    for (size_t i = 0; i < out.size(); i += width) {
      bits = i / width % 4 == 0 ? splitmix(state_) : bits >> 16;
      const uint16_t code = codes_[bits % kDraws];
      std::memcpy(&out[i], &code, width);
    }
  }

 private:
  const Planned& tensor_;
  uint64_t state_;
  std::vector<uint16_t> codes_;
};

void write_shard(const std::string& path, std::span<const Planned> tensors, uint64_t seed) {
  json header = {{"__metadata__", {{"format", "pt"}}}};
  uint64_t at = 0;
  for (const Planned& t : tensors) {
    header[t.name] = {{"dtype", dtype_name(t.dtype)}, {"shape", t.shape}, {"data_offsets", {at, at + t.bytes()}}};
    at += t.bytes();
  }
  std::string text = header.dump();
  text.resize((text.size() + 7) / 8 * 8, ' ');
  std::ofstream file(path, std::ios::binary);
  const uint64_t length = text.size();
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file << text;
  std::vector<char> block;
  for (const Planned& t : tensors) {
    if (t.hole) {
      file.seekp(static_cast<std::streamoff>(t.bytes()), std::ios::cur);
      continue;
    }
    Contents contents(t, seed);
    for (uint64_t left = t.bytes(); left > 0 && file; left -= block.size()) {
      block.resize(std::min<uint64_t>(left, kBlockBytes));
      contents.next(block);
      file.write(block.data(), static_cast<std::streamsize>(block.size()));
    }
  }
  file.close();
  std::error_code failed;
  std::filesystem::resize_file(path, 8 + length + at, failed);  // a hole at the end
  if (!file || failed) input_error(path, "cannot be written; {} bytes of room are needed", 8 + length + at);
}

}  // namespace

std::string cut_config(std::string_view config_json, const std::string& file, const ShapeOptions& o) {
  const JsonFile parsed = JsonFile::parse(config_json, file);
  if (!parsed.root().is_object()) input_error(file, "holds {}, an object is needed", kind_name(parsed.root()));
  json config = parsed.root();
  const auto set = [&](const char* option, int64_t value, std::initializer_list<const char*> keys) {
    for (const char* key : keys) {
      if (!config.contains(key)) continue;
      config[key] = value;
      return;
    }
    input_error(file, "has no {}; {} cannot be given", *keys.begin(), option);
  };
  if (o.layers > 0) set("--layers", o.layers, {"num_hidden_layers"});
  if (o.dense_layers >= 0) set("--dense-layers", o.dense_layers, {"first_k_dense_replace"});
  if (o.experts > 0) set("--experts", o.experts, {"n_routed_experts", "num_experts", "num_local_experts"});
  if (o.groups > 0) set("--groups", o.groups, {"n_group"});
  if (o.vocabulary > 0) {
    set("--vocabulary", o.vocabulary, {"vocab_size"});
    config["bos_token_id"] = 0;
    config["eos_token_id"] = 1;
  }
  config.erase("num_nextn_predict_layers");
  if (config.contains("layer_types") && config["layer_types"].is_array() && o.layers > 0 &&
      config["layer_types"].size() > static_cast<size_t>(o.layers)) {
    config["layer_types"].erase(config["layer_types"].begin() + o.layers, config["layer_types"].end());
  }
  return config.dump(1) + "\n";
}

WrittenShape write_random_shape(const std::string& directory, std::string_view config_json, const std::string& file,
                                const ShapeOptions& options) {
  const std::string text = cut_config(config_json, file, options);
  const Config config = Config::parse(text, file);
  if (config.vocab_size < 258) input_error(file, "vocab_size is {}; at least 258 are needed", config.vocab_size);
  const std::filesystem::path base(directory);
  if (std::filesystem::exists(base / "config.json")) {
    input_error(directory, "holds a checkpoint already; another folder is needed");
  }
  std::filesystem::create_directories(base);

  const std::vector<Planned> tensors = planned(config, options.sparse_experts);
  std::vector<std::span<const Planned>> shards;
  uint64_t in_shard = options.shard_bytes;
  WrittenShape out;
  for (size_t i = 0, first = 0; i < tensors.size(); ++i) {
    if (in_shard >= options.shard_bytes) {
      first = i;
      in_shard = 0;
      shards.emplace_back();
    }
    shards.back() = std::span(tensors).subspan(first, i + 1 - first);
    in_shard += tensors[i].bytes();
    out.bytes += tensors[i].bytes();
    out.filled += tensors[i].hole ? 0 : tensors[i].bytes();
    if (!tensors[i].name.ends_with("weight_scale_inv")) out.parameters += tensors[i].elements();
  }
  out.shards = static_cast<int>(shards.size());
  json weight_map;
  for (size_t i = 0; i < shards.size(); ++i) {
    const std::string name = shards.size() == 1 ? "model.safetensors"
                                                : fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards.size());
    write_shard((base / name).string(), shards[i], options.seed);
    for (const Planned& tensor : shards[i]) weight_map[tensor.name] = name;
  }
  if (shards.size() > 1) {
    write_file((base / "model.safetensors.index.json").string(), json{{"weight_map", weight_map}}.dump(1));
  }
  write_file((base / "tokenizer.json").string(), small_tokenizer_json(std::min<int64_t>(config.vocab_size, 960)));
  write_file((base / "config.json").string(), text);  // last: what has it is whole
  return out;
}

}  // namespace hadal::model
