// A piece at a time, as the twelve kinds of random_text.py.
#include "model/testing/random_text.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string_view>

#include "model/utf8.h"

namespace hadal::model::testing {
namespace {

const std::u32string kSpaces = U" \t\n\r\v\f\u0085\u00a0\u1680\u180e\u2003\u2028\u202f\u3000\U0000001c\U0000001f\u200b";
const std::u32string kDigits = U"0123456789\u0660\u0661\u0967\u00bd\u00b2\u2167";
const std::u32string kPunctuation = U"!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const std::u32string kLetters = U"abcdefghij ABCXYZ's";

std::u32string to_utf32(std::string_view text) {
  std::u32string out;
  while (!text.empty()) {
    const CodePoint c = decode_utf8(text);
    out += c.value;
    text.remove_prefix(static_cast<size_t>(c.bytes));
  }
  return out;
}

}  // namespace

uint64_t SplitMix::below(uint64_t n) {
  state_ += 0x9E3779B97F4A7C15u;
  uint64_t z = state_;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
  z = (z ^ z >> 27) * 0x94D049BB133111EBu;
  return (z ^ z >> 31) % n;
}

RandomText::RandomText(const std::string& data, const std::string& text) {
  std::ifstream stream(data);
  const auto parts = nlohmann::json::parse(stream);
  for (const auto& range : parts["ranges"]) ranges_.emplace_back(range[0].get<uint32_t>(), range[1].get<uint32_t>());
  for (const auto& mark : parts["marks"]) marks_.push_back(to_utf32(mark.get<std::string>()));
  for (const auto& fragment : parts["fragments"]) fragments_.push_back(to_utf32(fragment.get<std::string>()));
  std::ifstream prose(text);
  text_ = to_utf32((std::stringstream() << prose.rdbuf()).str());
}

char32_t RandomText::from_range(SplitMix& random) const {
  const auto [low, high] = ranges_[random.below(ranges_.size())];
  return low + static_cast<char32_t>(random.below(high - low + 1));
}

std::u32string RandomText::some(const std::u32string& choice, uint64_t most, SplitMix& random) const {
  std::u32string out;
  for (uint64_t n = 1 + random.below(most); n > 0; --n) out += choice[random.below(choice.size())];
  return out;
}

std::u32string RandomText::piece(SplitMix& random) const {
  const auto join = [&](const std::vector<std::u32string>& choice, uint64_t most) {
    std::u32string out;
    for (uint64_t n = 1 + random.below(most); n > 0; --n) out += choice[random.below(choice.size())];
    return out;
  };
  std::u32string out;
  switch (random.below(12)) {
    case 0: {
      const auto [low, high] = ranges_[random.below(ranges_.size())];
      for (uint64_t n = 1 + random.below(6); n > 0; --n)
        out += low + static_cast<char32_t>(random.below(high - low + 1));
      return out;
    }
    case 1:
      for (uint64_t n = 1 + random.below(4); n > 0; --n) out += from_range(random);
      return out;
    case 2: return std::u32string(1 + random.below(20), U' ');
    case 3: return some(kSpaces, 5, random);
    case 4: return some(kDigits, 9, random);
    case 5: return some(kPunctuation, 6, random);
    case 6: return some(kLetters, 15, random);
    case 7: {
      out += from_range(random);
      return out + join(marks_, 4);
    }
    case 8: return join(fragments_, 2);
    case 9: {
      const std::u32string& fragment = fragments_[random.below(fragments_.size())];
      return fragment.substr(0, 1 + random.below(fragment.size()));
    }
    default: {
      const size_t start = random.below(text_.size() - 50);
      return text_.substr(start, 1 + random.below(50));
    }
  }
}

std::string RandomText::string(uint64_t seed) const {
  SplitMix random(seed);
  std::string out;
  for (uint64_t n = 1 + random.below(5); n > 0; --n) {
    for (const char32_t c : piece(random)) append_utf8(out, c);
  }
  return out;
}

std::vector<int32_t> RandomText::ids(uint64_t seed, int32_t size) {
  SplitMix random(~seed);
  std::vector<int32_t> out(1 + random.below(8));
  for (int32_t& id : out) id = static_cast<int32_t>(random.below(static_cast<uint64_t>(size)));
  return out;
}

}  // namespace hadal::model::testing
