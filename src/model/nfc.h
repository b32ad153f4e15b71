// Unicode's normal form C, as the `tokenizers` package has it.
#pragma once

#include <string>
#include <string_view>

namespace hadal::model {

// `text` is valid UTF-8.
std::string to_nfc(std::string_view text);

}  // namespace hadal::model
