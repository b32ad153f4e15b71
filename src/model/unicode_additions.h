// Characters that Unicode added after version 14, so that splitting does not depend on the installed PCRE2.
#pragma once

#include <string>
#include <string_view>

namespace hadal::model {

// Valid UTF-8 with every character newer than Unicode 14 replaced by an older one of the same category and length.
// For deciding where to split only: offsets stay those of `text`.
std::string with_known_categories(std::string_view text);

}  // namespace hadal::model
