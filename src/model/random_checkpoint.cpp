// Deterministic random weights in the layout of a published DeepSeek-V3 checkpoint.
#include "model/random_checkpoint.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/byte_level.h"
#include "model/safetensors_writer.h"
#include "numerics/numerics.h"

namespace hadal::model {
namespace {

using nlohmann::json;

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {  // splitmix64
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
  }
  float uniform(float low, float high) { return low + (high - low) * static_cast<float>(next() >> 40) * 0x1p-24f; }
  float normal() {  // of twelve uniforms: mean 0, variance 1, no libm, so the same everywhere
    float sum = -6;
    for (int i = 0; i < 12; ++i) sum += uniform(0, 1);
    return sum;
  }

 private:
  uint64_t state_;
};

constexpr float kCodeSigma = 64;  // E4M3 codes are drawn from N(0, 64^2), inside +-448

class Builder {
 public:
  Builder(const Config& config, const CheckpointOptions& options)
      : c_(config), options_(options), random_(options.seed), shards_(static_cast<size_t>(options.shards)) {
    for (auto& code : codes_) code = num::e4m3_from_float(random_.normal() * kCodeSigma);
  }

  void run(const std::string& directory) {
    bf16("model.embed_tokens.weight", {c_.vocab_size, c_.hidden_size}, 0, 1);
    for (int64_t layer = 0; layer < c_.num_hidden_layers + c_.num_nextn_predict_layers; ++layer) {
      const std::string prefix = fmt::format("model.layers.{}.", layer);
      if (layer >= c_.num_hidden_layers) next_token(prefix);
      bf16(prefix + "input_layernorm.weight", {c_.hidden_size}, 1, 0.1f);
      attention(prefix + "self_attn.");
      bf16(prefix + "post_attention_layernorm.weight", {c_.hidden_size}, 1, 0.1f);
      if (layer < c_.first_k_dense_replace) {
        mlp(prefix + "mlp.", c_.intermediate_size);
      } else {
        experts(prefix + "mlp.");
      }
    }
    bf16("model.norm.weight", {c_.hidden_size}, 1, 0.1f);
    bf16("lm_head.weight", {c_.vocab_size, c_.hidden_size}, 0, inverse_root(c_.hidden_size));
    write(directory);
  }

 private:
  static float inverse_root(int64_t k) { return 1 / std::sqrt(static_cast<float>(k)); }

  void add(const std::string& name, Dtype dtype, std::vector<int64_t> shape, std::vector<std::byte> data) {
    shards_[next_++ % shards_.size()].add(name, dtype, std::move(shape), std::move(data));
  }

  void bf16(const std::string& name, std::vector<int64_t> shape, float mean, float sigma) {
    size_t count = 1;
    for (const int64_t dim : shape) count *= static_cast<size_t>(dim);
    std::vector<std::byte> data(2 * count);
    for (size_t i = 0; i < count; ++i) {
      const uint16_t code = num::bf16_from_float(mean + sigma * random_.normal());
      std::memcpy(&data[2 * i], &code, sizeof code);
    }
    add(name, Dtype::kBf16, std::move(shape), std::move(data));
  }

  void f32(const std::string& name, std::vector<int64_t> shape, const std::vector<float>& values) {
    std::vector<std::byte> data(sizeof(float) * values.size());
    std::memcpy(data.data(), values.data(), data.size());
    add(name, Dtype::kF32, std::move(shape), std::move(data));
  }

  void fp8(const std::string& name, int64_t n, int64_t k) {
    std::vector<std::byte> data(static_cast<size_t>(n * k));
    for (auto& byte : data) byte = static_cast<std::byte>(codes_[random_.next() % std::size(codes_)]);
    add(name + ".weight", Dtype::kE4m3, {n, k}, std::move(data));
    const int64_t rows = (n + 127) / 128, columns = (k + 127) / 128;
    std::vector<float> scales(static_cast<size_t>(rows * columns));
    for (float& scale : scales) {
      scale = random_.uniform(0.6f, 1.4f) * inverse_root(k) / kCodeSigma;
      if (options_.power_of_two_scales) scale = std::exp2(std::round(std::log2(scale)));
    }
    f32(name + ".weight_scale_inv", {rows, columns}, scales);
  }

