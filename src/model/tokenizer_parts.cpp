// The pre-tokenizers that GGUF files name, spelt as the families' own tokenizer.json spell them.
#include "model/tokenizer_parts.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace hadal::model {
namespace {

struct PreTokenizer {
  std::string_view name;
  std::array<std::string_view, 3> patterns;  // empty ones after the last
  bool ignore_merges = false, nfc = false;
};

// Both differ in how many digits make a piece.
constexpr std::string_view kLlama3 = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
                                     R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kQwen2 = R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
                                    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr std::string_view kDeepSeekV3 = R"([!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^)"
                                         "\r\n"
                                         R"(\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[)"
                                         "\r\n"
                                         R"(]*|\s*[)"
                                         "\r\n"
                                         R"(]+|\s+(?!\S)|\s+)";
// Han up to U+9FA5, hiragana, katakana.
constexpr std::string_view kDeepSeekV3Han =
    "[\xE4\xB8\x80-\xE9\xBE\xA5\xE3\x81\x80-\xE3\x82\x9F\xE3\x82\xA0-\xE3\x83\xBF]+";

constexpr std::array kPreTokenizers = {
    PreTokenizer{"deepseek-r1-qwen", {kQwen2}, false, true},
    PreTokenizer{"deepseek-v3", {R"(\p{N}{1,3})", kDeepSeekV3Han, kDeepSeekV3}},
    PreTokenizer{"gpt-2", {kByteLevelPattern}},
    PreTokenizer{"llama-bpe", {kLlama3}, true},
    PreTokenizer{"qwen2", {kQwen2}, false, true},
    PreTokenizer{"smollm", {R"(\p{N})", kByteLevelPattern}},
};

const PreTokenizer& find_pre_tokenizer(const std::string& name, const std::string& where) {
  std::vector<std::string> names;
  for (const PreTokenizer& p : kPreTokenizers) {
    if (p.name == name) return p;
    names.emplace_back(p.name);
  }
  std::string list = names[0];
  for (size_t i = 1; i < names.size(); ++i) list += ", " + names[i];
  input_error(where, "the pre-tokenizer \"{}\" is not supported; {} are", printable(name), list);
}

}  // namespace

TokenizerFile tokenizer_file_of(const TokenizerParts& parts, const std::string& where) {
  if (!parts.types.empty() && parts.types.size() != parts.tokens.size()) {
    input_error(where, "there are {} tokens and {} token types; one type a token is needed", parts.tokens.size(),
                parts.types.size());
  }
  const PreTokenizer& pre = find_pre_tokenizer(parts.pre_tokenizer, where);
  TokenizerFile file;
  file.ignore_merges = pre.ignore_merges;
  file.nfc = pre.nfc;
  for (const std::string_view pattern : pre.patterns) {
    if (!pattern.empty()) file.split_patterns.emplace_back(pattern);
  }
  file.vocab.reserve(parts.tokens.size());
  for (size_t id = 0; id < parts.tokens.size(); ++id) {
    const int32_t type = parts.types.empty() ? TokenizerParts::kNormal : parts.types[id];
    const std::string& token = parts.tokens[id];
    if (token.empty()) input_error(where, "token {} is empty; text is needed", id);
    if (type == TokenizerParts::kControl || type == TokenizerParts::kUserDefined) {
      const bool special = type == TokenizerParts::kControl;
      file.added.push_back({.content = token, .id = static_cast<int32_t>(id), .special = special});
    } else {
      file.vocab.emplace_back(token, static_cast<int32_t>(id));
    }
  }
  for (size_t rank = 0; rank < parts.merges.size(); ++rank) {
    const std::string& merge = parts.merges[rank];
    const size_t space = merge.find(' ', 1);  // a token may begin with a space only if it is nothing else
    if (merge.empty() || space == merge.npos || space + 1 == merge.size()) {
      input_error(where, "merge {} is \"{}\"; two tokens and one space between them are needed", rank,
                  printable(merge));
    }
    file.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
  }
  return file;
}

}  // namespace hadal::model
