// tokenizer.json from the metadata of a GGUF file: the vocabulary is there as it is, the splitting rule only by name.
#include <array>

#include "base/error.h"
#include "model/gguf.h"
#include "model/json_file.h"

namespace hadal::model {
namespace {

using nlohmann::json;

// Kinds of tokens in tokenizer.ggml.token_type.
constexpr int kControl = 3, kUserDefined = 4;

// The regular expressions that the Hugging Face tokenizers of these models split text with, one after the other.
constexpr char kGpt2[] = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr char kLlama3[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr char kQwen2[] =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct Rule {
  std::string_view name;
  std::array<const char*, 2> splits;
  bool ignore_merges, nfc;
};
constexpr std::array kRules = {Rule{"gpt-2", {kGpt2, nullptr}, false, false},
                               Rule{"smollm", {R"(\p{N})", kGpt2}, false, false},
                               Rule{"llama-bpe", {kLlama3, nullptr}, true, false},
                               Rule{"qwen2", {kQwen2, nullptr}, false, true},
                               Rule{"deepseek-r1-qwen", {kQwen2, nullptr}, false, true}};

const json& strings(const json& metadata, const char* key, const std::string& where) {
  const auto it = metadata.find(key);
  if (it == metadata.end() || !it->is_array()) input_error(where, "metadata key {} must be a list of strings", key);
  for (const json& entry : *it) {
    if (!entry.is_string()) input_error(where, "metadata key {} holds {}, strings are needed", key, kind_name(entry));
  }
  return *it;
}

const Rule& rule_of(const json& metadata, const std::string& where) {
  const auto model = metadata.find("tokenizer.ggml.model");
  if (model == metadata.end() || *model != "gpt2") {
    input_error(where, "tokenizer.ggml.model is {}; \"gpt2\" (byte-level BPE) is supported",
                model == metadata.end() ? "missing" : printable(model->dump()));
  }
  const auto name = metadata.find("tokenizer.ggml.pre");
  for (const Rule& rule : kRules) {
    if (name != metadata.end() && *name == rule.name) return rule;
  }
  input_error(where, "tokenizer.ggml.pre is {}; gpt-2, smollm, llama-bpe, qwen2 or deepseek-r1-qwen is supported",
              name == metadata.end() ? "missing" : printable(name->dump()));
}

}  // namespace

std::string gguf_tokenizer_json(const json& metadata, const std::string& where) {
  const Rule& rule = rule_of(metadata, where);
  const json& tokens = strings(metadata, "tokenizer.ggml.tokens", where);
  const json& merges = strings(metadata, "tokenizer.ggml.merges", where);
  const auto types = metadata.find("tokenizer.ggml.token_type");
  if (types != metadata.end() && (!types->is_array() || types->size() != tokens.size())) {
    input_error(where, "tokenizer.ggml.token_type must be a list of {} numbers, one a token", tokens.size());
  }
  json vocab = json::object(), added = json::array();
  for (size_t id = 0; id < tokens.size(); ++id) {
    const auto& text = tokens[id].get_ref<const std::string&>();
    const json type = types == metadata.end() ? json(1) : (*types)[id];
    if (!vocab.emplace(text, id).second) {
      input_error(where, "token {} is \"{}\", which an earlier token is already", id, printable(text));
    }
    if (type != kControl && type != kUserDefined) continue;
    added.push_back({{"id", id},
                     {"content", text},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", type == kControl}});
  }
  json steps = json::array();
  for (const char* regex : rule.splits) {
    if (regex == nullptr) continue;
    steps.push_back(
        {{"type", "Split"}, {"pattern", {{"Regex", regex}}}, {"behavior", "Isolated"}, {"invert", false}});
  }
  const json bytes = {
      {"type", "ByteLevel"}, {"add_prefix_space", false}, {"trim_offsets", true}, {"use_regex", false}};
  steps.push_back(bytes);
  json model = {{"type", "BPE"},           {"dropout", nullptr},      {"unk_token", nullptr}, {"fuse_unk", false},
                {"byte_fallback", false}, {"vocab", std::move(vocab)}, {"merges", merges}};
  if (rule.ignore_merges) model["ignore_merges"] = true;
  return json{{"version", "1.0"},
              {"truncation", nullptr},
              {"padding", nullptr},
              {"added_tokens", std::move(added)},
              {"normalizer", rule.nfc ? json{{"type", "NFC"}} : json()},
              {"pre_tokenizer", {{"type", "Sequence"}, {"pretokenizers", std::move(steps)}}},
              {"post_processor", nullptr},
              {"decoder", bytes},
              {"model", std::move(model)}}
      .dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace hadal::model
