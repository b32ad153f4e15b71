// UTF-8 over every code point and every sequence of up to three bytes; the byte-level alphabet.
#include "model/utf8.h"

#include <gtest/gtest.h>

#include "model/byte_level.h"

namespace hadal::model {
namespace {

const std::string kReplacement = "\xEF\xBF\xBD";

TEST(Utf8, EveryCodePointThereAndBack) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    std::string text;
    append_utf8(text, c);
    const CodePoint decoded = decode_utf8(text);
    const bool surrogate = c >= 0xD800 && c <= 0xDFFF;
    ASSERT_EQ(decoded.valid, !surrogate) << static_cast<uint32_t>(c);
    if (surrogate) continue;
    ASSERT_EQ(decoded.value, c);
    ASSERT_EQ(decoded.bytes, static_cast<int>(text.size()));
    ASSERT_TRUE(is_valid_utf8("padding " + text));
  }
}

// A sequence is valid exactly when it is the shortest encoding of a scalar value: encode what the bits say and compare.
TEST(Utf8, EveryShortSequence) {
  std::string text(3, '\0');
  for (int first = 0x80; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      for (int third = 0; third < 256; ++third) {
        text[0] = static_cast<char>(first);
        text[1] = static_cast<char>(second);
        text[2] = static_cast<char>(third);
        const CodePoint got = decode_utf8(text);
        const int length = first >= 0xC0 && first < 0xE0 ? 2 : first >= 0xE0 && first < 0xF0 ? 3 : 0;
        const char32_t value = length == 2 ? (first & 0x1F) << 6 | (second & 0x3F)
                                           : (first & 0x0F) << 12 | (second & 0x3F) << 6 | (third & 0x3F);
        std::string again;
        append_utf8(again, value);
        const bool valid = length != 0 && text.starts_with(again) && again.size() == static_cast<size_t>(length) &&
                           !(value >= 0xD800 && value <= 0xDFFF);
        ASSERT_EQ(got.valid, valid) << first << ' ' << second << ' ' << third;
        if (valid) {
          ASSERT_EQ(got.value, value);
          ASSERT_EQ(got.bytes, length);
        }
      }
    }
  }
}

TEST(Utf8, RepairsMaximalSubparts) {
  const auto r = [](int n) {
    std::string out;
    for (int i = 0; i < n; ++i) out += kReplacement;
    return out;
  };
  // The examples of the Unicode standard, tables 3-8 to 3-11.
  EXPECT_EQ(repair_utf8("\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41"), r(8) + "A");
  EXPECT_EQ(repair_utf8("\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41"), r(8) + "A");
  EXPECT_EQ(repair_utf8("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42"), r(5) + "A" + r(2) + "B");
  EXPECT_EQ(repair_utf8("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41"), r(4) + "A");
  EXPECT_EQ(repair_utf8("ok \xE2\x82\xAC"), "ok \xE2\x82\xAC");
  EXPECT_EQ(repair_utf8("cut \xE2\x82"), "cut " + r(1));
  EXPECT_FALSE(is_valid_utf8("12345678\xE2\x82"));
}

TEST(ByteLevel, EveryByteThereAndBack) {
  std::string token, bytes;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string& character = byte_characters()[byte];
    EXPECT_EQ(bytes_of_token(character), std::string(1, static_cast<char>(byte)));
    token += character;
    bytes += static_cast<char>(byte);
  }
  EXPECT_EQ(bytes_of_token(token), bytes);
  EXPECT_EQ(byte_characters()[' '], "\xC4\xA0");
  EXPECT_EQ(byte_characters()['\n'], "\xC4\x8A");
  EXPECT_EQ(byte_characters()[0xAD], "\xC5\x83");
  EXPECT_EQ(bytes_of_token(" "), std::nullopt);
  EXPECT_EQ(bytes_of_token("a\xEF\xBD\x9C"), std::nullopt);
}

}  // namespace
}  // namespace hadal::model
