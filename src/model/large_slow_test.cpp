// Checkpoints of 15 GB and of 671 billion parameters in shards: mapped in a moment, and nothing of them is read.
#include <gtest/gtest.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/temporary_directory.h"
#include "model/model.h"
#include "model/random_checkpoint.h"
#include "model/safetensors_writer.h"
#include "model/tensors.h"

namespace hadal::model {
namespace {

using nlohmann::json;

// Shards whose data is a hole: as long as the real ones, but without blocks on disk.
class Shards {
 public:
  explicit Shards(const std::string& directory) : directory_(directory) {}

  void add(const std::string& name, std::vector<int64_t> shape, const char* dtype = "BF16", uint64_t bytes = 2) {
    for (const int64_t dim : shape) bytes *= static_cast<uint64_t>(dim);
    if (end_ > uint64_t{4} << 30) flush();
    header_[name] = {{"dtype", dtype}, {"shape", shape}, {"data_offsets", {end_, end_ + bytes}}};
    end_ += bytes;
    map_[name] = file_name();
  }
  uint64_t finish() {
    flush();
    write_file(directory_ + "/model.safetensors.index.json", json{{"weight_map", map_}}.dump());
    return total_;
  }

 private:
  std::string file_name() const { return fmt::format("model-{:05}.safetensors", count_); }
  void flush() {
    const std::string text = header_.dump(), path = directory_ + "/" + file_name();
    const uint64_t length = text.size();
    std::ofstream file(path, std::ios::binary);
    file.write(reinterpret_cast<const char*>(&length), 8);
    file << text;
    file.close();
    std::filesystem::resize_file(path, 8 + length + end_);
    total_ += end_;
    header_ = json::object();
    end_ = 0;
    ++count_;
  }

  std::string directory_;
  json header_ = json::object(), map_ = json::object();
  uint64_t end_ = 0, total_ = 0;
  int count_ = 1;
};

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t pages = 0, resident = 0;
  file >> pages >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

Model load_in_a_moment(const std::string& path) {
  const int64_t before = resident_bytes();
  const auto start = std::chrono::steady_clock::now();
  Model model = Model::load(path);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const int64_t touched = resident_bytes() - before;
  uint64_t bytes = 0;
  for (const Tensor& tensor : model.weights.tensors()) bytes += tensor.data.size();
  GTEST_LOG_(INFO) << fmt::format("{:.1f} GB in shards: loaded in {:.3f} s, {} KiB more resident",
                                  static_cast<double>(bytes) * 1e-9, seconds, touched >> 10);
#ifndef __SANITIZE_ADDRESS__  // which is slower, and has shadows of all that was ever allocated
  EXPECT_LT(seconds, 2);
  EXPECT_LT(touched, 64 << 20);
#endif
  return model;
}

// The shapes of Qwen2.5-7B.
TEST(LargeCheckpoint, IsMappedInAMoment) {
  const TemporaryDirectory directory;
  constexpr int64_t kHidden = 3584, kInner = 18944, kKeys = 512, kVocabulary = 152064;
  Shards shards(directory.path());
  shards.add("model.embed_tokens.weight", {kVocabulary, kHidden});
  for (int layer = 0; layer < 28; ++layer) {
    const std::string prefix = fmt::format("model.layers.{}.", layer);
    for (const char* norm : {"input_layernorm", "post_attention_layernorm"}) {
      shards.add(prefix + norm + ".weight", {kHidden});
    }
    for (const auto& [name, n] : {std::pair{"q", kHidden}, {"k", kKeys}, {"v", kKeys}}) {
      shards.add(fmt::format("{}self_attn.{}_proj.weight", prefix, name), {n, kHidden});
      shards.add(fmt::format("{}self_attn.{}_proj.bias", prefix, name), {n});
    }
    shards.add(prefix + "self_attn.o_proj.weight", {kHidden, kHidden});
    shards.add(prefix + "mlp.gate_proj.weight", {kInner, kHidden});
    shards.add(prefix + "mlp.up_proj.weight", {kInner, kHidden});
    shards.add(prefix + "mlp.down_proj.weight", {kHidden, kInner});
  }
  shards.add("model.norm.weight", {kHidden});
  shards.add("lm_head.weight", {kVocabulary, kHidden});
  ASSERT_GT(shards.finish(), uint64_t{15'000'000'000});
  const json config = {{"model_type", "qwen2"},    {"vocab_size", kVocabulary},        {"hidden_size", kHidden},
                       {"num_hidden_layers", 28},  {"intermediate_size", kInner},      {"num_attention_heads", 28},
                       {"num_key_value_heads", 4}, {"max_position_embeddings", 32768}, {"rms_norm_eps", 1e-6},
                       {"rope_theta", 1e6}};
  write_file(directory.file("config.json"), config.dump(1));
  write_file(directory.file("tokenizer.json"), small_tokenizer_json(320));

  const Model model = load_in_a_moment(directory.path());
  EXPECT_EQ(linear(model, "model.layers.27.mlp.down_proj").k, kInner);
}

// DeepSeek-V3 as published, with its layer for multi-token prediction.
TEST(LargeCheckpoint, DeepSeekV3IsMappedInAMoment) {
  const TemporaryDirectory directory;
  std::ifstream published(std::string(HADAL_SOURCE_DIR) + "/models/configs/DeepSeek-V3.json");
  const std::string text{std::istreambuf_iterator<char>(published), {}};
  Shards shards(directory.path());
  int64_t parameters = 0;
  for_each_tensor(Config::parse(text, "DeepSeek-V3.json"), true, [&](const ArchitectureTensor& t) {
    parameters += t.n * std::max<int64_t>(t.k, 1);
    if (t.role == TensorRole::kLinear) {
      shards.add(t.name + ".weight", {t.n, t.k}, "F8_E4M3", 1);
      shards.add(t.name + ".weight_scale_inv", {(t.n + 127) / 128, (t.k + 127) / 128}, "F32", 4);
    } else if (t.role == TensorRole::kGateBias) {
      shards.add(t.name, {t.n}, "F32", 4);
    } else {
      shards.add(t.name, t.k == 0 ? std::vector{t.n} : std::vector{t.n, t.k});
    }
  });
  ASSERT_GT(shards.finish(), uint64_t{680'000'000'000});
  EXPECT_GT(parameters, 683'000'000'000);
  write_file(directory.file("config.json"), text);
  write_file(directory.file("tokenizer.json"), small_tokenizer_json(320));
  const Model model = load_in_a_moment(directory.path());
  EXPECT_TRUE(model.has_mtp());
}

}  // namespace
}  // namespace hadal::model
