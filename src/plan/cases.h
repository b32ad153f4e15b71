// Published facts of cost, yield, area, power and schedule against what the models say of them (measurements/).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/calibration.h"
#include "plan/facts.h"

namespace hadal::plan {

// The group of facts whose chips are not described by their own energies: hadal cores at the same rate stand for them.
inline constexpr std::string_view kPowerGroup = "power and energy";

// A fact is a value, or a bound ("below 400 mm2") that the model keeps or breaks. Where its source gives a range, the
// value is the middle of it: the error to the middle counts, whether the prediction lies within is told beside it.
struct Case {
  std::string name, kind, group, reading, unit;
  double predicted = 0, published = 0;
  double low = 0, high = 0;  // of the published range; equal where there is none
  std::string bound;         // "below" or "above" what is published; empty: a value
  std::string sets;          // the constant that it has a vote on; it is asked with the others' median
  std::string source, confidence;
  double error() const { return predicted / published - 1; }
  bool has_range() const { return low < high; }
  bool in_range() const { return low <= predicted && predicted <= high; }
  bool holds() const { return bound == "above" ? predicted >= published : predicted <= published; }
  bool counts() const { return bound.empty(); }  // towards the median
};

// The facts of every file, in their order, each asked with constants that neither it nor its like has a vote on.
// `facts` finds what they name.
struct PublishedCases {
  std::vector<Case> cases;
  std::vector<Constant> constants;
};
PublishedCases published_cases(Facts& facts);
// The facts of one file, with constants as their files have them.
std::vector<Case> run_cases(std::string_view text, const std::string& file, Facts& facts);

// Median of |error| over the values.
double median_error(const std::vector<Case>& cases);

// The same by what facts are about, in the order in which groups first appear; groups of bounds alone are left out.
struct GroupError {
  std::string group;
  size_t facts = 0;
  double median = 0;
};
std::vector<GroupError> errors_by_group(const std::vector<Case>& cases);
// The same over all of them, where the facts of one voice on one of `constants` count once, with their median error: so
// no maker or publisher weighs more for having said more. `facts` is what is left.
GroupError error_by_voice(const std::vector<Case>& cases, const std::vector<Constant>& constants);

}  // namespace hadal::plan
