// Draws of expert loads and their placement.
#include "predict/load.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <functional>
#include <map>
#include <mutex>
#include <numeric>
#include <queue>
#include <random>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"

namespace hadal::predict {
namespace {

constexpr int kDraws = 15;
constexpr int kLayers = 60;  // drawn with a production load
// Spreads of batches that placements are worked out for; between them it is a line.
constexpr double kLeastSpread = 0.01, kSpreadStep = 0.5, kMostSteps = 16;
double grid_spread(double step) { return kLeastSpread * std::exp2(step * kSpreadStep); }

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

using Held = std::vector<std::vector<double>>;  // rows of the experts of each device

// The fullest of all devices.
FullestDevice fullest_of(Held&& held) {
  FullestDevice out;
  double most = -1, total = 0;
  for (auto& rows : held) {
    const double sum = std::accumulate(rows.begin(), rows.end(), 0.0);
    total += sum;
    if (sum <= most) continue;
    most = sum;
    out.rows = std::move(rows);
  }
  out.factor = total > 0 ? most * static_cast<double>(held.size()) / total : 1;
  return out;
}

// Items in the order of their load onto the emptiest of `boxes` that has room.
std::vector<std::vector<size_t>> pack(const std::vector<double>& loads, size_t boxes) {
  std::vector<size_t> order(loads.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t x, size_t y) { return loads[x] > loads[y]; });
  const size_t room = (loads.size() + boxes - 1) / boxes;
  std::vector<std::vector<size_t>> packed(boxes);
  using Box = std::pair<double, size_t>;  // its load, its place
  std::priority_queue<Box, std::vector<Box>, std::greater<>> open;
  for (size_t b = 0; b < boxes; ++b) open.emplace(0, b);
  for (const size_t item : order) {
    const auto [sum, best] = open.top();
    open.pop();
    packed[best].push_back(item);
    if (packed[best].size() < room) open.emplace(sum + loads[item], best);
  }
  return packed;
}

// Copies of the experts with the largest load a copy, then the largest copies first onto the emptiest device.
void place(const std::vector<size_t>& experts, const std::vector<double>& believed, const std::vector<double>& real,
           int64_t devices, int64_t redundant, Held& held) {
  std::vector<int> copies(experts.size(), 1);
  // The hottest copy, of the first expert where they are as hot.
  const auto cooler = [](const auto& x, const auto& y) {
    return x.first != y.first ? x.first < y.first : x.second > y.second;
  };
  std::vector<std::pair<double, size_t>> loads(experts.size());
  for (size_t e = 0; e < experts.size(); ++e) loads[e] = {believed[experts[e]], e};
  std::priority_queue hottest(cooler, std::move(loads));
  for (int64_t i = 0; i < redundant; ++i) {
    const size_t e = hottest.top().second;
    hottest.pop();
    ++copies[e];
    hottest.emplace(believed[experts[e]] / copies[e], e);
  }
  std::vector<double> planned, rows;
  for (size_t e = 0; e < experts.size(); ++e) {
    planned.insert(planned.end(), static_cast<size_t>(copies[e]), believed[experts[e]] / copies[e]);
    rows.insert(rows.end(), static_cast<size_t>(copies[e]), real[experts[e]] / copies[e]);
  }
  for (const std::vector<size_t>& slots : pack(planned, static_cast<size_t>(devices))) {
    std::vector<double>& device = held.emplace_back();
    for (const size_t slot : slots) device.push_back(rows[slot]);
  }
}

std::vector<double> multiplied(std::vector<double> values, double spread, std::mt19937_64& random) {
  std::normal_distribution<double> normal(0, spread);
  for (double& value : values) value *= std::exp(normal(random));
  return values;
}

// One layer: popularity drawn, placed by what is known of it, loaded by what a batch has of it.
FullestDevice draw_layer(const Placement& p, double spread, uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto experts = static_cast<size_t>(p.experts), in_group = static_cast<size_t>(p.experts / p.groups);
  std::normal_distribution<double> layer(0, kPopularity.layer_spread);
  const double group_spread = kPopularity.group_spread * std::exp(layer(random));
  std::vector<double> groups(static_cast<size_t>(p.groups), 1.0);
  if (p.groups > 1) groups = multiplied(std::move(groups), group_spread, random);
  std::vector<double> believed(experts);
  for (size_t e = 0; e < experts; ++e) believed[e] = groups[std::min(groups.size() - 1, e / in_group)];
  believed = multiplied(std::move(believed), kPopularity.expert_spread, random);
  normalise(believed, 1);
  std::vector<double> real = multiplied(believed, std::sqrt(std::log1p(spread * spread)), random);
  normalise(real, 1);
  Held held;
  const bool shared_out = p.nodes > 1 && p.groups % p.nodes == 0 && p.devices % p.nodes == 0 &&
                          p.redundant % p.nodes == 0 && p.experts % p.groups == 0;
  if (!shared_out) {
    std::vector<size_t> all(experts);
    std::iota(all.begin(), all.end(), size_t{0});
    place(all, believed, real, p.devices, p.redundant, held);
    return fullest_of(std::move(held));
  }
  std::vector<double> load(groups.size(), 0);
  for (size_t e = 0; e < experts; ++e) load[e / in_group] += believed[e];
  for (const std::vector<size_t>& node : pack(load, static_cast<size_t>(p.nodes))) {
    std::vector<size_t> here;
    for (const size_t g : node) {
      for (size_t e = g * in_group; e < (g + 1) * in_group; ++e) here.push_back(e);
    }
    place(here, believed, real, p.devices / p.nodes, p.redundant / p.nodes, held);
  }
  return fullest_of(std::move(held));
}

FullestDevice draw(const LoadSpec& load, const Placement& p, double tokens, double assignments, uint64_t seed) {
  std::mt19937_64 random(seed);
  const bool few = assignments <= static_cast<double>(p.experts);
  std::vector<double> loads = load.trace;
  if (load.kind == LoadKind::kPowerLaw) {
    loads = draw_power_law(p.experts, load.alpha, few ? 0.01 : 1, few ? 2 : std::max(2.0, 0.8 * tokens), random);
  }
  normalise(loads, assignments);
  return fullest_group(loads, p.devices);
}

// The draw with the median factor.
FullestDevice median_draw(const LoadSpec& load, const Placement& p, double tokens, double assignments) {
  std::vector<FullestDevice> draws;
  for (uint64_t seed = 1; seed <= kDraws; ++seed) draws.push_back(draw(load, p, tokens, assignments, seed));
  std::nth_element(draws.begin(), draws.begin() + kDraws / 2, draws.end(),
                   [](const FullestDevice& x, const FullestDevice& y) { return x.factor < y.factor; });
  return std::move(draws[kDraws / 2]);
}

// The layer nearest to the mean of all, scaled to it.
FullestDevice mean_layer(const Placement& p, double spread) {
  std::vector<FullestDevice> layers;
  double mean = 0;
  for (uint64_t seed = 1; seed <= kLayers; ++seed) {
    layers.push_back(draw_layer(p, spread, seed));
    mean += layers.back().factor / kLayers;
  }
  FullestDevice nearest = *std::min_element(layers.begin(), layers.end(), [&](const auto& x, const auto& y) {
    return std::abs(x.factor - mean) < std::abs(y.factor - mean);
  });
  for (double& rows : nearest.rows) rows *= mean / nearest.factor;
  nearest.factor = mean;
  return nearest;
}

// A placement and its layers do not depend on how many tokens there are but by their spread: worked out once for one
// assignment at each step of it, and kept. A search over batches asks thousands of times for the same placement.
const FullestDevice& production_share(const Placement& p, int step) {
  static std::mutex mutex;
  static std::map<std::array<int64_t, 6>, FullestDevice> known;
  const std::lock_guard lock(mutex);
  const auto [found, added] = known.try_emplace({p.experts, p.groups, p.devices, p.nodes, p.redundant, step});
  if (added) found->second = mean_layer(p, grid_spread(step));
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

double batch_spread(double sequences, double tokens_each, double experts, double choices) {
  const double tokens = std::max(1.0, tokens_each), own = kPopularity.sequence_spread;
  const double variance = own * own * (1 - 1 / tokens) + std::max(0.0, experts / choices - 1) / tokens;
  return std::sqrt(variance / std::max(1.0, sequences));
}

FullestDevice fullest_device(const LoadSpec& load, const Placement& p, double tokens, double assignments,
                             double spread) {
  if (load.kind == LoadKind::kUniform || p.devices <= 1) return {};
  if (load.kind == LoadKind::kTrace) {
    if (static_cast<int64_t>(load.trace.size()) != p.experts) {
      input_error("load trace", "has {} entries; the model has {} experts", load.trace.size(), p.experts);
    }
    return draw(load, p, tokens, assignments, 1);
  }
  if (load.kind == LoadKind::kProduction) {
    const double steps = std::log2(std::max(spread, kLeastSpread) / kLeastSpread) / kSpreadStep;
    const double above = std::min(kMostSteps, std::floor(steps) + 1), low = grid_spread(above - 1);
    const double part = std::clamp((spread - low) / (grid_spread(above) - low), 0.0, 1.0);
    FullestDevice scaled = production_share(p, static_cast<int>(above));
    const double least = production_share(p, static_cast<int>(above) - 1).factor;
    const double factor = least + part * (scaled.factor - least);
    for (double& rows : scaled.rows) rows *= assignments * factor / scaled.factor;
    scaled.factor = factor;
    return scaled;
  }
  return median_draw(load, p, tokens, assignments);
}

}  // namespace hadal::predict
