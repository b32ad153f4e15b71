// What the metadata and tensor names of a GGUF file mean.
#include "model/gguf.h"

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/mapped_file.h"
#include "model/blocks.h"
#include "model/family.h"
#include "model/json_file.h"
#include "model/safetensors_format.h"

namespace hadal::model {
namespace {

using nlohmann::json;

// general.architecture and the model_type it is.
struct Architecture {
  std::string_view name, model_type;
};
constexpr std::array kArchitectures = {
    Architecture{"llama", "llama"}, Architecture{"qwen2", "qwen2"}, Architecture{"qwen3", "qwen3"},
    Architecture{"qwen3moe", "qwen3_moe"},
    Architecture{"deepseek2", "deepseek_v2"}};     // or deepseek_v3: expert_gating_func tells
constexpr int kSoftmaxGate = 1, kSigmoidGate = 2;  // of expert_gating_func

struct Rename {
  std::string_view from, to;
};
constexpr std::array kGlobal = {Rename{"token_embd", "model.embed_tokens"}, Rename{"output_norm", "model.norm"},
                                Rename{"output", "lm_head"}};
constexpr std::array kInLayer = {Rename{"attn_norm", "input_layernorm"},
                                 Rename{"ffn_norm", "post_attention_layernorm"},
                                 Rename{"attn_q", "self_attn.q_proj"},
                                 Rename{"attn_k", "self_attn.k_proj"},
                                 Rename{"attn_v", "self_attn.v_proj"},
                                 Rename{"attn_output", "self_attn.o_proj"},
                                 Rename{"attn_q_norm", "self_attn.q_norm"},
                                 Rename{"attn_k_norm", "self_attn.k_norm"},
                                 Rename{"ffn_gate", "mlp.gate_proj"},
                                 Rename{"ffn_up", "mlp.up_proj"},
                                 Rename{"ffn_down", "mlp.down_proj"},
                                 Rename{"ffn_gate_inp", "mlp.gate"},
                                 Rename{"attn_q_a", "self_attn.q_a_proj"},
                                 Rename{"attn_q_a_norm", "self_attn.q_a_layernorm"},
                                 Rename{"attn_q_b", "self_attn.q_b_proj"},
                                 Rename{"attn_kv_a_mqa", "self_attn.kv_a_proj_with_mqa"},
                                 Rename{"attn_kv_b", "self_attn.kv_b_proj"},
                                 Rename{"attn_kv_a_norm", "self_attn.kv_a_layernorm"},
                                 Rename{"ffn_gate_shexp", "mlp.shared_experts.gate_proj"},
                                 Rename{"ffn_up_shexp", "mlp.shared_experts.up_proj"},
                                 Rename{"ffn_down_shexp", "mlp.shared_experts.down_proj"}};
// All experts of a layer in one tensor.
constexpr std::array kExperts = {Rename{"ffn_gate_exps", "gate_proj"}, Rename{"ffn_up_exps", "up_proj"},
                                 Rename{"ffn_down_exps", "down_proj"}};

template <size_t N>
const Rename* find(const std::array<Rename, N>& table, std::string_view name) {
  for (const Rename& rename : table) {
    if (rename.from == name) return &rename;
  }
  return nullptr;
}

const json* find(const json& metadata, const std::string& key) {
  const auto it = metadata.find(key);
  return it == metadata.end() ? nullptr : &*it;
}

const json& require(const json& metadata, const std::string& key, const std::string& where, const char* needed) {
  const json* value = find(metadata, key);
  if (value == nullptr) input_error(where, "metadata key {} is missing; {} is needed", key, needed);
  return *value;
}

// Metadata as config.json says the same; what is missing there or wrong is found by its reader.
class ConfigWriter {
 public:
  ConfigWriter(const json& metadata, const std::string& where) : metadata_(metadata), where_(where) {
    const json& given = require(metadata, "general.architecture", where, "an architecture");
    for (const Architecture& known : kArchitectures) {
      if (given == known.name) architecture_ = known;
    }
    if (architecture_.name.empty()) {
      input_error(where, "general.architecture is {}; llama, qwen2, qwen3, qwen3moe or deepseek2 is supported",
                  printable(given.dump()));
    }
  }

