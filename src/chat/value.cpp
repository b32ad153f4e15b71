// Python's behaviour of values, with its words for their types.
#include "chat/value.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "model/utf8.h"

namespace hadal::chat {
namespace {

// repr of a float: the shortest digits that give it back, never without a point or exponent.
std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == text.npos) text += ".0";
  return text;
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"': out += "\\\""; break;
      case '\\': out += "\\\\"; break;
      case '\n': out += "\\n"; break;
      case '\r': out += "\\r"; break;
      case '\t': out += "\\t"; break;
      case '\b': out += "\\b"; break;
      case '\f': out += "\\f"; break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

std::string quoted_text(std::string_view text) {
  const bool has_single = text.find('\'') != text.npos, has_double = text.find('"') != text.npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == quote || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      out += fmt::format("\\x{:02x}", byte);
    } else {
      out += c;
    }
  }
  return out + quote;
}

void new_line(std::string& out, int indent, int depth) {
  out += '\n';
  out.append(static_cast<size_t>(indent) * static_cast<size_t>(depth), ' ');
}

// One level of JSON text; the writer of a list or dict passes its elements through `each`.
template <typename Elements, typename Each>
void append_json_group(std::string& out, char open, char close, const Elements& elements, int indent, int depth,
                       Each&& each) {
  out += open;
  bool first = true;
  for (const auto& element : elements) {
    if (!first) out += indent < 0 ? ", " : ",";
    first = false;
    if (indent >= 0) new_line(out, indent, depth + 1);
    each(element);
  }
  if (indent >= 0 && !first) new_line(out, indent, depth);
  out += close;
}

void append_json(std::string& out, const Value& value, int indent, int depth) {
  if (value.is_none()) {
    out += "null";
  } else if (const bool* flag = value.get<bool>()) {
    out += *flag ? "true" : "false";
  } else if (const std::string* text = value.string()) {
    append_json_string(out, *text);
  } else if (const List* list = value.list()) {
    append_json_group(out, '[', ']', *list, indent, depth,
                      [&](const Value& element) { append_json(out, element, indent, depth + 1); });
  } else if (const Dict* dict = value.dict()) {
    append_json_group(out, '{', '}', dict->entries(), indent, depth, [&](const auto& entry) {
      append_json_string(out, entry.first);
      out += ": ";
      append_json(out, entry.second, indent, depth + 1);
    });
  } else if (value.is_number()) {
    out += value.text();
  } else {
    throw Complaint(fmt::format("{} cannot be written as JSON", value.kind()));
  }
}

}  // namespace

const Value* Dict::find(std::string_view key) const {
  const auto it = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == key; });
  return it == entries_.end() ? nullptr : &it->second;
}

void Dict::set(const std::string& key, Value value) {
  const auto it = std::find_if(entries_.begin(), entries_.end(), [&](const auto& entry) { return entry.first == key; });
  if (it != entries_.end()) {
    it->second = std::move(value);
  } else {
    entries_.emplace_back(key, std::move(value));
  }
}

Value Arguments::take(size_t position, std::string_view name, Value absent) {
  if (position < positional.size()) {
    taken_ = std::max(taken_, position + 1);
    return positional[position];
  }
  for (const auto& [key, value] : named) {
    if (key != name) continue;
    ++named_taken_;
    return value;
  }
  return absent;
}

Value Arguments::need(size_t position, std::string_view name) {
  const size_t before = taken_ + named_taken_;
  Value value = take(position, name, Value());
  if (taken_ + named_taken_ == before) throw Complaint(fmt::format("an argument \"{}\" is missing", name));
  return value;
}

void Arguments::done(std::string_view function) const {
  if (taken_ < positional.size() || named_taken_ < named.size()) {
    throw Complaint(fmt::format("\"{}\" takes fewer or other arguments", function));
  }
}

Value Value::undefined(std::string_view what) {
  Value value;
  value.data_ = Undefined{std::string(what)};
  return value;
}

Value Value::callable(Callable function) {
  Value value;
  value.data_ = std::make_shared<Callable>(std::move(function));
  return value;
}

Value Value::from_json(const nlohmann::ordered_json& json) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return model::repair_utf8(json.get_ref<const std::string&>());
  if (json.is_array()) {
    List list;
    for (const auto& element : json) list.push_back(from_json(element));
    return list;
  }
  if (json.is_object()) {
    Dict dict;
    for (const auto& [key, element] : json.items()) dict.set(key, from_json(element));
    return dict;
  }
  return {};
}

