// A JSON document that knows where its keys stand, so that errors can name a line.
#pragma once

#include <initializer_list>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace hadal::model {

class JsonFile {
 public:
  // Reads and parses a file; malformed JSON and repeated keys are input errors at `path:LINE`.
  static JsonFile load(const std::string& path);
  // Parses `text`, which must outlive the object.
  static JsonFile parse(std::string_view text, const std::string& path);

  // A value without a text: errors name `path` alone.
  static JsonFile of(nlohmann::json value, const std::string& path);

  const nlohmann::json& root() const { return root_; }
  const std::string& path() const { return path_; }
  // "FILE:LINE" of a key given from the outermost object inwards; "FILE" when it is not there.
  std::string where(std::initializer_list<std::string_view> keys) const;

 private:
  std::string path_;
  std::shared_ptr<const void> owner_;
  std::string_view text_;
  nlohmann::json root_;
};

// Parses JSON that is one part of a binary file: errors name `where` and a byte offset instead of a line.
nlohmann::json parse_embedded_json(std::string_view text, const std::string& where);

// What kind of value this is, in words: "a string", "null".
std::string_view kind_name(const nlohmann::json& value);

// `text` for use inside a one-line message: control characters replaced, long text cut.
std::string printable(std::string_view text);

}  // namespace hadal::model
