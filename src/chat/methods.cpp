// Methods of str and dict, and the functions that templates find.
#include <fmt/chrono.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <map>

#include "chat/builtins.h"
#include "model/utf8.h"

namespace hadal::chat {
namespace {

constexpr int64_t kLongestRange = 100'000;  // as Jinja's sandbox

bool is_python_space(std::string_view character) {
  return model::leading_space(character) > 0 || (character.size() == 1 && character[0] >= 0x1C && character[0] <= 0x1F);
}

const std::string& text_of(const Value& value) {
  if (value.string() == nullptr) throw Complaint(fmt::format("{} stands where a str is needed", value.kind()));
  return *value.string();
}

// Upper and lower case need tables beyond ASCII, which no published template does.
std::string in_case(std::string_view text, bool upper) {
  std::string out(text);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) >= 0x80) throw Complaint("changing the case of text that is not ASCII");
    c = static_cast<char>(upper ? std::toupper(c) : std::tolower(c));
  }
  return out;
}

std::string capitalised(const std::string& text) {
  return in_case(text.substr(0, 1), true) + in_case(text.substr(std::min<size_t>(1, text.size())), false);
}

std::string titled(const std::string& text) {
  std::string out = in_case(text, false);
  bool inside = false;
  for (char& c : out) {
    const bool letter = std::isalpha(static_cast<unsigned char>(c)) != 0;
    if (letter && !inside) c = static_cast<char>(std::toupper(c));
    inside = letter;
  }
  return out;
}

List split_at_spaces(const std::string& text, int64_t most) {
  List out;
  std::string word, rest = strip(text, Side::kLeft);
  const auto letters = characters(rest);
  for (size_t i = 0; i < letters.size(); ++i) {
    if (!is_python_space(letters[i])) {
      if (word.empty() && most >= 0 && static_cast<int64_t>(out.size()) == most) {
        std::string tail;
        for (size_t j = i; j < letters.size(); ++j) tail += letters[j];
        out.emplace_back(strip(tail, Side::kRight));
        return out;
      }
      word += letters[i];
    } else if (!word.empty()) {
      out.emplace_back(std::exchange(word, ""));
    }
  }
  if (!word.empty()) out.emplace_back(word);
  return out;
}

Value split(const std::string& text, Arguments& a, bool from_right) {
  const Value separator = a.take(0, "sep", Value());
  const int64_t most = a.take(1, "maxsplit", int64_t{-1}).integer();
  if (separator.is_none()) {
    if (from_right && most >= 0) throw Complaint("rsplit at white space with a limit is not supported");
    return split_at_spaces(text, most);
  }
  const std::string& by = text_of(separator);
  if (by.empty()) throw Complaint("split at an empty separator");
  List out;
  size_t begin = 0, end = text.size();
  if (from_right) {
    while (most < 0 || static_cast<int64_t>(out.size()) < most) {
      const size_t at = end < by.size() ? text.npos : text.rfind(by, end - by.size());
      if (at == text.npos) break;
      out.emplace_back(text.substr(at + by.size(), end - at - by.size()));
      end = at;
    }
    out.emplace_back(text.substr(0, end));
    std::reverse(out.begin(), out.end());
    return out;
  }
  while (most < 0 || static_cast<int64_t>(out.size()) < most) {
    const size_t at = text.find(by, begin);
    if (at == text.npos) break;
    out.emplace_back(text.substr(begin, at - begin));
    begin = at + by.size();
  }
  out.emplace_back(text.substr(begin));
  return out;
}

// startswith and endswith take one text or several.
bool at_an_end(const std::string& text, const Value& what, bool start) {
  if (what.list() != nullptr) {
    return std::any_of(what.list()->begin(), what.list()->end(),
                       [&](const Value& one) { return at_an_end(text, one, start); });
  }
  return start ? text.starts_with(text_of(what)) : text.ends_with(text_of(what));
}

Value join(const std::string& separator, const Value& values) {
  std::string out;
  bool first = true;
  for (const Value& value : values.items()) {
    if (!first) out += separator;
    first = false;
    out += text_of(value);
  }
  return out;
}