  json write(const std::vector<Tensor>& tensors) {
    json config = {{"model_type", architecture_.model_type}, {"hidden_act", "silu"}};
    copy(config, "hidden_size", "embedding_length", true);
    copy(config, "num_hidden_layers", "block_count", true);
    copy(config, "intermediate_size", "feed_forward_length", true);
    copy(config, "num_attention_heads", "attention.head_count", true);
    if (latent()) {
      latent_attention(config);
      shared_and_routed(config);
    } else {
      copy(config, "num_key_value_heads", "attention.head_count_kv", false);
      copy(config, "head_dim", "attention.key_length", false);
    }
    copy(config, "max_position_embeddings", "context_length", true);
    copy(config, "rms_norm_eps", "attention.layer_norm_rms_epsilon", true);
    copy(config, "rope_theta", "rope.freq_base", false);
    if (architecture_.model_type == "qwen3_moe") {
      copy(config, "num_experts", "expert_count", true);
      copy(config, "num_experts_per_tok", "expert_used_count", true);
      copy(config, "moe_intermediate_size", "expert_feed_forward_length", true);
      config["norm_topk_prob"] = true;
    }
    config["vocab_size"] = require(metadata_, "tokenizer.ggml.tokens", where_, "the vocabulary").size();
    rope_scaling(config);
    bool tied = true;
    for (const Tensor& tensor : tensors) tied = tied && tensor.name != "output.weight";
    config["tie_word_embeddings"] = tied;
    if (const json* bos = find(metadata_, "tokenizer.ggml.bos_token_id")) config["bos_token_id"] = *bos;
    json ends = json::array();
    for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id"}) {
      if (const json* token = find(metadata_, key)) ends.push_back(*token);
    }
    if (!ends.empty()) config["eos_token_id"] = ends;
    return config;
  }

 private:
  bool latent() const { return architecture_.name == "deepseek2"; }
  std::string key(const char* name) const { return fmt::format("{}.{}", architecture_.name, name); }

  // A count of the architecture's, or 0 without it.
  int64_t count(const std::string& name) const {
    const json* value = find(metadata_, name);
    if (value == nullptr) return 0;
    if (!value->is_number_integer() || *value < 0 || *value > int64_t{1} << 40) {
      input_error(where_, "metadata key {} is {}; a count is needed", name, printable(value->dump()));
    }
    return value->get<int64_t>();
  }
  int64_t needed_count(const std::string& name, const char* gives) const {
    if (find(metadata_, name) == nullptr) input_error(where_, "metadata key {} is missing; it gives {}", name, gives);
    return count(name);
  }

  // Newer files describe the cache, one wide key head, and give the lengths of a head beside it (`_mla`).
  void latent_attention(json& config) const {
    copy(config, "q_lora_rank", "attention.q_lora_rank", false);
    copy(config, "kv_lora_rank", "attention.kv_lora_rank", true);
    const bool beside = find(metadata_, key("attention.key_length_mla")) != nullptr;
    const std::string keys = key(beside ? "attention.key_length_mla" : "attention.key_length");
    const int64_t length = needed_count(keys, "qk_nope_head_dim");
    const int64_t rotated = needed_count(key("rope.dimension_count"), "qk_rope_head_dim");
    if (length <= rotated) {
      input_error(where_, "metadata key {} is {}; it must be above {}, which is {}", keys, length,
                  key("rope.dimension_count"), rotated);
    }
    config["qk_rope_head_dim"] = rotated;
    config["qk_nope_head_dim"] = length - rotated;
    copy(config, "v_head_dim", beside ? "attention.value_length_mla" : "attention.value_length", true);
  }

