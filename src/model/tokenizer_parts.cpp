// The pre-tokenizers that GGUF files name, spelt as the families' own tokenizer.json spell them.
#include "model/tokenizer_parts.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace hadal::model {
namespace {

struct PreTokenizer {
  std::string_view name;
  std::array<std::string_view, 6> patterns;  // empty ones after the last
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

// DeepSeek LLM, V2 and V2-Lite: lines; words of letters that have case; ASCII and full-width punctuation; spaces at the
// end; Han and most other scripts without case; digits one by one.
constexpr std::string_view kLineEnd = "[\r\n]";
constexpr std::string_view kDeepSeekLlmWord =
    "\\s?[A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293\u0295-\u02AF\u0370-\u0373"
    "\u0376\u0377\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481"
    "\u048A-\u052F\u0531-\u0556\u10A0-\u10C5\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B"
    "\u1D6B-\u1D77\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59\u1F5B"
    "\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-\u1FC4\u1FC6-\u1FCC\u1FD0-\u1FD3\u1FD6-\u1FDB"
    "\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128"
    "\u212A-\u212D\u212F-\u2134\u2139\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4"
    "\u2CEB-\u2CEE\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E\uAB70-\uABBF"
    "\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A\U00010400-\U0001044F\U000104B0-\U000104D3"
    "\U000104D8-\U000104FB\U00010C80-\U00010CB2\U00010CC0-\U00010CF2\U000118A0-\U000118DF"
    "\U0001E900-\U0001E943]+";
constexpr std::string_view kDeepSeekLlmPunctuation =
    "\\s?[!-/:-~\uFF01-\uFF0F\uFF1A-\uFF5E\u2018-\u201F\u3000-\u3002]+";
constexpr std::string_view kDeepSeekLlmHan = "[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+";

constexpr std::array kPreTokenizers = {
    PreTokenizer{"deepseek-coder", {kLineEnd, R"(\s?\p{L}+)", R"(\s?\p{P}+)", kDeepSeekLlmHan, R"(\p{N})"}},
    PreTokenizer{"deepseek-llm",
                 {kLineEnd, kDeepSeekLlmWord, kDeepSeekLlmPunctuation, R"(\s+$)", kDeepSeekLlmHan, R"(\p{N})"}},
    PreTokenizer{"deepseek-r1-qwen", {kQwen2}, false, true},
    PreTokenizer{"deepseek-v3", {R"(\p{N}{1,3})", kDeepSeekV3Han, kDeepSeekV3}},
    PreTokenizer{"gpt-2", {kByteLevelPattern}},
    PreTokenizer{"llama-bpe", {kLlama3}, true},
    PreTokenizer{"llama-v3", {kLlama3}, true},
    PreTokenizer{"llama3", {kLlama3}, true},
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
