// config.json: accepted spellings, and a table of corruptions, each with the line and the reason it must give.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/model.h"
#include "model/random_checkpoint.h"

namespace hadal::model {
namespace {

using nlohmann::json;

json good() { return json::parse(config_json(small_config())); }

Config parse(const json& value) { return Config::parse(value.dump(1), "config.json"); }

TEST(Config, ReadsWhatTheWriterWrote) {
  const Config want = small_config(), got = parse(good());
  EXPECT_EQ(config_json(got), config_json(want));
}

TEST(Config, AcceptsTheSpellingsInUse) {
  json value = good();
  value["rope_scaling"]["rope_type"] = "yarn";
  EXPECT_TRUE(parse(value).yarn.has_value());
  value["rope_scaling"].erase("type");
  EXPECT_TRUE(parse(value).yarn.has_value());

  json newer = good();
  newer["rope_parameters"] = newer["rope_scaling"];
  newer["rope_parameters"]["rope_theta"] = 50000.0;
  newer.erase("rope_scaling");
  newer.erase("rope_theta");
  EXPECT_EQ(parse(newer).rope_theta, 50000);
  EXPECT_EQ(parse(newer).yarn->factor, 4);
  newer["rope_parameters"] = {{"rope_type", "default"}, {"rope_theta", 10000.0}};
  EXPECT_FALSE(parse(newer).yarn.has_value());

  json plain = good();
  for (const char* key : {"rope_scaling", "architectures", "scoring_func", "topk_method", "moe_layer_freq",
                          "num_key_value_heads", "norm_topk_prob", "bos_token_id", "eos_token_id"}) {
    plain.erase(key);
  }
  plain["quantization_config"].erase("fmt");
  plain["quantization_config"]["scale_fmt"] = "ue8m0";
  plain["something_else"] = {1, 2, 3};
  const Config config = parse(plain);
  EXPECT_FALSE(config.yarn.has_value());
  EXPECT_EQ(config.bos_token_id, -1);
  EXPECT_TRUE(config.norm_topk_prob);
}

TEST(Config, HadalTiny) {
  const Config config = Config::load(HADAL_SOURCE_DIR "/models/hadal-tiny/config.json");
  EXPECT_EQ(config.hidden_size, 384);
  EXPECT_EQ(config.n_routed_experts, 16);
  EXPECT_EQ(config.yarn->original_max_position_embeddings, 512);
}

void expect_error(const std::string& text, const std::string& needle) {
  try {
    Config::parse(text, "config.json");
    FAIL() << "accepted; expected: " << needle;
  } catch (const Error& e) {
    const std::string what = e.what();
    EXPECT_EQ(e.kind(), ErrorKind::kInput) << what;
    EXPECT_TRUE(what.starts_with("config.json:")) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    EXPECT_NE(what.find(needle), std::string::npos) << what << "\n  expected: " << needle;
  }
}

struct Case {
  const char* patch;  // a JSON merge patch; null removes a key
  const char* needle;
};

const Case kBadConfigs[] = {
    Case{R"({"model_type": null})", "model_type is missing; \"deepseek_v2\", \"deepseek_v3\""},
    Case{R"({"model_type": "bert"})",
         "model_type is \"bert\"; \"deepseek_v2\", \"deepseek_v3\", \"llama\", \"qwen2\", "
         "\"qwen3\" or \"qwen3_moe\" is supported"},
    Case{R"({"model_type": 3})", "model_type is 3"},
    Case{R"({"architectures": ["LlamaForCausalLM"]})", "it must list \"DeepseekV3ForCausalLM\""},
    Case{R"({"q_lora_rank": null})", "only deepseek_v2 has models without query compression"},
    Case{R"({"hidden_size": null})", "hidden_size is missing; an integer from 1 to 1048576 is needed"},
    Case{R"({"hidden_size": 0})", "hidden_size is 0; it must be from 1 to"},
    Case{R"({"hidden_size": -384})", "hidden_size is -384"},
    Case{R"({"hidden_size": "384"})", "hidden_size is a string, an integer is needed"},
    Case{R"({"hidden_size": 384.5})", "hidden_size is a fraction, an integer is needed"},
    Case{R"({"hidden_size": true})", "hidden_size is true or false, an integer is needed"},
    Case{R"({"hidden_size": 18446744073709551615})", "hidden_size is 18446744073709551615; it must be"},
    Case{R"({"first_k_dense_replace": 3})", "first_k_dense_replace is 3; it must be from 0 to 2"},
    Case{R"({"num_experts_per_tok": 9})", "num_experts_per_tok is 9, more than the 8 of n_routed_experts"},
    Case{R"({"num_experts_per_tok": 5})", "1 groups of 4 experts offer only 4"},
    Case{R"({"n_group": 3})", "n_group is 3; it must divide n_routed_experts, which is 8"},
    Case{R"({"n_group": 8, "topk_group": 4})", "needs at least two"},
    Case{R"({"topk_group": 3})", "topk_group is 3, more than the 2 of n_group"},
    Case{R"({"n_shared_experts": 0})", "n_shared_experts is 0"},
    Case{R"({"qk_rope_head_dim": 33})", "qk_rope_head_dim is 33; it must be even"},
    Case{R"({"num_key_value_heads": 1})", "num_key_value_heads is 1; it must equal num_attention_heads, which is 2"},
    Case{R"({"scoring_func": "softmax"})", "scoring_func is \"softmax\"; only \"sigmoid\" is supported"},
    Case{R"({"topk_method": "greedy"})", "topk_method is \"greedy\"; only \"noaux_tc\" is supported"},
    Case{R"({"hidden_act": "gelu"})", "hidden_act is \"gelu\""},
    Case{R"({"attention_bias": true})", "attention_bias is true"},
    Case{R"({"moe_layer_freq": 2})", "moe_layer_freq is 2"},
    Case{R"({"rms_norm_eps": 0})", "rms_norm_eps is 0"},
    Case{R"({"rms_norm_eps": "1e-6"})", "rms_norm_eps is a string, a number is needed"},
    Case{R"({"norm_topk_prob": 1})", "norm_topk_prob is an integer, true or false is needed"},
    Case{R"({"rope_theta": 1})", "rope_theta is 1; it must be above 1"},
    Case{R"({"rope_scaling": 4})", "rope_scaling is an integer, an object is needed"},
    Case{R"({"rope_scaling": {"type": "dynamic"}})",
         "rope_scaling.type is \"dynamic\"; \"default\", \"linear\", \"llama3\" or \"yarn\" is supported"},
    Case{R"({"rope_scaling": {"type": "llama3"}})", "rope_scaling.low_freq_factor is missing"},
    Case{R"({"rope_scaling": {"rope_type": "default"}})", "they must agree"},
    Case{R"({"rope_scaling": {"type": null}})", "\"llama3\" or \"yarn\" is supported"},
    Case{R"({"rope_scaling": {"factor": null}})", "rope_scaling.factor is missing; a positive number is needed"},
    Case{R"({"rope_scaling": {"factor": null}, "z": {"factor": 1}})", "config.json: rope_scaling.factor is missing"},
    Case{R"({"rope_scaling": {"factor": 0.5}})", "rope_scaling.factor is 0.5; it must be at least 1"},
    Case{R"({"rope_scaling": {"attention_factor": 0}})", "rope_scaling.attention_factor is 0; it must be a positive"},
    Case{R"({"rope_scaling": {"beta_fast": 0.5}})", "rope_scaling.beta_fast is 0.5, below beta_slow"},
    Case{R"({"rope_scaling": {"truncate": false}})", "rope_scaling.truncate is false"},
    Case{R"({"rope_parameters": {"rope_type": "yarn"}})", "rope_parameters and rope_scaling are both given"},
    Case{R"({"quantization_config": {"quant_method": "awq"}})",
         "quantization_config.quant_method is \"awq\"; only \"fp8\""},
    Case{R"({"quantization_config": {"quant_method": null}})", "quantization_config.quant_method is missing"},
    Case{R"({"quantization_config": {"fmt": "e5m2"}})", "quantization_config.fmt is \"e5m2\"; only \"e4m3\""},
    Case{R"({"quantization_config": {"weight_block_size": [64, 64]}})", "weight_block_size is [64,64]; only [128,128]"},
    Case{R"({"quantization_config": {"weight_block_size": null}})",
         "weight_block_size is missing; [128, 128] is needed"},
    Case{R"({"quantization_config": {"activation_scheme": "static"}})", "activation_scheme is \"static\""},
    Case{R"({"quantization_config": {"scale_fmt": "int8"}})", "scale_fmt is \"int8\""},
    Case{R"({"bos_token_id": 320})", "bos_token_id is 320; it must be from 0 to 319"},
    Case{R"({"eos_token_id": [1, 320]})", "eos_token_id holds 320; token ids from 0 to 319 are needed"}};

TEST(Config, CorruptionsAreRefused) {
  for (const Case& c : kBadConfigs) {
    SCOPED_TRACE(c.patch);
    json value = good();
    value.merge_patch(json::parse(c.patch));
    expect_error(value.dump(1), c.needle);
  }
}

TEST(Config, ErrorsNameTheLine) {
  expect_error("{\n \"model_type\": \"deepseek_v3\",\n \"vocab_size\" 3}", "config.json:3: malformed JSON: ");
  expect_error("{\n \"a\": 1,\n\n \"b\": {\"a\": 2},\n \"a\": 3}", "config.json:5: duplicate key \"a\"");
  expect_error("{\"a\": {\"b\": 1,\n \"\\u0062\": 2}}", "config.json:2: duplicate key \"b\"");
  expect_error("", "config.json:1: malformed JSON: ");
  expect_error("[1]", "config.json: holds a list, an object is needed");
  expect_error(std::string("{}\0{}", 5), "config.json:1: malformed JSON: a NUL byte");
  expect_error("{\"a\": 1e999}", "config.json:1: malformed JSON: ");
  expect_error(std::string(1000000, '['), "config.json:1: malformed JSON: ");
  expect_error("{\"architectures\":" + std::string(100000, '[') + std::string(100000, ']') + "}",
               "nesting deeper than 64");

  json value = good();
  value["kv_lora_rank"] = -1;
  const std::string text = value.dump(1);
  const size_t at = text.find("\"kv_lora_rank\"");
  const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(at), '\n');
  expect_error(text, fmt::format("config.json:{}: kv_lora_rank is -1", line));

  // Keys of the same name elsewhere do not confuse the line.
  expect_error("{\"x\": {\"model_type\": 1},\n \"y\": [{\"model_type\": 1}],\n \"model_type\": \"a\"}",
               "config.json:3: model_type");
}

TEST(Config, MissingFileIsNamed) {
  try {
    Config::load("/nowhere/config.json");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kInput);
    EXPECT_TRUE(std::string(e.what()).starts_with("/nowhere/config.json: "));
  }
}

}  // namespace
}  // namespace hadal::model
