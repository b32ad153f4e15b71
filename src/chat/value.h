// The values of a chat template: what Python has, as far as templates use it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace hadal::chat {

// What a template or its data did wrong; the interpreter adds file and line.
class Complaint : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Value;
using List = std::vector<Value>;

// Keys in the order they were put in.
class Dict {
 public:
  const Value* find(std::string_view key) const;
  void set(const std::string& key, Value value);
  const std::vector<std::pair<std::string, Value>>& entries() const { return entries_; }

 private:
  std::vector<std::pair<std::string, Value>> entries_;
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;
  // The argument at this position or of this name, or `absent`; every argument must be asked for before done().
  Value take(size_t position, std::string_view name, Value absent);
  // An argument that must be there.
  Value need(size_t position, std::string_view name);
  void done(std::string_view function) const;

 private:
  size_t taken_ = 0, named_taken_ = 0;
};

class Value {
 public:
  struct Undefined {
    std::string what;  // for messages: the name or attribute that is not there
  };
  struct None {};
  using Callable = std::function<Value(Arguments&)>;

  Value() : data_(None{}) {}
  Value(bool value) : data_(value) {}                                     // NOLINT
  Value(int64_t value) : data_(value) {}                                  // NOLINT
  Value(double value) : data_(value) {}                                   // NOLINT
  Value(std::string value) : data_(std::move(value)) {}                   // NOLINT
  Value(std::string_view value) : data_(std::string(value)) {}            // NOLINT
  Value(const char* value) : data_(std::string(value)) {}                 // NOLINT
  Value(List value) : data_(std::make_shared<List>(std::move(value))) {}  // NOLINT
  Value(Dict value) : data_(std::make_shared<Dict>(std::move(value))) {}  // NOLINT
  static Value undefined(std::string_view what);
  static Value callable(Callable function);
  static Value from_json(const nlohmann::ordered_json& json);

  template <typename T>
  const T* get() const {
    return std::get_if<T>(&data_);
  }
  bool is_undefined() const { return get<Undefined>() != nullptr; }
  bool is_none() const { return get<None>() != nullptr; }
  const std::string* string() const { return get<std::string>(); }
  const List* list() const { return shared<List>(); }
  const Dict* dict() const { return shared<Dict>(); }
  Dict* mutable_dict() const;  // all copies of the value see the change, as Python's references do
  const Callable* function() const { return shared<Callable>(); }
  bool is_integer() const { return get<int64_t>() != nullptr || get<bool>() != nullptr; }
  bool is_number() const { return is_integer() || get<double>() != nullptr; }
  int64_t integer() const;  // a Complaint unless is_integer()
  double number() const;    // a Complaint unless is_number()

  bool truthy() const;
  std::string_view kind() const;  // Python's name of the type
  std::string text() const;       // str(value)
  std::string repr() const;       // repr(value)
  // json.dumps(value, ensure_ascii=False, indent=indent); below 0: on one line.
  std::string json(int indent = -1) const;
  // Elements, keys or characters; a Complaint for what cannot be iterated over.
  List items() const;
  size_t length() const;

 private:
  template <typename T>
  const T* shared() const {
    const auto* pointer = std::get_if<std::shared_ptr<T>>(&data_);
    return pointer == nullptr ? nullptr : pointer->get();
  }
  std::variant<Undefined, None, bool, int64_t, double, std::string, std::shared_ptr<List>, std::shared_ptr<Dict>,
               std::shared_ptr<Callable>>
      data_;
};

bool equal(const Value& a, const Value& b);
// Below, at or above 0; a Complaint where Python has no order.
int compare(const Value& a, const Value& b);

// Characters of valid UTF-8, one string each.
std::vector<std::string> characters(std::string_view text);

}  // namespace hadal::chat
