// Parsing of typed value lists. Conversions are spelled out here, apart from the chip's numerics, so that test
// expectations do not depend on what they test.
#include "program/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "base/error.h"
#include "base/nearest.h"
#include "isa/text.h"

namespace hadal::program {
namespace {

// What a person writes as text; a range or a repetition must not ask for all memory.
constexpr size_t kMostBytes = size_t{64} << 20;

constexpr std::array<std::string_view, 8> kTypes = {"f32", "bf16", "e4m3", "u32", "i32", "u16", "u8", "hex"};

// The value of an E4M3 code: 1 sign, 4 exponent (bias 7), 3 mantissa bits; 0x7F is NaN.
double e4m3_value(int code) {
  const int exponent = code >> 3 & 15, mantissa = code & 7;
  const double magnitude = exponent == 0 ? std::ldexp(mantissa, -9) : std::ldexp(8 + mantissa, exponent - 10);
  return (code & 0x80) != 0 ? -magnitude : magnitude;
}

class ListParser {
 public:
  ListParser(std::string_view type, size_t limit, const std::string& where)
      : type_(type), limit_(limit), where_(where) {
    if (type == "f32" || type == "u32" || type == "i32") size_ = 4;
    if (type == "bf16" || type == "u16") size_ = 2;
  }

  void word(std::string_view word) {
    if (type_ == "hex") return hex(word);
    const std::string_view whole = word;
    uint64_t count = 1;
    if (const size_t star = word.find('*'); star != std::string_view::npos) {
      const auto parsed = isa::parse_integer(word.substr(star + 1));
      if (!parsed || *parsed < 1) fail(whole, "VALUE*COUNT needs a count of at least 1");
      count = static_cast<uint64_t>(*parsed);
      word = word.substr(0, star);
    }
    if (const size_t dots = word.find(".."); dots != std::string_view::npos) {
      const auto first = isa::parse_integer(word.substr(0, dots)), last = isa::parse_integer(word.substr(dots + 2));
      if (!first || !last || *last < *first || count != 1) fail(whole, "FIRST..LAST needs two ascending whole numbers");
      // In unsigned arithmetic, which cannot overflow; the limit stops a range too long.
      if (static_cast<uint64_t>(*last) - static_cast<uint64_t>(*first) >= limit_) fail(whole, "the range is too long");
      for (int64_t value = *first; value <= *last; ++value) add(encode(fmt::format("{}", value)), 1, true);
      return;
    }
    add(word == "_" ? 0 : encode(word), count, word != "_");
  }

  Values take() { return std::move(values_); }

 private:
  [[noreturn]] void fail(std::string_view word, std::string_view message) const {
    input_error(where_, "{} '{}': {}", type_, word, message);
  }

  void add(uint32_t bits, uint64_t count, bool given) {
    if (count > (limit_ - values_.bytes.size()) / size_) {
      input_error(where_, "more values than fit: there is room for {} bytes", limit_);
    }
    for (uint64_t i = 0; i < count; ++i) {
      for (size_t b = 0; b < size_; ++b) {
        values_.bytes.push_back(static_cast<std::byte>(bits >> (8 * b)));
        values_.given.push_back(given);
      }
    }
  }

  uint32_t encode(std::string_view word) const {
    if (type_ == "f32" || type_ == "bf16" || type_ == "e4m3") return encode_real(word);
    const auto value = isa::parse_integer(word);
    const int64_t low = type_ == "i32" ? INT32_MIN : 0;
    const int64_t high = type_ == "i32" ? INT32_MAX : (int64_t{1} << (8 * size_)) - 1;
    if (!value || *value < low || *value > high)
      fail(word, fmt::format("a whole number from {} to {} is needed", low, high));
    return static_cast<uint32_t>(*value);
  }

  uint32_t encode_real(std::string_view word) const {
    if (type_ == "e4m3") {
      const auto value = isa::parse_double(word);
      if (!value) fail(word, "a number is needed");
      if (std::isnan(*value)) return 0x7F;
      for (int code = 0; code < 256; ++code) {
        if (code % 128 != 127 && e4m3_value(code) == *value && std::signbit(*value) == (code >= 128))
          return static_cast<uint32_t>(code);
      }
      fail(word, "is not exactly an E4M3 number");
    }
    const auto value = isa::parse_float(word);
    if (!value) fail(word, "a number is needed");
    if (std::isnan(*value)) return type_ == "f32" ? 0x7FC00000u : 0x7FC0u;
    const auto bits = std::bit_cast<uint32_t>(*value);
    if (type_ == "f32") return bits;
    if ((bits & 0xFFFF) != 0) fail(word, "is not exactly a BF16 number");
    return bits >> 16;
  }

  void hex(std::string_view word) {
    for (size_t i = 0; i < word.size(); i += 2) {
      if (word.substr(i, 2) == "__") {
        add(0, 1, false);
        continue;
      }
      const auto digit = [&](size_t at) -> uint32_t {
        const char c = at < word.size() ? word[at] : '?';
        if (c >= '0' && c <= '9') return static_cast<uint32_t>(c - '0');
        if (c >= 'a' && c <= 'f') return static_cast<uint32_t>(c - 'a' + 10);
        if (c >= 'A' && c <= 'F') return static_cast<uint32_t>(c - 'A' + 10);
        fail(word, "bytes are pairs of hexadecimal digits");
      };
      add(digit(i) << 4 | digit(i + 1), 1, true);
    }
  }

  std::string_view type_;
  size_t limit_, size_ = 1;
  const std::string& where_;
  Values values_;
};

}  // namespace

std::span<const std::string_view> value_types() { return kTypes; }

Values parse_values(std::string_view type, std::span<const std::string_view> words, size_t limit,
                    const std::string& where) {
  if (std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end()) {
    input_error(where, "unknown type '{}'; {}", type, suggestion(type, kTypes));
  }
  ListParser parser(type, std::min(limit, kMostBytes), where);
  for (std::string_view word : words) parser.word(word);
  return parser.take();
}

}  // namespace hadal::program
