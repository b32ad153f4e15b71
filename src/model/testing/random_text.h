// Random strings of many scripts, the same as tools/goldens/random_text.py makes from the same seeds.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace hadal::model::testing {

// splitmix64
class SplitMix {
 public:
  explicit SplitMix(uint64_t seed) : state_(seed) {}
  uint64_t below(uint64_t n);

 private:
  uint64_t state_;
};

class RandomText {
 public:
  // `data` is tests/goldens/tokenizers/strings.json, `text` a file of UTF-8 prose.
  RandomText(const std::string& data, const std::string& text);
  std::string string(uint64_t seed) const;
  // Token ids below `size`: mostly no valid UTF-8.
  static std::vector<int32_t> ids(uint64_t seed, int32_t size);

 private:
  char32_t from_range(SplitMix& random) const;
  std::u32string some(const std::u32string& choice, uint64_t most, SplitMix& random) const;
  std::u32string piece(SplitMix& random) const;

  std::vector<std::pair<char32_t, char32_t>> ranges_;
  std::vector<std::u32string> marks_, fragments_;
  std::u32string text_;
};

}  // namespace hadal::model::testing
