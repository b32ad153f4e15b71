// The loop over steps: a prefill instance and a decode instance with their queues.
#include "predict/serve.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <limits>
#include <queue>
#include <random>
#include <sstream>

#include "base/error.h"
#include "base/mapped_file.h"

namespace hadal::predict {
namespace {

constexpr double kNever = std::numeric_limits<double>::infinity();

Percentiles percentiles(std::vector<double> values) {
  Percentiles out;
  if (values.empty()) return out;
  std::sort(values.begin(), values.end());
  const auto at = [&](double q) {
    return values[static_cast<size_t>(std::lround(q * static_cast<double>(values.size() - 1)))];
  };
  for (const double v : values) out.mean += v / static_cast<double>(values.size());
  out.p50 = at(0.5);
  out.p90 = at(0.9);
  out.p99 = at(0.99);
  return out;
}

struct Running {
  size_t request = 0;
  double made = 0;  // output tokens so far
};

class Server {
 public:
  Server(const chip::Chip& chip, const Constants& constants, const model::Architecture& model,
         const ServeOptions& options, std::vector<Request>& requests)
      : chip_(chip), constants_(constants), model_(model), o_(options), requests_(requests) {
    for (size_t r = 0; r < requests.size(); ++r) {
      waiting_.push_back(r);
      left_.push_back(requests[r].prompt);
    }
  }

  void run() {
    while (true) {
      if (o_.disaggregated) {
        const double prefill = prefill_ready(), decode = decode_ready();
        if (prefill == kNever && decode == kNever) return;
        prefill <= decode ? prefill_step(prefill) : decode_step(decode);
      } else {
        const double both = std::min(prefill_ready(), decode_ready());
        if (both == kNever) return;
        shared_step(both);
      }
    }
  }

  double prefill_busy_s = 0, decode_busy_s = 0, batch_seconds = 0, end_s = 0, tokens_in_window = 0;

 private:
  double groups(const SystemOptions& s) const { return static_cast<double>(s.plan.dp); }

  double prefill_ready() const {
    return waiting_.empty() ? kNever : std::max(prefill_free_, requests_[waiting_.front()].arrival_s);
  }
  double decode_ready() const {
    const bool room = static_cast<double>(running_.size()) < o_.most_sequences * groups(o_.decode);
    if (!running_.empty()) return decode_free_;
    return handed_.empty() || !room ? kNever : std::max(decode_free_, handed_.top().first);
  }

  // Takes prompts, or pieces of them, up to a chunk on each device; gives the time they take.
  double take_chunk(double now, std::vector<size_t>& finished) {
    double room = o_.chunk * groups(o_.prefill), tokens = 0, context = 0, pieces = 0;
    while (!waiting_.empty() && room > 0 && requests_[waiting_.front()].arrival_s <= now) {
      const size_t r = waiting_.front();
      const double piece = std::min(room, left_.front());
      left_.front() -= piece;
      room -= piece;
      tokens += piece;
      pieces += 1;
      context += requests_[r].prompt - left_.front();
      if (left_.front() > 0) break;
      finished.push_back(r);
      waiting_.pop_front();
      left_.pop_front();
    }
    SystemOptions s = o_.prefill;
    s.prefill = true;
    s.sequences = std::max(1.0, pieces / groups(s));
    s.queries = tokens / (s.sequences * groups(s));
    s.keys = std::max(s.queries, context / pieces);
    s.prefix_hit = 0;
    return predict(chip_, constants_, model_, s).step_s;
  }

  void prefill_step(double start) {
    std::vector<size_t> finished;
    const double seconds = take_chunk(start, finished);
    prefill_free_ = start + seconds;
    prefill_busy_s += seconds;
    for (const size_t r : finished) {
      requests_[r].first_token_s = prefill_free_;
      const double hand = transfer_s(chip_, constants_, model_, requests_[r].prompt, o_.decode.cache);
      finish_or(r, prefill_free_, [&] { handed_.push({prefill_free_ + hand, r}); });
    }
  }

