// JSON with positions: nlohmann parses, a second pass over the then known-valid text finds keys, lines and repeats.
#include "model/json_file.h"

#include <algorithm>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/error.h"
#include "base/mapped_file.h"

namespace hadal::model {
namespace {

size_t line_at(std::string_view text, size_t offset) {
  offset = std::min(offset, text.size());
  return 1 + static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<ptrdiff_t>(offset), '\n'));
}

// A key of valid JSON text, its depth (1 for a key of the outermost object) and offset.
struct Key {
  std::string name;
  size_t depth;
  size_t offset;
};

// Walks valid JSON and calls visit(Key) for every key in order and leave(depth) at the end of every object.
template <typename Visit, typename Leave>
void walk_keys(std::string_view text, Visit&& visit, Leave&& leave) {
  size_t depth = 0;  // of objects only
  bool expect_key = false;
  std::vector<char> open;  // '{' or '['
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '{' || c == '[') {
      open.push_back(c);
      depth += c == '{';
      expect_key = c == '{';
    } else if (c == '}' || c == ']') {
      if (c == '}') leave(depth--);
      open.pop_back();
      expect_key = false;
    } else if (c == ',') {
      expect_key = open.back() == '{';
    } else if (c == '"') {
      const size_t begin = i;
      bool escaped = false;
      for (++i; text[i] != '"'; ++i) {
        if (text[i] == '\\') {
          escaped = true;
          ++i;
        }
      }
      if (!expect_key) continue;
      expect_key = false;
      const std::string_view quoted = text.substr(begin, i + 1 - begin);
      const std::string_view raw = quoted.substr(1, quoted.size() - 2);
      if (!visit(Key{escaped ? nlohmann::json::parse(quoted).get<std::string>() : std::string(raw), depth, begin})) {
        return;
      }
    }
  }
}

// Deeper than any model file; a bound, because printing a value recurses.
constexpr size_t kMaxNesting = 64;

std::optional<size_t> find_too_deep(std::string_view text) {
  size_t depth = 0;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == '{' || c == '[')) {
      if (++depth > kMaxNesting) return i;
    } else if (!quoted && (c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return std::nullopt;
}

struct Repeat {
  std::string name;
  size_t offset;
};

std::optional<Repeat> find_repeated_key(std::string_view text) {
  std::vector<std::unordered_set<std::string>> seen(1);
  std::optional<Repeat> repeat;
  walk_keys(
      text,
      [&](const Key& key) {
        if (seen.size() <= key.depth) seen.resize(key.depth + 1);
        if (seen[key.depth].insert(key.name).second) return true;
        repeat = Repeat{key.name, key.offset};
        return false;
      },
      [&](size_t depth) {
        if (depth < seen.size()) seen[depth].clear();
      });
  return repeat;
}

// nlohmann's text without its "[json.exception...] parse error at line 1, column 2:" head.
std::string reason(const nlohmann::json::exception& e) {
  std::string_view what = e.what();
  if (const size_t end = what.find("] "); end != what.npos) what.remove_prefix(end + 2);
  if (what.starts_with("parse error")) {
    if (const size_t colon = what.find(": "); colon != what.npos) what.remove_prefix(colon + 2);
  }
  return printable(what);
}

template <typename Where>
nlohmann::json parse_checked(std::string_view text, Where&& where) {
  // The parser takes a NUL for the end of the text and would ignore what follows.
  if (const size_t nul = text.find('\0'); nul != text.npos) input_error(where(nul), "malformed JSON: a NUL byte");
  nlohmann::json root;
  try {
    root = nlohmann::json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& e) {
    input_error(where(e.byte == 0 ? 0 : e.byte - 1), "malformed JSON: {}", reason(e));
  } catch (const nlohmann::json::exception& e) {
    input_error(where(0), "malformed JSON: {}", reason(e));
  }
  if (const auto deep = find_too_deep(text)) {
    input_error(where(*deep), "nesting deeper than {} levels", kMaxNesting);
  }
  if (const auto repeat = find_repeated_key(text)) {
    input_error(where(repeat->offset), "duplicate key \"{}\"; every key of an object may appear once",
                printable(repeat->name));
  }
  return root;
}

}  // namespace

JsonFile JsonFile::load(const std::string& path) {
  const MappedFile file = MappedFile::open(path);
  JsonFile result = parse(file.text(), path);
  result.owner_ = file.owner();
  return result;
}

JsonFile JsonFile::parse(std::string_view text, const std::string& path) {
  JsonFile result;
  result.path_ = path;
  result.text_ = text;
  result.root_ = parse_checked(text, [&](size_t offset) { return fmt::format("{}:{}", path, line_at(text, offset)); });
  return result;
}

JsonFile JsonFile::of(nlohmann::json value, const std::string& path) {
  JsonFile result;
  result.path_ = path;
  result.root_ = std::move(value);
  return result;
}

std::string JsonFile::where(std::initializer_list<std::string_view> keys) const {
  const std::vector<std::string_view> path(keys);
  size_t matched = 0;  // keys of `path` that lead to the object being walked
  std::optional<size_t> found;
  walk_keys(
      text_,
      [&](const Key& key) {
        if (matched >= key.depth) matched = key.depth - 1;
        if (key.depth == matched + 1 && key.name == path[matched]) {
          if (++matched == path.size()) {
            found = key.offset;
            return false;
          }
        }
        return true;
      },
      [](size_t) {});
  return found ? fmt::format("{}:{}", path_, line_at(text_, *found)) : path_;
}

nlohmann::json parse_embedded_json(std::string_view text, const std::string& where) {
  return parse_checked(text, [&](size_t offset) { return fmt::format("{}: header, byte {}", where, offset); });
}

std::string_view kind_name(const nlohmann::json& value) {
  switch (value.type()) {
    case nlohmann::json::value_t::null: return "null";
    case nlohmann::json::value_t::object: return "an object";
    case nlohmann::json::value_t::array: return "a list";
    case nlohmann::json::value_t::string: return "a string";
    case nlohmann::json::value_t::boolean: return "true or false";
    case nlohmann::json::value_t::number_float: return "a fraction";
    default: return "an integer";
  }
}

std::string printable(std::string_view text) {
  constexpr size_t kLongest = 200;
  std::string line(text.substr(0, kLongest));
  std::replace_if(
      line.begin(), line.end(), [](unsigned char c) { return c < 0x20 || c == 0x7F; }, '?');
  if (text.size() > kLongest) {
    while (!line.empty() && (static_cast<unsigned char>(line.back()) & 0xC0) == 0x80) line.pop_back();
    if (!line.empty() && static_cast<unsigned char>(line.back()) >= 0x80) line.pop_back();
    line += "...";
  }
  return line;
}

}  // namespace hadal::model
