// Text to tokens and back, as the `tokenizers` package does it for byte-level BPE.
#include <algorithm>
#include <mutex>
#include <unordered_map>

#include "base/error.h"
#include "model/added_tokens.h"
#include "model/bpe.h"
#include "model/byte_level.h"
#include "model/json_file.h"
#include "model/model.h"
#include "model/nfc.h"
#include "model/split_regex.h"
#include "model/tokenizer_file.h"
#include "model/tokenizer_parts.h"
#include "model/unicode_additions.h"
#include "model/utf8.h"

namespace hadal::model {
namespace {

struct TextHash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};
template <typename Value>
using TextMap = std::unordered_map<std::string, Value, TextHash, std::equal_to<>>;

// Words seen before. Bounded: text that never repeats must not grow it.
constexpr size_t kCacheWords = 1 << 16;
constexpr size_t kCacheWordBytes = 64;

}  // namespace

struct Tokenizer::Impl {
  struct Entry {
    std::string bytes;
    bool defined = false, special = false;
    bool lstrip = false, rstrip = false;  // as an added token
  };
  std::vector<Entry> tokens;
  ByteTokens bytes;
  MergeTable merges;
  TextMap<int32_t> whole_words;  // bytes of every vocabulary entry, only with ignore_merges
  TokenTrie raw_added, normalized_added;
  bool nfc = false;
  std::vector<SplitRegex> splits;
  mutable std::mutex cache_mutex;
  mutable TextMap<std::vector<int32_t>> cache;

  void build(const TokenizerFile& file, const std::string& path);
  void define(int32_t id, std::string_view content, const std::string& path);
  void add_tokens(const TokenizerFile& file, const TextMap<int32_t>& vocab, const std::string& path);
  void add_bytes(const TokenizerFile& file, const TextMap<int32_t>& vocab, const std::string& path);
  void add_merges(const TokenizerFile& file, const TextMap<int32_t>& vocab, const std::string& path);

  void encode_word(std::string_view word, BpeScratch& scratch, std::vector<int32_t>& out, bool use_cache) const;
  void encode_text(std::string_view text, BpeScratch& scratch, std::vector<int32_t>& out, bool use_cache) const;
  // Calls piece(text) for what lies between the tokens of `trie` and token(id) for them.
  template <typename Piece, typename Token>
  void cut(const TokenTrie& trie, std::string_view text, bool special_tokens, Piece&& piece, Token&& token) const;
};

void Tokenizer::Impl::define(int32_t id, std::string_view content, const std::string& path) {
  if (static_cast<size_t>(id) >= tokens.size()) tokens.resize(static_cast<size_t>(id) + 1);
  Entry& entry = tokens[id];
  if (entry.defined) input_error(path, "two tokens have the id {}, one is \"{}\"", id, printable(content));
  entry.defined = true;
  entry.bytes = bytes_of_token(content).value_or(std::string(content));
}

void Tokenizer::Impl::build(const TokenizerFile& file, const std::string& path) {
  TextMap<int32_t> vocab;
  vocab.reserve(file.vocab.size());
  for (const auto& [token, id] : file.vocab) {
    define(id, token, path);
    vocab.emplace(token, id);
  }
  add_bytes(file, vocab, path);
  nfc = file.nfc;
  add_merges(file, vocab, path);
  add_tokens(file, vocab, path);
  if (file.ignore_merges) {
    for (const auto& [token, id] : file.vocab) {
      if (auto word = bytes_of_token(token)) whole_words.emplace(std::move(*word), id);
    }
  }
  for (const auto& pattern : file.split_patterns) splits.emplace_back(pattern, path);
}

void Tokenizer::Impl::add_bytes(const TokenizerFile& file, const TextMap<int32_t>& vocab, const std::string& path) {
  const auto find = [&](const std::string& token) {
    const auto it = vocab.find(token);
    return it == vocab.end() ? -1 : it->second;
  };
  if (!file.unknown_token.empty()) {
    bytes.unknown = find(file.unknown_token);
    if (bytes.unknown < 0) {
      input_error(path, "the unknown token \"{}\" is not in the vocabulary", printable(file.unknown_token));
    }
  }
  bytes.fuse_unknown = file.fuse_unknown;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string& character = byte_characters()[byte];
    bytes.token[byte] = find(character);
    if (bytes.token[byte] >= 0) continue;
    std::vector<int32_t>& instead = bytes.instead[byte];
    if (file.byte_fallback) {
      for (const char c : character) instead.push_back(find(fmt::format("<0x{:02X}>", static_cast<unsigned char>(c))));
      if (std::find(instead.begin(), instead.end(), -1) != instead.end()) instead.clear();
    }
    if (instead.empty() && bytes.unknown >= 0) instead.push_back(bytes.unknown);
  }
}

void Tokenizer::Impl::add_merges(const TokenizerFile& file, const TextMap<int32_t>& vocab, const std::string& path) {
  merges = MergeTable(file.merges.size());
  int32_t rank = 0;
  for (const auto& merge : file.merges) {
    const auto token = [&](const std::string& text) {
      const auto it = vocab.find(text);
      if (it == vocab.end()) {
        input_error(path, "merge {} (\"{} {}\") needs the token \"{}\", which is not in the vocabulary", rank,
                    printable(merge.first), printable(merge.second), printable(text));
      }
      return it->second;
    };
    const int32_t left = token(merge.first), right = token(merge.second);
    merges.set(left, right, {rank, token(merge.first + merge.second)});
    ++rank;
  }
}

