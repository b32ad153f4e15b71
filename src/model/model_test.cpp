// Whole models: random checkpoints of odd shapes load, and what is missing or misshapen is named.
#include "model/model.h"
#include "base/temporary_directory.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <filesystem>

#include "base/error.h"
#include "model/random_checkpoint.h"
#include "model/safetensors_writer.h"

namespace hadal::model {
namespace {

TEST(Model, LoadsARandomCheckpoint) {
  TemporaryDirectory directory;
  write_random_checkpoint(directory.path(), small_config());
  const Model model = Model::load(directory.path());
  EXPECT_EQ(model.config.hidden_size, 192);
  EXPECT_EQ(model.tokenizer.decode(model.tokenizer.encode("the cat 1234")), "the cat 1234");
  const Linear kv = linear(model, "model.layers.1.self_attn.kv_a_proj_with_mqa");
  EXPECT_EQ(kv.n, 160);
  EXPECT_EQ(kv.k, 192);
  EXPECT_GT(kv.scale_at(1, 1), 0);
}

TEST(Model, ShardsAndUnalignedDataGiveTheSameWeights) {
  TemporaryDirectory single, sharded;
  write_random_checkpoint(single.path(), small_config(), {.seed = 7});
  write_random_checkpoint(sharded.path(), small_config(), {.seed = 7, .shards = 3, .padding = 3});
  const Model a = Model::load(single.path()), b = Model::load(sharded.path());
  ASSERT_EQ(a.weights.tensors().size(), b.weights.tensors().size());
  for (const Tensor& tensor : a.weights.tensors()) {
    const Tensor* other = b.weights.find(tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    EXPECT_EQ(tensor.dtype, other->dtype);
    EXPECT_EQ(tensor.shape, other->shape);
    EXPECT_TRUE(std::equal(tensor.data.begin(), tensor.data.end(), other->data.begin(), other->data.end()))
        << tensor.name;
  }
  const Linear x = linear(a, "model.layers.0.mlp.down_proj"), y = linear(b, "model.layers.0.mlp.down_proj");
  for (int64_t n = 0; n < 2; ++n) {
    for (int64_t k = 0; k < 3; ++k) EXPECT_EQ(x.scale_at(n, k), y.scale_at(n, k));
  }
}

void expect_load_error(const std::string& directory, const std::string& needle) {
  try {
    Model::load(directory);
    FAIL() << "accepted; expected: " << needle;
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kInput) << e.what();
    EXPECT_TRUE(std::string(e.what()).starts_with(directory)) << e.what();
    EXPECT_NE(std::string(e.what()).find(needle), std::string::npos) << e.what() << "\n  expected: " << needle;
  }
}

// A configuration that asks for other tensors than the checkpoint has names the first that is wrong.
TEST(Model, TensorsMustFitTheConfiguration) {
  TemporaryDirectory directory;
  write_random_checkpoint(directory.path(), small_config());
  const auto with = [&](auto&& change) {
    Config config = small_config();
    change(config);
    write_file(directory.file("config.json"), config_json(config));
  };
  with([](Config& c) { c.num_hidden_layers = 3; });
  expect_load_error(
      directory.path(),
      "tensor \"model.layers.2.input_layernorm.weight\" is missing; BF16, F16 or F32 of shape [192] is needed");
  with([](Config& c) { c.n_routed_experts = 16; });
  expect_load_error(directory.path(), "\"model.layers.1.mlp.gate.weight\" is BF16 of shape [8, 192], BF16, F16");
  with([](Config& c) { c.first_k_dense_replace = 2; });
  expect_load_error(directory.path(),
                    "\"model.layers.1.mlp.gate_proj.weight\" is missing; F8_E4M3 of shape [320, 192]");
  with([](Config& c) { c.kv_lora_rank = 64; });
  expect_load_error(directory.path(),
                    "\"model.layers.0.self_attn.kv_a_proj_with_mqa.weight\" is F8_E4M3 of shape [160, 192]");
  with([](Config& c) { c.vocab_size = 319; });
  expect_load_error(directory.path(), "\"model.embed_tokens.weight\" is BF16 of shape [320, 192]");
  with([](Config&) {});
  write_file(directory.file("tokenizer.json"), small_tokenizer_json(321));
  expect_load_error(directory.path(), "tokenizer.json: has token ids up to 320, config.json has a vocab_size of 320");
}

TEST(Model, EveryTensorIsNeeded) {
  TemporaryDirectory directory;
  Config config = small_config();
  config.n_routed_experts = 4;
  write_random_checkpoint(directory.path(), config);
  const Model model = Model::load(directory.path());
  const auto write_without = [&](const std::string& left_out) {
    SafetensorsWriter writer;
    for (const Tensor& t : model.weights.tensors()) {
      if (t.name != left_out) writer.add(t.name, t.dtype, t.shape, {t.data.begin(), t.data.end()});
    }
    // A new file: the old one is still mapped.
    std::filesystem::remove(directory.file("model.safetensors"));
    write_file(directory.file("model.safetensors"), writer.bytes());
  };
  for (const Tensor& tensor : model.weights.tensors()) {
    write_without(tensor.name);
    expect_load_error(directory.path(), fmt::format("model.safetensors: tensor \"{}\" is missing", tensor.name));
  }
  write_without("");
  EXPECT_EQ(Model::load(directory.path()).weights.tensors().size(), model.weights.tensors().size());
}

TEST(Model, MissingPiecesAreNamed) {
  TemporaryDirectory directory;
  expect_load_error(directory.path(), "config.json: ");
  expect_load_error(directory.file("absent"), "is not a directory; a model directory or a GGUF file is needed");
  write_file(directory.file("config.json"), config_json(small_config()));
  expect_load_error(directory.path(), "no weights");
}

TEST(Model, SentencePieceIsRefusedByName) {
  TemporaryDirectory directory;
  write_random_checkpoint(directory.path(), small_config());
  std::filesystem::remove(directory.file("tokenizer.json"));
  expect_load_error(directory.path(), "tokenizer.json: ");
  write_file(directory.file("tokenizer.model"), "\n\x0e\n");
  expect_load_error(directory.path(),
                    "tokenizer.model: is a SentencePiece model, which is not read; tokenizer.json of");
}

TEST(Model, LinearOfAnUnknownNameIsABug) {
  TemporaryDirectory directory;
  write_random_checkpoint(directory.path(), small_config());
  const Model model = Model::load(directory.path());
  for (const char* name : {"model.layers.9.mlp.down_proj", "model.norm"}) {
    try {
      linear(model, name);
      FAIL() << name;
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kInternal);
    }
  }
}

// The scales of FP8 blocks may be FP32, BF16 or UE8M0.
TEST(Model, ScalesOfEveryTypeAreTheSame) {
  TemporaryDirectory directory;
  write_random_checkpoint(directory.path(), small_config(), {.power_of_two_scales = true});
  const Model model = Model::load(directory.path());
  for (const Dtype dtype : {Dtype::kBf16, Dtype::kE8m0}) {
    TemporaryDirectory other;
    SafetensorsWriter writer;
    for (const Tensor& t : model.weights.tensors()) {
      std::vector<std::byte> data(t.data.begin(), t.data.end());
      const bool scale = t.name.ends_with("weight_scale_inv");
      if (scale) {
        data.clear();
        for (const float value : values(t)) {
          const auto bits = std::bit_cast<uint32_t>(value);  // a power of two: sign 0, fraction 0
          if (dtype == Dtype::kBf16) {
            data.push_back(static_cast<std::byte>(bits >> 16));
            data.push_back(static_cast<std::byte>(bits >> 24));
          } else {
            data.push_back(static_cast<std::byte>(bits >> 23));
          }
        }
      }
      writer.add(t.name, scale ? dtype : t.dtype, t.shape, std::move(data));
    }
    write_file(other.file("config.json"), config_json(small_config()));
    write_file(other.file("tokenizer.json"), small_tokenizer_json(320));
    write_file(other.file("model.safetensors"), writer.bytes());
    const Model found = Model::load(other.path());
    const Linear a = linear(model, "model.layers.0.mlp.down_proj"), b = linear(found, "model.layers.0.mlp.down_proj");
    for (int64_t n = 0; n < 2; ++n) {
      for (int64_t k = 0; k < 3; ++k) EXPECT_EQ(a.scale_at(n, k), b.scale_at(n, k));
    }
  }
}

TEST(Model, OddShapesLoad) {
  for (const int groups : {1, 4}) {
    TemporaryDirectory directory;
    Config config = small_config();
    config.hidden_size = 130;
    config.num_attention_heads = 3;
    config.n_routed_experts = 12;
    config.n_group = groups;
    config.topk_group = groups;
    config.num_experts_per_tok = 5;
    config.kv_lora_rank = 512;
    config.qk_rope_head_dim = 64;
    config.n_shared_experts = 2;
    config.yarn.reset();
    write_random_checkpoint(directory.path(), config, {.seed = 3, .power_of_two_scales = true});
    const Model model = Model::load(directory.path());
    const Linear kv = linear(model, "model.layers.0.self_attn.kv_a_proj_with_mqa");
    EXPECT_EQ(kv.n, 576);
    EXPECT_EQ(kv.scale_at(4, 1), std::exp2(std::round(std::log2(kv.scale_at(4, 1)))));
    for (int64_t i = 0; i < kv.n * kv.k; ++i) ASSERT_NE(kv.codes(0)[i] & 0x7F, 0x7F) << "NaN weight " << i;
  }
}

}  // namespace
}  // namespace hadal::model
