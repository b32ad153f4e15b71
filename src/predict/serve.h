// Serving: requests arrive, are prefilled and decoded in continuous batches; latencies as users see them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "predict/system.h"

namespace hadal::predict {

struct Request {
  double arrival_s = 0, prompt = 0, output = 0;  // tokens; at least one of each
  double first_token_s = -1, finish_s = -1;      // when they happened; below 0: not yet
};

// Requests with exponential gaps of mean 1 / `rate`, and log-normal lengths of the given means and variation (standard
// deviation over mean; 0: all alike).
std::vector<Request> poisson_requests(double rate, size_t count, double mean_prompt, double mean_output,
                                      double variation, uint64_t seed);
// A text file, a request a line: arrival in seconds, prompt tokens, output tokens; arrivals in order.
std::vector<Request> trace_requests(const std::string& file);

struct ServeOptions {
  SystemOptions prefill, decode;  // plans and formats; batch and lengths come from the requests
  bool disaggregated = true;      // prefill and decode on instances of their own, the cache handed over
  double chunk = 8192;            // tokens of prefill a device works on in a step
  double most_sequences = 256;    // running on a data-parallel group
  double ttft_slo_s = 2, tpot_slo_s = 0.05;
};

struct Percentiles {
  double p50 = 0, p90 = 0, p99 = 0, mean = 0;
};

struct ServeResult {
  Percentiles ttft_s, tpot_s, e2e_s;
  double output_tokens_per_s_per_chip = 0, requests_per_s = 0;
  double goodput_per_s = 0;                  // requests a second that met both objectives
  double attained = 0;                       // their share
  double prefill_busy = 0, decode_busy = 0;  // share of the time
  double mean_batch = 0;                     // sequences running on a data-parallel group
};

// What each latency means, to be printed beside the numbers.
std::string_view latency_definitions();

// One prefill and one decode instance (or one that does both: decode and a chunk of prefill in each step).
ServeResult serve(const chip::Chip& chip, const Constants& constants, const model::Architecture& model,
                  const ServeOptions& options, std::vector<Request> requests);

// The highest rate at which at least `share` of `count` requests meet both objectives, within 2 %.
double capacity(const chip::Chip& chip, const Constants& constants, const model::Architecture& model,
                const ServeOptions& options, double mean_prompt, double mean_output, double variation, size_t count,
                double share, uint64_t seed);

}  // namespace hadal::predict