void Tokenizer::Impl::add_tokens(const TokenizerFile& file, const TextMap<int32_t>& vocab, const std::string& path) {
  for (const AddedToken& token : file.added) {
    if (const auto it = vocab.find(token.content); it == vocab.end()) {
      define(token.id, token.normalized && nfc ? to_nfc(token.content) : token.content, path);
    } else if (it->second != token.id) {
      input_error(path, "added token \"{}\" has id {}, the vocabulary says {}", printable(token.content), token.id,
                  it->second);
    }
    Entry& entry = tokens[token.id];
    entry.special |= token.special;
    entry.lstrip |= token.lstrip;
    entry.rstrip |= token.rstrip;
    if (token.normalized) {
      normalized_added.add(nfc ? to_nfc(token.content) : token.content, token.id);
    } else {
      raw_added.add(token.content, token.id);
    }
  }
}

void Tokenizer::Impl::encode_word(std::string_view word, BpeScratch& scratch, std::vector<int32_t>& out,
                                  bool use_cache) const {
  if (!whole_words.empty()) {
    if (const auto it = whole_words.find(word); it != whole_words.end()) return out.push_back(it->second);
  }
  if (const int32_t token = bytes.token[static_cast<unsigned char>(word[0])]; word.size() == 1 && token >= 0) {
    return out.push_back(token);
  }
  use_cache = use_cache && word.size() <= kCacheWordBytes;
  if (use_cache) {
    if (const auto it = cache.find(word); it != cache.end()) {
      out.insert(out.end(), it->second.begin(), it->second.end());
      return;
    }
  }
  const size_t begin = out.size();
  model::encode_word(word, bytes, merges, scratch, out);
  if (use_cache) {
    if (cache.size() >= kCacheWords) cache.clear();
    cache.emplace(word, std::vector<int32_t>(out.begin() + static_cast<ptrdiff_t>(begin), out.end()));
  }
}

void Tokenizer::Impl::encode_text(std::string_view text, BpeScratch& scratch, std::vector<int32_t>& out,
                                  bool use_cache) const {
  std::vector<size_t> ends = {text.size()};
  const std::string known = with_known_categories(text);
  for (const SplitRegex& split : splits) ends = split.split(known, ends);
  size_t begin = 0;
  for (const size_t end : ends) {
    encode_word(text.substr(begin, end - begin), scratch, out, use_cache);
    begin = end;
  }
}

template <typename Piece, typename Token>
void Tokenizer::Impl::cut(const TokenTrie& trie, std::string_view text, bool special_tokens, Piece&& piece,
                          Token&& token) const {
  size_t done = 0;
  for (size_t from = 0; !trie.empty();) {
    const TokenTrie::Match match = trie.find(text, from);
    if (match.id < 0) break;
    from = match.end;
    const Entry& entry = tokens[match.id];
    if (!special_tokens && entry.special) continue;
    const size_t begin = entry.lstrip ? std::max(done, trailing_space(text.substr(0, match.begin))) : match.begin;
    if (begin > done) piece(text.substr(done, begin - done));
    token(match.id);
    done = entry.rstrip ? match.end + leading_space(text.substr(match.end)) : match.end;
  }
  if (done < text.size()) piece(text.substr(done));
}

Tokenizer::Tokenizer() : impl_(std::make_unique<Impl>()) {}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Tokenizer Tokenizer::load(const std::string& file) {
  const JsonFile json = JsonFile::load(file);
  Tokenizer result;
  result.impl_->build(read_tokenizer_file(json), file);
  return result;
}

Tokenizer Tokenizer::from_parts(const TokenizerParts& parts, const std::string& where) {
  Tokenizer result;
  result.impl_->build(tokenizer_file_of(parts, where), where);
  return result;
}

Tokenizer Tokenizer::parse(std::string_view json_text, const std::string& file) {
  const JsonFile json = JsonFile::parse(json_text, file);
  Tokenizer result;
  result.impl_->build(read_tokenizer_file(json), file);
  return result;
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool special_tokens) const {
  std::string repaired;
  if (!is_valid_utf8(text)) text = repaired = repair_utf8(text);
  std::vector<int32_t> out;
  BpeScratch scratch;
  // One thread at a time has the cache; the others do without rather than wait.
  const std::unique_lock lock(impl_->cache_mutex, std::try_to_lock);
  const auto token = [&](int32_t id) { out.push_back(id); };
  const auto plain = [&](std::string_view piece) { impl_->encode_text(piece, scratch, out, lock.owns_lock()); };
  std::string nfc;
  const auto normalized = [&](std::string_view piece) {
    if (impl_->nfc) piece = nfc = to_nfc(piece);
    impl_->cut(impl_->normalized_added, piece, special_tokens, plain, token);
  };
  impl_->cut(impl_->raw_added, text, special_tokens, normalized, token);
  return out;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool skip_special) const {
  std::string out;
  for (const int32_t id : ids) {
    const bool known = id >= 0 && id < size();
    if (known && !(skip_special && impl_->tokens[id].special)) out += impl_->tokens[id].bytes;
  }
  return out;
}

std::string Tokenizer::token_bytes(int32_t id) const {
  return id >= 0 && id < size() ? impl_->tokens[id].bytes : std::string();
}

int32_t Tokenizer::size() const { return static_cast<int32_t>(impl_->tokens.size()); }

}  // namespace hadal::model
