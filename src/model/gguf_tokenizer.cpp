// The tokenizer of a GGUF file from its metadata.
#include "base/error.h"
#include "model/gguf.h"
#include "model/json_file.h"

namespace hadal::model {
namespace {

using nlohmann::json;

// A list of values of one kind; absent is an error unless `optional`.
template <typename T>
std::vector<T> list(const json& metadata, const char* key, const std::string& where, bool (*is)(const json&),
                    const char* what, bool optional = false) {
  const auto it = metadata.find(key);
  if (it == metadata.end() && optional) return {};
  if (it == metadata.end() || !it->is_array()) input_error(where, "metadata key {} must be a list of {}", key, what);
  std::vector<T> out;
  out.reserve(it->size());
  for (const json& entry : *it) {
    if (!is(entry)) input_error(where, "metadata key {} holds {}, {} are needed", key, kind_name(entry), what);
    out.push_back(entry.get<T>());
  }
  return out;
}

std::string text(const json& metadata, const char* key) {
  const auto it = metadata.find(key);
  return it == metadata.end() || !it->is_string() ? std::string() : it->get<std::string>();
}

}  // namespace

TokenizerParts gguf_tokenizer(const json& metadata, const std::string& where) {
  const std::string model = text(metadata, "tokenizer.ggml.model");
  if (model == "llama" || model == "t5") {
    input_error(where,
                "tokenizer.ggml.model is \"{}\", a SentencePiece vocabulary, which is not read; \"gpt2\" "
                "(byte-level BPE) is supported",
                model);
  }
  if (model != "gpt2") {
    input_error(where, "tokenizer.ggml.model is \"{}\"; \"gpt2\" (byte-level BPE) is supported", printable(model));
  }
  const auto is_string = [](const json& value) { return value.is_string(); };
  const auto is_type = [](const json& value) { return value.is_number_integer() && value >= 0 && value <= 255; };
  TokenizerParts parts;
  parts.tokens = list<std::string>(metadata, "tokenizer.ggml.tokens", where, is_string, "strings");
  parts.merges = list<std::string>(metadata, "tokenizer.ggml.merges", where, is_string, "strings");
  parts.types = list<int32_t>(metadata, "tokenizer.ggml.token_type", where, is_type, "kinds of tokens", true);
  parts.pre_tokenizer = text(metadata, "tokenizer.ggml.pre");
  return parts;
}

}  // namespace hadal::model
