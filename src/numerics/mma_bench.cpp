// MMA: large products against the binary64 peak, single rows against the read bandwidth, and attention's shapes.
#include <benchmark/benchmark.h>

#include <vector>

#include "numerics/bench_util.h"
#include "numerics/mma_engine.h"
#include "numerics/numerics.h"

namespace hadal::num::bench {
namespace {

// Operands of one MMA in the default blocked layout (or another), digits taken from the stream buffer.
struct Operands {
  std::vector<float> scales, acc;
  Mma op;

  Operands(int m, int n, int groups, int group, BLayout layout, bool two_a, bool two_b)
      : scales(static_cast<size_t>(m + n) * static_cast<size_t>(groups), 0.5f),
        acc(static_cast<size_t>(m) * static_cast<size_t>(n)) {
    const size_t blocks = static_cast<size_t>(groups * group + 127) / 128;
    op.m = m;
    op.n = n;
    op.groups = groups;
    op.group = group;
    op.clear = true;
    op.layout = layout;
    op.a = stream_buffer();
    op.a_row = 128;
    op.a_block = static_cast<size_t>(m) * 128;
    op.b = stream_buffer() + (size_t{64} << 20);
    if (two_a) op.a_low = op.a + (size_t{32} << 20);
    if (two_b) op.b_low = op.b + (size_t{32} << 20);
    op.b_n = layout == BLayout::kBlocked ? 2048 : layout == BLayout::kRows ? blocks * 128 : static_cast<size_t>(n);
    op.b_block = layout == BLayout::kBlocked ? op.b_n * static_cast<size_t>(n / 16)
                 : layout == BLayout::kRows  ? 128
                                             : 128 * static_cast<size_t>(n);
    op.sa = scales.data();
    op.sa_group = static_cast<size_t>(m);
    op.sb = scales.data();
    op.sb_shift = 7;
    op.sb_n = 1;
    op.sb_group = static_cast<size_t>(n);
    op.acc = acc.data();
    op.acc_row = static_cast<size_t>(n);
  }
  double macs() const { return 1.0 * op.m * op.n * op.groups * op.group; }
};

void run(benchmark::State& state, const Operands& x, Engine engine) {
  if (!has_engine(engine)) {
    state.SkipWithError("not on this machine");
    return;
  }
  for (auto _ : state) mma_with(engine, x.op);
  state.counters["MAC/s"] =
      benchmark::Counter(x.macs() * static_cast<double>(state.iterations()), benchmark::Counter::kIsRate);
}

Engine best() {
  return has_engine(Engine::kAmx) ? Engine::kAmx : has_engine(Engine::kVnni) ? Engine::kVnni : Engine::kPortable;
}

void gemm(benchmark::State& state, Engine engine) {
  run(state, Operands(static_cast<int>(state.range(0)), 1024, 8, 128, BLayout::kBlocked, state.range(1) == 2, false),
      engine);
}
BENCHMARK_CAPTURE(gemm, best, best())
    ->ArgNames({"m", "digits"})
    ->Args({64, 1})
    ->Args({128, 1})
    ->Args({256, 1})
    ->Args({1024, 1})
    ->Args({64, 2});
BENCHMARK_CAPTURE(gemm, vnni, Engine::kVnni)
    ->ArgNames({"m", "digits"})
    ->Args({8, 1})
    ->Args({16, 1})
    ->Args({64, 1})
    ->Args({256, 1})
    ->Args({64, 2});
BENCHMARK_CAPTURE(gemm, portable, Engine::kPortable)->ArgNames({"m", "digits"})->Args({64, 1})->Args({256, 1});

// A matrix product with few rows streams its weights: 1 MiB of them a call, each byte of the buffer once a pass.
void gemv(benchmark::State& state, Engine engine) {
  if (!has_engine(engine)) {
    state.SkipWithError("not on this machine");
    return;
  }
  const int groups = static_cast<int>(state.range(2)), n = static_cast<int>(state.range(1));
  const auto digits = static_cast<size_t>(state.range(3));
  Operands x(static_cast<int>(state.range(0)), n, groups, 128, BLayout::kBlocked, true, digits == 2);
  const size_t call = static_cast<size_t>(n) * 128 * static_cast<size_t>(groups);
  const size_t share = kStreamBytes / static_cast<size_t>(state.threads()) / call * call;
  const uint8_t* from = stream_buffer() + share * static_cast<size_t>(state.thread_index());
  for (auto _ : state) {
    for (size_t at = 0; at + digits * call <= share; at += digits * call) {
      x.op.b = from + at;
      if (digits == 2) x.op.b_low = from + at + call;
      mma_with(engine, x.op);
    }
  }
  state.SetBytesProcessed(static_cast<int64_t>(share) * state.iterations());
}
BENCHMARK_CAPTURE(gemv, best, best())
    ->ArgNames({"m", "n", "groups", "digits"})
    ->Args({1, 1024, 8, 1})
    ->Args({1, 32, 4, 1})
    ->Args({1, 32, 4, 2})
    ->Args({4, 1024, 8, 1})
    ->Args({16, 1024, 8, 1})
    ->Threads(1)
    ->Threads(2)
    ->MinTime(1.0);
BENCHMARK_CAPTURE(gemv, vnni, Engine::kVnni)
    ->ArgNames({"m", "n", "groups", "digits"})
    ->Args({1, 1024, 8, 1})
    ->MinTime(1.0);
BENCHMARK_CAPTURE(gemv, portable, Engine::kPortable)
    ->ArgNames({"m", "n", "groups", "digits"})
    ->Args({1, 1024, 8, 1})
    ->MinTime(1.0);

void attention(benchmark::State& state, Engine engine) {
  const auto layout = state.range(3) == 1 ? BLayout::kRows : BLayout::kTransposed;
  run(state,
      Operands(static_cast<int>(state.range(0)), static_cast<int>(state.range(1)), static_cast<int>(state.range(2)),
               layout == BLayout::kRows ? 128 : 64, layout, true, state.range(4) == 2),
      engine);
}
BENCHMARK_CAPTURE(attention, best, best())
    ->ArgNames({"m", "n", "groups", "layout", "digits"})
    ->Args({64, 64, 5, 1, 1})
    ->Args({64, 512, 1, 2, 1})
    ->Args({16, 128, 1, 1, 2})
    ->Args({16, 128, 2, 2, 2})
    ->Args({4, 32, 1, 1, 2})
    ->Args({4, 128, 1, 2, 2});

}  // namespace
}  // namespace hadal::num::bench
