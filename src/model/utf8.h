// UTF-8: decoding one code point, and repair of text that is not valid.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hadal::model {

struct CodePoint {
  char32_t value = 0;
  int bytes = 0;       // consumed; at least 1 on non-empty text
  bool valid = false;  // false: `bytes` is a maximal ill-formed subpart (Unicode 3.9, table 3-7)
};

CodePoint decode_utf8(std::string_view text);  // text not empty
void append_utf8(std::string& out, char32_t code_point);

// Every maximal ill-formed subpart becomes U+FFFD, as Python's errors="replace" and browsers do.
std::string repair_utf8(std::string_view text);
bool is_valid_utf8(std::string_view text);

// Unicode's White_Space at the ends of valid UTF-8: bytes of it at the start, and where that of the end begins.
size_t leading_space(std::string_view text);
size_t trailing_space(std::string_view text);

// Bytes of UTF-8 text in, whole characters out: what is not finished yet waits; what is wrong becomes U+FFFD.
class Utf8Stream {
 public:
  std::string push(std::string_view bytes);
  std::string finish();

 private:
  std::string pending_;
};

}  // namespace hadal::model
