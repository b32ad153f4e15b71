// Error summaries and the coordinate search.
#include "predict/validate.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"

namespace hadal::predict {
namespace {

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double at = q * static_cast<double>(values.size() - 1);
  const auto low = static_cast<size_t>(at);
  const size_t high = std::min(low + 1, values.size() - 1);
  return values[low] + (values[high] - values[low]) * (at - static_cast<double>(low));
}

GroupResult group_of(const std::string& name, const std::vector<double>& errors) {
  GroupResult out{name, errors.size(), 0, 0, 0};
  if (errors.empty()) return out;
  std::vector<double> absolute = errors;
  for (double& e : absolute) e = std::abs(e);
  out.median_abs_pct = quantile(absolute, 0.5);
  out.p90_abs_pct = quantile(absolute, 0.9);
  out.bias_pct = quantile(errors, 0.5);
  return out;
}

bool is_exchange(const Measurement& m) { return m.operation == "dispatch" || m.operation == "combine"; }
bool is_system(const Measurement& m) { return m.operation == "prefill" || m.operation == "decode"; }
bool is_hopper(const Measurement& m) { return m.chip == "h800" || m.chip == "h100"; }

// Mean over groups of the mean absolute log error of their rows.
class Objective {
 public:
  Objective(const std::vector<Measurement>& rows, Library& library) : library_(library) {
    for (const Measurement& row : rows) {
      if (row.mark != "fit") continue;
      groups_[row.group].push_back(&row);
      ++count_;
    }
  }
  double operator()(const Constants& constants) const {
    double total = 0;
    for (const auto& [name, rows] : groups_) {
      double sum = 0;
      for (const Measurement* row : rows) {
        sum += std::min(1.0, std::abs(std::log(predict_row(*row, library_, constants) / row->value)));
      }
      total += sum / static_cast<double>(rows.size());
    }
    return groups_.empty() ? 0 : total / static_cast<double>(groups_.size());
  }
  size_t count() const { return count_; }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& [name, rows] : groups_) out.push_back(name);
    return out;
  }

 private:
  Library& library_;
  std::map<std::string, std::vector<const Measurement*>> groups_;
  size_t count_ = 0;
};

}  // namespace

std::vector<RowResult> validate(const std::vector<Measurement>& rows, Library& library, const Constants& constants) {
  std::vector<RowResult> out;
  for (const Measurement& row : rows) {
    if (row.mark == "context") continue;
    const double predicted = predict_row(row, library, constants);
    out.push_back({&row, predicted, 100 * (predicted / row.value - 1)});
  }
  return out;
}

std::vector<GroupResult> summarise(const std::vector<RowResult>& results) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<double>> groups;
  std::vector<double> kernels, exchanges, cross, systems, fitted;
  for (const RowResult& r : results) {
    const Measurement& m = *r.row;
    if (m.mark == "fit") {
      fitted.push_back(r.error_pct);
      continue;
    }
    if (groups[m.group].empty()) order.push_back(m.group);
    groups[m.group].push_back(r.error_pct);
    (is_system(m) ? systems : is_exchange(m) ? exchanges : kernels).push_back(r.error_pct);
    if (!is_hopper(m) && !is_system(m)) cross.push_back(r.error_pct);
  }
  std::vector<GroupResult> out;
  for (const std::string& name : order) out.push_back(group_of(name, groups[name]));
  const std::pair<const char*, const std::vector<double>*> sums[] = {{"all kernels", &kernels},
                                                                     {"all exchanges", &exchanges},
                                                                     {"cross-chip", &cross},
                                                                     {"all systems", &systems},
                                                                     {"fitted rows", &fitted}};
  for (const auto& [name, errors] : sums) {
    if (!errors->empty()) out.push_back(group_of(name, *errors));
  }
  return out;
}

FitResult fit(const std::vector<Measurement>& rows, Library& library, const Constants& start, int rounds) {
  const Objective objective(rows, library);
  if (objective.count() == 0) input_error("measurements", "hold no row marked fit");
  for (const Measurement& row : rows) {
    if (row.mark == "fit" && !is_hopper(row)) {
      input_error(row.where, "is marked fit on {}; constants are fitted on h800 and h100 only", row.chip);
    }
  }
  FitResult out;
  out.rows = objective.count();
  out.groups = objective.names();
  out.constants = start;
  double best = out.before = objective(start);
  double width = 0.25;
  for (int round = 0; round < rounds; ++round) {
    const double round_start = best;
    for (const ConstantInfo& info : constant_table()) {
      if (!info.fitted) continue;
      for (const double step : {-width, -width / 4, width / 4, width}) {
        Constants trial = out.constants;
        double& value = trial.*info.place;
        value = std::clamp(value + step * (value > 0 ? value : info.high / 10), info.low, info.high);
        const double score = objective(trial);
        if (score >= best) continue;
        best = score;
        out.constants = trial;
      }
    }
    if (best > round_start * (1 - 1e-4)) width /= 2;
  }
  // Three digits are all that such a fit is good for.
  for (const ConstantInfo& info : constant_table()) {
    double& value = out.constants.*info.place;
    if (info.fitted) value = std::clamp(std::stod(fmt::format("{:.3g}", value)), info.low, info.high);
  }
  out.after = objective(out.constants);
  return out;
}

std::string constants_file(const FitResult& fit) {
  std::string out = fmt::format(
      "# What no data sheet gives, for every chip alike; src/predict/constants.h says what each is.\n"
      "# Fitted by `hadal validate --fit` on {} rows of {} groups marked `fit` in the measurement table, all of them "
      "of\n"
      "# H800 and H100: mean absolute log error over groups {:.4f} before, {:.4f} after.\n"
      "# eager_us is not fitted: LLMCompass gives 21 us for a launch from PyTorch on the A100 it measured.\n",
      fit.rows, fit.groups.size(), fit.before, fit.after);
  for (const ConstantInfo& info : constant_table()) {
    out += fmt::format("{}: {:.4g}\n", info.name, fit.constants.*info.place);
  }
  return out;
}

}  // namespace hadal::predict
