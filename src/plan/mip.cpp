// The C interface of CBC, kept in one place.
#include "plan/mip.h"

#include <Cbc_C_Interface.h>
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "base/error.h"

namespace hadal::plan {
namespace {

constexpr double kCbcInfinity = 1e30;
constexpr const char* kMostNodes = "200000";

double bound(double value) { return std::isinf(value) ? (value > 0 ? kCbcInfinity : -kCbcInfinity) : value; }

}  // namespace

int Mip::column(double cost, double low, double high, bool integer) {
  columns_.push_back({cost, low, high, integer, {}});
  return static_cast<int>(columns_.size()) - 1;
}

void Mip::row(double low, double high, const std::vector<std::pair<int, double>>& terms) {
  const int index = static_cast<int>(rows_.size());
  rows_.emplace_back(low, high);
  for (const auto& [column, coefficient] : terms) {
    columns_[static_cast<size_t>(column)].entries.emplace_back(index, coefficient);
  }
}

Mip::Result Mip::solve(double gap) const {
  std::vector<CoinBigIndex> start{0};
  std::vector<int> index;
  std::vector<double> value, low, high, cost, row_low, row_high;
  std::vector<Column> columns = columns_;
  columns.push_back({0, 0, 1, true, {}});  // CBC prints, whatever its log level, where no column is an integer
  for (const Column& c : columns) {
    for (const auto& [row, coefficient] : c.entries) {
      index.push_back(row);
      value.push_back(coefficient);
    }
    start.push_back(static_cast<CoinBigIndex>(index.size()));
    low.push_back(bound(c.low));
    high.push_back(bound(c.high));
    cost.push_back(c.cost);
  }
  for (const auto& [l, h] : rows_) {
    row_low.push_back(bound(l));
    row_high.push_back(bound(h));
  }
  const std::unique_ptr<Cbc_Model, decltype(&Cbc_deleteModel)> model(Cbc_newModel(), Cbc_deleteModel);
  Cbc_loadProblem(model.get(), static_cast<int>(columns.size()), static_cast<int>(rows_.size()), start.data(),
                  index.data(), value.data(), low.data(), high.data(), cost.data(), row_low.data(), row_high.data());
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].integer) Cbc_setInteger(model.get(), static_cast<int>(i));
  }
  Cbc_setParameter(model.get(), "logLevel", "0");
  Cbc_setParameter(model.get(), "maxNodes", kMostNodes);
  Cbc_setParameter(model.get(), "ratioGap", fmt::format("{}", gap).c_str());
  Cbc_solve(model.get());
  Result result;
  result.optimal = Cbc_isProvenOptimal(model.get()) != 0;
  const double* values = Cbc_getColSolution(model.get());
  result.feasible = values != nullptr && Cbc_isProvenInfeasible(model.get()) == 0 &&
                    (result.optimal || Cbc_getObjValue(model.get()) < kCbcInfinity);
  if (!result.feasible) return result;
  result.objective = Cbc_getObjValue(model.get());
  result.values.assign(values, values + columns_.size());
  return result;
}

}  // namespace hadal::plan
