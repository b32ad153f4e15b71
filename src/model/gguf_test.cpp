// GGUF: blocks as the gguf package dequantises them, what is accepted, and corrupted files with the reason each must
// give.
#include "model/gguf.h"
#include "base/temporary_directory.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>

#include "base/error.h"
#include "model/blocks.h"
#include "model/byte_level.h"
#include "model/random_checkpoint.h"
#include "model/safetensors_writer.h"
#include "model/testing/gguf_writer.h"

namespace hadal::model {
namespace {

using nlohmann::json;
using testing::GgufWriter;

TEST(GgufBlocks, EqualThePublishedPackage) {
  std::ifstream file(HADAL_SOURCE_DIR "/tests/goldens/gguf_blocks.json");
  const json golden = json::parse(file, nullptr, false);
  ASSERT_FALSE(golden.is_discarded()) << "run tools/goldens/gguf_golden.py";
  const std::pair<const char*, Dtype> formats[] = {
      {"Q8_0", Dtype::kQ80}, {"Q4_0", Dtype::kQ40}, {"Q4_1", Dtype::kQ41},     {"Q5_0", Dtype::kQ50},
      {"Q5_1", Dtype::kQ51}, {"Q2_K", Dtype::kQ2K}, {"Q3_K", Dtype::kQ3K},     {"Q4_K", Dtype::kQ4K},
      {"Q5_K", Dtype::kQ5K}, {"Q6_K", Dtype::kQ6K}, {"IQ4_NL", Dtype::kIq4Nl}, {"IQ4_XS", Dtype::kIq4Xs}};
  for (const auto& [name, dtype] : formats) {
    SCOPED_TRACE(name);
    const json& format = golden[name];
    const BlockSize size = block_size(dtype);
    ASSERT_EQ(size.elements, format["elements"]);
    ASSERT_EQ(size.bytes, format["bytes"]);
    const std::string hex = format["data"];
    std::vector<std::byte> data;
    for (size_t i = 0; i < hex.size(); i += 2) {
      data.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
    }
    const std::vector<double> expected = format["values"];
    const Tensor tensor{name, dtype, {static_cast<int64_t>(expected.size())}, data};
    const std::vector<float> found = values(tensor);
    for (size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(found[i], expected[i], 1e-6 * std::abs(expected[i]) + 1e-7) << i;
    }
    std::vector<float> last(static_cast<size_t>(size.elements));  // a block in the middle of the data
    read_values(tensor, 2 * size.elements, last);
    EXPECT_TRUE(std::equal(last.begin(), last.end(), found.end() - size.elements));
  }
}

TEST(GgufBlocks, HalfPrecision) {
  EXPECT_EQ(f16_to_float(0x3C00), 1.0f);
  EXPECT_EQ(f16_to_float(0xC100), -2.5f);
  EXPECT_EQ(f16_to_float(0x0001), 0x1p-24f);
  EXPECT_EQ(f16_to_float(0x83FF), -1023 * 0x1p-24f);
  EXPECT_EQ(f16_to_float(0x7BFF), 65504.0f);
  EXPECT_TRUE(std::isinf(f16_to_float(0xFC00)));
  EXPECT_TRUE(std::isnan(f16_to_float(0x7E00)));
}

// A llama of one layer, 64 wide, with the 256 bytes as vocabulary.
struct Small {
  GgufWriter writer;
  std::vector<std::byte> zeros(size_t bytes) { return std::vector<std::byte>(bytes); }