  void attention(const std::string& prefix) {
    const int64_t heads = c_.num_attention_heads;
    fp8(prefix + "q_a_proj", c_.q_lora_rank, c_.hidden_size);
    bf16(prefix + "q_a_layernorm.weight", {c_.q_lora_rank}, 1, 0.1f);
    fp8(prefix + "q_b_proj", heads * (c_.qk_nope_head_dim + c_.qk_rope_head_dim), c_.q_lora_rank);
    fp8(prefix + "kv_a_proj_with_mqa", c_.kv_lora_rank + c_.qk_rope_head_dim, c_.hidden_size);
    bf16(prefix + "kv_a_layernorm.weight", {c_.kv_lora_rank}, 1, 0.1f);
    fp8(prefix + "kv_b_proj", heads * (c_.qk_nope_head_dim + c_.v_head_dim), c_.kv_lora_rank);
    fp8(prefix + "o_proj", c_.hidden_size, heads * c_.v_head_dim);
  }

  void next_token(const std::string& prefix) {
    bf16(prefix + "enorm.weight", {c_.hidden_size}, 1, 0.1f);
    bf16(prefix + "hnorm.weight", {c_.hidden_size}, 1, 0.1f);
    bf16(prefix + "eh_proj.weight", {c_.hidden_size, 2 * c_.hidden_size}, 0, inverse_root(c_.hidden_size));
    bf16(prefix + "shared_head.norm.weight", {c_.hidden_size}, 1, 0.1f);
    bf16(prefix + "shared_head.head.weight", {c_.vocab_size, c_.hidden_size}, 0, inverse_root(c_.hidden_size));
  }

  void mlp(const std::string& prefix, int64_t width) {
    fp8(prefix + "gate_proj", width, c_.hidden_size);
    fp8(prefix + "up_proj", width, c_.hidden_size);
    fp8(prefix + "down_proj", c_.hidden_size, width);
  }

  void experts(const std::string& prefix) {
    bf16(prefix + "gate.weight", {c_.n_routed_experts, c_.hidden_size}, 0, inverse_root(c_.hidden_size));
    std::vector<float> bias(static_cast<size_t>(c_.n_routed_experts));
    for (float& value : bias) value = random_.uniform(-0.1f, 0.1f);
    f32(prefix + "gate.e_score_correction_bias", {c_.n_routed_experts}, bias);
    for (int64_t e = 0; e < c_.n_routed_experts; ++e)
      mlp(fmt::format("{}experts.{}.", prefix, e), c_.moe_intermediate_size);
    mlp(prefix + "shared_experts.", c_.moe_intermediate_size * c_.n_shared_experts);
  }

  void write(const std::string& directory) const {
    const std::filesystem::path base(directory);
    const auto write_shard = [&](const SafetensorsWriter& shard, const std::string& name) {
      write_file((base / name).string(), options_.padding == 0 ? shard.bytes() : shard.bytes(options_.padding));
    };
    if (shards_.size() == 1) return write_shard(shards_[0], "model.safetensors");
    json weight_map;
    for (size_t i = 0; i < shards_.size(); ++i) {
      const std::string name = fmt::format("model-{:05}-of-{:05}.safetensors", i + 1, shards_.size());
      write_shard(shards_[i], name);
      for (const std::string& tensor : shards_[i].names()) weight_map[tensor] = name;
    }
    write_file((base / "model.safetensors.index.json").string(), json{{"weight_map", weight_map}}.dump(1));
  }

  const Config& c_;
  const CheckpointOptions& options_;
  Random random_;
  uint8_t codes_[4096];
  std::vector<SafetensorsWriter> shards_;
  size_t next_ = 0;
};

}  // namespace

Config small_config() {
  Config c;
  c.model_type = "deepseek_v3";
  c.vocab_size = 320;
  c.hidden_size = 192;  // one and a half blocks
  c.num_hidden_layers = 2;
  c.first_k_dense_replace = 1;
  c.intermediate_size = 320;
  c.moe_intermediate_size = 64;
  c.n_routed_experts = 8;
  c.n_shared_experts = 1;
  c.num_experts_per_tok = 2;
  c.n_group = 2;
  c.topk_group = 1;
  c.num_attention_heads = 2;
  c.q_lora_rank = 128;
  c.kv_lora_rank = 128;
  c.qk_nope_head_dim = 64;
  c.qk_rope_head_dim = 32;
  c.v_head_dim = 64;
  c.max_position_embeddings = 1024;
  c.norm_topk_prob = true;
  c.routed_scaling_factor = 2.5;
  c.yarn = Yarn{.factor = 4, .mscale_all_dim = 1, .original_max_position_embeddings = 256};
  c.bos_token_id = 0;
  c.eos_token_id = 1;
  return c;
}

