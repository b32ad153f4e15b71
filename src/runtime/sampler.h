// Choosing the next token from logits: greedy, temperature, top-p, seeded.
#pragma once

#include <cstdint>
#include <random>
#include <span>

namespace hadal::runtime {

struct SamplerOptions {
  double temperature = 0;  // 0 = greedy
  double top_p = 1;
  uint64_t seed = 0;
};

class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options) : options_(options), random_(options.seed) {}
  // Greedy takes the lowest index among equals. NaN logits never win.
  int32_t next(std::span<const float> logits);

 private:
  SamplerOptions options_;
  std::mt19937_64 random_;
};

int32_t argmax(std::span<const float> logits);
// -ln softmax(logits)[target], in double.
double negative_log_likelihood(std::span<const float> logits, int32_t target);

}  // namespace hadal::runtime
