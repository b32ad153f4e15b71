// The table is written by tools/goldens/unicode_additions.py.
#include "model/unicode_additions.h"

#include <algorithm>
#include <iterator>

#include "model/utf8.h"

namespace hadal::model {
namespace {

struct Range {
  char32_t first, last;
  char category;
};

constexpr Range kAdditions[] = {
#include "model/unicode_additions.inc"
};

// Old characters that no published expression names: Yi, Linear B, combining marks, Roman and Aegean numbers,
// punctuation, mathematics and Byzantine music.
char32_t stand_in(char category, bool four_bytes) {
  switch (category) {
    case 'L': return four_bytes ? 0x10000 : 0xA000;
    case 'M': return four_bytes ? 0x1D165 : 0x1DC0;
    case 'N': return four_bytes ? 0x10107 : 0x2160;
    case 'P': return four_bytes ? 0x10100 : 0x2E2E;
    default: return four_bytes ? 0x1D000 : 0x2200;
  }
}

}  // namespace

std::string with_known_categories(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) {
    if (static_cast<unsigned char>(text[at]) < 0xE0) {  // below U+0800 nothing was added
      out += text[at++];
      continue;
    }
    const CodePoint c = decode_utf8(text.substr(at));
    const auto range = std::lower_bound(std::begin(kAdditions), std::end(kAdditions), c.value,
                                        [](const Range& r, char32_t value) { return r.last < value; });
    if (range != std::end(kAdditions) && c.value >= range->first) {
      append_utf8(out, stand_in(range->category, c.bytes == 4));
    } else {
      out.append(text.substr(at, static_cast<size_t>(c.bytes)));
    }
    at += static_cast<size_t>(c.bytes);
  }
  return out;
}

}  // namespace hadal::model
