// Runs a parsed template. Names are looked up from the innermost scope outwards; a loop's body and a macro have a scope
// of their own, an if has not.
#include "chat/template.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include "base/error.h"
#include "chat/builtins.h"
#include "chat/syntax.h"
#include "model/json_file.h"

namespace hadal::chat {
namespace {

constexpr size_t kLongestTemplate = 1 << 20;  // bytes
constexpr size_t kLongestOutput = 64 << 20;   // bytes
constexpr uint64_t kMostSteps = 3'000'000;    // statements and expressions in one rendering
constexpr int kDeepestCalls = 50;

enum class Flow { kOn, kBreak, kContinue };

class Interpreter {
 public:
  explicit Interpreter(const nlohmann::ordered_json& variables) {
    scopes_.emplace_back();
    for (auto& [name, value] : functions()) scopes_[0][name] = std::move(value);
    for (const auto& [name, value] : variables.items()) scopes_[0][name] = Value::from_json(value);
  }

  std::string run(const Block& block) {
    execute(block);
    return std::move(out_);
  }
  int line() const { return line_; }

 private:
  using Scope = std::map<std::string, Value, std::less<>>;

  void visit(int line) {
    line_ = line;
    if (++steps_ > kMostSteps) throw Complaint("the template takes too long");
  }
  void write(std::string_view text) {
    out_ += text;
    if (out_.size() > kLongestOutput) throw Complaint("the template writes too much");
  }
  Value lookup(const std::string& name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      if (const auto it = scope->find(name); it != scope->end()) return it->second;
    }
    return Value::undefined(name);
  }

  Flow execute(const Block& block) {
    for (const Statement& statement : block) {
      if (const Flow flow = execute(statement); flow != Flow::kOn) return flow;
    }
    return Flow::kOn;
  }
  Flow execute(const Statement& s);
  Flow execute_for(const Statement& s);
  void execute_set(const Statement& s);
  void assign(const std::vector<std::string>& names, const Value& value);
  Value macro(const Statement& s);
  Value call_macro(const Statement& s, Arguments& arguments);
  // What a block writes, instead of writing it.
  std::string captured(const Block& block);

  Value evaluate(const Expression& e);
  Value binary(const std::string& op, const Value& a, const Value& b) const;
  Value arithmetic(char op, const Value& a, const Value& b) const;
  Value compared(const Expression& e);
  static bool holds(const std::string& op, const Value& a, const Value& b);
  static Value subscript(const Value& object, const Value& index);
  static Value slice(const Value& object, const Value& from, const Value& to, const Value& by);
  Value call(const Expression& e);
  Arguments arguments_of(const Expression& e);

