// End-to-end decode of the bundled model: tokens a second of the functional simulator, and what the timing simulator
// costs on top, measured in turn in one run.
#include <benchmark/benchmark.h>

#include <chrono>

#include "runtime/generate.h"

namespace hadal::runtime {
namespace {

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// One session that decodes a token a step at growing positions.
class Decoder {
 public:
  Decoder(const model::Model& model, const chip::Chip& chip, bool timing)
      : session_(model, chip,
                 {.compile = {.sequences = 1, .context = 512, .row_buckets = {1}},
                  .functional = {.threads = 2},
                  .timing = timing}) {}
  double step() {
    const auto start = std::chrono::steady_clock::now();
    session_.step(std::vector<Row>{{token_, 0, position_}});
    token_ = argmax(session_.logits(0));
    position_ = (position_ + 1) % 512;
    return seconds_since(start);
  }
  const Session& session() const { return session_; }

 private:
  Session session_;
  int32_t token_ = 0;
  int64_t position_ = 0;
};

void decode(benchmark::State& state) {
  const model::Model model = model::Model::load("models/hadal-tiny");
  const chip::Chip chip = chip::load("chips/hadal-1.yaml");
  Decoder functional(model, chip, false), timed(model, chip, true);
  double functional_s = 0, timed_s = 0;
  int64_t tokens = 0;
  for (auto _ : state) {
    functional_s += functional.step();
    timed_s += timed.step();
    ++tokens;
  }
  const auto n = static_cast<double>(tokens);
  const double instructions = static_cast<double>(timed.session().timing().sum.instructions);
  state.counters["functional_tokens_per_s"] = n / functional_s;
  state.counters["with_timing_over_functional"] = timed_s / functional_s;
  state.counters["instructions_per_step"] = instructions / n;
  state.counters["chip_cycles_per_token"] = static_cast<double>(timed.session().timing().sum.cycles) / n;
}
BENCHMARK(decode)->Unit(benchmark::kMillisecond)->Iterations(200);

}  // namespace
}  // namespace hadal::runtime
