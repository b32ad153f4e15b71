// What a template can call: filters, tests, methods of values, functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "chat/value.h"

namespace hadal::chat {

// All throw a Complaint for names, values and arguments they do not take.
Value apply_filter(const std::string& name, const Value& value, Arguments& arguments);
bool apply_test(const std::string& name, const Value& value, Arguments& arguments);
// value.name as Jinja finds it: a method first, then an entry of a dict. Undefined when there is neither.
Value attribute_of(const Value& value, const std::string& name);
bool contains(const Value& container, const Value& element);

// range, namespace, dict, raise_exception, strftime_now: the functions transformers gives to templates.
std::vector<std::pair<std::string, Value>> functions();

// Python's str.strip with its notion of white space, or of the characters given.
enum class Side { kLeft, kRight, kBoth };
std::string strip(std::string_view text, Side side, const Value& characters = {});

}  // namespace hadal::chat
