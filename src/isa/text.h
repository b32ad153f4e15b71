// Pieces of assembly text that the line assembler and the program assembler share.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace hadal::isa {

// The line without its comment (`#` to the end) and surrounding blanks.
std::string_view strip(std::string_view line);

// Words separated by blanks.
std::vector<std::string_view> words_of(std::string_view line);

// Decimal or 0x hexadecimal, with an optional minus sign; nothing else may stand beside it.
std::optional<int64_t> parse_integer(std::string_view text);

// A decimal number rounded to nearest, or nan, inf, -inf; no number beyond the range of the type.
std::optional<double> parse_double(std::string_view text);
std::optional<float> parse_float(std::string_view text);

}  // namespace hadal::isa
