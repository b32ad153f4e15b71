// Typed values in text, as segments and expected memory are written: `f32 1 -2.5 nan`, `u32 0..15`, `e4m3 1*16`.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace hadal::program {

struct Values {
  std::vector<std::byte> bytes;
  std::vector<bool> given;  // by byte; false where the text says `_`, any value
};

// The known types: f32, bf16, e4m3 (numbers), u32, i32, u16, u8 (integers), hex (bytes as pairs of hex digits).
std::span<const std::string_view> value_types();

// Parses the words after the type. VALUE*COUNT repeats, FIRST..LAST counts up by one, `_` skips an element. More than
// `limit` bytes is an error: the text would not fit where it belongs.
Values parse_values(std::string_view type, std::span<const std::string_view> words, size_t limit,
                    const std::string& where);

}  // namespace hadal::program
