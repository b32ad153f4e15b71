// Draws of expert loads and their placement.
#include "predict/load.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>
#include <random>
#include <sstream>
#include <tuple>

#include "base/error.h"
#include "base/mapped_file.h"

namespace hadal::predict {
namespace {

constexpr int kDraws = 15;
constexpr double kSpread = 0.5, kDrift = 0.15;  // of the logarithms of popularity, and of its change since placement

std::vector<double> draw_power_law(int64_t experts, double alpha, double low, double high, std::mt19937_64& random) {
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<double> loads(static_cast<size_t>(experts));
  const double e = 1 - alpha;
  for (double& load : loads) {
    const double u = uniform(random);
    load = std::abs(e) < 1e-9 ? low * std::pow(high / low, u)
                              : std::pow((std::pow(high, e) - std::pow(low, e)) * u + std::pow(low, e), 1 / e);
  }
  return loads;
}

void normalise(std::vector<double>& loads, double total) {
  const double sum = std::accumulate(loads.begin(), loads.end(), 0.0);
  for (double& load : loads) load *= sum > 0 ? total / sum : 0;
}

// The fullest of groups of neighbouring experts.
FullestDevice fullest_group(const std::vector<double>& loads, int64_t devices) {
  const size_t here = std::max<size_t>(1, loads.size() / static_cast<size_t>(devices));
  FullestDevice out;
  double most = -1, total = 0;
  for (size_t first = 0; first + here <= loads.size(); first += here) {
    const auto begin = loads.begin() + static_cast<ptrdiff_t>(first), end = begin + static_cast<ptrdiff_t>(here);
    const double sum = std::accumulate(begin, end, 0.0);
    total += sum;
    if (sum <= most) continue;
    most = sum;
    out.rows.assign(begin, end);
  }
  out.factor = total > 0 ? most * static_cast<double>(devices) / total : 1;
  return out;
}

// Copies of the experts with the largest load a copy, then the largest copies first onto the emptiest device.
FullestDevice place(const std::vector<double>& believed, const std::vector<double>& real, int64_t devices,
                    int64_t redundant) {
  const size_t experts = believed.size();
  std::vector<int> copies(experts, 1);
  for (int64_t i = 0; i < redundant; ++i) {
    size_t hottest = 0;
    for (size_t e = 1; e < experts; ++e) {
      if (believed[e] / copies[e] > believed[hottest] / copies[hottest]) hottest = e;
    }
    ++copies[hottest];
  }
  std::vector<size_t> slots;
  for (size_t e = 0; e < experts; ++e) slots.insert(slots.end(), static_cast<size_t>(copies[e]), e);
  std::stable_sort(slots.begin(), slots.end(),
                   [&](size_t x, size_t y) { return believed[x] / copies[x] > believed[y] / copies[y]; });
  const size_t room = (slots.size() + static_cast<size_t>(devices) - 1) / static_cast<size_t>(devices);
  std::vector<std::vector<double>> held(static_cast<size_t>(devices));
  std::vector<double> planned(held.size(), 0);
  for (const size_t e : slots) {
    size_t best = held.size();
    for (size_t d = 0; d < held.size(); ++d) {
      if (held[d].size() < room && (best == held.size() || planned[d] < planned[best])) best = d;
    }
    planned[best] += believed[e] / copies[e];
    held[best].push_back(real[e] / copies[e]);
  }
  FullestDevice out;
  double most = -1, total = 0;
  for (auto& rows : held) {
    const double sum = std::accumulate(rows.begin(), rows.end(), 0.0);
    total += sum;
    if (sum > most) {
      most = sum;
      out.rows = rows;
    }
  }
  out.factor = total > 0 ? most * static_cast<double>(devices) / total : 1;
  return out;
}

FullestDevice draw(const LoadSpec& load, int64_t experts, int64_t devices, int64_t redundant, double tokens,
                   double assignments, uint64_t seed) {
  std::mt19937_64 random(seed);
  const bool few = assignments <= static_cast<double>(experts);
  std::vector<double> loads = load.trace;
  if (load.kind == LoadKind::kPowerLaw) {
    loads = draw_power_law(experts, load.alpha, few ? 0.01 : 1, few ? 2 : std::max(2.0, 0.8 * tokens), random);
  } else if (load.kind == LoadKind::kProduction) {
    std::normal_distribution<double> spread(0, kSpread);
    for (int64_t e = 0; e < experts; ++e) loads.push_back(std::exp(spread(random)));
  }
  normalise(loads, assignments);
  if (load.kind != LoadKind::kProduction) return fullest_group(loads, devices);
  std::normal_distribution<double> drift(0, kDrift);
  std::vector<double> real = loads;
  for (double& value : real) value *= std::exp(drift(random));
  normalise(real, assignments);
  return place(loads, real, devices, redundant);
}

// The draw with the median factor.
FullestDevice median_draw(const LoadSpec& load, int64_t experts, int64_t devices, int64_t redundant, double tokens,
                          double assignments) {
  std::vector<FullestDevice> draws;
  for (uint64_t seed = 1; seed <= kDraws; ++seed) {
    draws.push_back(draw(load, experts, devices, redundant, tokens, assignments, seed));
  }
  std::nth_element(draws.begin(), draws.begin() + kDraws / 2, draws.end(),
                   [](const FullestDevice& x, const FullestDevice& y) { return x.factor < y.factor; });
  return std::move(draws[kDraws / 2]);
}

// Popularity, its drift and the placement do not depend on how many tokens there are: worked out once for one
// assignment, kept, and scaled. A search over batches asks thousands of times for the same placement.
const FullestDevice& production_share(const LoadSpec& load, int64_t experts, int64_t devices, int64_t redundant) {
  static std::mutex mutex;
  static std::map<std::tuple<int64_t, int64_t, int64_t>, FullestDevice> known;
  const std::lock_guard lock(mutex);
  const auto [found, added] = known.try_emplace({experts, devices, redundant});
  if (added) found->second = median_draw(load, experts, devices, redundant, 1, 1);
  return found->second;
}

}  // namespace

LoadSpec parse_load(std::string_view text, const std::string& where) {
  LoadSpec out;
  if (text == "uniform") return out;
  if (text == "production") {
    out.kind = LoadKind::kProduction;
    return out;
  }
  if (text.starts_with("power_law:")) {
    const std::string_view number = text.substr(10);
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), out.alpha);
    if (error != std::errc() || end != number.data() + number.size() || !(out.alpha > 0 && out.alpha < 10)) {
      input_error(where, "'{}' is no power law; write power_law:ALPHA with ALPHA above 0 and below 10", text);
    }
    out.kind = LoadKind::kPowerLaw;
    return out;
  }
  if (text.starts_with("trace:")) {
    const std::string file(text.substr(6));
    std::istringstream in{std::string(MappedFile::open(file).text())};
    std::string word;
    for (int line = 1; in >> word; ++line) {
      double value = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      if (error != std::errc() || end != word.data() + word.size() || !(value >= 0) || !std::isfinite(value)) {
        input_error(file, "entry {} is '{}'; the load of each expert is needed, a number from 0 up", line, word);
      }
      out.trace.push_back(value);
    }
    if (std::accumulate(out.trace.begin(), out.trace.end(), 0.0) <= 0) input_error(file, "holds no load at all");
    out.kind = LoadKind::kTrace;
    return out;
  }
  input_error(where, "load '{}' is unknown; write uniform, power_law:ALPHA, production or trace:FILE", text);
}

FullestDevice fullest_device(const LoadSpec& load, int64_t experts, int64_t devices, int64_t redundant, double tokens,
                             double assignments) {
  if (load.kind == LoadKind::kUniform || devices <= 1) return {};
  if (load.kind == LoadKind::kTrace) {
    if (static_cast<int64_t>(load.trace.size()) != experts) {
      input_error("load trace", "has {} entries; the model has {} experts", load.trace.size(), experts);
    }
    return draw(load, experts, devices, redundant, tokens, assignments, 1);
  }
  if (load.kind == LoadKind::kProduction) {
    FullestDevice scaled = production_share(load, experts, devices, redundant);
    for (double& rows : scaled.rows) rows *= assignments;
    return scaled;
  }
  return median_draw(load, experts, devices, redundant, tokens, assignments);
}

}  // namespace hadal::predict
