// Sampling on the host.
#include "runtime/sampler.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

namespace hadal::runtime {

int32_t argmax(std::span<const float> logits) {
  size_t best = 0;
  for (size_t i = 1; i < logits.size(); ++i) {
    if (logits[i] > logits[best] || std::isnan(logits[best])) best = i;
  }
  return static_cast<int32_t>(best);
}

double negative_log_likelihood(std::span<const float> logits, int32_t target) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x) - top);
  return std::log(sum) + (top - static_cast<double>(logits[static_cast<size_t>(target)]));
}

int32_t Sampler::next(std::span<const float> logits) {
  if (options_.temperature <= 0) return argmax(logits);
  const double top = static_cast<double>(logits[static_cast<size_t>(argmax(logits))]);
  std::vector<double> weight(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    weight[i] = std::isnan(logits[i]) ? 0 : std::exp((static_cast<double>(logits[i]) - top) / options_.temperature);
  }
  std::vector<int32_t> order(logits.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int32_t a, int32_t b) {
    return weight[static_cast<size_t>(a)] > weight[static_cast<size_t>(b)];
  });
  const double total = std::accumulate(weight.begin(), weight.end(), 0.0);
  // The smallest set of most likely tokens that holds top_p of the probability.
  double kept = 0;
  size_t count = 0;
  while (count < order.size() && kept < options_.top_p * total) kept += weight[static_cast<size_t>(order[count++])];
  count = std::max<size_t>(count, 1);
  // 53 random bits, so that the draw does not depend on a standard library's distribution.
  double draw = static_cast<double>(random_() >> 11) * 0x1.0p-53 * kept;
  for (size_t i = 0; i + 1 < count; ++i) {
    draw -= weight[static_cast<size_t>(order[i])];
    if (draw < 0) return order[i];
  }
  return order[count - 1];
}

}  // namespace hadal::runtime