  // Files from before expert_gating_func and the groups are of models whose gate is a softmax, or leave the groups out:
  // then all experts compete, which is what such a file means to the programs it was made for.
  void shared_and_routed(json& config) const {
    const std::string gate_key = key("expert_gating_func");
    const int64_t gate = find(metadata_, gate_key) == nullptr ? kSoftmaxGate : count(gate_key);
    if (gate != kSoftmaxGate && gate != kSigmoidGate) {
      input_error(where_, "metadata key {} is {}; {} (softmax) or {} (sigmoid) is supported", gate_key, gate,
                  kSoftmaxGate, kSigmoidGate);
    }
    if (gate == kSigmoidGate) config["model_type"] = "deepseek_v3";
    config["scoring_func"] = gate == kSigmoidGate ? "sigmoid" : "softmax";
    const int64_t groups = count(key("expert_group_count"));
    if (groups > 1) {
      config["n_group"] = groups;
      config["topk_group"] = needed_count(key("expert_group_used_count"), "topk_group");
    } else if (gate == kSigmoidGate) {
      config["n_group"] = config["topk_group"] = 1;
    }
    config["topk_method"] = gate == kSigmoidGate ? "noaux_tc" : groups > 1 ? "group_limited_greedy" : "greedy";
    copy(config, "first_k_dense_replace", "leading_dense_block_count", true);
    copy(config, "moe_intermediate_size", "expert_feed_forward_length", true);
    copy(config, "n_routed_experts", "expert_count", true);
    copy(config, "n_shared_experts", "expert_shared_count", true);
    copy(config, "num_experts_per_tok", "expert_used_count", true);
    config["routed_scaling_factor"] = 1.0;
    copy(config, "routed_scaling_factor", "expert_weights_scale", false);
    config["norm_topk_prob"] = false;
    copy(config, "norm_topk_prob", "expert_weights_norm", false);
    const int64_t further = count(key("nextn_predict_layers"));  // block_count holds them, and they are left alone
    const int64_t layers = needed_count(key("block_count"), "num_hidden_layers");
    if (further >= layers && further > 0) {
      input_error(where_, "metadata key {} is {} of {} blocks; fewer are needed", key("nextn_predict_layers"), further,
                  layers);
    }
    config["num_hidden_layers"] = layers - further;
  }

  void copy(json& config, const char* to, const char* from, bool needed) const {
    const json* value = find(metadata_, key(from));
    if (value == nullptr && needed) input_error(where_, "metadata key {} is missing; it gives {}", key(from), to);
    if (value != nullptr) config[to] = *value;
  }

  void rope_scaling(json& config) const {
    const json* type = find(metadata_, key("rope.scaling.type"));
    if (type == nullptr || *type == "none") return;
    config["rope_scaling"] = {{"rope_type", *type}};
    json& scaling = config["rope_scaling"];
    copy(scaling, "factor", "rope.scaling.factor", true);
    copy(scaling, "original_max_position_embeddings", "rope.scaling.original_context_length", false);
    if (*type != "yarn") return;
    copy(scaling, "beta_fast", "rope.scaling.yarn_beta_fast", false);
    copy(scaling, "beta_slow", "rope.scaling.yarn_beta_slow", false);
    for (const char* name :
         {"rope.scaling.attn_factor", "rope.scaling.yarn_attn_factor", "rope.scaling.yarn_ext_factor"}) {
      const json* factor = find(metadata_, key(name));
      if (factor != nullptr && *factor != 1.0) {
        input_error(where_, "metadata key {} is {}; 1 is supported", key(name), printable(factor->dump()));
      }
    }
    if (!latent()) return;
    // The logarithm's multiplier is a tenth of mscale_all_dim, and stands for mscale too: amplitudes are 1.
    const json* multiplier = find(metadata_, key("rope.scaling.yarn_log_multiplier"));
    if (multiplier != nullptr && !multiplier->is_number()) {
      input_error(where_, "metadata key {} is {}; a number is needed", key("rope.scaling.yarn_log_multiplier"),
                  printable(multiplier->dump()));
    }
    scaling["mscale_all_dim"] = multiplier == nullptr ? 0.0 : 10 * multiplier->get<double>();
    scaling["attention_factor"] = 1.0;
  }

