// How tokens spread over experts, and what that makes of the fullest device.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace hadal::predict {

enum class LoadKind : uint8_t { kUniform, kPowerLaw, kProduction, kTrace };

struct LoadSpec {
  LoadKind kind = LoadKind::kUniform;
  double alpha = 0;           // of the power law
  std::vector<double> trace;  // relative load of each expert
};

// "uniform", "power_law:ALPHA", "production" or "trace:FILE" (one number an expert). `where` heads the input error.
LoadSpec parse_load(std::string_view text, const std::string& where);

struct FullestDevice {
  double factor = 1;         // its rows over the mean
  std::vector<double> rows;  // of each expert it holds
};

// The fullest of `devices` for `assignments` pairs of token and expert.
// Power law: loads drawn from a density x^-alpha between 1 and 0.8 of the tokens (0.01 and 2 for few tokens), experts
// in fixed groups; the median of 15 draws. Production: log-normal popularity (sigma 0.5: the hottest of 256 has about
// 3.6 times the mean), hot experts copied into the `redundant` slots and packed greedily, from statistics that have
// drifted since (log-normal, sigma 0.15); both sigmas are assumptions. Deterministic.
FullestDevice fullest_device(const LoadSpec& load, int64_t experts, int64_t devices, int64_t redundant, double tokens,
                             double assignments);

}  // namespace hadal::predict
