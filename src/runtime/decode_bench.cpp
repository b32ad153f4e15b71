// End-to-end decode of the bundled model: tokens a second of the functional simulator, and what the timing simulator
// costs on top, measured in turn in one run; and the chip's cycles of a step of many rows.
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
  Decoder(const model::Model& model, const chip::Chip& chip, bool checks, bool timing)
      : session_(
            model, chip,
            {.compile = {.sequences = 1, .context = 512, .row_buckets = {1}},
             .functional = {.check_races = checks, .check_initialised = checks, .interleave_seed = {}, .threads = 2},
             .timing = timing}) {}
  double step() {
    const auto start = std::chrono::steady_clock::now();
    session_.step(std::vector<Row>{{token_, 0, position_}});
    token_ = argmax(session_.logits(0));
    position_ = (position_ + 1) % 512;
    return seconds_since(start);
  }
  Session& session() { return session_; }

 private:
  Session session_;
  int32_t token_ = 0;
  int64_t position_ = 0;
};

struct Subject {
  model::Model model = model::Model::load("models/hadal-tiny");
  chip::Chip chip = chip::load("chips/hadal-1.yaml");
};

void decode(benchmark::State& state, bool checks) {
  const Subject subject;
  Decoder decoder(subject.model, subject.chip, checks, false);
  double seconds = 0;
  for (auto _ : state) seconds += decoder.step();
  state.counters["tokens_per_s"] = static_cast<double>(state.iterations()) / seconds;
}
BENCHMARK_CAPTURE(decode, with_checks, true)->Unit(benchmark::kMillisecond)->Iterations(200)->UseRealTime();
BENCHMARK_CAPTURE(decode, without_checks, false)->Unit(benchmark::kMillisecond)->Iterations(200)->UseRealTime();

// What the timing simulator costs on top, the two in turn. The replay of a step runs beside the next step, so a turn is
// several steps and ends when the last replay has.
void timing_over_functional(benchmark::State& state) {
  constexpr int kTurn = 20;
  const Subject subject;
  Decoder functional(subject.model, subject.chip, true, false), timed(subject.model, subject.chip, true, true);
  double functional_s = 0, timed_s = 0;
  for (auto _ : state) {
    for (int i = 0; i < kTurn; ++i) functional_s += functional.step();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kTurn; ++i) timed.step();
    timed.session().timing();
    timed_s += seconds_since(start);
  }
  const double n = kTurn * static_cast<double>(state.iterations());
  const sim::TimingResult& sum = timed.session().timing().sum;
  state.counters["ratio"] = timed_s / functional_s;
  state.counters["instructions_per_step"] = static_cast<double>(sum.instructions) / n;
  state.counters["chip_cycles_per_token"] = static_cast<double>(sum.cycles) / n;
}
BENCHMARK(timing_over_functional)->Unit(benchmark::kMillisecond)->Iterations(10)->UseRealTime();

// A step of 32 rows of prefill, whose residual every core keeps or the owners of the rows (docs/decisions/0015).
void rows_32(benchmark::State& state, int64_t owners_from) {
  const Subject subject;
  SessionOptions options{.compile = {.sequences = 1, .context = 512, .row_buckets = {32}},
                         .functional = {.interleave_seed = {}, .threads = 2},
                         .timing = true};
  options.compile.owners_from = owners_from;
  Session session(subject.model, subject.chip, options);
  std::vector<Row> rows(32);
  for (size_t r = 0; r < rows.size(); ++r) rows[r] = {static_cast<int32_t>(r), 0, static_cast<int64_t>(r)};
  for (auto _ : state) session.step(rows);
  const sim::TimingResult& sum = session.timing().sum;
  const auto n = static_cast<double>(state.iterations());
  state.counters["chip_cycles"] = static_cast<double>(sum.cycles) / n;
  state.counters["chip_uj"] = 1e6 * sum.energy.total() / n;
}
BENCHMARK_CAPTURE(rows_32, owners_keep, 0)->Unit(benchmark::kMillisecond)->Iterations(10)->UseRealTime();
BENCHMARK_CAPTURE(rows_32, every_core_keeps, INT64_MAX)->Unit(benchmark::kMillisecond)->Iterations(10)->UseRealTime();

}  // namespace
}  // namespace hadal::runtime
