// Rotary position embedding as transformers computes it, in binary32 steps: plain, linear, Llama 3, YaRN.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "model/model.h"

namespace hadal::model {
namespace {

// The dimension whose wavelength makes `rotations` turns within the original context.
double correction_dim(double rotations, double dim, double base, double max_positions) {
  return (dim * std::log(max_positions / (rotations * 2 * std::numbers::pi))) / (2 * std::log(base));
}

// Wavelengths up to original / high_freq_factor stay, those from original / low_freq_factor on are stretched.
float llama3_frequency(const Llama3Rope& rope, float frequency) {
  const auto original = static_cast<float>(rope.original_max_position_embeddings);
  const auto factor = static_cast<float>(rope.factor), low = static_cast<float>(rope.low_freq_factor),
             high = static_cast<float>(rope.high_freq_factor);
  const float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
  if (wavelength < original / high) return frequency;
  if (wavelength > original / low) return frequency / factor;
  const float smooth = (original / wavelength - low) / (high - low);
  return (1.0f - smooth) * frequency / factor + smooth * frequency;
}

}  // namespace

std::vector<double> rope_inverse_frequencies(const Config& config) {
  const auto dim = static_cast<int>(config.rope_dim());
  const auto base = static_cast<double>(static_cast<float>(config.rope_theta));
  std::vector<double> result;
  double low = 0, high = 0;
  if (config.yarn) {
    const auto positions = static_cast<double>(config.yarn->original_max_position_embeddings);
    low = std::floor(correction_dim(config.yarn->beta_fast, dim, config.rope_theta, positions));
    high = std::ceil(correction_dim(config.yarn->beta_slow, dim, config.rope_theta, positions));
    low = std::max(low, 0.0);
    high = std::min(high, dim - 1.0);
    if (low == high) high += 0.001;
  }
  for (int i = 0; i < dim / 2; ++i) {
    const float exponent = static_cast<float>(2 * i) / static_cast<float>(dim);
    const auto period = static_cast<float>(std::pow(base, static_cast<double>(exponent)));
    const float extrapolated = 1.0f / period;
    if (!config.yarn) {
      const float divisor = config.rope_divisors.empty() ? static_cast<float>(config.rope_linear_factor)
                                                         : config.rope_divisors[static_cast<size_t>(i)];
      result.push_back(config.llama3 ? llama3_frequency(*config.llama3, extrapolated) : extrapolated / divisor);
      continue;
    }
    const float interpolated = 1.0f / (static_cast<float>(config.yarn->factor) * period);
    const float ramp = (static_cast<float>(i) - static_cast<float>(low)) / static_cast<float>(high - low);
    const float keep = 1.0f - std::clamp(ramp, 0.0f, 1.0f);
    result.push_back(interpolated * (1.0f - keep) + extrapolated * keep);
  }
  return result;
}

double attention_scale(const Config& config) {
  if (config.attention == Attention::kGrouped) return std::pow(static_cast<double>(config.head_dim), -0.5);
  const double scale = std::pow(static_cast<double>(config.qk_nope_head_dim + config.qk_rope_head_dim), -0.5);
  if (!config.yarn || config.yarn->mscale_all_dim == 0) return scale;
  const double factor = config.yarn->factor;
  const double mscale = factor <= 1 ? 1.0 : 0.1 * config.yarn->mscale_all_dim * std::log(factor) + 1.0;
  return scale * mscale * mscale;
}

}  // namespace hadal::model
