// Tokens a second of a chip in service: the interface between whatever knows it and the fleet that is planned with it.
#pragma once

#include <string>
#include <vector>

#include "plan/figure.h"

namespace hadal::plan {

enum class Phase { kPrefill, kDecode };
std::string_view name_of(Phase phase);

// One way to run one phase on one kind of chip.
struct ServingPoint {
  std::string name, hardware;
  Phase phase = Phase::kDecode;
  double tokens_per_s = 0;  // a chip; prefill counts computed tokens, without cache hits
  double low = 0, high = 0;
  int chips = 1;       // smallest group that serves
  double tpot_s = 0;   // decode: time a token takes for a user
  int context = 0;     // tokens, 0: as in the workload
  std::string basis;   // measured, scaled, predicted, assumed
  std::string detail;  // conditions, and how the figure came about
  std::string source, confidence;
  // Predicted: shares of the time, at this rate, that units and memory work at their peak; below 0 where nobody knows.
  double matrix_activity = -1, memory_activity = -1, vector_activity = -1;
};

struct Workload {
  std::string model;
  double input_tokens = 0, cached_tokens = 0, output_tokens = 0;  // a day
  double context_tokens = 0;                                      // mean, of decode
  double tpot_limit_s = 0;
  std::vector<double> load_curve;  // 24 hours, mean 1
  double prefill_tokens() const { return input_tokens - cached_tokens; }
};

// Where rates of chips that exist come from.
class RateSource {
 public:
  virtual ~RateSource() = default;
  // Every point known for `hardware` under `workload`; empty where it knows none.
  virtual std::vector<ServingPoint> points(const std::string& hardware, const Workload& workload) const = 0;
};

// Published throughputs (measurements/serving.yaml), benchmarks brought down to what production reaches.
class MeasuredRates : public RateSource {
 public:
  MeasuredRates(const std::string& path, Ledger& ledger);
  std::vector<ServingPoint> points(const std::string& hardware, const Workload& workload) const override;

 private:
  struct Measured {
    ServingPoint point;
    bool benchmark = false;
    Figure rate;
  };
  std::string model_, file_;
  Figure production_prefill_, production_decode_;
  std::vector<Measured> measured_;
};

// What decides a chip's rate against another's, for an estimate where nothing was measured or predicted.
struct Capability {
  std::string name;
  double flops = 0, memory_bytes_per_s = 0, memory_bytes = 0, link_bytes_per_s = 0;
};
// Points of `reference` carried over to `chip`: the base is the smallest of the ratios of compute, memory bandwidth and
// links (whatever binds, it is not better than that), the high end the largest. Groups grow where memory is smaller.
std::vector<ServingPoint> scaled_points(const std::vector<ServingPoint>& reference, const Capability& from,
                                        const Capability& to);

}  // namespace hadal::plan
