// Recursive descent with Jinja's precedences: filters and tests bind tightest, then arithmetic, comparison, logic.
#include <algorithm>
#include <charconv>
#include <initializer_list>

#include "base/error.h"
#include "chat/syntax.h"

namespace hadal::chat {
namespace {

constexpr int kDeepest = 100;  // nesting of blocks and expressions: parsing and running recurse
constexpr int kLongestChain = 1000;

class Parser {
 public:
  Parser(const std::vector<Token>& tokens, const std::string& where) : tokens_(tokens), where_(where) {}

  Block run() {
    Block block = body({});
    if (now().kind != Token::kEnd) fail("a tag that closes nothing");
    return block;
  }

 private:
  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    input_error(where_ + ":" + std::to_string(now().line), format, std::forward<Args>(args)...);
  }
  const Token& now() const { return tokens_[at_]; }
  const Token& next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token take() { return tokens_[at_++]; }
  bool accept(std::string_view op) {
    if (!now().is(op)) return false;
    ++at_;
    return true;
  }
  bool accept_name(std::string_view name) {
    if (!now().is_name(name)) return false;
    ++at_;
    return true;
  }
  void expect(std::string_view op) {
    if (!accept(op)) fail("{} stands where \"{}\" is needed", describe(now()), op);
  }
  std::string name(std::string_view what) {
    if (now().kind != Token::kName) fail("{} stands where {} is needed", describe(now()), what);
    return take().text;
  }
  void end_tag() {
    if (now().kind != Token::kTagEnd) fail("{} stands where \"%}}\" is needed", describe(now()));
    ++at_;
  }
  static std::string describe(const Token& token) {
    switch (token.kind) {
      case Token::kEnd: return "the end of the template";
      case Token::kTagEnd: return "\"%}\"";
      case Token::kPrintEnd: return "\"}}\"";
      case Token::kString: return "a text";
      default: return "\"" + token.text + "\"";
    }
  }

  struct Depth {
    explicit Depth(Parser& parser) : parser_(parser) {
      if (++parser.depth_ > kDeepest) parser.fail("nested more than {} deep", kDeepest);
    }
    ~Depth() { --parser_.depth_; }
    Parser& parser_;
  };

  // Statements up to a tag of one of these names (which is left standing) or the end.
  Block body(std::initializer_list<std::string_view> ends);
  // The same, and takes the tag that must close it.
  Block body_of(std::string_view end);
  Statement statement();
  Statement if_statement(int line);
  Statement for_statement(int line);
  Statement set_statement(int line);
  Statement macro_statement(int line);

  ExpressionPtr make(Expression::Kind kind, std::string text = "") {
    auto e = std::make_unique<Expression>();
    e->kind = kind;
    e->line = now().line;
    e->name = std::move(text);
    return e;
  }
  ExpressionPtr constant(Value value) {
    auto e = make(Expression::kConstant);
    e->value = std::move(value);
    return e;
  }
  // A finished node. Chains such as a + b + c are built by loops, so their depth needs a limit of its own.
  ExpressionPtr sealed(ExpressionPtr e) const {
    for (const ExpressionPtr& part : e->parts) e->depth = std::max(e->depth, part->depth + 1);
    for (const auto& [key, part] : e->named) e->depth = std::max(e->depth, part->depth + 1);
    if (e->depth > kLongestChain) fail("an expression of more than {} steps", kLongestChain);
    return e;
  }
  ExpressionPtr binary(Expression::Kind kind, std::string op, ExpressionPtr left, ExpressionPtr right) {
    auto e = make(kind, std::move(op));
    e->line = left->line;
    e->parts.push_back(std::move(left));
    e->parts.push_back(std::move(right));
    return sealed(std::move(e));
  }
  using Rule = ExpressionPtr (Parser::*)();
  ExpressionPtr left_to_right(std::initializer_list<std::string_view> operators, Rule operand);
  ExpressionPtr expression();
  ExpressionPtr or_expression();
  ExpressionPtr and_expression();
  ExpressionPtr not_expression();
  ExpressionPtr comparison();
  ExpressionPtr sum() { return left_to_right({"+", "-"}, &Parser::concatenation); }
  ExpressionPtr concatenation() { return left_to_right({"~"}, &Parser::product); }
  ExpressionPtr product() { return left_to_right({"*", "/", "//", "%"}, &Parser::power); }
  ExpressionPtr power() { return left_to_right({"**"}, &Parser::filtered_unary); }
  ExpressionPtr filtered_unary() { return unary(true); }
  ExpressionPtr unary(bool with_filters);
  ExpressionPtr primary();
  ExpressionPtr literal_list(std::string_view close);
  ExpressionPtr literal_dict();
  ExpressionPtr number();
  ExpressionPtr postfix(ExpressionPtr e);
  ExpressionPtr subscript(ExpressionPtr object);
  ExpressionPtr filters(ExpressionPtr e);
  ExpressionPtr filter(ExpressionPtr e);
  ExpressionPtr test(ExpressionPtr e);
  void arguments(Expression& call);

