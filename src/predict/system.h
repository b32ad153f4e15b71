// Time of a whole step on many devices, and what it makes of throughput and latency.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "graph/forward.h"
#include "predict/load.h"
#include "predict/operators.h"

namespace hadal::predict {

// `profile`: steady batches of equal length, balanced devices. `production`: experts as production loads them, lengths
// that differ, the share of a day that instances are busy, the host between steps.
enum class Mode : uint8_t { kProfile, kProduction };

struct SystemOptions {
  bool prefill = false;
  Mode mode = Mode::kProfile;
  graph::ParallelPlan plan;
  double sequences = 1;  // on each data-parallel group
  double queries = 1;    // prefill: prompt tokens of a sequence that are computed; decode: 1
  double keys = 1;       // tokens of context at the end of the step
  graph::Format matrix = graph::Format::kFp8, cache = graph::Format::kBf16;
  int overlap = 1;        // micro-batches that hide each other's exchanges: 1 or 2
  double comm_cores = 0;  // cores that exchanges occupy meanwhile
  LoadSpec load;
  bool shared_on_rank = true;  // false: shared experts sit on devices of their own
  int64_t mtp = 0;             // tokens drafted ahead
  double acceptance = 0;       // of each
  double prefix_hit = 0;       // prefill: share of the context found in a prefix cache
  double mean_share = 1;       // tokens of a mean device over those of the fullest, where there are too few for all
  bool host = true;            // false: the device alone, without the host between steps, as a trace of it shows
  double tpot_target_s = 0;    // decode: choose the largest batch within it, instead of `sequences`
};

struct OperatorTime {
  std::string name;
  double seconds = 0;  // in the whole step, of one device, as if alone
  double count = 0;
  Bound bound{};
  bool exchange = false;
};

struct Prediction {
  double step_s = 0;                         // one step of one device
  double tpot_s = 0;                         // decode: step time / tokens a sequence gains in it
  double tokens_per_s_per_chip = 0;          // decode: output tokens; prefill: computed prompt tokens
  double sequences = 0;                      // on a data-parallel group
  double compute_s = 0, exchange_s = 0;      // of all micro-batches, before overlap
  double host_s = 0;                         // of the step, in which the device waits for the host
  double weight_bytes = 0, cache_bytes = 0;  // on one device
  double memory_bytes = 0;                   // that a device has
  double utilisation = 1;                    // production: share of the time instances work
  double expert_factor = 1;                  // rows of the fullest device over the mean
  // Of a mean device over the whole step, at the peak of each: what keeps its units busy (operators.h, Work).
  double matrix_busy_s = 0, vector_busy_s = 0, memory_busy_s = 0;
  std::vector<OperatorTime> operators;
};

// An input error when the plan does not fit the model (heads, experts, stages) or the chip (links).
Prediction predict(const chip::Chip& chip, const Constants& constants, const model::Architecture& model,
                   const SystemOptions& options);
// The same, and nothing where not even one sequence meets `tpot_target_s`, which `predict` refuses as an input error.
std::optional<Prediction> predict_within(const chip::Chip& chip, const Constants& constants,
                                         const model::Architecture& model, const SystemOptions& options);

// Seconds to hand the cache of one sequence of `context` tokens from a prefill to a decode instance.
double transfer_s(const chip::Chip& chip, const Constants& constants, const model::Architecture& model, double context,
                  graph::Format cache);

// What production does to a step, each with its reason in docs/predict.md.
struct ProductionFacts {
  double handed_last = 0.8;          // of ln(devices) mean lengths that the fullest device holds beyond the mean
  double prefill_utilisation = 0.7;  // of prefill instances that keep first tokens prompt under random arrivals
  double host_s = 0.5e-3;            // between steps, where scheduling runs ahead of the device
};
inline constexpr ProductionFacts kProduction;

// Between the steps of a benchmark on library kernels the device waits for sampling, scheduling and the next step's
// inputs: about 2 ms before every replay of a captured graph in SGLang (issue 5593, April 2025); RTP-LLM reports its
// host 2 ms faster than the one in DeepSeek's decode trace, which so takes at least as long.
inline constexpr double kBenchmarkHostS = 2e-3;

}  // namespace hadal::predict
