// Text-file tests: what their parser accepts, and that a difference in memory is told.
#include "program/text_test_file.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"

namespace hadal::program {
namespace {

constexpr const char* kFile = R"(# Title
.chip small
  HALT
----
# a comment
acc core=2 line=3 byte=8 f32 1 _ -2
hbm line=0x10 u8 0*3
lint: says something
)";

std::string refusal(const std::string& text) {
  try {
    parse_text_test(text, "t.test");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "";
}

TEST(TextTest, Parses) {
  const TextTest test = parse_text_test(kFile, "t.test");
  EXPECT_EQ(test.title, "Title");
  EXPECT_EQ(test.program.chip, "small");
  EXPECT_EQ(test.finding, "says something");
  EXPECT_EQ(test.fault, "");
  ASSERT_EQ(test.memory.size(), 2u);
  EXPECT_EQ(test.memory[0].space, Expectation::Space::kAcc);
  EXPECT_EQ(test.memory[0].core, 2);
  EXPECT_EQ(test.memory[0].byte, 3u * 64 + 8);
  EXPECT_EQ(test.memory[0].where, "t.test:6");
  EXPECT_EQ(test.memory[1].byte, 1024u);
  EXPECT_EQ(test.memory[1].values.bytes.size(), 3u);
  EXPECT_EQ(parse_text_test("# t\nHALT\n----\nspm line=0 u8 1\n", "t").program.chip, "hadal-rtl");
}

TEST(TextTest, TellsTheFirstDifference) {
  const Expectation expected = parse_text_test(kFile, "t.test").memory[0];
  float actual[3] = {1, 77, -2};  // the second may be anything
  const auto bytes = std::as_bytes(std::span(actual));
  EXPECT_EQ(mismatch(expected, bytes), "");
  actual[2] = 2;
  EXPECT_EQ(mismatch(expected, bytes), "t.test:6: element 2 is 2 (0x40000000), expected -2 (0xc0000000)");
  actual[0] = 0;
  EXPECT_EQ(mismatch(expected, bytes), "t.test:6: element 0 is 0 (0x00000000), expected 1 (0x3f800000)");
  EXPECT_THROW(mismatch(expected, bytes.first(8)), Error);
}

TEST(TextTest, SignsOfZeroAndNanPayloadsDiffer) {
  const Expectation expected = parse_text_test("# t\nHALT\n----\nspm line=0 f32 0 nan\n", "t").memory[0];
  uint32_t words[2] = {0, 0x7FC00000};
  EXPECT_EQ(mismatch(expected, std::as_bytes(std::span(words))), "");
  words[0] = 0x80000000;
  EXPECT_NE(mismatch(expected, std::as_bytes(std::span(words))), "");
  words[0] = 0;
  words[1] = 0x7FC00001;
  EXPECT_NE(mismatch(expected, std::as_bytes(std::span(words))), "");
}

TEST(TextTest, ErrorsNameTheLine) {
  const std::pair<const char*, const char*> cases[] = {
      {"# t\nHALT\n", "t.test: a line '----' must separate the program from what is expected"},
      {"HALT\n----\nspm line=0 u8 1\n", "t.test: the first line must be a comment that says what is tested"},
      {"# t\nHALT\n----\n", "t.test: nothing is expected after '----'"},
      {"# t\nHALT\n----\nspam line=0 u8 1\n", "t.test:4: 'spam' is not spm, acc, hbm, fault: or lint:"},
      {"# t\nHALT\n----\nspm u8 1\n", "t.test:4: line= is needed"},
      {"# t\nHALT\n----\nspm line=0\n", "t.test:4: a type and values are needed"},
      {"# t\nHALT\n----\nspm line=0 u8\n", "t.test:4: values are needed"},
      {"# t\nHALT\n----\nhbm core=1 line=0 u8 1\n", "t.test:4: 'core=1' is not core=, line= or byte="},
      {"# t\nHALT\n----\nspm line=x u8 1\n", "t.test:4: 'line=x' needs a number"},
      {"# t\nHALT\n----\nspm line=0 u8 1\nfault: x\n", "t.test: a program that faults leaves no memory to compare"},
      {"# t\n\nHALTT\n----\nfault: x\n", "t.test:3: unknown instruction 'HALTT'; did you mean 'HALT'?"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(refusal(text), message) << text;
}

}  // namespace
}  // namespace hadal::program