std::string config_json(const Config& c) {
  json out = {{"architectures", {"DeepseekV3ForCausalLM"}},
              {"model_type", c.model_type},
              {"vocab_size", c.vocab_size},
              {"hidden_size", c.hidden_size},
              {"num_hidden_layers", c.num_hidden_layers},
              {"first_k_dense_replace", c.first_k_dense_replace},
              {"moe_layer_freq", 1},
              {"intermediate_size", c.intermediate_size},
              {"moe_intermediate_size", c.moe_intermediate_size},
              {"n_routed_experts", c.n_routed_experts},
              {"n_shared_experts", c.n_shared_experts},
              {"num_experts_per_tok", c.num_experts_per_tok},
              {"n_group", c.n_group},
              {"topk_group", c.topk_group},
              {"norm_topk_prob", c.norm_topk_prob},
              {"routed_scaling_factor", c.routed_scaling_factor},
              {"scoring_func", "sigmoid"},
              {"topk_method", "noaux_tc"},
              {"num_attention_heads", c.num_attention_heads},
              {"num_key_value_heads", c.num_attention_heads},
              {"q_lora_rank", c.q_lora_rank},
              {"kv_lora_rank", c.kv_lora_rank},
              {"qk_nope_head_dim", c.qk_nope_head_dim},
              {"qk_rope_head_dim", c.qk_rope_head_dim},
              {"v_head_dim", c.v_head_dim},
              {"attention_bias", false},
              {"rms_norm_eps", c.rms_norm_eps},
              {"rope_theta", c.rope_theta},
              {"rope_scaling", nullptr},
              {"max_position_embeddings", c.max_position_embeddings},
              {"hidden_act", "silu"},
              {"tie_word_embeddings", false}};
  if (c.num_nextn_predict_layers > 0) out["num_nextn_predict_layers"] = c.num_nextn_predict_layers;
  if (c.bos_token_id >= 0) out["bos_token_id"] = c.bos_token_id;
  if (c.eos_token_id >= 0) out["eos_token_id"] = c.eos_token_id;
  if (c.yarn) {
    out["rope_scaling"] = {{"type", "yarn"},
                           {"factor", c.yarn->factor},
                           {"original_max_position_embeddings", c.yarn->original_max_position_embeddings},
                           {"beta_fast", c.yarn->beta_fast},
                           {"beta_slow", c.yarn->beta_slow},
                           {"mscale", c.yarn->mscale},
                           {"mscale_all_dim", c.yarn->mscale_all_dim}};
  }
  out["quantization_config"] = {{"quant_method", "fp8"},
                                {"fmt", "e4m3"},
                                {"activation_scheme", "dynamic"},
                                {"weight_block_size", {c.weight_block_size, c.weight_block_size}}};
  return out.dump(1) + "\n";
}

std::string small_tokenizer_json(int64_t vocab_size) {
  check(vocab_size >= 258, "a vocabulary of {} has no room for two special tokens and 256 bytes", vocab_size);
  json vocab, merges = json::array(), added = json::array();
  const char* special[] = {"<bos>", "<eos>"};
  for (int id = 0; id < 2; ++id) {
    vocab[special[id]] = id;
    added.push_back({{"id", id},
                     {"content", special[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", true}});
  }
  for (int byte = 0; byte < 256; ++byte) vocab[byte_characters()[byte]] = 2 + byte;
  // Pairs of frequent letters, after a space first; at most 26 * 27 merges.
  const std::string letters = byte_characters()[' '] + "etaoinshrdlcumwfgypbvkjxqz";
  const size_t space = byte_characters()[' '].size();
  std::vector<std::string> left = {letters.substr(0, space)};
  for (const char c : letters.substr(space)) left.emplace_back(1, c);
  int64_t id = 258;
  for (const std::string& first : left) {
    for (size_t i = space; i < letters.size() && id < vocab_size; ++i) {
      vocab[first + letters[i]] = id++;
      merges.push_back(first + " " + letters[i]);
    }
  }
  const auto split = [](const char* regex) {
    return json{{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}};
  };
  const json byte_level = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  const json steps = {split(R"(\p{N}{1,3})"),
                      split(R"( ?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"), byte_level};
  const json tokenizer = {
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added},
      {"normalizer", nullptr},
      {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", steps}}},
      {"post_processor", nullptr},
      {"decoder", {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", nullptr},
        {"fuse_unk", false},
        {"byte_fallback", false},
        {"vocab", vocab},
        {"merges", merges}}}};
  return tokenizer.dump(1) + "\n";
}

void write_random_checkpoint(const std::string& directory, const Config& config, const CheckpointOptions& options) {
  std::filesystem::create_directories(directory);
  const std::filesystem::path base(directory);
  write_file((base / "config.json").string(), config_json(config));
  write_file((base / "tokenizer.json").string(), small_tokenizer_json(config.vocab_size));
  Builder(config, options).run(directory);
}

}  // namespace hadal::model