  explicit Small(const std::string& left_out = "") {
    const auto wanted = [&](const char* key) { return left_out != key; };
    if (wanted("general.architecture")) writer.add_text("general.architecture", "llama");
    if (wanted("llama.block_count")) writer.add_u32("llama.block_count", 1);
    if (wanted("llama.context_length")) writer.add_u32("llama.context_length", 128);
    if (wanted("llama.embedding_length")) writer.add_u32("llama.embedding_length", 64);
    if (wanted("llama.feed_forward_length")) writer.add_u32("llama.feed_forward_length", 96);
    if (wanted("llama.attention.head_count")) writer.add_u32("llama.attention.head_count", 2);
    if (wanted("llama.attention.head_count_kv")) writer.add_u32("llama.attention.head_count_kv", 1);
    if (wanted("llama.attention.layer_norm_rms_epsilon")) {
      writer.add_f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
    }
    writer.add_bool("tokenizer.ggml.add_bos_token", false);
    if (wanted("tokenizer.ggml.model")) writer.add_text("tokenizer.ggml.model", "gpt2");
    writer.add_text("tokenizer.ggml.pre", "smollm");
    std::vector<std::string> tokens{"<end>"};
    std::vector<int32_t> types{3};
    for (int byte = 0; byte < 256; ++byte) {
      tokens.push_back(byte_characters()[byte]);
      types.push_back(1);
    }
    for (const char* merged : {"th", "the"}) {
      tokens.emplace_back(merged);
      types.push_back(1);
    }
    if (wanted("tokenizer.ggml.tokens")) writer.add_texts("tokenizer.ggml.tokens", tokens);
    writer.add_numbers("tokenizer.ggml.token_type", types);
    if (wanted("tokenizer.ggml.merges")) writer.add_texts("tokenizer.ggml.merges", {"t h", "th e"});
    writer.add_u32("tokenizer.ggml.eos_token_id", 0);
    tensor(left_out, "token_embd.weight", {259, 64}, 8);
    tensor(left_out, "output_norm.weight", {64}, 0);
    for (const char* name : {"attn_norm", "ffn_norm"}) tensor(left_out, fmt::format("blk.0.{}.weight", name), {64}, 0);
    tensor(left_out, "blk.0.attn_q.weight", {64, 64}, 2);
    tensor(left_out, "blk.0.attn_k.weight", {32, 64}, 3);
    tensor(left_out, "blk.0.attn_v.weight", {32, 64}, 1);
    tensor(left_out, "blk.0.attn_output.weight", {64, 64}, 30);
    for (const char* name : {"ffn_gate", "ffn_up"}) tensor(left_out, fmt::format("blk.0.{}.weight", name), {96, 64}, 2);
    tensor(left_out, "blk.0.ffn_down.weight", {64, 96}, 0);
  }

  void tensor(const std::string& left_out, const std::string& name, const std::vector<int64_t>& shape, uint32_t type) {
    if (name == left_out) return;
    int64_t elements = 1;
    for (const int64_t dim : shape) elements *= dim;
    const int64_t bytes = type == 0   ? elements * 4
                          : type == 2 ? elements / 32 * 18
                          : type == 3 ? elements / 32 * 20
                          : type == 8 ? elements / 32 * 34
                                      : elements * 2;
    writer.add_tensor(name, type, shape, zeros(static_cast<size_t>(bytes)));
  }
};

class GgufFile : public ::testing::Test {
 protected:
  std::string write(const std::string& bytes) {
    std::string path = directory_.file(fmt::format("{}.gguf", count_++));
    write_file(path, bytes);
    return path;
  }
  void expect_error(const std::string& bytes, const std::string& needle) {
    const std::string path = write(bytes);
    try {
      Model::load(path);
      FAIL() << "accepted; expected: " << needle;
    } catch (const Error& e) {
      const std::string what = e.what();
      EXPECT_EQ(e.kind(), ErrorKind::kInput) << what;
      EXPECT_TRUE(what.starts_with(path + ": ")) << what;
      EXPECT_EQ(what.find('\n'), std::string::npos) << what;
      EXPECT_NE(what.find(needle), std::string::npos) << what << "\n  expected: " << needle;
    }
  }

