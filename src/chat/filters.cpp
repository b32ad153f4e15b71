// Jinja's filters and tests, those that chat templates use.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "chat/builtins.h"

namespace hadal::chat {
namespace {

using V = const Value&;
using A = Arguments&;
using Filter = Value (*)(V, A);
using Test = bool (*)(V, A);

// A method of str as a filter.
Value method(V value, const char* name, A arguments) {
  const Value function = attribute_of(Value(value.text()), name);
  return (*function.function())(arguments);
}

// "a.b" of a value: what map(attribute=) and selectattr look at.
Value path_of(V value, const std::string& path) {
  Value at = value;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    at = attribute_of(at, path.substr(begin, end - begin));
    begin = end + 1;
  }
  return at;
}

std::string name_of(V value) {
  if (value.string() == nullptr) throw Complaint("the name of an attribute, filter or test must be a str");
  return *value.string();
}

// select, reject, selectattr and rejectattr: elements for which a test says `keep`.
Value select(V value, A a, bool by_attribute, bool keep) {
  List out;
  const List items = value.truthy() ? value.items() : List{};  // None too
  size_t at = 0;
  std::string attribute, test = "";
  if (by_attribute) attribute = name_of(a.need(at++, "attribute"));
  if (a.positional.size() > at) test = name_of(a.positional[at++]);
  const std::vector<Value> rest(a.positional.begin() + static_cast<ptrdiff_t>(at), a.positional.end());
  for (const Value& item : items) {
    const Value subject = by_attribute ? path_of(item, attribute) : item;
    Arguments of_test;
    of_test.positional = rest;
    if ((test.empty() ? subject.truthy() : apply_test(test, subject, of_test)) == keep) out.push_back(item);
  }
  a.take(a.positional.size() - 1, "", Value());  // all are used
  return out;
}

Value map(V value, A a) {
  List out;
  const List items = value.truthy() ? value.items() : List{};
  const Value attribute = a.take(SIZE_MAX, "attribute", Value());
  if (!attribute.is_none()) {
    const Value absent = a.take(SIZE_MAX, "default", Value::undefined("default"));
    for (const Value& item : items) {
      const Value found = path_of(item, name_of(attribute));
      out.push_back(found.is_undefined() && !absent.is_undefined() ? absent : found);
    }
    return out;
  }
  const std::string filter = name_of(a.need(0, "filter"));
  for (const Value& item : items) {
    Arguments of_filter;
    of_filter.positional.assign(a.positional.begin() + 1, a.positional.end());
    out.push_back(apply_filter(filter, item, of_filter));
  }
  a.take(a.positional.size() - 1, "", Value());
  return out;
}

Value join(V value, A a) {
  const std::string separator = a.take(0, "d", "").text();
  const Value attribute = a.take(1, "attribute", Value());
  std::string out;
  bool first = true;
  for (const Value& item : value.items()) {
    if (!first) out += separator;
    first = false;
    out += (attribute.is_none() ? item : path_of(item, name_of(attribute))).text();
  }
  return out;
}

Value default_of(V value, A a) {
  const Value instead = a.take(0, "default_value", "");
  const bool also_false = a.take(1, "boolean", false).truthy();
  return value.is_undefined() || (also_false && !value.truthy()) ? instead : value;
}

Value pairs(V value, A) {
  if (value.is_undefined()) return List{};
  if (value.dict() == nullptr) throw Complaint("items of something that is no dict");
  Arguments none;
  return (*attribute_of(value, "items").function())(none);
}

Value dict_sorted(V value, A) {
  Arguments none;
  List out = *pairs(value, none).list();
  std::stable_sort(out.begin(), out.end(),
                   [](V a, V b) { return *(*a.list())[0].string() < *(*b.list())[0].string(); });
  return out;
}

Value unique(V value, A) {
  List out;
  for (const Value& item : value.items()) {
    if (std::none_of(out.begin(), out.end(), [&](V seen) { return equal(seen, item); })) out.push_back(item);
  }
  return out;
}

Value reversed(V value, A) {
  List out = value.items();
  std::reverse(out.begin(), out.end());
  if (value.string() == nullptr) return out;
  std::string text;
  for (const Value& c : out) text += *c.string();
  return text;
}

Value sorted(V value, A a) {
  List out = value.items();
  const bool backwards = a.take(0, "reverse", false).truthy();
  const Value attribute = a.take(2, "attribute", Value());
  const auto key = [&](V item) { return attribute.is_none() ? item : path_of(item, name_of(attribute)); };
  std::stable_sort(out.begin(), out.end(),
                   [&](V x, V y) { return backwards ? compare(key(y), key(x)) < 0 : compare(key(x), key(y)) < 0; });
  return out;
}

Value indent(V value, A a) {
  const Value width = a.take(0, "width", int64_t{4});
  const bool first = a.take(1, "first", false).truthy(), blank = a.take(2, "blank", false).truthy();
  const std::string by = width.string() != nullptr
                             ? *width.string()
                             : std::string(static_cast<size_t>(std::clamp<int64_t>(width.integer(), 0, 1000)), ' ');
  const std::string text = value.text();
  std::string out = first ? by : "";
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    if (begin > 0 && (end > begin || blank)) out += by;
    out += text.substr(begin, end - begin);
    if (end < text.size()) out += '\n';
    begin = end + 1;
  }
  return out;
}

