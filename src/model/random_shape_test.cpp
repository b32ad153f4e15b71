// Random checkpoints of every family load, are the same again, and follow their cuts.
#include "model/random_shape.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/temporary_directory.h"
#include "model/random_checkpoint.h"

namespace hadal::model {
namespace {

using nlohmann::json;

std::string read(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string source(const std::string& path) { return std::string(HADAL_SOURCE_DIR) + "/" + path; }

// A published config.json with every width an eighth or so of itself.
std::string small(const std::string& file) {
  json config = json::parse(read(source(file)));
  for (const char* key : {"hidden_size", "intermediate_size", "moe_intermediate_size"}) {
    if (config.contains(key)) config[key] = config[key].get<int64_t>() / 8;
  }
  return config.dump();
}

constexpr const char* kConfigs[] = {"tests/shapes/DeepSeek-R1-Distill-Qwen-1.5B.json",
                                    "models/configs/Qwen3-0.6B.json",
                                    "models/configs/Qwen3-30B-A3B.json",
                                    "models/configs/Meta-Llama-3.1-8B.json",
                                    "tests/shapes/DeepSeek-V2-Lite.json",
                                    "models/configs/DeepSeek-V3.json"};

TEST(RandomShape, EveryFamilyLoads) {
  for (const char* file : kConfigs) {
    SCOPED_TRACE(file);
    const TemporaryDirectory directory;
    const bool experts = json::parse(read(source(file))).contains("num_experts_per_tok");
    ShapeOptions options{.layers = 2, .vocabulary = 300, .shard_bytes = 2 << 20};
    if (experts) options.experts = 16;
    if (std::string(file).find("DeepSeek-V3") != std::string::npos) options.dense_layers = 1;
    const WrittenShape written = write_random_shape(directory.file("a"), small(file), file, options);
    EXPECT_GT(written.shards, 1);
    const Model model = Model::load(directory.file("a"));
    EXPECT_EQ(model.config.num_hidden_layers, 2);
    EXPECT_EQ(model.config.vocab_size, 300);
    EXPECT_EQ(model.config.n_routed_experts, experts ? 16 : 0);
    uint64_t bytes = 0;
    for (const Tensor& tensor : model.weights.tensors()) bytes += tensor.data.size();
    EXPECT_EQ(bytes, written.bytes);
    // The same in one file, and another with another seed.
    ShapeOptions one = options;
    one.shard_bytes = UINT64_MAX;
    EXPECT_EQ(write_random_shape(directory.file("b"), small(file), file, one).shards, 1);
    one.seed = 2;
    write_random_shape(directory.file("c"), small(file), file, one);
    const Model same = Model::load(directory.file("b")), other = Model::load(directory.file("c"));
    for (const Tensor& tensor : model.weights.tensors()) {
      const Tensor* again = same.weights.find(tensor.name);
      ASSERT_NE(again, nullptr);
      EXPECT_TRUE(std::equal(tensor.data.begin(), tensor.data.end(), again->data.begin(), again->data.end()));
    }
    const std::string name = "model.layers.1.self_attn.o_proj.weight";
    EXPECT_FALSE(std::equal(same.weights.find(name)->data.begin(), same.weights.find(name)->data.end(),
                            other.weights.find(name)->data.begin()));
  }
}

// Deviations are as announced: weights 1/sqrt(k), embeddings 1.
TEST(RandomShape, WeightsHaveTheirSize) {
  for (const char* file : {"models/configs/Qwen3-0.6B.json", "models/configs/DeepSeek-V3.json"}) {
    SCOPED_TRACE(file);
    const TemporaryDirectory directory;
    ShapeOptions options{.layers = 1, .vocabulary = 300};
    if (std::string(file).find("V3") != std::string::npos) options.dense_layers = 1;
    write_random_shape(directory.file("a"), small(file), file, options);
    const Model model = Model::load(directory.file("a"));
    const Linear w = linear(model, "model.layers.0.mlp.down_proj");
    std::vector<float> row(static_cast<size_t>(w.k));
    double squares = 0;
    for (int64_t n = 0; n < w.n; ++n) {
      w.read_row(n, row);
      for (const float x : row) squares += static_cast<double>(x) * static_cast<double>(x);
    }
    EXPECT_NEAR(squares / static_cast<double>(w.n), 1, 0.15);  // k values of variance 1/k; block scales vary
    double embedding = 0;
    const std::vector<float> all = values(*model.weights.find("model.embed_tokens.weight"));
    for (const float x : all) embedding += static_cast<double>(x) * static_cast<double>(x);
    EXPECT_NEAR(embedding / static_cast<double>(all.size()), 1, 0.05);
  }
}

// Routed experts are zeros that take no disk; everything else is as without the option.
TEST(RandomShape, SparseExpertsAreHoles) {
  const std::string file = "models/configs/DeepSeek-V3.json";
  const TemporaryDirectory directory;
  ShapeOptions options{.layers = 2, .dense_layers = 1, .experts = 32, .vocabulary = 300};
  const WrittenShape whole = write_random_shape(directory.file("whole"), small(file), file, options);
  options.sparse_experts = true;
  const WrittenShape sparse = write_random_shape(directory.file("sparse"), small(file), file, options);
  EXPECT_EQ(sparse.bytes, whole.bytes);
  EXPECT_EQ(whole.filled, whole.bytes);
  const Model a = Model::load(directory.file("whole")), b = Model::load(directory.file("sparse"));
  uint64_t holes = 0;
  for (const Tensor& tensor : a.weights.tensors()) {
    const Tensor* other = b.weights.find(tensor.name);
    ASSERT_NE(other, nullptr);
    if (tensor.name.find(".experts.") == std::string::npos) {
      EXPECT_TRUE(std::equal(tensor.data.begin(), tensor.data.end(), other->data.begin(), other->data.end()));
      continue;
    }
    holes += other->data.size();
    EXPECT_TRUE(std::all_of(other->data.begin(), other->data.end(), [](std::byte x) { return x == std::byte{0}; }));
  }
  EXPECT_GT(holes, 32 * 3 * 896 * 256);
  EXPECT_EQ(sparse.filled, sparse.bytes - holes);
}

TEST(RandomShape, WhatIsWrongIsOneLineAndNothingIsWritten) {
  const TemporaryDirectory directory;
  const std::string dense = "models/configs/Qwen3-0.6B.json", experts = "models/configs/DeepSeek-V3.json";
  const auto refusal = [&](const std::string& file, const ShapeOptions& options, const std::string& folder) {
    try {
      write_random_shape(folder, read(source(file)), file, options);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string folder = directory.file("new");
  EXPECT_NE(refusal(dense, {.experts = 4}, folder).find("--experts cannot be given"), std::string::npos);
  EXPECT_NE(refusal(experts, {.layers = 1}, folder).find("first_k_dense_replace is 3"), std::string::npos);
  EXPECT_NE(refusal(experts, {.experts = 12}, folder).find("n_group is 8"), std::string::npos);
  EXPECT_NE(refusal(dense, {.vocabulary = 100}, folder).find("vocab_size is 100"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(folder));
  write_random_shape(folder, read(source(dense)), dense, {.layers = 1, .vocabulary = 300});
  EXPECT_NE(refusal(dense, {}, folder).find("holds a checkpoint already"), std::string::npos);
}

}  // namespace
}  // namespace hadal::model