  const json& metadata_;
  const std::string& where_;
  Architecture architecture_;
};

}  // namespace

Config gguf_config(Gguf& gguf, const std::string& where) {
  const JsonFile file = JsonFile::of(ConfigWriter(gguf.metadata, where).write(gguf.tensors), where);
  Config config = read_config(file);
  config.fp8 = false;
  // Converters reorder the query and key rows of llama so that neighbours form a rotation pair; the others keep theirs.
  if (config.model_type == "llama") config.rope_interleaved = true;
  const json* add_bos = find(gguf.metadata, "tokenizer.ggml.add_bos_token");
  config.prepend_bos =
      add_bos != nullptr ? *add_bos == true : config.model_type == "llama" || config.attention == Attention::kLatent;
  for (const Tensor& tensor : gguf.tensors) {
    if (tensor.name != "rope_freqs.weight") continue;
    if (tensor.dtype != Dtype::kF32 || tensor.shape != std::vector<int64_t>{config.head_dim / 2}) {
      input_error(where, "tensor \"rope_freqs.weight\" must be F32 of {} divisors", config.head_dim / 2);
    }
    config.rope_divisors = values(tensor);
    for (const float divisor : config.rope_divisors) {
      if (!(divisor > 0)) input_error(where, "tensor \"rope_freqs.weight\" holds {}; divisors are positive", divisor);
    }
  }
  return config;
}

namespace {

// attn_k_b and attn_v_b of one layer as the kv_b_proj they were.
Tensor joined(const Tensor& keys, const Tensor& values, const std::string& layer, const std::string& where) {
  static std::atomic<uint64_t> made = 0;
  if (keys.shape.size() != 3 || values.shape.size() != 3 || keys.shape[0] != values.shape[0] ||
      keys.shape[1] != values.shape[2]) {
    input_error(where,
                "tensors \"{}\" and \"{}\" are {} and {}; [heads, rank, keys] and [heads, values, rank] are needed",
                printable(keys.name), printable(values.name), shape_text(keys.shape), shape_text(values.shape));
  }
  Tensor out{layer + "self_attn.kv_b_proj.weight", Dtype::kHalves, {}, {}};
  if (__builtin_mul_overflow(keys.shape[0], keys.shape[2] + values.shape[1], &out.shape.emplace_back())) {
    input_error(where, "tensor \"{}\" is beyond any model", printable(keys.name));
  }
  out.shape.push_back(keys.shape[1]);
  out.halves = std::make_shared<const Halves>(Halves{keys, values, ++made});
  return out;
}

}  // namespace

std::vector<Tensor> gguf_tensors(const Gguf& gguf, const std::string& where) {
  std::vector<Tensor> out;
  std::map<std::string, std::array<const Tensor*, 2>> halves;  // attn_k_b and attn_v_b by layer
  for (const Tensor& tensor : gguf.tensors) {
    const std::string_view name = tensor.name;
    const size_t dot = name.rfind('.');
    if (dot == name.npos) continue;
    const std::string_view stem = name.substr(0, dot), suffix = name.substr(dot);
    Tensor renamed = tensor;
    if (const Rename* rename = find(kGlobal, stem)) {
      renamed.name = fmt::format("{}{}", rename->to, suffix);
      out.push_back(std::move(renamed));
      continue;
    }
    const size_t second = stem.find('.', 4);
    if (!stem.starts_with("blk.") || second == stem.npos) continue;  // further tensors are left alone
    const std::string layer = fmt::format("model.layers.{}.", stem.substr(4, second - 4));
    const std::string_view part = stem.substr(second + 1);
    if (const Rename* rename = find(kInLayer, part)) {
      renamed.name = fmt::format("{}{}{}", layer, rename->to, suffix);
      out.push_back(std::move(renamed));
    } else if (part == "exp_probs_b" && suffix == ".bias") {
      renamed.name = layer + "mlp.gate.e_score_correction_bias";
      out.push_back(std::move(renamed));
    } else if (part == "attn_k_b" || part == "attn_v_b") {
      halves[layer][part == "attn_v_b"] = &tensor;
    } else if (const Rename* experts = find(kExperts, part)) {
      if (tensor.shape.size() != 3) input_error(where, "tensor \"{}\" must have three dimensions", printable(name));
      const size_t bytes = tensor.data.size() / static_cast<size_t>(tensor.shape[0]);
      for (int64_t e = 0; e < tensor.shape[0]; ++e) {
        out.push_back({fmt::format("{}mlp.experts.{}.{}{}", layer, e, experts->to, suffix),
                       tensor.dtype,
                       {tensor.shape[1], tensor.shape[2]},
                       tensor.data.subspan(static_cast<size_t>(e) * bytes, bytes)});
      }
    }
  }
  for (const auto& [layer, both] : halves) {
    const auto [keys, values] = both;
    if (keys != nullptr && values != nullptr) out.push_back(joined(*keys, *values, layer, where));
  }
  return out;
}

