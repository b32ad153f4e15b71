// Speed of the timing simulator: instructions a second on synthetic work of 1 and 48 cores.
#include <benchmark/benchmark.h>

#include "chip/chip.h"
#include "sim/timing.h"
#include "sim/timing/trace_builder.h"

namespace hadal::sim::timing {
namespace {

using testing::Builder;

// Run from the root of the repository.
chip::Chip hadal_1() { return chip::load("chips/hadal-1.yaml"); }

// A decoder-like mix: weights in, a matrix product, a few vector operations, a row out, all in a loop of 16
// instructions with the usual semaphores; every 16th pass the cores exchange a line.
Trace mixed_trace(int cores, int passes) {
  Trace trace;
  trace.cores.resize(static_cast<size_t>(cores));
  for (int c = 0; c < cores; ++c) {
    Builder b(trace.cores[static_cast<size_t>(c)]);
    const uint64_t weights = static_cast<uint64_t>(c) << 18;
    for (int p = 0; p < passes; ++p) {
      const uint32_t pass = static_cast<uint32_t>(p);
      uint32_t pc = 0;
      auto at = [&] { b.pc(pc++); };
      b.set(), at();
      b.ld(pass % 4 * 64, weights + pass * 64 % (1 << 18), 64).post(1), at();
      if (p >= 4) b.wait(2);
      b.cfg(isa::Unit::kMm), at();
      b.mma(8, 64, 1).wait(1).post(2), at();
      b.mma(8, 32, 2), at();
      b.mma(4, 64, 1).post(3), at();
      b.cfg(isa::Unit::kVx), at();
      b.mul(4096, 5000, 6000, 4, 64).wait(3), at();
      b.vx(isa::Op::kVred, 4608, 4096, 0, 4, 64), at();
      b.mul(5120, 7000, 6000, 2, 128), at();
      b.vx(isa::Op::kVsfu, 5632, 5120, 0, 2, 64), at();
      b.mul(6144, 5632, 6000, 2, 64).post(4), at();
      b.set(), at();
      b.st((1ull << 26) + weights + pass % 1024, 6144, 2).wait(4), at();
      if (p % 16 == 15) {
        b.snd(1ull << ((c + 1) % cores), 1), at();
      } else {
        b.set(), at();
      }
      b.set(), at();
    }
    b.halt();
  }
  return trace;
}

void mixed(benchmark::State& state) {
  const chip::Chip chip = hadal_1();
  const int cores = static_cast<int>(state.range(0));
  const Trace trace = mixed_trace(cores, static_cast<int>(1'000'000 / 16 / cores));
  const program::Program program;
  uint64_t instructions = 0, cycles = 0;
  for (auto _ : state) {
    const TimingResult r = simulate_timing(chip, program, trace);
    instructions += r.instructions;
    cycles += r.cycles;
  }
  state.counters["instructions/s"] = benchmark::Counter(static_cast<double>(instructions), benchmark::Counter::kIsRate);
  state.counters["cycles/s"] = benchmark::Counter(static_cast<double>(cycles), benchmark::Counter::kIsRate);
}
BENCHMARK(mixed)->Name("timing/mixed/cores")->Arg(1)->Arg(48)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace hadal::sim::timing
