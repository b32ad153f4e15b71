// The regular expressions of a pre-tokenizer: Oniguruma patterns in the published files, run by PCRE2.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hadal::model {

class SplitRegex {
 public:
  // Accepts the constructs that mean the same in both dialects (or can be spelt so); anything else is an input error.
  SplitRegex(std::string_view pattern, const std::string& where);

  // Cuts the pieces of `text` that end at `ends` further: the matches and what is between them, without empty ones.
  // `text` is valid UTF-8 and the pieces whole characters; a piece is matched as if it were alone.
  std::vector<size_t> split(std::string_view text, const std::vector<size_t>& ends) const;

 private:
  struct Code;
  void split_piece(std::string_view piece, size_t base, void* scratch, std::vector<size_t>& out) const;
  std::shared_ptr<const Code> code_;
};

}  // namespace hadal::model
