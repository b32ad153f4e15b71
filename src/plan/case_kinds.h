// The kinds of published facts: what a case of each must state, and how the models are asked for it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plan/facts.h"
#include "plan/scenario.h"

namespace hadal::plan {

struct CaseKind {
  std::string group;  // what the fact is about: errors are told apart by it
  Dimension dimension;
  const char* unit;
  double scale;  // shown unit over base unit
  std::vector<std::string_view> keys;
  std::function<double(const chip::Section&, Facts&, const Scenario&)> predict;
};

const std::map<std::string, CaseKind, std::less<>>& case_kinds();

}  // namespace hadal::plan
