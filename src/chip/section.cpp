// Validated access to YAML mappings.
#include "chip/section.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/nearest.h"

namespace hadal::chip {
namespace {

// Far inside the range where doubles hold every integer.
constexpr double kLargestWhole = 9e15;

}  // namespace

Section::Section(const YAML::Node& node, std::string file, std::string path, std::vector<std::string_view> keys,
                 std::vector<std::string_view> optional)
    : node_(node), file_(std::move(file)), path_(std::move(path)) {
  if (!node_.IsMap()) {
    input_error(where(node_), "{}a mapping of keys is needed here", path_.empty() ? "" : path_ + ": ");
  }
  std::vector<std::string> seen;
  const size_t required = keys.size();
  keys.insert(keys.end(), optional.begin(), optional.end());
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar()) input_error(where(entry.first), "a key must be a plain word");
    const std::string key = entry.first.Scalar();
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      input_error(where(entry.first), "unknown key '{}'; {}", full(key), suggestion(key, keys));
    }
    if (std::find(seen.begin(), seen.end(), key) != seen.end()) {
      input_error(where(entry.first), "key '{}' is given twice", full(key));
    }
    seen.push_back(key);
  }
  keys.resize(required);
  for (std::string_view key : keys) {
    if (std::find(seen.begin(), seen.end(), key) == seen.end()) {
      input_error(where(node_), "missing key '{}'", full(key));
    }
  }
}

std::string Section::where(const YAML::Node& node) const {
  const YAML::Mark mark = node.Mark();
  return mark.is_null() ? file_ : fmt::format("{}:{}", file_, mark.line + 1);
}

std::string Section::full(std::string_view key) const {
  return path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key);
}

bool Section::has(std::string_view key) const { return node_[std::string(key)].IsDefined(); }

YAML::Node Section::find(std::string_view key) const { return node_[std::string(key)]; }

std::string Section::scalar(std::string_view key) const {
  const YAML::Node value = find(key);
  if (!value.IsScalar()) input_error(where(value), "{}: a single value is needed", full(key));
  return value.Scalar();
}

void Section::refuse(std::string_view key, const std::string& message) const {
  input_error(where(find(key)), "{}: {}", full(key), message);
}

std::string Section::text(std::string_view key) const {
  std::string value = scalar(key);
  if (value.empty()) refuse(key, "a text is needed");
  return value;
}

int64_t Section::count(std::string_view key, int64_t low, int64_t high) const {
  const std::string value = scalar(key);
  int64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size()) {
    refuse(key, fmt::format("'{}' is not a whole number; write one from {} to {}", value, low, high));
  }
  if (number < low || number > high) {
    refuse(key, fmt::format("{} is out of range; it must be from {} to {}", number, low, high));
  }
  return number;
}

double Section::quantity(std::string_view key, Dimension dimension, double low, double high) const {
  const std::string value = scalar(key);
  const double number = parse_quantity(value, dimension, where(find(key)), full(key));
  if (!(number >= low && number <= high)) {
    refuse(key, fmt::format("{} is out of range; in base units it must be from {:g} to {:g}", value, low, high));
  }
  return number;
}

Section::Range Section::assumed(std::string_view key, Dimension dimension, double low, double high) const {
  const std::string value = scalar(key);
  const size_t in = value.find(" in ");
  if (in == std::string::npos) return {quantity(key, dimension, low, high), 0, 0, false};
  const size_t to = value.find(" to ", in);
  if (to == std::string::npos) refuse(key, fmt::format("'{}' has no range; write VALUE in LOW to HIGH", value));
  const auto part = [&](size_t from, size_t end) {
    const double number = parse_quantity(value.substr(from, end - from), dimension, where(find(key)), full(key));
    if (number >= low && number <= high) return number;
    refuse(key, fmt::format("{} is out of range; in base units it must be from {:g} to {:g}", value, low, high));
  };
  const Range range{part(0, in), part(in + 4, to), part(to + 4, value.size()), true};
  if (range.low > range.value || range.value > range.high) {
    refuse(key, fmt::format("'{}' lies outside its own range", value));
  }
  return range;
}

int64_t Section::whole(std::string_view key, Dimension dimension, int64_t low, int64_t high) const {
  check(static_cast<double>(high) <= kLargestWhole, "range of {} is too wide", key);
  const double number = quantity(key, dimension, static_cast<double>(low), static_cast<double>(high));
  if (number != std::floor(number)) refuse(key, fmt::format("'{}' is not a whole number", scalar(key)));
  return static_cast<int64_t>(number);
}

Section Section::section(std::string_view key, std::vector<std::string_view> keys,
                         std::vector<std::string_view> optional) const {
  return {find(key), file_, full(key), std::move(keys), std::move(optional)};
}

Section Section::free_section(std::string_view key) const {
  const std::vector<std::string> all = names(key);
  return {find(key), file_, full(key), {}, std::vector<std::string_view>(all.begin(), all.end())};
}

std::vector<std::string> Section::names(std::string_view key) const {
  const YAML::Node node = find(key);
  if (!node.IsMap()) refuse(key, "a mapping of names is needed here");
  std::vector<std::string> all;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) input_error(where(entry.first), "{}: a name must be a plain word", full(key));
    all.push_back(entry.first.Scalar());
  }
  return all;
}

std::vector<Section> Section::list(std::string_view key, const std::vector<std::string_view>& keys,
                                   const std::vector<std::string_view>& optional) const {
  const YAML::Node node = find(key);
  if (!node.IsSequence()) refuse(key, "a list is needed here");
  std::vector<Section> entries;
  for (size_t i = 0; i < node.size(); ++i) {
    entries.emplace_back(node[i], file_, fmt::format("{}[{}]", full(key), i), keys, optional);
  }
  return entries;
}

std::vector<std::string> Section::texts(std::string_view key) const {
  const YAML::Node node = find(key);
  if (!node.IsSequence()) refuse(key, "a list is needed here, e.g. [a, b]");
  std::vector<std::string> all;
  for (const YAML::Node& entry : node) {
    if (!entry.IsScalar()) input_error(where(entry), "{}: a single value is needed", full(key));
    all.push_back(entry.Scalar());
  }
  return all;
}

bool Section::is_text(std::string_view key) const { return find(key).IsScalar(); }

}  // namespace hadal::chip
