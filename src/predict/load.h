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

// Where experts sit: `experts` of them in `groups` that routing chooses from first, on `devices` in `nodes` (reached by
// scale-up links inside one), with `redundant` more slots for copies of hot ones.
struct Placement {
  int64_t experts = 1, groups = 1, devices = 1, nodes = 1, redundant = 0;
};

// How popularity differs between experts, measured: counts of tokens of every expert in 55 layers of DeepSeek-V3,
// twelve sets of them that SGLang published with its deployment on 96 H100 (sgl-project/sglang issue 6017; 1.8 to 61
// million tokens each). Logarithms of counts are normal (fourth moment 3.1 to 3.8) in two levels, groups and experts in
// them.
struct Popularity {
  double expert_spread = 0.58;  // standard deviation inside a group; sets: 0.47 to 0.75
  double group_spread = 0.31;   // of the means of groups, in a median layer; sets: 0.23 to 0.41
  double layer_spread = 0.63;   // of the logarithm of that over layers; sets: 0.41 to 0.76
  // Share of an expert in one sequence: standard deviation over mean. From three pairs of sets of nearly the same
  // prompt length, whose counts differ by 2.7 to 3.5 %: 2.1, 2.2, 2.5 if no prompt is in both, more if some are.
  double sequence_spread = 2.2;
};
inline constexpr Popularity kPopularity;

// Standard deviation over mean of an expert's share in a batch of independent sequences, of which each token makes
// `choices` among `experts`.
double batch_spread(double sequences, double tokens_each, double experts, double choices);

// The device with the most rows for `assignments` pairs of token and expert.
// Power law: loads drawn from a density x^-alpha between 1 and 0.8 of the tokens (0.01 and 2 for few tokens), experts
// in fixed groups; the median of 15 draws. Production: popularity as above, placed as DeepSeek's balancer does by
// statistics of all sequences, then a batch whose shares differ from those by `spread`. Where nodes share out the
// groups evenly, groups go whole to the emptiest node, copies and devices are chosen inside it; else over all devices
// at once. Every layer waits for its fullest device, so the mean of 60 drawn layers counts. Deterministic.
FullestDevice fullest_device(const LoadSpec& load, const Placement& placement, double tokens, double assignments,
                             double spread = 0);

}  // namespace hadal::predict
