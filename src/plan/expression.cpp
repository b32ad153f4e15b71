// A recursive-descent parser and a tree walk.
#include "plan/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/error.h"
#include "base/nearest.h"

namespace hadal::plan {

struct Expression::Node {
  std::string op;  // "number", "name", "!", "-", or a binary operator
  double number = 0;
  std::string name;
  std::shared_ptr<const Node> left, right;
};

namespace {

using Node = Expression::Node;
using Tree = std::shared_ptr<const Node>;
constexpr int kDeepest = 100;  // parentheses within parentheses

class Parser {
 public:
  Parser(std::string_view text, const std::string& where) : text_(text), where_(where) {}

  Tree parse() {
    Tree tree = binary(0, 0);
    if (!peek().empty()) fail(fmt::format("'{}' is not expected here", peek()));
    return tree;
  }

 private:
  // Operators that bind equally strongly, weakest first.
  static const std::vector<std::vector<std::string_view>>& levels() {
    static const std::vector<std::vector<std::string_view>> kLevels{
        {"||"}, {"&&"}, {"<=", ">=", "==", "!=", "<", ">"}, {"+", "-"}, {"*", "/"}};
    return kLevels;
  }

  [[noreturn]] void fail(const std::string& message) {
    input_error(where_, "column {} of '{}': {}", at_ + 1, text_, message);
  }

  std::string_view peek() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) ++at_;
    if (at_ == text_.size()) return {};
    const auto word = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '.'; };
    size_t end = at_;
    while (end < text_.size() && word(text_[end])) ++end;
    if (end > at_) return text_.substr(at_, end - at_);
    for (std::string_view two : {"||", "&&", "<=", ">=", "==", "!="}) {
      if (text_.substr(at_, 2) == two) return two;
    }
    return text_.substr(at_, 1);
  }

  bool take(std::string_view token) {
    if (peek() != token) return false;
    at_ += token.size();
    return true;
  }

  Tree binary(size_t level, int depth) {
    if (level == levels().size()) return unary(depth);
    Tree left = binary(level + 1, depth);
    while (true) {
      const std::string_view next = peek();
      const auto& ops = levels()[level];
      if (std::find(ops.begin(), ops.end(), next) == ops.end()) return left;
      at_ += next.size();
      Node node{std::string(next), 0, "", left, binary(level + 1, depth)};
      left = std::make_shared<const Node>(std::move(node));
    }
  }

  Tree unary(int depth) {
    if (depth > kDeepest) fail("is nested too deeply");
    for (std::string_view op : {"!", "-"}) {
      if (take(op)) return std::make_shared<const Node>(Node{std::string(op), 0, "", unary(depth + 1), nullptr});
    }
    if (take("(")) {
      Tree inner = binary(0, depth + 1);
      if (!take(")")) fail("a closing parenthesis is missing");
      return inner;
    }
    const std::string_view token = peek();
    if (token.empty()) fail("a number, a name or a parenthesis is missing");
    const char first = token.front();
    if (std::isdigit(static_cast<unsigned char>(first)) != 0 || first == '.') {
      double number = 0;
      const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), number);
      if (error != std::errc() || end != token.data() + token.size()) fail(fmt::format("'{}' is not a number", token));
      at_ += token.size();
      return std::make_shared<const Node>(Node{"number", number, "", nullptr, nullptr});
    }
    if (std::isalpha(static_cast<unsigned char>(first)) == 0) fail(fmt::format("'{}' is not expected here", token));
    at_ += token.size();
    return std::make_shared<const Node>(Node{"name", 0, std::string(token), nullptr, nullptr});
  }

  std::string_view text_;
  const std::string& where_;
  size_t at_ = 0;
};

std::string print(const Node& n, const Variables& variables) {
  if (n.op == "number") return fmt::format("{:g}", n.number);
  if (n.op == "name") return fmt::format("{} {:.6g}", n.name, variables.find(n.name)->second);
  if (n.right == nullptr) return fmt::format("{}{}", n.op, print(*n.left, variables));
  return fmt::format("{} {} {}", print(*n.left, variables), n.op, print(*n.right, variables));
}

struct Walk {
  const Variables& variables;
  const std::string& where;
  std::vector<std::string>* trace;

  double lookup(const std::string& name) const {
    const auto found = variables.find(name);
    if (found != variables.end()) return found->second;
    std::vector<std::string_view> known;
    for (const auto& [key, unused] : variables) known.push_back(key);
    input_error(where, "unknown variable '{}'; {}", name, suggestion(name, known));
  }

  double arithmetic(const Node& n) const {
    if (n.op == "number") return n.number;
    if (n.op == "name") return lookup(n.name);
    if (n.right == nullptr) return n.op == "-" ? -value(*n.left) : static_cast<double>(value(*n.left) == 0);
    const double a = value(*n.left), b = value(*n.right);
    if (n.op == "+") return a + b;
    if (n.op == "-") return a - b;
    if (n.op == "*") return a * b;
    if (n.op == "/") return a / b;
    const bool truth = n.op == "<"    ? a < b
                       : n.op == ">"  ? a > b
                       : n.op == "<=" ? a <= b
                       : n.op == ">=" ? a >= b
                       : n.op == "==" ? a == b
                                      : a != b;
    if (trace != nullptr) trace->push_back(fmt::format("{}: {}", print(n, variables), truth ? "yes" : "no"));
    return truth ? 1 : 0;
  }

  // A truth value: && and || stop early, bare names are shown.
  bool truth(const Node& n) const {
    if (n.op == "||") return truth(*n.left) || truth(*n.right);
    if (n.op == "&&") return truth(*n.left) && truth(*n.right);
    if (n.op == "!") return !truth(*n.left);
    const bool result = arithmetic(n) != 0;
    if (trace != nullptr && n.op == "name") trace->push_back(fmt::format("{}: {}", n.name, result ? "yes" : "no"));
    return result;
  }

  double value(const Node& n) const {
    if (n.op == "||" || n.op == "&&" || n.op == "!") return truth(n) ? 1 : 0;
    return arithmetic(n);
  }
};

void collect(const Node& n, std::vector<std::string>& names) {
  if (n.op == "name" && std::find(names.begin(), names.end(), n.name) == names.end()) names.push_back(n.name);
  if (n.left) collect(*n.left, names);
  if (n.right) collect(*n.right, names);
}

}  // namespace

Expression::Expression(std::string_view text, std::string where)
    : where_(std::move(where)), root_(Parser(text, where_).parse()) {}

double Expression::value(const Variables& variables) const { return Walk{variables, where_, nullptr}.value(*root_); }

std::vector<std::string> Expression::trace(const Variables& variables) const {
  std::vector<std::string> shown;
  const Walk walk{variables, where_, &shown};
  walk.truth(*root_);
  return shown;
}

std::vector<std::string> Expression::names() const {
  std::vector<std::string> names;
  collect(*root_, names);
  return names;
}

}  // namespace hadal::plan
