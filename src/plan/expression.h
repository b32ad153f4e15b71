// Formulas of rule files: && || !, comparisons and arithmetic over named variables, with the arithmetic shown.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace hadal::plan {

using Variables = std::map<std::string, double, std::less<>>;

class Expression {
 public:
  // Parses `text`; `where` ("FILE:LINE: KEY") heads the input error, which names the column.
  Expression(std::string_view text, std::string where);

  // Truth is any value but 0. A variable that is not given is an input error with the known names.
  double value(const Variables& variables) const;
  // Every comparison and bare variable that was looked at, e.g. "TPP 15099 >= 4800: yes"; what && and || make needless
  // is not evaluated and not shown.
  std::vector<std::string> trace(const Variables& variables) const;
  // The names it uses, each once, in order of appearance.
  std::vector<std::string> names() const;

  struct Node;

 private:
  std::string where_;
  std::shared_ptr<const Node> root_;
};

}  // namespace hadal::plan
