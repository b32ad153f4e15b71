// What a terminal gets: tables within its width, no colour where none is wanted, no control sequence in a file.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "base/temporary_directory.h"
#include "cli/binary.h"

namespace hadal::cli {
namespace {

// Standard output of a command on a pseudo-terminal of `columns`.
std::string on_terminal(int columns, const std::string& environment, const std::string& command) {
  const TemporaryDirectory directory;
  const std::string inner = fmt::format("stty cols {}; {} '{}' {}", columns, environment, HADAL_BINARY, command);
  const std::string outer = fmt::format("TERM=xterm script -qefc {} {} </dev/null >/dev/null 2>&1",
                                        testing::quoted(inner), testing::quoted(directory.file("typescript")));
  EXPECT_EQ(std::system(outer.c_str()), 0);
  std::string text = testing::read_file(directory.file("typescript"));
  text.erase(std::remove(text.begin(), text.end(), '\r'), text.end());
  const size_t first = text.starts_with("Script started") ? text.find('\n') + 1 : 0;
  const size_t last = text.find("\nScript done");
  return text.substr(first, last == std::string::npos ? last : last - first);
}

size_t widest(const std::string& text) {
  std::istringstream in(text);
  size_t most = 0;
  for (std::string line; std::getline(in, line);) most = std::max(most, line.size());
  return most;
}

TEST(Terminal, TablesFollowItsWidth) {
  for (const int columns : {40, 60, 100, 160}) {
    const std::string text = on_terminal(columns, "", "validate --simulator hadal-tiny");
    // The lines around the table are prose, which the terminal itself wraps.
    const size_t from = text.find("  operator"), to = text.find("\nwhole step");
    ASSERT_NE(from, std::string::npos) << text;
    EXPECT_LE(widest(text.substr(from, to - from)), static_cast<size_t>(columns)) << text;
  }
  const std::string narrow = on_terminal(64, "", "plan --cases");
  EXPECT_LE(widest(narrow), 64u) << narrow;
  EXPECT_GT(widest(testing::hadal({"plan", "--cases"}).out), 64u);  // a file gets whole lines
}

TEST(Terminal, EmphasisOnlyWhereItIsWanted) {
  const std::string command = "run hadal-tiny -p It -n 2 -q --no-timing --batch 2";
  EXPECT_NE(on_terminal(80, "", command).find("\033[2m"), std::string::npos);
  EXPECT_NE(on_terminal(80, "NO_COLOR=", command).find("\033[2m"), std::string::npos);
  EXPECT_EQ(on_terminal(80, "NO_COLOR=1", command).find("\033[2m"), std::string::npos);
  EXPECT_EQ(on_terminal(80, "TERM=dumb", command).find('\033'), std::string::npos);
  const testing::Outcome plain =
      testing::hadal({"run", "hadal-tiny", "-p", "It", "-n", "2", "-q", "--no-timing", "--batch", "2"});
  EXPECT_EQ(plain.out.find('\033'), std::string::npos);
  EXPECT_EQ(plain.err.find('\033'), std::string::npos);
}

}  // namespace
}  // namespace hadal::cli