Dict* Value::mutable_dict() const {
  const auto* pointer = std::get_if<std::shared_ptr<Dict>>(&data_);
  return pointer == nullptr ? nullptr : pointer->get();
}

int64_t Value::integer() const {
  if (const auto* value = get<int64_t>()) return *value;
  if (const auto* value = get<bool>()) return *value ? 1 : 0;
  throw Complaint(fmt::format("{} stands where an int is needed", kind()));
}

double Value::number() const {
  if (const auto* value = get<double>()) return *value;
  return static_cast<double>(integer());
}

bool Value::truthy() const {
  if (is_undefined() || is_none()) return false;
  if (is_number()) return number() != 0;
  if (function() != nullptr) return true;
  return length() > 0;
}

std::string_view Value::kind() const {
  constexpr std::string_view kNames[] = {"undefined", "None", "bool", "int",     "float",
                                         "str",       "list", "dict", "function"};
  return kNames[data_.index()];
}

std::string Value::text() const {
  if (is_undefined()) return "";
  if (is_none()) return "None";
  if (const auto* flag = get<bool>()) return *flag ? "True" : "False";
  if (const auto* value = get<int64_t>()) return fmt::format("{}", *value);
  if (const auto* value = get<double>()) return float_text(*value);
  if (string() != nullptr) return *string();
  return repr();
}

std::string Value::repr() const {
  if (string() != nullptr) return quoted_text(*string());
  std::string out;
  if (const List* elements = list()) {
    for (const Value& element : *elements) out += (out.empty() ? "" : ", ") + element.repr();
    return "[" + out + "]";
  }
  if (const Dict* entries = dict()) {
    for (const auto& [key, value] : entries->entries()) {
      out += (out.empty() ? "" : ", ") + quoted_text(key) + ": " + value.repr();
    }
    return "{" + out + "}";
  }
  if (is_undefined()) return "Undefined";
  if (function() != nullptr) throw Complaint("a function cannot be printed");
  return text();
}

std::string Value::json(int indent) const {
  std::string out;
  append_json(out, *this, indent, 0);
  return out;
}

List Value::items() const {
  if (list() != nullptr) return *list();
  List out;
  if (is_undefined()) return out;
  if (const Dict* entries = dict()) {
    for (const auto& [key, value] : entries->entries()) out.emplace_back(key);
    return out;
  }
  if (string() != nullptr) {
    for (std::string& c : characters(*string())) out.emplace_back(std::move(c));
    return out;
  }
  throw Complaint(fmt::format("{} cannot be iterated over", kind()));
}

size_t Value::length() const {
  if (list() != nullptr) return list()->size();
  if (dict() != nullptr) return dict()->entries().size();
  if (string() != nullptr) {  // characters: every byte that does not continue one
    return static_cast<size_t>(
        std::count_if(string()->begin(), string()->end(), [](char c) { return (c & 0xC0) != 0x80; }));
  }
  if (is_undefined()) return 0;
  throw Complaint(fmt::format("{} has no length", kind()));
}

bool equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    return a.is_integer() && b.is_integer() ? a.integer() == b.integer() : a.number() == b.number();
  }
  if (a.string() != nullptr && b.string() != nullptr) return *a.string() == *b.string();
  if (a.list() != nullptr && b.list() != nullptr) {
    return std::equal(a.list()->begin(), a.list()->end(), b.list()->begin(), b.list()->end(), equal);
  }
  if (a.dict() != nullptr && b.dict() != nullptr) {
    if (a.length() != b.length()) return false;
    for (const auto& [key, value] : a.dict()->entries()) {
      const Value* other = b.dict()->find(key);
      if (other == nullptr || !equal(value, *other)) return false;
    }
    return true;
  }
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined());
}

int compare(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) {
    if (a.is_integer() && b.is_integer()) return a.integer() < b.integer() ? -1 : a.integer() > b.integer();
    return a.number() < b.number() ? -1 : a.number() > b.number();
  }
  // UTF-8 orders as its code points do.
  if (a.string() != nullptr && b.string() != nullptr) return a.string()->compare(*b.string());
  throw Complaint(fmt::format("{} and {} have no order", a.kind(), b.kind()));
}

std::vector<std::string> characters(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const auto bytes = static_cast<size_t>(model::decode_utf8(text).bytes);
    out.emplace_back(text.substr(0, bytes));
    text.remove_prefix(bytes);
  }
  return out;
}

}  // namespace hadal::chat
