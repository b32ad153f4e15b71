// Printable Latin-1 bytes stand for themselves, the other 68 for U+0100 onwards in order.
#include "model/byte_level.h"

#include "model/utf8.h"

namespace hadal::model {
namespace {

constexpr bool stands_for_itself(int byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr std::array<char32_t, 256> kCharacters = [] {
  std::array<char32_t, 256> table{};
  char32_t next = 0x100;
  for (int byte = 0; byte < 256; ++byte) table[byte] = stands_for_itself(byte) ? byte : next++;
  return table;
}();

constexpr char32_t kEnd = 0x100 + 68;

constexpr std::array<int, kEnd> kBytes = [] {
  std::array<int, kEnd> table{};
  table.fill(-1);
  for (int byte = 0; byte < 256; ++byte) table[kCharacters[byte]] = byte;
  return table;
}();

}  // namespace

const std::array<std::string, 256>& byte_characters() {
  static const auto table = [] {
    std::array<std::string, 256> result;
    for (int byte = 0; byte < 256; ++byte) append_utf8(result[byte], kCharacters[byte]);
    return result;
  }();
  return table;
}

std::optional<std::string> bytes_of_token(std::string_view token) {
  std::string bytes;
  while (!token.empty()) {
    const CodePoint c = decode_utf8(token);
    if (!c.valid || c.value >= kEnd || kBytes[c.value] < 0) return std::nullopt;
    bytes += static_cast<char>(kBytes[c.value]);
    token.remove_prefix(c.bytes);
  }
  return bytes;
}

}  // namespace hadal::model
