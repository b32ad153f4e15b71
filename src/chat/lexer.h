// The words of a template: text between tags, and the tokens inside them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hadal::chat {

struct Token {
  enum Kind { kText, kTagBegin, kTagEnd, kPrintBegin, kPrintEnd, kName, kString, kInteger, kFloat, kOperator, kEnd };
  Kind kind = kEnd;
  std::string text;
  int line = 1;
  bool is(std::string_view op) const { return kind == kOperator && text == op; }
  bool is_name(std::string_view name) const { return kind == kName && text == name; }
};

// White space around tags as transformers sets it: trim_blocks and lstrip_blocks. `where` names the template in errors.
std::vector<Token> tokenize(std::string_view source, const std::string& where);

}  // namespace hadal::chat