namespace {

// Which part of how many a file is; {0, 1} of whole ones.
std::pair<uint64_t, uint64_t> part_of(const Gguf& gguf, const std::string& where) {
  const auto number = [&](const char* key, uint64_t absent) {
    const json* value = find(gguf.metadata, key);
    if (value == nullptr) return absent;
    if (!value->is_number_unsigned()) {
      input_error(where, "metadata key {} is {}; a count is needed", key, printable(value->dump()));
    }
    return value->get<uint64_t>();
  };
  return {number("split.no", 0), number("split.count", 1)};
}

// A file whose tensors go on in others: NAME-00001-of-00003.gguf has the metadata and some, the others the rest.
Gguf parse_parts(const std::string& path, std::vector<MappedFile>& files) {
  files.push_back(MappedFile::open(path));
  Gguf all = parse_gguf(files[0].bytes(), path);
  const auto [first, count] = part_of(all, path);
  if (count <= 1) return all;
  const std::string ending = fmt::format("-00001-of-{:05}.gguf", count);
  if (first != 0 || !path.ends_with(ending)) {
    input_error(path, "is part {} of {}; the first is needed, whose name ends in {}", first + 1, count, ending);
  }
  std::set<std::string> names;
  for (const Tensor& tensor : all.tensors) names.insert(tensor.name);
  for (uint64_t part = 1; part < count; ++part) {
    const std::string other =
        fmt::format("{}-{:05}-of-{:05}.gguf", path.substr(0, path.size() - ending.size()), part + 1, count);
    files.push_back(MappedFile::open(other));
    Gguf more = parse_gguf(files.back().bytes(), other);
    if (part_of(more, other) != std::pair(part, count)) {
      input_error(other, "does not say that it is part {} of {}, as its name does", part + 1, count);
    }
    for (Tensor& tensor : more.tensors) {
      if (!names.insert(tensor.name).second) {
        input_error(other, "tensor \"{}\" stands in an earlier part too", printable(tensor.name));
      }
      all.tensors.push_back(std::move(tensor));
    }
  }
  const json* tensors = find(all.metadata, "split.tensors.count");
  if (tensors != nullptr && *tensors != all.tensors.size()) {
    input_error(path, "metadata key split.tensors.count is {}; its parts hold {} tensors", printable(tensors->dump()),
                all.tensors.size());
  }
  return all;
}

}  // namespace

Model load_gguf(const std::string& path) {
  const auto files = std::make_shared<std::vector<MappedFile>>();
  Gguf gguf = parse_parts(path, *files);
  Model model;
  model.directory = path;
  model.config = gguf_config(gguf, path);
  model.weights = Weights(gguf_tensors(gguf, path), path, files);
  model.tokenizer = Tokenizer::from_parts(gguf_tokenizer(gguf.metadata, path), path);
  if (const json* chat = find(gguf.metadata, "tokenizer.chat_template"); chat != nullptr && chat->is_string()) {
    model.chat_template = chat->get<std::string>();
  }
  for (const MappedFile& file : *files) drop_pages(file.bytes());  // tokens and merges have been copied
  return model;
}

}  // namespace hadal::model
