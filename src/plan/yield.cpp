// Yield models. Harvesting integrates over the same distribution of defect density that each model is a mixture of.
#include "plan/yield.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <numbers>

#include "base/error.h"
#include "base/nearest.h"

namespace hadal::plan {
namespace {

constexpr std::array<std::string_view, 4> kNames{"poisson", "murphy", "seeds", "negative-binomial"};

// Chance that at most `spare` of `n` independent cores fail, each good with probability p.
double at_most(int n, int spare, double p) {
  double sum = 0, choose = 1, bad = 1;
  for (int k = 0; k <= spare; ++k) {
    sum += choose * bad * std::pow(p, n - k);
    choose *= static_cast<double>(n - k) / (k + 1);
    bad *= 1 - p;
  }
  return sum;
}

// Share of dies without a defect among `x` expected ones.
template <typename Real>
Real without_defect(YieldModel model, Real x, Real alpha) {
  switch (model) {
    case YieldModel::kPoisson: return std::exp(-x);
    case YieldModel::kMurphy: return x < 1e-12 ? 1 : std::pow(-std::expm1(-x) / x, Real{2});
    case YieldModel::kSeeds: return 1 / (1 + x);
    case YieldModel::kNegativeBinomial: return std::pow(1 + x / alpha, -alpha);
  }
  return 0;
}

// E[f(d)] for a defect density d that is gamma distributed with mean `mean` and shape `shape`. With d = exp(u) the
// integrand is smooth and falls off fast on both sides, where the trapezoidal rule converges exponentially.
double gamma_mean(double mean, double shape, const std::function<double(double)>& f) {
  constexpr int kSteps = 2000;
  const double scale = mean / shape;
  const double low = -60 / shape, high = std::log(shape + 60 + 12 * std::sqrt(shape));  // u of d / scale
  const double h = (high - low) / kSteps;
  double sum = 0, norm = 0;
  for (int i = 0; i <= kSteps; ++i) {
    const double u = low + i * h, x = std::exp(u);
    const double weight = std::exp(shape * u - x - std::lgamma(shape)) * h;
    sum += weight * f(x * scale);
    norm += weight;
  }
  return sum / norm;
}

// E[f(d)] for a triangular density on [0, 2 mean], of which Murphy's formula is the mixture. Simpson on each half.
double triangle_mean(double mean, const std::function<double(double)>& f) {
  constexpr int kSteps = 400;  // even
  double sum = 0;
  const double h = mean / kSteps;
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i <= kSteps; ++i) {
      const double d = half * mean + i * h;
      const double density = (half == 0 ? d : 2 * mean - d) / (mean * mean);
      const double weight = i == 0 || i == kSteps ? 1 : i % 2 == 1 ? 4 : 2;
      sum += weight * density * f(d) * h / 3;
    }
  }
  return sum;
}

}  // namespace

YieldModel parse_yield_model(std::string_view name, const std::string& where) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (name == kNames[i]) return static_cast<YieldModel>(i);
  }
  input_error(where, "yield model '{}' is unknown; {}", name, suggestion(name, kNames));
}

std::string_view name_of(YieldModel model) { return kNames[static_cast<size_t>(model)]; }

double defect_free(YieldModel model, double area_mm2, double d0, double alpha) {
  return without_defect(model, area_mm2 / 100 * d0, alpha);
}

double dies_per_wafer(double area_mm2, double diameter_mm) {
  const double r = diameter_mm / 2;
  const double dies = std::numbers::pi * r * r / area_mm2 - std::numbers::pi * diameter_mm / std::sqrt(2 * area_mm2);
  return std::max(dies, 0.0);
}

int rectangles_per_wafer(double width_mm, double height_mm, double diameter_mm, double edge_mm) {
  constexpr int kOffsets = 20;
  const double radius = diameter_mm / 2 - edge_mm;
  check(width_mm > 0 && height_mm > 0 && radius > 0, "no rectangle of {} x {} mm on a wafer of {}", width_mm, height_mm,
        diameter_mm);
  int best = 0;
  for (int turned = 0; turned < 2; ++turned) {
    const double w = turned == 0 ? width_mm : height_mm, h = turned == 0 ? height_mm : width_mm;
    for (int i = 0; i < kOffsets * kOffsets; ++i) {
      const double dx = w * (i % kOffsets) / kOffsets;
      const int row = i / kOffsets;
      int count = 0;
      for (double y = h * row / kOffsets - std::ceil(radius / h + 1) * h; y < radius; y += h) {
        const double farthest = std::max(std::abs(y), std::abs(y + h));
        if (farthest > radius) continue;
        const double half = std::sqrt(radius * radius - farthest * farthest);  // of the chord a row has
        count += std::max(0, static_cast<int>(std::floor((half - dx) / w) - std::ceil((-half - dx) / w)));
      }
      best = std::max(best, count);
    }
  }
  return best;
}

namespace {

double filled_mm2(const HarvestedDie& die) {
  const double filled = die.area_mm2 - die.empty_mm2;
  check(die.spare >= 0 && die.spare <= die.cores && die.cores * die.core_mm2 <= filled * (1 + 1e-9),
        "{} cores of {} mm2 do not fit into a die of {} mm2", die.cores, die.core_mm2, die.area_mm2);
  return filled;
}

}  // namespace

double harvested_yield_by_quadrature(YieldModel model, const HarvestedDie& die, double d0, double alpha) {
  const double rest = filled_mm2(die) - die.cores * die.core_mm2;
  const auto given = [&](double density) {
    return std::exp(-rest / 100 * density) * at_most(die.cores, die.spare, std::exp(-die.core_mm2 / 100 * density));
  };
  switch (model) {
    case YieldModel::kPoisson: return given(d0);
    case YieldModel::kMurphy: return triangle_mean(d0, given);
    case YieldModel::kSeeds: return gamma_mean(d0, 1, given);
    case YieldModel::kNegativeBinomial: return gamma_mean(d0, alpha, given);
  }
  return 0;
}

double harvested_yield(YieldModel model, const HarvestedDie& die, double d0, double alpha) {
  const double filled = filled_mm2(die);
  if (die.spare == 0 || d0 <= 0) return defect_free(model, filled, d0, alpha);
  const double rest = filled - die.cores * die.core_mm2;
  const int least = die.cores - die.spare;  // good cores
  if (least == 0) return defect_free(model, rest, d0, alpha);
  // Inclusion and exclusion over sets of cores that are good together: that m given ones and the rest are good has the
  // chance of a plain die of their area.
  using Real = long double;  // the terms cancel
  Real choose = 1;           // binomial(cores, m) x binomial(m - 1, least - 1) at m = least
  for (int i = 1; i <= die.spare; ++i) choose *= static_cast<Real>(least + i) / i;
  Real sum = 0, largest = 0;
  for (int m = least, sign = 1; m <= die.cores; ++m, sign = -sign) {
    const Real defects = (static_cast<Real>(rest) + m * static_cast<Real>(die.core_mm2)) / 100 * d0;
    const Real term = choose * without_defect<Real>(model, defects, alpha);
    sum += sign * term;
    largest = std::max(largest, term);
    choose *= static_cast<Real>(die.cores - m) / (m + 1) * m / (m + 1 - least);
  }
  constexpr Real kTolerance = 1e-9L;  // of the yield
  if (largest * std::numeric_limits<Real>::epsilon() * (die.spare + 2) > kTolerance * sum) {
    return harvested_yield_by_quadrature(model, die, d0, alpha);
  }
  return static_cast<double>(sum);
}

}  // namespace hadal::plan