// "{}", "{0}" and "{name}", without conversions or widths.
Value format(const std::string& text, Arguments& a) {
  std::string out;
  size_t automatic = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if ((text[i] == '{' || text[i] == '}') && next == text[i]) {
      out += text[i++];
      continue;
    }
    if (text[i] != '{') {
      out += text[i];
      continue;
    }
    const size_t end = text.find('}', i);
    if (end == text.npos) throw Complaint("a format with \"{\" but no \"}\"");
    const std::string field = text.substr(i + 1, end - i - 1);
    const bool number =
        !field.empty() && std::all_of(field.begin(), field.end(), [](char c) { return std::isdigit(c); });
    if (field.find_first_of(":!.[") != field.npos) throw Complaint("format with conversions is not supported");
    if (field.size() > 3 && number) throw Complaint("a format field beyond the arguments");
    const size_t position = field.empty() ? automatic++ : number ? std::stoul(field) : SIZE_MAX;
    out += a.need(position, field).text();
    i = end;
  }
  return out;
}

int64_t find(const std::string& text, const std::string& what) {
  const size_t at = text.find(what);
  return at == text.npos ? -1 : static_cast<int64_t>(characters(text.substr(0, at)).size());
}

using StringMethod = Value (*)(const std::string&, Arguments&);

const std::map<std::string, StringMethod, std::less<>>& string_methods() {
  using S = const std::string&;
  using A = Arguments&;
  static const std::map<std::string, StringMethod, std::less<>> kMethods = {
      {"strip", [](S s, A a) -> Value { return strip(s, Side::kBoth, a.take(0, "chars", Value())); }},
      {"lstrip", [](S s, A a) -> Value { return strip(s, Side::kLeft, a.take(0, "chars", Value())); }},
      {"rstrip", [](S s, A a) -> Value { return strip(s, Side::kRight, a.take(0, "chars", Value())); }},
      {"split", [](S s, A a) -> Value { return split(s, a, false); }},
      {"rsplit", [](S s, A a) -> Value { return split(s, a, true); }},
      {"startswith", [](S s, A a) -> Value { return at_an_end(s, a.need(0, "prefix"), true); }},
      {"endswith", [](S s, A a) -> Value { return at_an_end(s, a.need(0, "suffix"), false); }},
      {"upper", [](S s, A) -> Value { return in_case(s, true); }},
      {"lower", [](S s, A) -> Value { return in_case(s, false); }},
      {"title", [](S s, A) -> Value { return titled(s); }},
      {"capitalize", [](S s, A) -> Value { return capitalised(s); }},
      {"join", [](S s, A a) -> Value { return join(s, a.need(0, "iterable")); }},
      {"format", format},
      {"find", [](S s, A a) -> Value { return find(s, text_of(a.need(0, "sub"))); }},
      {"replace",
       [](S s, A a) -> Value {
         const Value old = a.need(0, "old"), fresh = a.need(1, "new");
         const int64_t most = a.take(2, "count", int64_t{-1}).integer();
         const std::string &from = text_of(old), &to = text_of(fresh);
         if (from.empty()) throw Complaint("replace of an empty text is not supported");
         std::string out;
         size_t begin = 0;
         for (int64_t n = 0; n != most; ++n) {
           const size_t at = s.find(from, begin);
           if (at == s.npos) break;
           out += s.substr(begin, at - begin) + to;
           begin = at + from.size();
         }
         return out + s.substr(begin);
       }},
  };
  return kMethods;
}

Value dict_method(const Value& value, const std::string& name) {
  if (name == "items") {
    return Value::callable([value](Arguments&) -> Value {
      List out;
      for (const auto& [key, entry] : value.dict()->entries()) out.emplace_back(List{key, entry});
      return out;
    });
  }
  if (name == "keys") return Value::callable([value](Arguments&) -> Value { return value.items(); });
  if (name == "values") {
    return Value::callable([value](Arguments&) -> Value {
      List out;
      for (const auto& [key, entry] : value.dict()->entries()) out.push_back(entry);
      return out;
    });
  }
  if (name == "get") {
    return Value::callable([value](Arguments& a) -> Value {
      const Value key = a.need(0, "key"), absent = a.take(1, "default", Value());
      const Value* found = key.string() == nullptr ? nullptr : value.dict()->find(*key.string());
      return found == nullptr ? absent : *found;
    });
  }
  return Value::undefined(name);
}