Value to_json(V value, A a) {
  const Value width = a.take(SIZE_MAX, "indent", Value());
  const Value ascii = a.take(0, "ensure_ascii", false);
  if (ascii.truthy()) throw Complaint("tojson with ensure_ascii is not supported");
  return value.json(width.is_none() ? -1 : static_cast<int>(std::clamp<int64_t>(width.integer(), 0, 100)));
}

Value to_integer(V value, A a) {
  const int64_t absent = a.take(0, "default", int64_t{0}).integer();
  if (value.is_integer()) return value.integer();
  if (value.is_number()) return static_cast<int64_t>(std::clamp(value.number(), -9e18, 9e18));
  const std::string text = strip(value.text(), Side::kBoth);
  char* end = nullptr;
  const int64_t number = std::strtoll(text.c_str(), &end, 10);
  return text.empty() || *end != '\0' ? absent : number;
}

Value extreme(V value, bool least) {
  const List items = value.items();
  if (items.empty()) return Value::undefined("an element of nothing");
  return *std::min_element(items.begin(), items.end(),
                           [&](V x, V y) { return least ? compare(x, y) < 0 : compare(y, x) < 0; });
}

Value first_of(V value, A) {
  const List items = value.items();
  return items.empty() ? Value::undefined("first") : items.front();
}

Value last_of(V value, A) {
  const List items = value.items();
  return items.empty() ? Value::undefined("last") : items.back();
}

const std::map<std::string, Filter, std::less<>>& filters() {
  static const std::map<std::string, Filter, std::less<>> kFilters = {
      {"trim", [](V v, A a) -> Value { return strip(v.text(), Side::kBoth, a.take(0, "chars", Value())); }},
      {"length", [](V v, A) -> Value { return static_cast<int64_t>(v.length()); }},
      {"count", [](V v, A) -> Value { return static_cast<int64_t>(v.length()); }},
      {"upper", [](V v, A a) -> Value { return method(v, "upper", a); }},
      {"lower", [](V v, A a) -> Value { return method(v, "lower", a); }},
      {"title", [](V v, A a) -> Value { return method(v, "title", a); }},
      {"capitalize", [](V v, A a) -> Value { return method(v, "capitalize", a); }},
      {"replace", [](V v, A a) -> Value { return method(v, "replace", a); }},
      {"string", [](V v, A) -> Value { return v.text(); }},
      {"safe", [](V v, A) -> Value { return v.text(); }},
      {"list", [](V v, A) -> Value { return v.items(); }},
      {"bool", [](V v, A) -> Value { return v.truthy(); }},
      {"abs",
       [](V v, A) -> Value { return v.is_integer() ? Value(std::abs(v.integer())) : Value(std::abs(v.number())); }},
      {"float", [](V v, A) -> Value { return v.number(); }},
      {"int", to_integer},
      {"min", [](V v, A) -> Value { return extreme(v, true); }},
      {"max", [](V v, A) -> Value { return extreme(v, false); }},
      {"first", first_of},
      {"last", last_of},
      {"default", default_of},
      {"d", default_of},
      {"join", join},
      {"tojson", to_json},
      {"items", pairs},
      {"dictsort", dict_sorted},
      {"unique", unique},
      {"reverse", reversed},
      {"sort", sorted},
      {"indent", indent},
      {"map", map},
      {"select", [](V v, A a) { return select(v, a, false, true); }},
      {"reject", [](V v, A a) { return select(v, a, false, false); }},
      {"selectattr", [](V v, A a) { return select(v, a, true, true); }},
      {"rejectattr", [](V v, A a) { return select(v, a, true, false); }}};
  return kFilters;
}

