// Speed of the predictor: one GEMM with its search over tilings, one decode point of DeepSeek-V3, points on two
// threads.
#include <benchmark/benchmark.h>

#include "predict/system.h"

namespace hadal::predict {
namespace {

struct Setting {
  chip::Chip chip = chip::load_any("chips/h800.yaml");
  model::Architecture model = model::Architecture::load("models/configs/DeepSeek-V3.json");
  Constants constants = load_constants("measurements/constants.yaml");
};

const Setting& setting() {
  static const Setting kSetting;
  return kSetting;
}

void gemm(benchmark::State& state) {
  const Device device(setting().chip, setting().constants);
  graph::GemmTask task{4096, 7168, 2048, 1, graph::Format::kBf16, graph::Format::kBf16, 2, false, {}};
  for (auto _ : state) {
    benchmark::DoNotOptimize(task);
    benchmark::DoNotOptimize(estimate(device, task));
  }
}
BENCHMARK(gemm)->Unit(benchmark::kMicrosecond);

void decode_point(benchmark::State& state) {
  SystemOptions o;
  o.plan.ep = o.plan.dp = 128;
  o.sequences = 128;
  o.keys = 4096;
  o.overlap = 2;
  for (auto _ : state) {
    o.keys = o.keys < 8192 ? o.keys + 1 : 4096;
    benchmark::DoNotOptimize(predict(setting().chip, setting().constants, setting().model, o));
  }
  state.counters["points/s"] = benchmark::Counter(static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}
BENCHMARK(decode_point)->Unit(benchmark::kMicrosecond);
BENCHMARK(decode_point)->Threads(2)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace hadal::predict
