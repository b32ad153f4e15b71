// Published facts of cost, yield, area and schedule against what the models say of them (measurements/economics.yaml).
#pragma once

#include <string>
#include <vector>

#include "plan/facts.h"

namespace hadal::plan {

struct Case {
  std::string name, kind, reading, unit;
  double predicted = 0, published = 0;
  bool fit = false;  // sets a parameter of the model, so that it proves nothing
  std::string source, confidence;
  double error() const { return predicted / published - 1; }
};

std::vector<Case> run_cases(const std::string& path, Facts& facts);
std::vector<Case> run_cases(std::string_view text, const std::string& file, Facts& facts);

// Median of |error| over the cases that are no fit.
double median_error(const std::vector<Case>& cases);

// The same by group: areas worked out from transistor counts, of which the planner uses none, and everything else.
struct GroupError {
  std::string group;
  size_t facts = 0;
  double median = 0;
};
std::vector<GroupError> errors_by_group(const std::vector<Case>& cases);

}  // namespace hadal::plan
