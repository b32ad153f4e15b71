// Jinja's rules: "-" beside a tag takes all white space, a block takes the line break after it and the indent before.
#include "chat/lexer.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/error.h"
#include "model/utf8.h"

namespace hadal::chat {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_name_start(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name(char c) { return is_name_start(c) || is_digit(c); }

constexpr std::array<std::string_view, 25> kOperators = {"**", "//", "==", "!=", "<=", ">=", "+", "-", "*",
                                                         "/",  "%",  "~",  "<",  ">",  "=",  ".", ":", "|",
                                                         ",",  "(",  ")",  "[",  "]",  "{",  "}"};

class Lexer {
 public:
  Lexer(std::string source, const std::string& where) : in_(std::move(source)), where_(where) {}

  std::vector<Token> run() {
    while (at_ < in_.size()) {
      const size_t tag = find_tag(at_);
      text_before(tag);
      at_ = tag;
      if (at_ >= in_.size()) break;
      const char kind = in_[at_ + 1];
      if (kind == '#') {
        comment();
      } else {
        this->tag(kind == '{');
      }
    }
    push(Token::kEnd, "");
    return std::move(tokens_);
  }

 private:
  [[noreturn]] void fail(std::string_view what) const { input_error(where_ + ":" + std::to_string(line_), "{}", what); }
  void push(Token::Kind kind, std::string text) { tokens_.push_back({kind, std::move(text), line_}); }
  bool at(std::string_view text) const { return std::string_view(in_).substr(at_).starts_with(text); }
  void move(size_t to) {
    line_ += static_cast<int>(
        std::count(in_.begin() + static_cast<ptrdiff_t>(at_), in_.begin() + static_cast<ptrdiff_t>(to), '\n'));
    at_ = to;
  }

  size_t find_tag(size_t from) const {
    for (size_t i = from; i + 1 < in_.size(); ++i) {
      if (in_[i] == '{' && (in_[i + 1] == '{' || in_[i + 1] == '%' || in_[i + 1] == '#')) return i;
    }
    return in_.size();
  }

  // The text up to a tag, without what the tag's own sign or its kind takes.
  void text_before(size_t tag) {
    std::string text = in_.substr(at_, tag - at_);
    const char sign = tag + 2 < in_.size() ? in_[tag + 2] : '\0';
    if (tag < in_.size() && sign == '-') {
      while (!text.empty() && is_space(text.back())) text.pop_back();
    } else if (tag < in_.size() && sign != '+' && in_[tag + 1] != '{') {
      const size_t line = text.rfind('\n') + 1;  // 0 where there is none
      const bool starts_line = line > 0 || at_ == 0 || in_[at_ - 1] == '\n';
      if (starts_line && std::all_of(text.begin() + static_cast<ptrdiff_t>(line), text.end(), is_space)) {
        text.resize(line);
      }
    }
    if (!text.empty()) push(Token::kText, text);
    line_ += static_cast<int>(
        std::count(in_.begin() + static_cast<ptrdiff_t>(at_), in_.begin() + static_cast<ptrdiff_t>(tag), '\n'));
  }

  // White space after a tag that ended with `sign` before its last two characters.
  void space_after(char sign, bool trims) {
    size_t end = at_;
    if (sign == '-') {
      while (end < in_.size() && is_space(in_[end])) ++end;
    } else if (trims && sign != '+' && end < in_.size() && in_[end] == '\n') {
      ++end;
    }
    move(end);
  }

  void comment() {
    const size_t end = in_.find("#}", at_ + 2);
    if (end == in_.npos) fail("a comment without end; \"#}\" is needed");
    const char sign = in_[end - 1];
    move(end + 2);
    space_after(sign, true);
  }

  void tag(bool print) {
    push(print ? Token::kPrintBegin : Token::kTagBegin, "");
    const int first = line_;
    const std::string_view close = print ? "}}" : "%}";
    at_ += 2;
    if (at("-") || at("+")) ++at_;
    int depth = 0;  // of braces: "}}" may end a dict in a print
    for (;;) {
      while (at_ < in_.size() && is_space(in_[at_])) move(at_ + 1);
      if (at_ >= in_.size()) {
        line_ = first;
        fail(print ? "a \"{{\" without \"}}\"" : "a \"{%\" without \"%}\"");
      }
      const bool signed_end = (at("-") || at("+")) && std::string_view(in_).substr(at_ + 1).starts_with(close);
      if (signed_end || (depth == 0 && at(close))) {
        const char sign = signed_end ? in_[at_] : '\0';
        push(print ? Token::kPrintEnd : Token::kTagEnd, "");
        at_ += signed_end ? 3 : 2;
        return space_after(sign, !print);
      }
      depth += at("{") - at("}");
      token();
    }
  }

  void token() {
    const char c = in_[at_];
    if (is_name_start(c)) {
      size_t end = at_;
      while (end < in_.size() && is_name(in_[end])) ++end;
      push(Token::kName, in_.substr(at_, end - at_));
      at_ = end;
    } else if (is_digit(c)) {
      number();
    } else if (c == '\'' || c == '"') {
      string(c);
    } else {
      for (const std::string_view op : kOperators) {
        if (!at(op)) continue;
        push(Token::kOperator, std::string(op));
        at_ += op.size();
        return;
      }
      fail(fmt::format("\"{}\" is not part of the language", in_.substr(at_, 1)));
    }
  }

  void number() {
    size_t end = at_;
    while (end < in_.size() && (is_digit(in_[end]) || in_[end] == '_')) ++end;
    bool real = false;
    if (end + 1 < in_.size() && in_[end] == '.' && is_digit(in_[end + 1])) {
      real = true;
      ++end;
      while (end < in_.size() && is_digit(in_[end])) ++end;
    }
    std::string text = in_.substr(at_, end - at_);
    text.erase(std::remove(text.begin(), text.end(), '_'), text.end());
    push(real ? Token::kFloat : Token::kInteger, text);
    at_ = end;
  }

  void string(char quote) {
    const int first = line_;
    std::string text;
    size_t i = at_ + 1;
    for (; i < in_.size() && in_[i] != quote; ++i) {
      if (in_[i] != '\\' || i + 1 >= in_.size()) {
        text += in_[i];
      } else {
        i = escape(i + 1, text);
      }
    }
    if (i >= in_.size()) {
      line_ = first;
      fail("a text without end; a closing quote is needed");
    }
    push(Token::kString, text);
    move(i + 1);
  }

  // Appends what the escape at `i` (after the backslash) means and returns where it ends.
  size_t escape(size_t i, std::string& text) const {
    const size_t digits = in_[i] == 'x' ? 2 : in_[i] == 'u' ? 4 : in_[i] == 'U' ? 8 : 0;
    if (digits > 0) {
      char32_t value = 0;
      for (size_t d = 1; d <= digits; ++d) {
        const char c = i + d < in_.size() ? in_[i + d] : '\0';
        if (std::isxdigit(static_cast<unsigned char>(c)) == 0) fail("an escape with too few hexadecimal digits");
        value = value << 4 | static_cast<char32_t>(is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10);
      }
      if (value > 0x10FFFF || (value >= 0xD800 && value < 0xE000)) fail("an escape that is no character");
      model::append_utf8(text, value);
      return i + digits;
    }
    switch (in_[i]) {
      case 'n': text += '\n'; break;
      case 't': text += '\t'; break;
      case 'r': text += '\r'; break;
      case 'b': text += '\b'; break;
      case 'f': text += '\f'; break;
      case 'v': text += '\v'; break;
      case 'a': text += '\a'; break;
      case '\n': break;
      case '0': text += '\0'; break;
      case '\\':
      case '\'':
      case '"': text += in_[i]; break;
      default: text += std::string("\\") + in_[i];
    }
    return i;
  }

  std::string in_;
  const std::string& where_;
  size_t at_ = 0;
  int line_ = 1;
  std::vector<Token> tokens_;
};

// One kind of line break, and none at the very end.
std::string normalised(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] == '\r') {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    } else {
      out += source[i];
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

}  // namespace

std::vector<Token> tokenize(std::string_view source, const std::string& where) {
  return Lexer(normalised(source), where).run();
}

}  // namespace hadal::chat
