// The byte-level alphabet of GPT-2: a printable character for each of the 256 bytes.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

namespace hadal::model {

// The character (UTF-8) that stands for each byte.
const std::array<std::string, 256>& byte_characters();

// The bytes a token stands for; nothing when it holds a character outside the alphabet.
std::optional<std::string> bytes_of_token(std::string_view token);

}  // namespace hadal::model
