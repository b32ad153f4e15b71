// Predicted against measured, row by row and by group; and the fit of the constants on rows marked `fit`.
#pragma once

#include <string>
#include <vector>

#include "predict/measurement.h"

namespace hadal::predict {

struct RowResult {
  const Measurement* row = nullptr;
  double predicted = 0;
  double error_pct = 0;  // 100 x (predicted / measured - 1)
};

struct GroupResult {
  std::string name;
  size_t n = 0;
  double median_abs_pct = 0, p90_abs_pct = 0, bias_pct = 0;  // bias: median of the signed errors
};

std::vector<RowResult> validate(const std::vector<Measurement>& rows, Library& library, const Constants& constants);

// Groups of rows that were not fitted on, in order of appearance; then "all kernels", "all exchanges", "cross-chip",
// "all systems" over the rows of those kinds, and "fitted rows" for comparison.
std::vector<GroupResult> summarise(const std::vector<RowResult>& results);

struct FitResult {
  Constants constants;
  double before = 0, after = 0;  // mean absolute log error over the rows, groups weighing the same
  size_t rows = 0;
  std::vector<std::string> groups;
};

// Coordinate search over the constants that may be fitted, on rows marked `fit`; each group weighs the same, so that a
// large table does not drown a small one. Deterministic.
FitResult fit(const std::vector<Measurement>& rows, Library& library, const Constants& start, int rounds);

// The constants file with where each value comes from.
std::string constants_file(const FitResult& fit);

}  // namespace hadal::predict