  const std::vector<Token>& tokens_;
  const std::string& where_;
  size_t at_ = 0;
  int depth_ = 0;
};

Block Parser::body(std::initializer_list<std::string_view> ends) {
  const Depth depth(*this);
  Block block;
  for (;;) {
    if (now().kind == Token::kEnd) return block;
    if (now().kind == Token::kTagBegin) {
      for (const std::string_view end : ends) {
        if (next().is_name(end)) return block;
      }
    }
    block.push_back(statement());
  }
}

Block Parser::body_of(std::string_view end) {
  const int line = now().line;
  Block block = body({end});
  if (now().kind == Token::kEnd) {
    input_error(where_ + ":" + std::to_string(line), "a block without \"{{% {} %}}\"", end);
  }
  at_ += 2;
  end_tag();
  return block;
}

Statement Parser::statement() {
  Statement s;
  s.line = now().line;
  if (now().kind == Token::kText) {
    s.name = take().text;
    return s;
  }
  if (now().kind == Token::kPrintBegin) {
    ++at_;
    s.kind = Statement::kPrint;
    s.expressions.push_back(expression());
    if (now().kind != Token::kPrintEnd) fail("{} stands where \"}}}}\" is needed", describe(now()));
    ++at_;
    return s;
  }
  ++at_;  // the only other kind a statement can begin with opens a tag
  const std::string word = name("the name of a statement");
  if (word == "if") return if_statement(s.line);
  if (word == "for") return for_statement(s.line);
  if (word == "set") return set_statement(s.line);
  if (word == "macro") return macro_statement(s.line);
  if (word == "generation") {  // marks what the model wrote, for training
    end_tag();
    s.kind = Statement::kGroup;
    s.blocks.push_back(body_of("endgeneration"));
    return s;
  }
  if (word == "break" || word == "continue") {
    s.kind = word == "break" ? Statement::kBreak : Statement::kContinue;
    end_tag();
    return s;
  }
  --at_;
  fail("the statement \"{}\" is not supported; if, for, set, macro, break, continue and generation are", word);
}

Statement Parser::if_statement(int line) {
  Statement s;
  s.kind = Statement::kIf;
  s.line = line;
  for (;;) {
    s.expressions.push_back(expression());
    end_tag();
    s.blocks.push_back(body({"elif", "else", "endif"}));
    if (now().kind == Token::kEnd) input_error(where_ + ":" + std::to_string(line), "an if without \"{{% endif %}}\"");
    ++at_;
    const std::string word = take().text;
    if (word == "elif") continue;
    end_tag();
    if (word == "else") s.blocks.push_back(body_of("endif"));
    return s;
  }
}

Statement Parser::for_statement(int line) {
  Statement s;
  s.kind = Statement::kFor;
  s.line = line;
  do {
    s.names.push_back(name("the name of a variable"));
  } while (accept(","));
  if (!accept_name("in")) fail("{} stands where \"in\" is needed", describe(now()));
  s.expressions.push_back(or_expression());  // a conditional would take the filter's "if"
  if (accept_name("if")) s.expressions.push_back(expression());
  if (now().is_name("recursive")) fail("a recursive loop is not supported");
  end_tag();
  s.blocks.push_back(body({"else", "endfor"}));
  if (now().kind == Token::kEnd) input_error(where_ + ":" + std::to_string(line), "a for without \"{{% endfor %}}\"");
  ++at_;
  const std::string word = take().text;
  end_tag();
  if (word == "else") s.blocks.push_back(body_of("endfor"));
  return s;
}

Statement Parser::set_statement(int line) {
  Statement s;
  s.line = line;
  s.names.push_back(name("the name of a variable"));
  if (accept(".")) {
    s.attribute = true;
    s.names.push_back(name("the name of an attribute"));
  }
  while (!s.attribute && accept(",")) s.names.push_back(name("the name of a variable"));
  if (accept("=")) {
    s.kind = Statement::kSet;
    ExpressionPtr value = expression();
    if (now().is(",")) {
      ExpressionPtr list = make(Expression::kList);
      list->parts.push_back(std::move(value));
      while (accept(",")) list->parts.push_back(expression());
      value = std::move(list);
    }
    s.expressions.push_back(std::move(value));
    end_tag();
    return s;
  }
  if (s.names.size() > 1) fail("{} stands where \"=\" is needed", describe(now()));
  s.kind = Statement::kSetBlock;
  end_tag();
  s.blocks.push_back(body_of("endset"));
  return s;
}

Statement Parser::macro_statement(int line) {
  Statement s;
  s.kind = Statement::kMacro;
  s.line = line;
  s.name = name("the name of a macro");
  expect("(");
  while (!accept(")")) {
    if (!s.names.empty()) {
      expect(",");
      if (accept(")")) break;
    }
    s.names.push_back(name("the name of a parameter"));
    if (accept("=")) {
      s.expressions.push_back(expression());
    } else if (!s.expressions.empty()) {
      fail("a parameter without default after one with");
    }
  }
  end_tag();
  s.blocks.push_back(body_of("endmacro"));
  return s;
}

ExpressionPtr Parser::left_to_right(std::initializer_list<std::string_view> operators, Rule operand) {
  ExpressionPtr left = (this->*operand)();
  for (;;) {
    std::string op;
    for (const std::string_view candidate : operators) {
      if (now().is(candidate)) op = candidate;
    }
    if (op.empty()) return left;
    ++at_;
    left = binary(Expression::kBinary, op, std::move(left), (this->*operand)());
  }
}

ExpressionPtr Parser::expression() {
  const Depth depth(*this);
  ExpressionPtr e = or_expression();
  while (accept_name("if")) {
    ExpressionPtr conditional = make(Expression::kConditional);
    conditional->parts.push_back(or_expression());
    conditional->parts.push_back(std::move(e));
    if (accept_name("else")) conditional->parts.push_back(expression());
    e = sealed(std::move(conditional));
  }
  return e;
}

ExpressionPtr Parser::or_expression() {
  ExpressionPtr left = and_expression();
  while (accept_name("or")) left = binary(Expression::kOr, "or", std::move(left), and_expression());
  return left;
}

ExpressionPtr Parser::and_expression() {
  ExpressionPtr left = not_expression();
  while (accept_name("and")) left = binary(Expression::kAnd, "and", std::move(left), not_expression());
  return left;
}

ExpressionPtr Parser::not_expression() {
  const Depth depth(*this);
  if (!now().is_name("not")) return comparison();
  ExpressionPtr e = make(Expression::kNot);
  ++at_;
  e->parts.push_back(not_expression());
  return sealed(std::move(e));
}

ExpressionPtr Parser::comparison() {
  ExpressionPtr e = make(Expression::kCompare);
  e->parts.push_back(sum());
  for (;;) {
    std::string op;
    for (const std::string_view candidate : {"==", "!=", "<", ">", "<=", ">="}) {
      if (now().is(candidate)) op = candidate;
    }
    if (now().is_name("in")) op = "in";
    if (now().is_name("not") && next().is_name("in")) {
      op = "not in";
      ++at_;
    }
    if (op.empty()) break;
    ++at_;
    e->names.push_back(op);
    e->parts.push_back(sum());
  }
  if (!e->names.empty()) return sealed(std::move(e));
  return std::move(e->parts[0]);
}

ExpressionPtr Parser::unary(bool with_filters) {
  const Depth depth(*this);
  ExpressionPtr e;
  if (now().is("-") || now().is("+")) {
    e = make(now().is("-") ? Expression::kNegate : Expression::kPlus);
    ++at_;
    e->parts.push_back(unary(false));
    e = sealed(std::move(e));
  } else {
    e = primary();
  }
  e = postfix(std::move(e));
  return with_filters ? filters(std::move(e)) : std::move(e);
}

ExpressionPtr Parser::number() {
  const Token token = take();
  const char *begin = token.text.data(), *end = begin + token.text.size();
  int64_t integer = 0;
  double real = 0;
  const auto result =
      token.kind == Token::kInteger ? std::from_chars(begin, end, integer) : std::from_chars(begin, end, real);
  if (result.ec != std::errc()) fail("the number {} is too large", token.text);
  return constant(token.kind == Token::kInteger ? Value(integer) : Value(real));
}

ExpressionPtr Parser::primary() {
  const Token& token = now();
  if (token.kind == Token::kString) {
    std::string text;
    while (now().kind == Token::kString) text += take().text;
    return constant(text);
  }
  if (token.kind == Token::kInteger || token.kind == Token::kFloat) return number();
  if (accept("(")) {
    if (accept(")")) return make(Expression::kList);
    ExpressionPtr e = expression();
    if (!now().is(",")) {
      expect(")");
      return e;
    }
    ++at_;
    ExpressionPtr rest = literal_list(")");  // a tuple; templates do not tell it from a list
    rest->parts.insert(rest->parts.begin(), std::move(e));
    return sealed(std::move(rest));
  }
  if (accept("[")) return literal_list("]");
  if (accept("{")) return literal_dict();
  if (token.kind != Token::kName) fail("{} stands where a value is needed", describe(token));
  for (const std::string_view word : {"and", "or", "not", "in", "is", "if", "else"}) {
    if (token.is_name(word)) fail("\"{}\" stands where a value is needed", word);
  }
  const std::string word = take().text;
  if (word == "true" || word == "True") return constant(true);
  if (word == "false" || word == "False") return constant(false);
  if (word == "none" || word == "None") return constant(Value());
  return make(Expression::kName, word);
}

ExpressionPtr Parser::literal_list(std::string_view close) {
  ExpressionPtr e = make(Expression::kList);
  while (!accept(close)) {
    if (!e->parts.empty()) {
      expect(",");
      if (accept(close)) break;
    }
    e->parts.push_back(expression());
  }
  return sealed(std::move(e));
}

ExpressionPtr Parser::literal_dict() {
  ExpressionPtr e = make(Expression::kDict);
  while (!accept("}")) {
    if (!e->parts.empty()) {
      expect(",");
      if (accept("}")) break;
    }
    e->parts.push_back(expression());
    expect(":");
    e->parts.push_back(expression());
  }
  return sealed(std::move(e));
}

ExpressionPtr Parser::postfix(ExpressionPtr e) {
  for (;;) {
    if (accept(".")) {
      if (now().kind == Token::kInteger) {
        e = binary(Expression::kSubscript, "", std::move(e), number());
        continue;
      }
      ExpressionPtr attribute = make(Expression::kAttribute, name("the name of an attribute"));
      attribute->parts.push_back(std::move(e));
      e = sealed(std::move(attribute));
    } else if (accept("[")) {
      e = subscript(std::move(e));
    } else if (now().is("(")) {
      ExpressionPtr call = make(Expression::kCall);
      call->parts.push_back(std::move(e));
      arguments(*call);
      e = sealed(std::move(call));
    } else {
      return e;
    }
  }
}

ExpressionPtr Parser::subscript(ExpressionPtr object) {
  ExpressionPtr e = make(Expression::kSubscript);
  e->parts.push_back(std::move(object));
  e->parts.push_back(now().is(":") ? constant(Value()) : expression());
  while (e->parts.size() < 4 && accept(":")) {
    e->kind = Expression::kSlice;
    e->parts.push_back(now().is(":") || now().is("]") ? constant(Value()) : expression());
  }
  while (e->kind == Expression::kSlice && e->parts.size() < 4) e->parts.push_back(constant(Value()));
  expect("]");
  return sealed(std::move(e));
}

void Parser::arguments(Expression& call) {
  expect("(");
  for (bool first = true; !accept(")"); first = false) {
    if (!first) {
      expect(",");
      if (accept(")")) break;
    }
    if (now().is("*") || now().is("**")) fail("unpacking of arguments is not supported");
    if (now().kind == Token::kName && next().is("=")) {
      std::string key = take().text;
      ++at_;
      call.named.emplace_back(std::move(key), expression());
    } else {
      if (!call.named.empty()) fail("a positional argument after a named one");
      call.parts.push_back(expression());
    }
  }
}

ExpressionPtr Parser::filters(ExpressionPtr e) {
  for (;;) {
    if (accept("|")) {
      e = filter(std::move(e));
    } else if (accept_name("is")) {
      e = test(std::move(e));
    } else if (now().is("(")) {  // the result of a filter called
      fail("a call of a filter's result is not supported");
    } else {
      return e;
    }
  }
}

ExpressionPtr Parser::filter(ExpressionPtr e) {
  ExpressionPtr call = make(Expression::kFilter, name("the name of a filter"));
  call->parts.push_back(std::move(e));
  if (now().is("(")) arguments(*call);
  return sealed(std::move(call));
}

ExpressionPtr Parser::test(ExpressionPtr e) {
  const bool negated = accept_name("not");
  ExpressionPtr call = make(Expression::kTest, name("the name of a test"));
  call->parts.push_back(std::move(e));
  const bool keyword = now().is_name("else") || now().is_name("or") || now().is_name("and") || now().is_name("is") ||
                       now().is_name("if") || now().is_name("in") || now().is_name("not");
  if (now().is("(")) {
    arguments(*call);
  } else if (!keyword && (now().kind == Token::kName || now().kind == Token::kString || now().kind == Token::kInteger ||
                          now().kind == Token::kFloat || now().is("[") || now().is("{"))) {
    call->parts.push_back(postfix(primary()));
  }
  call = sealed(std::move(call));
  if (!negated) return call;
  ExpressionPtr inverse = make(Expression::kNot);
  inverse->parts.push_back(std::move(call));
  return sealed(std::move(inverse));
}

}  // namespace

Block parse(const std::vector<Token>& tokens, const std::string& where) { return Parser(tokens, where).run(); }

}  // namespace hadal::chat
