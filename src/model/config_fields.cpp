// The checks behind typed access to config.json.
#include "model/config_fields.h"

#include <cmath>

namespace hadal::model {

using nlohmann::json;

const json* Fields::find(std::string_view key) const {
  const auto it = object_.find(key);
  return it == object_.end() || it->is_null() ? nullptr : &*it;
}

void Fields::fail_with(std::string_view key, const std::string& message) const {
  const std::string where = section_.empty() ? file_.where({key}) : file_.where({section_, key});
  const std::string name = section_.empty() ? std::string(key) : fmt::format("{}.{}", section_, key);
  input_error(where, "{} {}", name, message);
}

const json& Fields::require(std::string_view key, std::string_view needed) const {
  const json* value = find(key);
  if (value == nullptr) fail(key, "is missing; {} is needed", needed);
  return *value;
}

int64_t Fields::integer(std::string_view key, int64_t low, int64_t high) const {
  return as_integer(key, require(key, fmt::format("an integer from {} to {}", low, high)), low, high);
}

int64_t Fields::integer_or(std::string_view key, int64_t low, int64_t high, int64_t absent) const {
  const json* value = find(key);
  return value == nullptr ? absent : as_integer(key, *value, low, high);
}

double Fields::positive(std::string_view key) const { return as_positive(key, require(key, "a positive number")); }

double Fields::positive_or(std::string_view key, double absent) const {
  const json* value = find(key);
  return value == nullptr ? absent : as_positive(key, *value);
}

double Fields::number_or(std::string_view key, double absent) const {
  const json* value = find(key);
  if (value == nullptr) return absent;
  if (!value->is_number()) fail(key, "is {}, a number is needed", kind_name(*value));
  return value->get<double>();
}

bool Fields::boolean_or(std::string_view key, bool absent) const {
  const json* value = find(key);
  if (value == nullptr) return absent;
  if (!value->is_boolean()) fail(key, "is {}, true or false is needed", kind_name(*value));
  return value->get<bool>();
}

std::string Fields::text_or(std::string_view key, std::string_view absent) const {
  const json* value = find(key);
  if (value == nullptr) return std::string(absent);
  if (!value->is_string()) fail(key, "is {}, a string is needed", kind_name(*value));
  return value->get<std::string>();
}

void Fields::expect(std::string_view key, const json& only) const {
  const json* value = find(key);
  if (value != nullptr && *value != only) {
    fail(key, "is {}; only {} is supported", printable(value->dump()), only.dump());
  }
}

std::optional<Fields> Fields::object(const std::string& key) const {
  const json* value = find(key);
  if (value == nullptr) return std::nullopt;
  if (!value->is_object()) fail(key, "is {}, an object is needed", kind_name(*value));
  return Fields(file_, key, *value);
}

int64_t Fields::as_integer(std::string_view key, const json& value, int64_t low, int64_t high) const {
  if (!value.is_number_integer()) fail(key, "is {}, an integer is needed", kind_name(value));
  const bool huge = value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
  const int64_t number = huge ? INT64_MAX : value.get<int64_t>();
  if (huge || number < low || number > high) fail(key, "is {}; it must be from {} to {}", value.dump(), low, high);
  return number;
}

double Fields::as_positive(std::string_view key, const json& value) const {
  if (!value.is_number()) fail(key, "is {}, a number is needed", kind_name(value));
  const double number = value.get<double>();
  if (!(number > 0) || !std::isfinite(number)) fail(key, "is {}; it must be a positive number", value.dump());
  return number;
}

}  // namespace hadal::model
