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
  bool normalized = false;
  bool special = false;
};

struct TokenizerFile {
  std::vector<std::pair<std::string, int32_t>> vocab;
  std::vector<std::pair<std::string, std::string>> merges;  // by rank
  std::vector<AddedToken> added;
  std::vector<std::string> split_patterns;
  bool ignore_merges = false;
};

TokenizerFile read_tokenizer_file(const JsonFile& file);

}  // namespace hadal::model