  std::vector<Scope> scopes_;
  std::string out_;
  uint64_t steps_ = 0;
  int line_ = 1, calls_ = 0;
};

Flow Interpreter::execute(const Statement& s) {
  visit(s.line);
  switch (s.kind) {
    case Statement::kText: write(s.name); return Flow::kOn;
    case Statement::kPrint: write(evaluate(*s.expressions[0]).text()); return Flow::kOn;
    case Statement::kIf:
      for (size_t i = 0; i < s.expressions.size(); ++i) {
        if (evaluate(*s.expressions[i]).truthy()) return execute(s.blocks[i]);
      }
      return s.blocks.size() > s.expressions.size() ? execute(s.blocks.back()) : Flow::kOn;
    case Statement::kFor: return execute_for(s);
    case Statement::kSet: execute_set(s); return Flow::kOn;
    case Statement::kSetBlock: scopes_.back()[s.names[0]] = captured(s.blocks[0]); return Flow::kOn;
    case Statement::kMacro: scopes_.back()[s.name] = macro(s); return Flow::kOn;
    case Statement::kBreak: return Flow::kBreak;
    case Statement::kContinue: return Flow::kContinue;
    case Statement::kGroup: return execute(s.blocks[0]);
  }
  return Flow::kOn;
}

void Interpreter::assign(const std::vector<std::string>& names, const Value& value) {
  if (names.size() == 1) {
    scopes_.back()[names[0]] = value;
    return;
  }
  const List parts = value.items();
  if (parts.size() != names.size()) {
    throw Complaint(fmt::format("{} values for {} names", parts.size(), names.size()));
  }
  for (size_t i = 0; i < names.size(); ++i) scopes_.back()[names[i]] = parts[i];
}

Flow Interpreter::execute_for(const Statement& s) {
  List items = evaluate(*s.expressions[0]).items();
  if (s.expressions.size() > 1) {
    List kept;
    for (const Value& item : items) {
      scopes_.emplace_back();
      assign(s.names, item);
      if (evaluate(*s.expressions[1]).truthy()) kept.push_back(item);
      scopes_.pop_back();
    }
    items = std::move(kept);
  }
  if (items.empty()) return s.blocks.size() > 1 ? execute(s.blocks[1]) : Flow::kOn;
  const auto count = static_cast<int64_t>(items.size());
  for (int64_t i = 0; i < count; ++i) {
    scopes_.emplace_back();
    Dict loop;
    loop.set("index", i + 1);
    loop.set("index0", i);
    loop.set("revindex", count - i);
    loop.set("revindex0", count - i - 1);
    loop.set("first", i == 0);
    loop.set("last", i + 1 == count);
    loop.set("length", count);
    loop.set("previtem", i > 0 ? items[static_cast<size_t>(i - 1)] : Value::undefined("previtem"));
    loop.set("nextitem", i + 1 < count ? items[static_cast<size_t>(i + 1)] : Value::undefined("nextitem"));
    scopes_.back()["loop"] = std::move(loop);
    assign(s.names, items[static_cast<size_t>(i)]);
    const Flow flow = execute(s.blocks[0]);
    scopes_.pop_back();
    if (flow == Flow::kBreak) break;
  }
  return Flow::kOn;
}

void Interpreter::execute_set(const Statement& s) {
  Value value = evaluate(*s.expressions[0]);
  if (!s.attribute) return assign(s.names, value);
  line_ = s.line;
  const Value object = lookup(s.names[0]);
  if (object.mutable_dict() == nullptr) {
    throw Complaint(fmt::format("\"{}\" is no namespace; namespace(...) makes one", s.names[0]));
  }
  object.mutable_dict()->set(s.names[1], std::move(value));
}

std::string Interpreter::captured(const Block& block) {
  std::string before = std::exchange(out_, "");
  execute(block);
  return std::exchange(out_, std::move(before));
}

Value Interpreter::macro(const Statement& s) {
  return Value::callable([this, &s](Arguments& arguments) { return call_macro(s, arguments); });
}

// A macro sees what stands outside of all loops, and its parameters.
Value Interpreter::call_macro(const Statement& s, Arguments& arguments) {
  if (++calls_ > kDeepestCalls) throw Complaint(fmt::format("macros call each other more than {} deep", kDeepestCalls));
  std::vector<Scope> outer(std::make_move_iterator(scopes_.begin() + 1), std::make_move_iterator(scopes_.end()));
  scopes_.resize(1);
  scopes_.emplace_back();
  const size_t without_default = s.names.size() - s.expressions.size();
  for (size_t i = 0; i < s.names.size(); ++i) {
    Value value = arguments.take(i, s.names[i], Value::undefined(s.names[i]));
    const bool given =
        i < arguments.positional.size() || std::any_of(arguments.named.begin(), arguments.named.end(),
                                                       [&](const auto& entry) { return entry.first == s.names[i]; });
    if (!given && i >= without_default) value = evaluate(*s.expressions[i - without_default]);
    scopes_.back()[s.names[i]] = std::move(value);
  }
  arguments.done(s.name);
  std::string text = captured(s.blocks[0]);
  scopes_.resize(1);
  for (Scope& scope : outer) scopes_.push_back(std::move(scope));
  --calls_;
  return text;
}

Arguments Interpreter::arguments_of(const Expression& e) {
  Arguments arguments;
  for (size_t i = 1; i < e.parts.size(); ++i) arguments.positional.push_back(evaluate(*e.parts[i]));
  for (const auto& [name, value] : e.named) arguments.named.emplace_back(name, evaluate(*value));
  line_ = e.line;
  return arguments;
}

Value Interpreter::call(const Expression& e) {
  const Value function = evaluate(*e.parts[0]);
  Arguments arguments = arguments_of(e);
  if (function.function() != nullptr) return (*function.function())(arguments);
  const auto* missing = function.get<Value::Undefined>();
  throw Complaint(missing != nullptr ? fmt::format("there is no \"{}\" to call", missing->what)
                                     : fmt::format("{} cannot be called", function.kind()));
}

Value Interpreter::evaluate(const Expression& e) {
  visit(e.line);
  switch (e.kind) {
    case Expression::kConstant: return e.value;
    case Expression::kName: return lookup(e.name);
    case Expression::kList: {
      List list;
      for (const ExpressionPtr& part : e.parts) list.push_back(evaluate(*part));
      return list;
    }
    case Expression::kDict: {
      Dict dict;
      for (size_t i = 0; i < e.parts.size(); i += 2) {
        const Value key = evaluate(*e.parts[i]);
        if (key.string() == nullptr)
          throw Complaint(fmt::format("{} as the key of a dict; a str is needed", key.kind()));
        dict.set(*key.string(), evaluate(*e.parts[i + 1]));
      }
      return dict;
    }
    case Expression::kNegate: return arithmetic('-', int64_t{0}, evaluate(*e.parts[0]));
    case Expression::kPlus: return arithmetic('+', int64_t{0}, evaluate(*e.parts[0]));
    case Expression::kNot: return !evaluate(*e.parts[0]).truthy();
    case Expression::kAnd: {
      Value left = evaluate(*e.parts[0]);
      return left.truthy() ? evaluate(*e.parts[1]) : left;
    }
    case Expression::kOr: {
      Value left = evaluate(*e.parts[0]);
      return left.truthy() ? left : evaluate(*e.parts[1]);
    }
    case Expression::kBinary: {
      const Value left = evaluate(*e.parts[0]), right = evaluate(*e.parts[1]);
      line_ = e.line;
      for (const ExpressionPtr& part : e.parts) {
        if (e.name == "+" && part->kind == Expression::kFilter && part->name == "safe") {
          throw Complaint("text marked safe escapes what is added to it, which is not supported");
        }
      }
      return binary(e.name, left, right);
    }
    case Expression::kCompare: return compared(e);
    case Expression::kConditional:
      if (evaluate(*e.parts[0]).truthy()) return evaluate(*e.parts[1]);
      return e.parts.size() > 2 ? evaluate(*e.parts[2]) : Value::undefined("the value of an if without else");
    case Expression::kAttribute: {
      const Value object = evaluate(*e.parts[0]);
      line_ = e.line;
      return attribute_of(object, e.name);
    }
    case Expression::kSubscript: {
      const Value object = evaluate(*e.parts[0]), index = evaluate(*e.parts[1]);
      line_ = e.line;
      return subscript(object, index);
    }
    case Expression::kSlice: {
      const Value object = evaluate(*e.parts[0]), from = evaluate(*e.parts[1]), to = evaluate(*e.parts[2]);
      const Value by = evaluate(*e.parts[3]);
      line_ = e.line;
      return slice(object, from, to, by);
    }
    case Expression::kCall: return call(e);
    case Expression::kFilter: {
      const Value value = evaluate(*e.parts[0]);
      Arguments arguments = arguments_of(e);
      return apply_filter(e.name, value, arguments);
    }
    case Expression::kTest: {
      const Value value = evaluate(*e.parts[0]);
      Arguments arguments = arguments_of(e);
      return apply_test(e.name, value, arguments);
    }
  }
  return {};
}

bool Interpreter::holds(const std::string& op, const Value& a, const Value& b) {
  if (op == "==") return equal(a, b);
  if (op == "!=") return !equal(a, b);
  if (op == "in") return contains(b, a);
  if (op == "not in") return !contains(b, a);
  const int order = compare(a, b);
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  return op == ">" ? order > 0 : order >= 0;
}

Value Interpreter::compared(const Expression& e) {
  Value left = evaluate(*e.parts[0]);
  for (size_t i = 0; i < e.names.size(); ++i) {
    Value right = evaluate(*e.parts[i + 1]);
    line_ = e.line;
    if (!holds(e.names[i], left, right)) return false;
    left = std::move(right);
  }
  return true;
}

Value Interpreter::arithmetic(char op, const Value& a, const Value& b) const {
  int64_t result = 0;
  if (!a.is_integer() || !b.is_integer()) {
    const double x = a.number(), y = b.number();
    return op == '+' ? x + y : op == '-' ? x - y : x * y;
  }
  const int64_t x = a.integer(), y = b.integer();
  const bool overflow = op == '+'   ? __builtin_add_overflow(x, y, &result)
                        : op == '-' ? __builtin_sub_overflow(x, y, &result)
                                    : __builtin_mul_overflow(x, y, &result);
  if (overflow) throw Complaint("an integer above 64 bits");
  return result;
}

Value Interpreter::binary(const std::string& op, const Value& a, const Value& b) const {
  if (op == "~") return a.text() + b.text();
  for (const Value* operand : {&a, &b}) {
    if (const auto* missing = operand->get<Value::Undefined>()) {
      throw Complaint(fmt::format("\"{}\" is undefined and stands beside \"{}\"", missing->what, op));
    }
  }
  if (op == "+" && a.string() != nullptr && b.string() != nullptr) return *a.string() + *b.string();
  if (op == "+" && a.list() != nullptr && b.list() != nullptr) {
    List list = *a.list();
    list.insert(list.end(), b.list()->begin(), b.list()->end());
    return list;
  }
  if (op == "*" && a.string() != nullptr && b.is_integer()) {
    const int64_t times = std::max<int64_t>(b.integer(), 0);
    if (static_cast<uint64_t>(times) * std::max<size_t>(a.string()->size(), 1) > kLongestOutput) {
      throw Complaint("a text that is too long");
    }
    std::string out;
    for (int64_t i = 0; i < times; ++i) out += *a.string();
    return out;
  }
  if (!a.is_number() || !b.is_number()) {
    throw Complaint(fmt::format("{} {} {} has no meaning", a.kind(), op, b.kind()));
  }
  if (op == "+" || op == "-" || op == "*") return arithmetic(op[0], a, b);
  if (op == "**") {
    const double power = std::pow(a.number(), b.number());
    if (!a.is_integer() || !b.is_integer() || b.integer() < 0) return power;
    if (std::abs(power) > 9e15) throw Complaint("a power above 53 bits");
    return static_cast<int64_t>(std::llround(power));
  }
  if (b.number() == 0) throw Complaint("a division by zero");
  if (op == "/") return a.number() / b.number();
  if (!a.is_integer() || !b.is_integer()) {
    const double floor = std::floor(a.number() / b.number());
    return op == "//" ? floor : a.number() - floor * b.number();
  }
  const int64_t x = a.integer(), y = b.integer();
  if (y == -1) return op == "//" ? arithmetic('-', int64_t{0}, x) : Value(int64_t{0});
  const int64_t rest = ((x % y) + y) % y;  // of the sign of y, as in Python
  return op == "//" ? (x - rest) / y : rest;
}

Value Interpreter::subscript(const Value& object, const Value& index) {
  if (object.is_undefined()) return attribute_of(object, index.text());
  if (index.string() != nullptr) {
    if (object.dict() != nullptr) {
      if (const Value* entry = object.dict()->find(*index.string())) return *entry;
    }
    return attribute_of(object, *index.string());
  }
  if (object.list() == nullptr && object.string() == nullptr) return Value::undefined(index.text());
  const List items = object.items();
  const auto size = static_cast<int64_t>(items.size());
  const int64_t at = index.integer() < 0 ? index.integer() + size : index.integer();
  return at >= 0 && at < size ? items[static_cast<size_t>(at)] : Value::undefined(index.text());
}

Value Interpreter::slice(const Value& object, const Value& from, const Value& to, const Value& by) {
  const List items = object.items();
  const auto size = static_cast<int64_t>(items.size());
  const int64_t step = by.is_none() ? 1 : by.integer();
  if (step == 0) throw Complaint("a slice with a step of 0");
  const auto bound = [&](const Value& value, int64_t absent) {
    if (value.is_none()) return absent;
    const int64_t at = value.integer() < 0 ? value.integer() + size : value.integer();
    return std::clamp<int64_t>(at, step > 0 ? 0 : -1, step > 0 ? size : size - 1);
  };
  const int64_t begin = bound(from, step > 0 ? 0 : size - 1), end = bound(to, step > 0 ? size : -1);
  List out;
  for (int64_t i = begin; step > 0 ? i < end : i > end; i += step) out.push_back(items[static_cast<size_t>(i)]);
  if (object.string() == nullptr) return out;
  std::string text;
  for (const Value& c : out) text += *c.string();
  return text;
}

}  // namespace

struct Template::Impl {
  std::string where;
  Block block;
};

Template Template::parse(std::string_view source, const std::string& where) {
  if (source.size() > kLongestTemplate) {
    input_error(where, "the template has {} bytes; at most {} are taken", source.size(), kLongestTemplate);
  }
  Template result;
  auto impl = std::make_shared<Impl>();
  impl->where = where;
  impl->block = chat::parse(tokenize(source, where), where);
  result.impl_ = std::move(impl);
  return result;
}

std::string Template::render(const nlohmann::ordered_json& variables) const {
  Interpreter interpreter(variables);
  try {
    return interpreter.run(impl_->block);
  } catch (const Complaint& complaint) {
    input_error(impl_->where + ":" + std::to_string(interpreter.line()), "{}", model::printable(complaint.what()));
  }
}

}  // namespace hadal::chat