  void finish_or(size_t r, double now, const std::function<void()>& otherwise) {
    if (requests_[r].output > 1) return otherwise();
    requests_[r].finish_s = now;
    end_s = std::max(end_s, now);
  }

  double decode_seconds() const {
    double context = 0;
    for (const Running& x : running_) context += requests_[x.request].prompt + x.made;
    SystemOptions s = o_.decode;
    s.prefill = false;
    s.tpot_target_s = 0;
    s.sequences = std::max(1.0, static_cast<double>(running_.size()) / groups(s));
    s.keys = context / static_cast<double>(running_.size());
    return predict(chip_, constants_, model_, s).step_s;
  }

  void advance(double now) {
    const double gain = 1 + static_cast<double>(o_.decode.mtp) * o_.decode.acceptance;
    std::vector<Running> still;
    if (now <= requests_.back().arrival_s) tokens_in_window += gain * static_cast<double>(running_.size());
    for (Running& x : running_) {
      x.made += gain;
      if (x.made < requests_[x.request].output) {
        still.push_back(x);
      } else {
        requests_[x.request].finish_s = now;
        end_s = std::max(end_s, now);
      }
    }
    running_ = std::move(still);
  }

  void join(double now) {
    const double most = o_.most_sequences * groups(o_.decode);
    while (!handed_.empty() && handed_.top().first <= now && static_cast<double>(running_.size()) < most) {
      running_.push_back({handed_.top().second, 1});
      handed_.pop();
    }
  }

  void decode_step(double start) {
    join(start);
    const double seconds = decode_seconds();
    decode_free_ = start + seconds;
    decode_busy_s += seconds;
    batch_seconds += seconds * static_cast<double>(running_.size()) / groups(o_.decode);
    advance(decode_free_);
  }

  // Decode of what runs and a chunk of prefill in one step of one instance.
  void shared_step(double start) {
    join(start);
    std::vector<size_t> finished;
    const double most = o_.most_sequences * groups(o_.decode);
    const bool room = static_cast<double>(running_.size() + handed_.size()) < most;
    double seconds = 0;
    if (room && !waiting_.empty() && requests_[waiting_.front()].arrival_s <= start)
      seconds += take_chunk(start, finished);
    prefill_busy_s += seconds;
    if (!running_.empty()) {
      const double decode = decode_seconds();
      seconds += decode;
      decode_busy_s += decode;
      batch_seconds += seconds * static_cast<double>(running_.size()) / groups(o_.decode);
    }
    const double now = start + seconds;
    prefill_free_ = decode_free_ = now;
    if (!running_.empty()) advance(now);
    for (const size_t r : finished) {
      requests_[r].first_token_s = now;
      finish_or(r, now, [&] { handed_.push({now, r}); });
    }
  }

