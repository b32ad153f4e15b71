// Typed access to config.json for the families: what is missing, of another kind or out of range is an input error that
// names the line.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "model/json_file.h"

namespace hadal::model {

inline constexpr int64_t kMaxDim = 1 << 20;  // keeps every product of two sizes far from 64 bits
inline constexpr int64_t kMaxCount = 1 << 16;
inline constexpr int64_t kMaxPositions = int64_t{1} << 40;

// One object of the file: the outermost one, or the one under `section`.
class Fields {
 public:
  Fields(const JsonFile& file, std::string section, const nlohmann::json& object)
      : file_(file), section_(std::move(section)), object_(object) {}

  // Null and absent are the same to the published readers.
  const nlohmann::json* find(std::string_view key) const;

  template <typename... Args>
  [[noreturn]] void fail(std::string_view key, fmt::format_string<Args...> format, Args&&... args) const {
    fail_with(key, fmt::format(format, std::forward<Args>(args)...));
  }

  const nlohmann::json& require(std::string_view key, std::string_view needed) const;
  int64_t integer(std::string_view key, int64_t low, int64_t high) const;
  int64_t integer_or(std::string_view key, int64_t low, int64_t high, int64_t absent) const;
  double positive(std::string_view key) const;
  double positive_or(std::string_view key, double absent) const;
  double number_or(std::string_view key, double absent) const;
  bool boolean_or(std::string_view key, bool absent) const;
  std::string text_or(std::string_view key, std::string_view absent) const;

  // The key, when given, must have the only value this reader supports.
  void expect(std::string_view key, const nlohmann::json& only) const;

  std::optional<Fields> object(const std::string& key) const;

 private:
  [[noreturn]] void fail_with(std::string_view key, const std::string& message) const;
  int64_t as_integer(std::string_view key, const nlohmann::json& value, int64_t low, int64_t high) const;
  double as_positive(std::string_view key, const nlohmann::json& value) const;

  const JsonFile& file_;
  std::string section_;
  const nlohmann::json& object_;
};

}  // namespace hadal::model
