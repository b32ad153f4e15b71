// tokenizer.json as data, checked: everything in the file is either understood or an input error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/json_file.h"

namespace hadal::model {

struct AddedToken {
  std::string content;
  int32_t id = 0;
  bool normalized = false;  // looked for after normalisation, and spelt as that leaves it
  bool special = false;
  bool lstrip = false, rstrip = false;  // takes the white space before or after it along
};

struct TokenizerFile {
  std::vector<std::pair<std::string, int32_t>> vocab;
  std::vector<std::pair<std::string, std::string>> merges;  // by rank
  std::vector<AddedToken> added;
  std::vector<std::string> split_patterns;  // applied one after the other, each to the pieces of the one before
  bool ignore_merges = false;
  std::string unknown_token;   // stands for bytes the vocabulary lacks; empty: they are left out
  bool fuse_unknown = false;   // one for a run of them
  bool byte_fallback = false;  // "<0xC4>" and the like stand for them
  bool nfc = false;            // text is brought into Unicode's normal form C first
};

TokenizerFile read_tokenizer_file(const JsonFile& file);

// The splits of GPT-2, which ByteLevel makes by itself unless told otherwise.
inline constexpr std::string_view kByteLevelPattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

}  // namespace hadal::model