Value range(Arguments& a) {
  int64_t begin = 0, end = a.need(0, "stop").integer();
  if (const Value second = a.take(1, "stop", Value()); !second.is_none()) {
    begin = end;
    end = second.integer();
  }
  const int64_t step = a.take(2, "step", int64_t{1}).integer();
  a.done("range");
  if (step == 0) throw Complaint("a range with a step of 0");
  List out;
  for (int64_t i = begin; step > 0 ? i < end : i > end; i += step) {
    if (static_cast<int64_t>(out.size()) >= kLongestRange) {
      throw Complaint(fmt::format("a range of more than {}", kLongestRange));
    }
    out.emplace_back(i);
  }
  return out;
}

Value named_dict(Arguments& a) {
  Dict dict;
  if (!a.positional.empty()) {
    if (a.positional[0].dict() == nullptr) throw Complaint("a dict is made of a dict or of named arguments");
    dict = *a.positional[0].dict();
  }
  for (const auto& [key, value] : a.named) dict.set(key, value);
  return dict;
}

Value time_now(Arguments& a) {
  const std::string format = text_of(a.need(0, "format"));
  a.done("strftime_now");
  return fmt::format(fmt::runtime("{:" + format + "}"), fmt::localtime(std::time(nullptr)));
}

}  // namespace

std::string strip(std::string_view text, Side side, const Value& set) {
  const auto letters = characters(text);
  std::vector<std::string> chosen;
  if (!set.is_none()) chosen = characters(text_of(set));
  const auto strips = [&](const std::string& letter) {
    return set.is_none() ? is_python_space(letter) : std::find(chosen.begin(), chosen.end(), letter) != chosen.end();
  };
  size_t begin = 0, end = letters.size();
  while (side != Side::kRight && begin < end && strips(letters[begin])) ++begin;
  while (side != Side::kLeft && end > begin && strips(letters[end - 1])) --end;
  std::string out;
  for (size_t i = begin; i < end; ++i) out += letters[i];
  return out;
}

Value attribute_of(const Value& value, const std::string& name) {
  if (value.is_undefined()) {
    throw Complaint(fmt::format("\"{}\" is undefined and has no \"{}\"", value.get<Value::Undefined>()->what, name));
  }
  if (const std::string* text = value.string()) {
    const auto method = string_methods().find(name);
    if (method == string_methods().end()) return Value::undefined(name);
    return Value::callable([text = *text, name, function = method->second](Arguments& a) {
      Value result = function(text, a);
      a.done(name);
      return result;
    });
  }
  if (const Dict* dict = value.dict()) {
    if (Value method = dict_method(value, name); !method.is_undefined()) return method;
    if (const Value* entry = dict->find(name)) return *entry;
  }
  return Value::undefined(name);
}

bool contains(const Value& container, const Value& element) {
  if (container.string() != nullptr) return container.string()->find(text_of(element)) != std::string::npos;
  if (const Dict* dict = container.dict()) {
    return element.string() != nullptr && dict->find(*element.string()) != nullptr;
  }
  const List items = container.items();
  return std::any_of(items.begin(), items.end(), [&](const Value& item) { return equal(item, element); });
}

std::vector<std::pair<std::string, Value>> functions() {
  return {{"range", Value::callable(range)},
          {"namespace", Value::callable(named_dict)},
          {"dict", Value::callable(named_dict)},
          {"strftime_now", Value::callable(time_now)},
          {"raise_exception", Value::callable([](Arguments& a) -> Value {
             throw Complaint("the template refuses the conversation: " + text_of(a.need(0, "message")));
           })}};
}

}  // namespace hadal::chat