const std::map<std::string, Test, std::less<>>& tests() {
  const Test same = [](V v, A a) { return equal(v, a.need(0, "other")); };
  const Test different = [](V v, A a) { return !equal(v, a.need(0, "other")); };
  static const std::map<std::string, Test, std::less<>> kTests = {
      {"defined", [](V v, A) { return !v.is_undefined(); }},
      {"undefined", [](V v, A) { return v.is_undefined(); }},
      {"none", [](V v, A) { return v.is_none(); }},
      {"boolean", [](V v, A) { return v.get<bool>() != nullptr; }},
      {"true", [](V v, A) { return v.get<bool>() != nullptr && *v.get<bool>(); }},
      {"false", [](V v, A) { return v.get<bool>() != nullptr && !*v.get<bool>(); }},
      {"string", [](V v, A) { return v.string() != nullptr; }},
      {"number", [](V v, A) { return v.is_number(); }},
      {"integer", [](V v, A) { return v.get<int64_t>() != nullptr; }},
      {"float", [](V v, A) { return v.get<double>() != nullptr; }},
      {"mapping", [](V v, A) { return v.dict() != nullptr; }},
      {"sequence",
       [](V v, A) { return v.list() != nullptr || v.dict() != nullptr || v.string() != nullptr || v.is_undefined(); }},
      {"iterable",
       [](V v, A) { return v.list() != nullptr || v.dict() != nullptr || v.string() != nullptr || v.is_undefined(); }},
      {"callable", [](V v, A) { return v.function() != nullptr; }},
      {"odd", [](V v, A) { return v.integer() % 2 != 0; }},
      {"even", [](V v, A) { return v.integer() % 2 == 0; }},
      {"in", [](V v, A a) { return contains(a.need(0, "seq"), v); }},
      {"divisibleby",
       [](V v, A a) {
         const int64_t by = a.need(0, "num").integer();
         if (by == 0) throw Complaint("divisibleby 0");
         return v.integer() % by == 0;
       }},
      {"eq", same},
      {"equalto", same},
      {"==", same},
      {"ne", different},
      {"!=", different},
      {"lt", [](V v, A a) { return compare(v, a.need(0, "other")) < 0; }},
      {"le", [](V v, A a) { return compare(v, a.need(0, "other")) <= 0; }},
      {"gt", [](V v, A a) { return compare(v, a.need(0, "other")) > 0; }},
      {"ge", [](V v, A a) { return compare(v, a.need(0, "other")) >= 0; }}};
  return kTests;
}

}  // namespace

Value apply_filter(const std::string& name, const Value& value, Arguments& arguments) {
  const auto filter = filters().find(name);
  if (filter == filters().end()) throw Complaint(fmt::format("the filter \"{}\" is not supported", name));
  Value result = filter->second(value, arguments);
  arguments.done(name);
  return result;
}

bool apply_test(const std::string& name, const Value& value, Arguments& arguments) {
  const auto test = tests().find(name);
  if (test == tests().end()) throw Complaint(fmt::format("the test \"{}\" is not supported", name));
  const bool result = test->second(value, arguments);
  arguments.done(name);
  return result;
}

}  // namespace hadal::chat
