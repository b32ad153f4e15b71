// Splitting: what Oniguruma and PCRE2 would do differently, empty matches, and the forms that are refused.
#include "model/split_regex.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "model/unicode_additions.h"

namespace hadal::model {
namespace {

using Pieces = std::vector<std::string>;

Pieces split(std::string_view pattern, const std::string& text) {
  Pieces pieces;
  size_t begin = 0;
  for (const size_t end : SplitRegex(pattern, "test").split(text, {text.size()})) {
    pieces.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return pieces;
}

TEST(SplitRegex, MatchesAndGapsArePieces) {
  EXPECT_EQ(split(R"(\p{N}{1,3})", "ab12345c"), (Pieces{"ab", "123", "45", "c"}));
  EXPECT_EQ(split("x", "abc"), (Pieces{"abc"}));
  EXPECT_EQ(split("x", ""), Pieces{});
  EXPECT_EQ(split("x", "xx"), (Pieces{"x", "x"}));
}

TEST(SplitRegex, EmptyMatchesCut) {
  EXPECT_EQ(split("x*", "axxb"), (Pieces{"a", "xx", "b"}));
  EXPECT_EQ(split("(?=b)", "abab"), (Pieces{"a", "ba", "b"}));
  EXPECT_EQ(split("", "a\xC3\xA9z"), (Pieces{"a", "\xC3\xA9", "z"}));
}

TEST(SplitRegex, PiecesAreMatchedAlone) {
  const std::string text = "a  b";
  const SplitRegex regex(R"(\s+(?!\S)|\s+)", "test");
  EXPECT_EQ(regex.split(text, {4}), (std::vector<size_t>{1, 2, 3, 4}));
  // Cut before "b": the spaces now end their piece.
  EXPECT_EQ(regex.split(text, {3, 4}), (std::vector<size_t>{1, 3, 4}));
}

TEST(SplitRegex, SpaceIsWhiteSpaceOnly) {
  EXPECT_EQ(split(R"(\s+)",
                  "a\xE1\xA0\x8E"
                  "b"),
            (Pieces{"a\xE1\xA0\x8E"
                    "b"}));  // U+180E
  EXPECT_EQ(split(R"([\s]+)", "a\xC2\x85 b"), (Pieces{"a", "\xC2\x85 ", "b"}));
  EXPECT_EQ(split(R"([^\S]+)",
                  "a\xE3\x80\x80"
                  "b"),
            (Pieces{"a", "\xE3\x80\x80", "b"}));
}

TEST(SplitRegex, DotExcludesOnlyLineFeed) { EXPECT_EQ(split(".+", "a\rb\nc"), (Pieces{"a\rb", "\n", "c"})); }

TEST(SplitRegex, NewerUnicodeIsKnown) {
  const std::string letter = "\xF0\x96\xB5\x80";  // U+16D40, Unicode 16
  EXPECT_EQ(with_known_categories("a" + letter), "a\xF0\x90\x80\x80");
  EXPECT_EQ(with_known_categories("\xE4\xBD\xA0\xF0\x9F\x98\x80"), "\xE4\xBD\xA0\xF0\x9F\x98\x80");
}

TEST(SplitRegex, LongRunsDoNotFail) {
  const std::string spaces(1 << 20, ' ');
  EXPECT_EQ(split(R"(\s*[\r\n]+|\s+(?!\S)|\s+)", spaces + "x").size(), 3u);
  EXPECT_EQ(split(R"([\p{L}\p{M}]+)", std::string(1 << 20, 'x')).size(), 1u);
  EXPECT_EQ(split("(?:x|xy|z)+", std::string(1 << 18, 'x')).size(), 1u);
}

void expect_refused(const char* pattern, const char* needle) {
  try {
    SplitRegex regex(pattern, "tokenizer.json");
    FAIL() << "accepted " << pattern;
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kInput);
    EXPECT_TRUE(std::string(e.what()).starts_with("tokenizer.json: ")) << e.what();
    EXPECT_NE(std::string(e.what()).find(needle), std::string::npos) << e.what();
  }
}

TEST(SplitRegex, OtherFormsAreRefusedByName) {
  const std::pair<const char*, const char*> forms[] = {std::pair{R"(\w+)", R"(an escape ("\w")"},
                                                       std::pair{R"(a\b)", R"(an escape ("\b")"},
                                                       std::pair{R"(\h)", "an escape"},
                                                       std::pair{"a\\", "an escape"},
                                                       std::pair{R"(\p{Han}+)", "a property"},
                                                       std::pair{R"(\p{Lu}+)", "a property"},
                                                       std::pair{R"(\pL)", "a property"},
                                                       std::pair{"(?<name>x)", "a group"},
                                                       std::pair{"(*ACCEPT)", "a group"},
                                                       std::pair{"^a", "an anchor"},
                                                       std::pair{"[[:alpha:]]", "a class in a class"},
                                                       std::pair{"[a&&b]", "an intersection"},
                                                       std::pair{"[]a]", "an empty class"},
                                                       std::pair{"[ab", "a class without end"},
                                                       std::pair{"a{,3}", "a brace"},
                                                       std::pair{"a{2}+", "a repeat of a repeat"},
                                                       std::pair{"a{2}?", "a repeat of a repeat"},
                                                       std::pair{"(a", "malformed expression"},
                                                       std::pair{"*a", "malformed expression"}};
  for (const auto& [pattern, needle] : forms) expect_refused(pattern, needle);
}

TEST(SplitRegex, RunawayMatchIsAnInputError) {
  const SplitRegex regex("(?:a|aa)+c", "tokenizer.json");
  const std::string text = std::string(100, 'a') + "bc";
  EXPECT_THROW(regex.split(text, {text.size()}), Error);
}

}  // namespace
}  // namespace hadal::model
