// "Did you mean": the known word closest to a misspelt one.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace hadal {

// Insertions, deletions, substitutions and swaps of neighbours between two words, ignoring ASCII case.
size_t edit_distance(std::string_view a, std::string_view b);

// The closest known word, or "" when none is close enough to be what was meant.
std::string_view nearest(std::string_view word, std::span<const std::string_view> known);

// `did you mean 'NEAREST'?`, or the whole list when nothing is close: ends a message about an unknown word.
std::string suggestion(std::string_view word, std::span<const std::string_view> known);

}  // namespace hadal
