// A parsed template.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "chat/lexer.h"
#include "chat/value.h"

namespace hadal::chat {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Expression {
  enum Kind {
    kConstant,  // value
    kName,      // name
    kList,      // parts
    kDict,      // parts: key, value, key, value, ...
    kNegate,    // parts[0]; kPlus too
    kPlus,
    kNot,
    kBinary,  // name: the operator; parts: left, right
    kAnd,
    kOr,
    kCompare,      // names: operators; parts: one more operand than operators
    kConditional,  // parts: condition, then, and else if there is one
    kAttribute,    // parts[0].name
    kSubscript,    // parts[0][parts[1]]
    kSlice,        // parts[0][parts[1]:parts[2]:parts[3]], constants None where nothing stands
    kCall,         // parts[0](parts[1..], named)
    kFilter,       // parts[0] | name(parts[1..], named)
    kTest,         // parts[0] is name(parts[1..])
  };
  Kind kind = kConstant;
  int line = 1, depth = 0;
  std::string name;
  Value value;
  std::vector<std::string> names;
  std::vector<ExpressionPtr> parts;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
};

struct Statement;
using Block = std::vector<Statement>;

struct Statement {
  enum Kind {
    kText,      // name: the text
    kPrint,     // expressions[0]
    kIf,        // expressions: conditions; blocks: one a condition, and one more for else
    kFor,       // names: targets; expressions: what is iterated over, then the condition if any; blocks: body, else
    kSet,       // names: targets (or one "object.attribute" as two, with attribute set); expressions[0]
    kSetBlock,  // names[0]; blocks[0]
    kMacro,     // name; names: parameters; expressions: defaults of the last parameters; blocks[0]
    kBreak,
    kContinue,
    kGroup,  // blocks[0], as it is
  };
  Kind kind = kText;
  int line = 1;
  std::string name;
  bool attribute = false;
  std::vector<std::string> names;
  std::vector<ExpressionPtr> expressions;
  std::vector<Block> blocks;
};

Block parse(const std::vector<Token>& tokens, const std::string& where);

}  // namespace hadal::chat
