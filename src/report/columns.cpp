// Columns as bytes.
#include "report/columns.h"

#include <algorithm>
#include <bit>
#include <cstdint>

namespace hadal::report {
namespace {

static_assert(std::endian::native == std::endian::little, "columns are written as they lie in memory");

constexpr size_t kMostValues = 4096;  // of a column that indexes a list: more, and the list outweighs the index

template <typename T>
std::string encoded(const std::vector<T>& values) {
  return base64(std::as_bytes(std::span(values)));
}

template <typename T>
std::string indices(const std::vector<double>& values, const std::vector<double>& known) {
  std::vector<T> out;
  for (const double v : values)
    out.push_back(static_cast<T>(std::lower_bound(known.begin(), known.end(), v) - known.begin()));
  return encoded(out);
}

}  // namespace

std::string base64(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    const size_t left = std::min<size_t>(3, bytes.size() - i);
    uint32_t word = 0;
    for (size_t b = 0; b < 3; ++b) word = word << 8 | (b < left ? std::to_integer<uint32_t>(bytes[i + b]) : 0);
    for (size_t d = 0; d < 4; ++d) out += d <= left ? kDigits[word >> (18 - 6 * d) & 63] : '=';
  }
  return out;
}

nlohmann::ordered_json column(const std::vector<double>& values, bool exact) {
  std::vector<double> known(values);
  std::sort(known.begin(), known.end());
  known.erase(std::unique(known.begin(), known.end()), known.end());
  if (known.size() <= 256) {
    return {{"encoding", "u8"}, {"values", known}, {"data", indices<uint8_t>(values, known)}};
  }
  if (known.size() <= kMostValues) {
    return {{"encoding", "u16"}, {"values", known}, {"data", indices<uint16_t>(values, known)}};
  }
  if (exact) return {{"encoding", "f64"}, {"data", encoded(values)}};
  return {{"encoding", "f32"}, {"data", encoded(std::vector<float>(values.begin(), values.end()))}};
}

}  // namespace hadal::report
