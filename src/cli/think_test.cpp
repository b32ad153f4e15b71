// Marks cut at every place.
#include "cli/think.h"

#include <gtest/gtest.h>

namespace hadal::cli {
namespace {

// What is thought and what is said, whatever the pieces.
std::pair<std::string, std::string> split(ThinkSplitter splitter, const std::string& text, size_t piece) {
  std::pair<std::string, std::string> out;
  const auto add = [&](const std::vector<ThinkSplitter::Part>& parts) {
    for (const auto& part : parts) (part.thinking ? out.first : out.second) += part.text;
  };
  for (size_t at = 0; at < text.size(); at += piece) add(splitter.push(text.substr(at, piece)));
  add(splitter.finish());
  return out;
}

TEST(ThinkSplitter, MarksMayBeCutAnywhere) {
  for (size_t piece = 1; piece < 40; ++piece) {
    EXPECT_EQ(split(ThinkSplitter(false), "a <b <think>\nhm <think></think>\n\nyes </think", piece),
              std::pair(std::string("<think>\nhm <think></think>"), std::string("a <b \n\nyes </think")));
    EXPECT_EQ(split(ThinkSplitter(true), "hm</think>yes<thin", piece),
              std::pair(std::string("hm</think>"), std::string("yes<thin")));
    EXPECT_EQ(split(ThinkSplitter(true), "never ends </thin", piece).first, "never ends </thin");
  }
}

TEST(ThinkSplitter, NothingWaitsLongerThanNeeded) {
  ThinkSplitter splitter(false);
  EXPECT_EQ(splitter.push("a<"), (std::vector<ThinkSplitter::Part>{{"a", false}}));
  EXPECT_EQ(splitter.push("b"), (std::vector<ThinkSplitter::Part>{{"<b", false}}));
}

}  // namespace
}  // namespace hadal::cli
