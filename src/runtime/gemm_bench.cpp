// The timing simulator on a compiled matrix product: simulated cycles a second.
#include <benchmark/benchmark.h>

#include "kernels/gemm.h"
#include "sim/functional.h"
#include "sim/timing.h"

namespace hadal::runtime {
namespace {

void gemm(benchmark::State& state) {
  const chip::Chip chip = chip::load("chips/hadal-1.yaml");
  const int size = static_cast<int>(state.range(0));
  const kernels::Gemm gemm = kernels::compile_gemm(chip, {size, size, size});
  sim::Functional functional(chip, gemm.program, {.interleave_seed = {}, .threads = 2});
  sim::Trace trace;
  functional.launch(&trace);  // operands of zeros: control flow does not depend on them
  uint64_t cycles = 0, macs = 0, last = 0;
  for (auto _ : state) {
    const sim::TimingResult result = sim::simulate_timing(chip, gemm.program, trace);
    cycles += last = result.cycles;
    macs = result.macs;
  }
  const double peak = static_cast<double>(chip.cores) * chip.matrix.rows * chip.matrix.cols * chip.matrix.depth;
  state.counters["cycles/s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
  state.counters["cycles"] = static_cast<double>(last);
  state.counters["mac_utilisation"] = static_cast<double>(macs) / (static_cast<double>(last) * peak);
}
BENCHMARK(gemm)->Name("timing/gemm")->Arg(1024)->Arg(4096)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hadal::runtime
