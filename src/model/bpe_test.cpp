// The heap against the definition of BPE: merge the pair of lowest rank, leftmost first, until none is left.
#include "model/bpe.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace hadal::model {
namespace {

std::vector<int32_t> by_definition(std::vector<int32_t> tokens, const MergeTable& merges) {
  for (;;) {
    int32_t best = -1;
    size_t at = 0;
    MergeTable::Merge chosen;
    for (size_t i = 0; i + 1 < tokens.size(); ++i) {
      const auto merge = merges.find(tokens[i], tokens[i + 1]);
      if (merge.rank >= 0 && (best < 0 || merge.rank < best)) {
        best = merge.rank;
        at = i;
        chosen = merge;
      }
    }
    if (best < 0) return tokens;
    tokens[at] = chosen.token;
    tokens.erase(tokens.begin() + static_cast<ptrdiff_t>(at) + 1);
  }
}

TEST(Bpe, RandomVocabularies) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  ByteTokens byte_tokens;
  for (int i = 0; i < 256; ++i) byte_tokens.token[i] = 255 - i;
  for (int round = 0; round < 200; ++round) {
    const int letters = 2 + static_cast<int>(random() % 4), count = 1 + static_cast<int>(random() % 60);
    MergeTable merges(count);
    std::vector<int32_t> usable;
    for (int i = 0; i < letters; ++i) usable.push_back(byte_tokens.token['a' + i]);
    // Every merge makes a token of its own, as trained vocabularies do.
    for (int32_t rank = 0; rank < count; ++rank) {
      const int32_t left = usable[random() % usable.size()], right = usable[random() % usable.size()];
      if (merges.find(left, right).rank >= 0) continue;
      merges.set(left, right, {rank, 256 + rank});
      usable.push_back(256 + rank);
    }
    for (int word = 0; word < 20; ++word) {
      std::string text(random() % 40, 'a');
      for (char& c : text) c = static_cast<char>('a' + random() % letters);
      std::vector<int32_t> start, got;
      for (const char c : text) start.push_back(byte_tokens.token[static_cast<unsigned char>(c)]);
      BpeScratch scratch;
      encode_word(text, byte_tokens, merges, scratch, got);
      ASSERT_EQ(got, by_definition(start, merges)) << text;
    }
  }
}

TEST(Bpe, LaterMergeOfTheSamePairReplaces) {
  MergeTable merges(2);
  merges.set(1, 2, {0, 7});
  merges.set(1, 2, {5, 8});
  EXPECT_EQ(merges.find(1, 2).rank, 5);
  EXPECT_EQ(merges.find(1, 2).token, 8);
  EXPECT_EQ(merges.find(2, 1).rank, -1);
}

}  // namespace
}  // namespace hadal::model
