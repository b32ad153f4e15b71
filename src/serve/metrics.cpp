// https://prometheus.io/docs/instrumenting/exposition_formats: seconds, joules, _total for what only grows.
#include "serve/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace hadal::serve {
namespace {

std::string header(const std::string& name, const std::string& type, const std::string& help) {
  return fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

template <typename T>
std::string single(const std::string& name, const std::string& type, const std::string& help, T value) {
  return header(name, type, help) + fmt::format("{} {}\n", name, value);
}

}  // namespace

void Metrics::observe(Histogram& histogram, double seconds) {
  const std::lock_guard lock(mutex_);
  ++histogram.counts[static_cast<size_t>(std::lower_bound(kBounds.begin(), kBounds.end(), seconds) - kBounds.begin())];
  histogram.sum += seconds;
}

void Metrics::answered(const std::string& endpoint, int status) {
  const std::lock_guard lock(mutex_);
  ++answers_[{endpoint, status}];
}

void Metrics::finished(const Usage& usage, Ending ending) {
  if (usage.completion_tokens > 1) observe(token_, usage.decode_s / static_cast<double>(usage.completion_tokens - 1));
  observe(request_, usage.queue_s + usage.prefill_s + usage.decode_s);
  const std::lock_guard lock(mutex_);
  ++endings_[ending];
}

std::string Metrics::histogram_text(const std::string& name, const std::string& help, const Histogram& histogram) {
  std::string out = header(name, "histogram", help);
  uint64_t below = 0;
  for (size_t i = 0; i < kBounds.size(); ++i) {
    below += histogram.counts[i];
    out += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", name, kBounds[i], below);
  }
  below += histogram.counts.back();
  return out + fmt::format("{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name, below, histogram.sum);
}

std::string Metrics::text(const EngineCounters& e, const ConnectionCounters& c) const {
  constexpr std::string_view kEndings[] = {"stop", "length", "timeout", "cancelled", "failed"};
  const std::lock_guard lock(mutex_);
  std::string out = header("hadal_http_answers_total", "counter", "Answers by endpoint and status.");
  for (const auto& [key, count] : answers_) {
    out += fmt::format("hadal_http_answers_total{{endpoint=\"{}\",status=\"{}\"}} {}\n", key.first, key.second, count);
  }
  out += header("hadal_requests_ended_total", "counter", "Generations by what ended them.");
  for (const auto& [ending, count] : endings_) {
    out += fmt::format("hadal_requests_ended_total{{by=\"{}\"}} {}\n", kEndings[static_cast<size_t>(ending)], count);
  }
  out += single("hadal_connections_arriving", "gauge", "Connections whose request is not whole yet.", c.arriving);
  out += single("hadal_requests_late_total", "counter", "Requests that took too long to arrive.", c.late);
  out += single("hadal_requests_crowded_total", "counter", "Requests dropped to make room for others.", c.crowded);
  out += single("hadal_requests_active", "gauge", "Requests that hold a slot.", e.active);
  out += single("hadal_requests_waiting", "gauge", "Requests that wait for a slot.", e.waiting);
  out += single("hadal_prompt_tokens_total", "counter", "Tokens of prompts that were run.", e.prompt_tokens);
  out += single("hadal_cached_tokens_total", "counter", "Tokens of prompts found in the cache.", e.cached_tokens);
  out += single("hadal_completion_tokens_total", "counter", "Tokens generated.", e.completion_tokens);
  out += single("hadal_steps_total", "counter", "Steps of the chip.", e.steps);
  out += single("hadal_rows_total", "counter", "Rows in those steps.", e.rows);
  out += single("hadal_step_seconds_total", "counter", "Host time in steps.", e.step_s);
  out += single("hadal_simulated_cycles_total", "counter", "Cycles of the simulated chip.", e.cycles);
  out += single("hadal_simulated_seconds_total", "counter", "Time of the simulated chip.", e.simulated_s);
  out += single("hadal_simulated_energy_joules_total", "counter", "Energy of the simulated chip.", e.energy_j);
  out += histogram_text("hadal_first_token_seconds", "From submission to the first token.", first_token_);
  out += histogram_text("hadal_token_seconds", "Mean time between tokens of a request.", token_);
  return out + histogram_text("hadal_request_seconds", "From submission to the last token.", request_);
}

}  // namespace hadal::serve
