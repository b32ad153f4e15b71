// utf8proc normalises; marks that are newer than the tables of `tokenizers` (Unicode 9) stay where they are.
#include "model/nfc.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <memory>

#include "base/error.h"
#include "model/utf8.h"

namespace hadal::model {
namespace {

struct Range {
  char32_t first, last;
};

// Written by tools/goldens/nfc_additions.py.
constexpr Range kUnknown[] = {
#include "model/nfc_additions.inc"
};

// Nothing below U+0300 changes: the first mark stands there.
bool changes_nothing(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0xCC; });
}

bool is_unknown(char32_t c) {
  const auto range = std::lower_bound(std::begin(kUnknown), std::end(kUnknown), c,
                                      [](const Range& r, char32_t value) { return r.last < value; });
  return range != std::end(kUnknown) && c >= range->first;
}

void append_nfc(std::string& out, std::string_view text) {
  if (changes_nothing(text)) {
    out += text;
    return;
  }
  utf8proc_uint8_t* raw = nullptr;
  const auto size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), static_cast<utf8proc_ssize_t>(text.size()),
                   &raw, static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(raw, &std::free);
  check(size >= 0, "utf8proc: {}", utf8proc_errmsg(size));
  out.append(reinterpret_cast<const char*>(raw), static_cast<size_t>(size));
}

}  // namespace

// A mark the package does not know is to it a letter that joins with nothing: the text before and after such a one is
// normalised apart.
std::string to_nfc(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  size_t begin = 0;
  for (size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0xDF) {  // the first of them is U+07FD
      ++at;
      continue;
    }
    const CodePoint c = decode_utf8(text.substr(at));
    if (is_unknown(c.value)) {
      append_nfc(out, text.substr(begin, at - begin));
      out += text.substr(at, static_cast<size_t>(c.bytes));
      begin = at + static_cast<size_t>(c.bytes);
    }
    at += static_cast<size_t>(c.bytes);
  }
  append_nfc(out, text.substr(begin));
  return out;
}

}  // namespace hadal::model
