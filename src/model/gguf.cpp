// What the metadata and tensor names of a GGUF file mean.
#include "model/gguf.h"

#include <array>
#include <memory>

#include "base/error.h"
#include "base/mapped_file.h"
#include "model/blocks.h"
#include "model/family.h"
#include "model/json_file.h"

namespace hadal::model {
namespace {

using nlohmann::json;

// general.architecture and the model_type it is.
struct Architecture {
  std::string_view name, model_type;
};
constexpr std::array kArchitectures = {Architecture{"llama", "llama"}, Architecture{"qwen2", "qwen2"},
                                       Architecture{"qwen3", "qwen3"}, Architecture{"qwen3moe", "qwen3_moe"}};

struct Rename {
  std::string_view from, to;
};
constexpr std::array kGlobal = {Rename{"token_embd", "model.embed_tokens"}, Rename{"output_norm", "model.norm"},
                                Rename{"output", "lm_head"}};
constexpr std::array kInLayer = {
    Rename{"attn_norm", "input_layernorm"},    Rename{"ffn_norm", "post_attention_layernorm"},
    Rename{"attn_q", "self_attn.q_proj"},      Rename{"attn_k", "self_attn.k_proj"},
    Rename{"attn_v", "self_attn.v_proj"},      Rename{"attn_output", "self_attn.o_proj"},
    Rename{"attn_q_norm", "self_attn.q_norm"}, Rename{"attn_k_norm", "self_attn.k_norm"},
    Rename{"ffn_gate", "mlp.gate_proj"},       Rename{"ffn_up", "mlp.up_proj"},
    Rename{"ffn_down", "mlp.down_proj"},       Rename{"ffn_gate_inp", "mlp.gate"}};
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
      input_error(where, "general.architecture is {}; llama, qwen2, qwen3 or qwen3moe is supported",
                  printable(given.dump()));
    }
  }

  json write(const std::vector<Tensor>& tensors) {
    json config = {{"model_type", architecture_.model_type}, {"hidden_act", "silu"}};
    copy(config, "hidden_size", "embedding_length", true);
    copy(config, "num_hidden_layers", "block_count", true);
    copy(config, "intermediate_size", "feed_forward_length", true);
    copy(config, "num_attention_heads", "attention.head_count", true);
    copy(config, "num_key_value_heads", "attention.head_count_kv", false);
    copy(config, "head_dim", "attention.key_length", false);
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
  std::string key(const char* name) const { return fmt::format("{}.{}", architecture_.name, name); }

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
  config.prepend_bos = add_bos != nullptr ? *add_bos == true : config.model_type == "llama";
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

std::vector<Tensor> gguf_tensors(const Gguf& gguf, const std::string& where) {
  std::vector<Tensor> out;
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
  return out;
}

Model load_gguf(const std::string& path) {
  const auto file = std::make_shared<MappedFile>(MappedFile::open(path));
  Gguf gguf = parse_gguf(file->bytes(), path);
  Model model;
  model.directory = path;
  model.config = gguf_config(gguf, path);
  model.weights = Weights(gguf_tensors(gguf, path), path, file);
  model.tokenizer = Tokenizer::from_parts(gguf_tokenizer(gguf.metadata, path), path);
  if (const json* chat = find(gguf.metadata, "tokenizer.chat_template"); chat != nullptr && chat->is_string()) {
    model.chat_template = chat->get<std::string>();
  }
  drop_pages(file->bytes());  // tokens and merges have been copied
  return model;
}

}  // namespace hadal::model