  using Handed = std::pair<double, size_t>;
  const chip::Chip& chip_;
  const Constants& constants_;
  const model::Architecture& model_;
  const ServeOptions& o_;
  std::vector<Request>& requests_;
  std::deque<size_t> waiting_;  // for prefill, in order of arrival
  std::deque<double> left_;     // prompt tokens of each that are still to be computed
  std::priority_queue<Handed, std::vector<Handed>, std::greater<>> handed_;  // to decode, by when they may start
  std::vector<Running> running_;
  double prefill_free_ = 0, decode_free_ = 0;
};

}  // namespace

std::string_view latency_definitions() {
  return "TTFT: from a request's arrival to its first output token, waiting included.\n"
         "TPOT: (last token - first token) / (output tokens - 1) of a request.\n"
         "E2E: from arrival to the last token.\n"
         "Goodput: requests that meet both objectives / time between the first and the last arrival.\n";
}

std::vector<Request> poisson_requests(double rate, size_t count, double mean_prompt, double mean_output,
                                      double variation, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::exponential_distribution<double> gap(rate);
  const double sigma = std::sqrt(std::log(1 + variation * variation));
  std::normal_distribution<double> normal(-sigma * sigma / 2, sigma > 0 ? sigma : 1);
  const auto length = [&](double mean) {
    return std::max(1.0, std::round(variation > 0 ? mean * std::exp(normal(random)) : mean));
  };
  std::vector<Request> out(count);
  double now = 0;
  for (Request& r : out) {
    now += gap(random);
    r.arrival_s = now;
    r.prompt = length(mean_prompt);
    r.output = length(mean_output);
  }
  return out;
}

std::vector<Request> trace_requests(const std::string& file) {
  std::istringstream in{std::string(MappedFile::open(file).text())};
  std::vector<Request> out;
  std::string line;
  for (int number = 1; std::getline(in, line); ++number) {
    if (line.empty() || line.front() == '#') continue;
    const std::string where = file + ":" + std::to_string(number);
    std::istringstream cells(line);
    Request r;
    std::string rest;
    if (!(cells >> r.arrival_s >> r.prompt >> r.output) || (cells >> rest)) {
      input_error(where, "'{}' is not a request; write arrival in seconds, prompt tokens, output tokens", line);
    }
    if (!(r.arrival_s >= 0) || !(r.prompt >= 1) || !(r.output >= 1)) {
      input_error(where, "arrival must be 0 or more, both lengths at least 1");
    }
    if (!out.empty() && r.arrival_s < out.back().arrival_s) input_error(where, "arrives before the request above it");
    out.push_back(r);
  }
  if (out.empty()) input_error(file, "holds no request");
  return out;
}

ServeResult serve(const chip::Chip& chip, const Constants& constants, const model::Architecture& model,
                  const ServeOptions& options, std::vector<Request> requests) {
  Server server(chip, constants, model, options, requests);
  server.run();
  ServeResult out;
  std::vector<double> ttft, tpot, e2e;
  double good = 0;
  for (const Request& r : requests) {
    check(r.finish_s >= r.first_token_s && r.first_token_s >= r.arrival_s, "a request was lost");
    ttft.push_back(r.first_token_s - r.arrival_s);
    e2e.push_back(r.finish_s - r.arrival_s);
    const double each = r.output > 1 ? (r.finish_s - r.first_token_s) / (r.output - 1) : 0;
    if (r.output > 1) tpot.push_back(each);
    good += ttft.back() <= options.ttft_slo_s && each <= options.tpot_slo_s ? 1 : 0;
  }
  // Rates are those of the time in which requests arrive; what finishes after the last one came belongs to no steady
  // state.
  const double span = server.end_s - requests.front().arrival_s;
  const double window = std::max(requests.back().arrival_s - requests.front().arrival_s, 1e-9);
  const double devices = static_cast<double>(options.decode.plan.devices()) +
                         (options.disaggregated ? static_cast<double>(options.prefill.plan.devices()) : 0);
  const double chips = devices / chip.performance.devices;
  out.ttft_s = percentiles(std::move(ttft));
  out.tpot_s = percentiles(std::move(tpot));
  out.e2e_s = percentiles(std::move(e2e));
  out.output_tokens_per_s_per_chip = server.tokens_in_window / window / chips;
  out.requests_per_s = static_cast<double>(requests.size()) / window;
  out.goodput_per_s = good / window;
  out.attained = good / static_cast<double>(requests.size());
  out.prefill_busy = server.prefill_busy_s / span;
  out.decode_busy = server.decode_busy_s / span;
  out.mean_batch = server.decode_busy_s > 0 ? server.batch_seconds / server.decode_busy_s : 0;
  return out;
}

double capacity(const chip::Chip& chip, const Constants& constants, const model::Architecture& model,
                const ServeOptions& options, double mean_prompt, double mean_output, double variation, size_t count,
                double share, uint64_t seed) {
  const auto meets = [&](double rate) {
    return serve(chip, constants, model, options,
                 poisson_requests(rate, count, mean_prompt, mean_output, variation, seed))
               .attained >= share;
  };
  double low = 0, high = 1e-3;
  while (meets(high) && high < 1e6) {
    low = high;
    high *= 2;
  }
  while (low > 0 && high / low > 1.02) {
    const double middle = std::sqrt(low * high);
    (meets(middle) ? low : high) = middle;
  }
  return low;
}

}  // namespace hadal::predict