  TemporaryDirectory directory_;
  int count_ = 0;
};

TEST_F(GgufFile, Loads) {
  const Model model = Model::load(write(Small().writer.bytes()));
  EXPECT_EQ(model.config.model_type, "llama");
  EXPECT_EQ(model.config.head_dim, 32);
  EXPECT_EQ(model.config.num_key_value_heads, 1);
  EXPECT_TRUE(model.config.tie_word_embeddings);
  EXPECT_TRUE(model.config.rope_interleaved);
  EXPECT_FALSE(model.config.prepend_bos);
  EXPECT_FALSE(model.config.fp8);
  EXPECT_TRUE(model.config.ends(0));
  EXPECT_EQ(model.tokenizer.decode(model.tokenizer.encode("the cat")), "the cat");
  EXPECT_EQ(linear(model, "model.layers.0.self_attn.k_proj").n, 32);
}

TEST_F(GgufFile, EveryKeyAndTensorIsNeeded) {
  for (const char* key :
       {"general.architecture", "llama.block_count", "llama.context_length", "llama.embedding_length",
        "llama.feed_forward_length", "llama.attention.head_count", "llama.attention.layer_norm_rms_epsilon",
        "tokenizer.ggml.model", "tokenizer.ggml.tokens", "tokenizer.ggml.merges"}) {
    expect_error(Small(key).writer.bytes(), key);
  }
  expect_error(Small("blk.0.attn_k.weight").writer.bytes(), "\"model.layers.0.self_attn.k_proj.weight\" is missing");
  expect_error(Small("token_embd.weight").writer.bytes(), "\"model.embed_tokens.weight\" is missing");
}

TEST_F(GgufFile, EveryTruncationIsRefused) {
  const std::string whole = Small().writer.bytes();
  for (size_t length = 0; length < whole.size(); length += length < 400 ? 1 : 97) {
    const std::string path = write(whole.substr(0, length));
    try {
      Model::load(path);
      FAIL() << "accepted " << length << " of " << whole.size() << " bytes";
    } catch (const Error& e) {
      EXPECT_EQ(e.kind(), ErrorKind::kInput) << e.what();
    }
    std::remove(path.c_str());
  }
}

TEST_F(GgufFile, CorruptionsAreNamed) {
  const auto with = [](auto&& change) {
    Small small;
    change(small);
    return small.writer.bytes();
  };
  expect_error("GGML" + std::string(40, '\0'), "is not a GGUF file");
  std::string version = Small().writer.bytes();
  version[4] = 1;
  expect_error(version, "is GGUF version 1; 2 and 3 are supported");
  std::string many = Small().writer.bytes();
  many[15] = 1;
  expect_error(many, "tensors; at most");
  expect_error(with([](Small& s) { s.writer.add_text("general.architecture", "llama"); }), "stands twice");
  expect_error(with([](Small& s) { s.writer.add_u32("general.alignment", 48); }),
               "a power of two up to 2^20 is needed");
  expect_error(with([](Small& s) { s.writer.add_u32("llama.attention.key_length", 33); }),
               "head_dim is 33; it must be");
  expect_error(with([](Small& s) { s.writer.add_text("llama.rope.scaling.type", "dynamic"); }), "rope.scaling.factor");
  expect_error(with([](Small& s) { s.writer.add_text("note", "\xFF"); }), "is not valid UTF-8");
  expect_error(with([](Small& s) { s.tensor("", "blk.0.attn_q.weight", {64, 64}, 2); }), "stands twice");
  expect_error(with([](Small& s) { s.writer.add_tensor("x", 9, {32}, s.zeros(36)); }),
               "has type 9; F32, F16, BF16, Q8_0, Q4_0");
  expect_error(with([](Small& s) { s.writer.add_tensor("x", 8, {33}, s.zeros(68)); }), "Q8_0 comes in blocks of 32");
  expect_error(with([](Small& s) {
                 s.writer.add_tensor("x", 0, {int64_t{1} << 40, 1 << 30}, s.zeros(4));
               }),
               "has a dimension of");
  expect_error(with([](Small& s) { s.writer.add_tensor("x", 0, {1024}, s.zeros(4)); }), "is it truncated?");
  expect_error(with([](Small& s) { s.tensor("", "rope_freqs.weight", {7}, 0); }), "must be F32 of 16 divisors");
}

// The small llama in two files, its keys in the second.
TEST_F(GgufFile, PartsAreOneModel) {
  const auto write_parts = [&](uint32_t no, uint32_t count, uint32_t tensors, bool twice) {
    Small first("blk.0.attn_k.weight");
    first.writer.add_u32("split.no", 0);
    first.writer.add_u32("split.count", 2);
    first.writer.add_u32("split.tensors.count", tensors);
    write_file(directory_.file("m-00001-of-00002.gguf"), first.writer.bytes());
    GgufWriter second;
    second.add_u32("split.no", no);
    second.add_u32("split.count", count);
    second.add_tensor("blk.0.attn_k.weight", 3, {32, 64}, std::vector<std::byte>(size_t{32} * 64 / 32 * 20));
    if (twice) second.add_tensor("output_norm.weight", 0, {64}, std::vector<std::byte>(256));
    write_file(directory_.file("m-00002-of-00002.gguf"), second.bytes());
  };
  const auto refusal = [&](const char* name) {
    try {
      Model::load(directory_.file(name));
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  const auto expect = [&](const char* name, const char* needle) {
    EXPECT_NE(refusal(name).find(needle), std::string::npos) << refusal(name);
  };
  write_parts(1, 2, 11, false);
  const Model model = Model::load(directory_.file("m-00001-of-00002.gguf"));
  EXPECT_EQ(linear(model, "model.layers.0.self_attn.k_proj").n, 32);
  expect("m-00002-of-00002.gguf", "is part 2 of 2; the first is needed, whose name ends in -00001-of-00002.gguf");
  write_parts(1, 2, 12, false);
  expect("m-00001-of-00002.gguf", "split.tensors.count is 12; its parts hold 11 tensors");
  write_parts(1, 2, 12, true);
  expect("m-00001-of-00002.gguf", "\"output_norm.weight\" stands in an earlier part too");
  for (const auto& [no, count] : {std::pair{0u, 2u}, {1u, 3u}}) {
    write_parts(no, count, 11, false);
    expect("m-00001-of-00002.gguf", "m-00002-of-00002.gguf: does not say that it is part 2 of 2");
  }
  std::remove(directory_.file("m-00002-of-00002.gguf").c_str());
  expect("m-00001-of-00002.gguf", "m-00002-of-00002.gguf");
}

// Only the metadata of latent attention and experts, as the converter of llama.cpp writes it.
class Deepseek2 : public ::testing::Test {
 protected:
  Deepseek2() {
    metadata_ = {{"general.architecture", "deepseek2"}, {"tokenizer.ggml.tokens", json::array({"a", "b"})}};
    const std::pair<const char*, json> values[] = {{"context_length", 163840u},
                                                   {"block_count", 61u},
                                                   {"embedding_length", 7168u},
                                                   {"feed_forward_length", 18432u},
                                                   {"attention.head_count", 128u},
                                                   {"attention.head_count_kv", 1u},
                                                   {"attention.key_length", 576u},
                                                   {"attention.value_length", 512u},
                                                   {"attention.key_length_mla", 192u},
                                                   {"attention.value_length_mla", 128u},
                                                   {"attention.q_lora_rank", 1536u},
                                                   {"attention.kv_lora_rank", 512u},
                                                   {"attention.layer_norm_rms_epsilon", 1e-6},
                                                   {"rope.dimension_count", 64u},
                                                   {"rope.scaling.type", "yarn"},
                                                   {"rope.scaling.factor", 40.0},
                                                   {"rope.scaling.original_context_length", 4096u},
                                                   {"rope.scaling.yarn_log_multiplier", 0.1f},
                                                   {"leading_dense_block_count", 3u},
                                                   {"expert_count", 256u},
                                                   {"expert_used_count", 8u},
                                                   {"expert_shared_count", 1u},
                                                   {"expert_feed_forward_length", 2048u},
                                                   {"expert_weights_scale", 2.5},
                                                   {"expert_weights_norm", true},
                                                   {"expert_gating_func", 2u},
                                                   {"expert_group_count", 8u},
                                                   {"expert_group_used_count", 4u}};
    for (const auto& [name, value] : values) set(name, value);
  }
  void set(const std::string& name, const json& value) { metadata_["deepseek2." + name] = value; }
  void leave_out(const std::string& name) { metadata_.erase("deepseek2." + name); }
  Config config() {
    Gguf gguf;
    gguf.metadata = metadata_;
    return gguf_config(gguf, "m.gguf");
  }
  std::string refusal() {
    try {
      config();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kInput);
      return error.what();
    }
    return "accepted";
  }
  json metadata_;
};

TEST_F(Deepseek2, IsDeepseekV3) {
  const Config c = config();
  EXPECT_EQ(c.model_type, "deepseek_v3");
  EXPECT_EQ(c.num_hidden_layers, 61);
  EXPECT_EQ(c.q_lora_rank, 1536);
  EXPECT_EQ(c.qk_nope_head_dim, 128);
  EXPECT_EQ(c.qk_rope_head_dim, 64);
  EXPECT_EQ(c.v_head_dim, 128);
  EXPECT_EQ(c.n_group, 8);
  EXPECT_EQ(c.topk_group, 4);
  EXPECT_TRUE(c.norm_topk_prob);
  EXPECT_TRUE(c.gate_bias);
  EXPECT_TRUE(c.prepend_bos);
  EXPECT_EQ(c.routed_scaling_factor, 2.5);
  EXPECT_EQ(c.rope_amplitude, 1);
  EXPECT_NEAR(attention_scale(c), std::pow(192, -0.5) * std::pow(0.1 * std::log(40) + 1, 2), 1e-8);
  set("nextn_predict_layers", 1u);
  EXPECT_EQ(config().num_hidden_layers, 60);
}

TEST_F(Deepseek2, OlderFilesAreDeepseekV2) {
  for (const char* name :
       {"attention.key_length_mla", "attention.value_length_mla", "attention.q_lora_rank", "expert_gating_func",
        "expert_group_count", "expert_group_used_count", "expert_weights_norm", "expert_weights_scale"}) {
    leave_out(name);
  }
  set("attention.key_length", 192u);
  set("attention.value_length", 128u);
  set("attention.head_count_kv", 16u);
  set("rope.scaling.yarn_log_multiplier", 0.0707f);
  const Config c = config();
  EXPECT_EQ(c.model_type, "deepseek_v2");
  EXPECT_EQ(c.q_lora_rank, 0);
  EXPECT_EQ(c.qk_nope_head_dim, 128);
  EXPECT_EQ(c.gate, Gate::kSoftmax);
  EXPECT_EQ(c.n_group, 1);
  EXPECT_FALSE(c.gate_bias);
  EXPECT_EQ(c.routed_scaling_factor, 1);
  EXPECT_NEAR(attention_scale(c), std::pow(192, -0.5) * std::pow(0.0707 * std::log(40) + 1, 2), 1e-8);
}

TEST_F(Deepseek2, WhatIsWrongIsNamed) {
  const auto with = [&](const char* name, const json& value) {
    const json before = metadata_;
    value.is_null() ? leave_out(name) : set(name, value);
    std::string found = refusal();
    metadata_ = before;
    return found;
  };
  const auto expect = [&](const char* name, const json& value, const char* needle) {
    const std::string found = with(name, value);
    EXPECT_NE(found.find(needle), std::string::npos) << found;
    EXPECT_TRUE(found.starts_with("m.gguf")) << found;
    EXPECT_EQ(found.find('\n'), std::string::npos) << found;
  };
  for (const char* name : {"attention.kv_lora_rank", "attention.value_length_mla", "rope.dimension_count",
                           "leading_dense_block_count", "expert_count", "expert_used_count", "expert_shared_count",
                           "expert_feed_forward_length", "expert_group_used_count", "block_count"}) {
    expect(name, nullptr, name);
  }
  expect("expert_gating_func", 3u, "1 (softmax) or 2 (sigmoid) is supported");
  expect("expert_gating_func", "softmax", "a count is needed");
  expect("attention.key_length_mla", 64u, "must be above");
  expect("attention.key_length_mla", -1, "a count is needed");
  expect("rope.scaling.yarn_log_multiplier", "x", "a number is needed");
  expect("rope.scaling.attn_factor", 2.0, "1 is supported");
  expect("nextn_predict_layers", 61u, "fewer are needed");
  expect("expert_group_count", 7u, "must divide n_routed_experts");
}

TEST_F(Deepseek2, HalvesOfKeysAndValuesMustFit) {
  const std::vector<std::byte> data(2 * 4 * 32 * 4);
  Gguf gguf;
  gguf.tensors = {{"blk.0.attn_k_b.weight", Dtype::kF32, {2, 4, 32}, data},
                  {"blk.0.attn_v_b.weight", Dtype::kF32, {2, 32, 4}, data}};
  const std::vector<Tensor> joined = gguf_tensors(gguf, "m.gguf");
  ASSERT_EQ(joined.size(), 1u);
  EXPECT_EQ(joined[0].name, "model.layers.0.self_attn.kv_b_proj.weight");
  EXPECT_EQ(joined[0].shape, (std::vector<int64_t>{128, 4}));
  for (const std::vector<int64_t>& shape : {std::vector<int64_t>{2, 32, 5}, {3, 32, 4}, {64, 4}}) {
    gguf.tensors[1].shape = shape;
    EXPECT_THROW(gguf_tensors(gguf, "m.gguf"), Error);
  }
  gguf.tensors.pop_back();
  EXPECT_TRUE(gguf_tensors(gguf, "m.gguf").empty());  // missing, which the check of all tensors says
}

// Any size of the halves, in blocks as well: the rows that the file holds turned.
TEST(GgufHalves, RowsAreColumnsOfTheKeys) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int round = 0; round < 20; ++round) {
    const Dtype dtype = round % 2 == 0 ? Dtype::kF32 : Dtype::kQ80;
    const BlockSize block = block_size(dtype);
    const int64_t heads = 1 + random() % 3, rank = 32 * (1 + random() % 3), keys = 32 * (1 + random() % 3),
                  each = 1 + random() % 40;
    const auto fill = [&](int64_t elements) {
      std::vector<std::byte> data;
      for (int64_t b = 0; b < elements / block.elements; ++b) {
        for (int64_t i = 0; i < block.bytes; ++i) data.push_back(static_cast<std::byte>(random() % 60));
      }
      return data;
    };
    const std::vector<std::byte> k = fill(heads * rank * keys), v = fill(heads * each * rank);
    Gguf gguf;
    gguf.tensors = {{"blk.7.attn_v_b.weight", dtype, {heads, each, rank}, v},
                    {"blk.7.attn_k_b.weight", dtype, {heads, rank, keys}, k}};
    const Tensor joined = gguf_tensors(gguf, "m.gguf").at(0);
    const std::vector<float> found = values(joined), all_v = values(gguf.tensors[0]), all_k = values(gguf.tensors[1]);
    ASSERT_EQ(joined.shape, (std::vector<int64_t>{heads * (keys + each), rank}));
    for (int64_t h = 0; h < heads; ++h) {
      for (int64_t row = 0; row < keys + each; ++row) {
        for (int64_t r = 0; r < rank; ++r) {
          const float expected = row < keys ? all_k[static_cast<size_t>((h * rank + r) * keys + row)]
                                            : all_v[static_cast<size_t>((h * each + row - keys) * rank + r)];
          ASSERT_EQ(found[static_cast<size_t>((h * (keys + each) + row) * rank + r)], expected);
        }
      }
    }
  }
}

}  // namespace
}  // namespace hadal::model
