// Edit distance and the suggestions made from it.
#include "base/nearest.h"

#include <gtest/gtest.h>

#include <array>

namespace hadal {
namespace {

constexpr std::array<std::string_view, 4> kWords = {"cores", "clock", "matrix", "vector"};

TEST(Nearest, DistanceCountsSingleEdits) {
  EXPECT_EQ(edit_distance("", ""), 0u);
  EXPECT_EQ(edit_distance("abc", ""), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("VALU", "valu"), 0u);
  EXPECT_EQ(edit_distance("CLR", "CRL"), 1u);
  EXPECT_EQ(edit_distance("abcd", "badc"), 2u);
}

TEST(Nearest, FindsTheMisspeltWord) {
  EXPECT_EQ(nearest("core", kWords), "cores");
  EXPECT_EQ(nearest("matirx", kWords), "matrix");
  EXPECT_EQ(suggestion("clok", kWords), "did you mean 'clock'?");
}

TEST(Nearest, ListsEverythingWhenNothingIsNear) {
  EXPECT_EQ(nearest("zzzz", kWords), "");
  EXPECT_EQ(nearest("", kWords), "");
  EXPECT_EQ(nearest(std::string(1000, 'c'), kWords), "");
  EXPECT_EQ(suggestion("zzzz", kWords), "known are cores, clock, matrix, vector");
}

}  // namespace
}  // namespace hadal
