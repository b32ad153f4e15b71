// A linear or mixed-integer programme, solved exactly by COIN-OR CBC: minimise cost x under row bounds.
#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace hadal::plan {

constexpr double kUnbounded = std::numeric_limits<double>::infinity();

class Mip {
 public:
  // Adds a column with its cost and bounds; returns its index.
  int column(double cost, double low, double high, bool integer);
  // low <= sum of coefficient x column <= high.
  void row(double low, double high, const std::vector<std::pair<int, double>>& terms);

  struct Result {
    bool feasible = false;
    bool optimal = false;  // within `gap` of the best bound
    double objective = 0;
    std::vector<double> values;
  };
  // Deterministic: bounded by nodes, not by time.
  Result solve(double gap = 1e-4) const;

 private:
  struct Column {
    double cost, low, high;
    bool integer;
    std::vector<std::pair<int, double>> entries;  // row, coefficient
  };
  std::vector<Column> columns_;
  std::vector<std::pair<double, double>> rows_;
};

}  // namespace hadal::plan
