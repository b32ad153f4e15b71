// The machine's own limits: binary64 multiply-adds a second, bytes read a second.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "numerics/limits_bench.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>

#include "numerics/bench_util.h"

HWY_BEFORE_NAMESPACE();
namespace hadal::num::bench::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Twelve independent chains hide the latency of the multiplier on every machine we know.
uint64_t multiply_add_rounds(uint64_t rounds, double* sink) {
  const hn::ScalableTag<double> d;
  const auto x = hn::Set(d, 0.999), y = hn::Set(d, 1e-3);
  // Different starts, or the compiler sees that the chains are one.
  const double z = *sink;
  auto a = hn::Set(d, 1 + z), b = hn::Set(d, 2 + z), c = hn::Set(d, 3 + z), e = hn::Set(d, 4 + z),
       f = hn::Set(d, 5 + z);
  auto g = hn::Set(d, 6 + z), h = hn::Set(d, 7 + z), i = hn::Set(d, 8 + z), j = hn::Set(d, 9 + z),
       k = hn::Set(d, 10 + z);
  auto l = hn::Set(d, 11 + z), m = hn::Set(d, 12 + z);
  for (uint64_t r = 0; r < rounds; ++r) {
    a = hn::MulAdd(a, x, y), b = hn::MulAdd(b, x, y), c = hn::MulAdd(c, x, y), e = hn::MulAdd(e, x, y);
    f = hn::MulAdd(f, x, y), g = hn::MulAdd(g, x, y), h = hn::MulAdd(h, x, y), i = hn::MulAdd(i, x, y);
    j = hn::MulAdd(j, x, y), k = hn::MulAdd(k, x, y), l = hn::MulAdd(l, x, y), m = hn::MulAdd(m, x, y);
  }
  a = hn::Add(hn::Add(hn::Add(a, b), hn::Add(c, e)), hn::Add(hn::Add(f, g), hn::Add(h, i)));
  *sink = hn::GetLane(hn::Add(a, hn::Add(hn::Add(j, k), hn::Add(l, m))));
  return rounds * 12 * hn::Lanes(d);
}

uint64_t read_all(const uint8_t* from, size_t bytes) {
  const hn::ScalableTag<uint64_t> d;
  const size_t step = hn::Lanes(d) * 8;
  auto a = hn::Zero(d), b = a, c = a, e = a;
  for (size_t i = 0; i + 4 * step <= bytes; i += 4 * step) {
    const auto* p = reinterpret_cast<const uint64_t*>(from + i);
    a = hn::Add(a, hn::LoadU(d, p));
    b = hn::Add(b, hn::LoadU(d, p + hn::Lanes(d)));
    c = hn::Add(c, hn::LoadU(d, p + 2 * hn::Lanes(d)));
    e = hn::Add(e, hn::LoadU(d, p + 3 * hn::Lanes(d)));
  }
  return hn::GetLane(hn::Add(hn::Add(a, b), hn::Add(c, e)));
}

}  // namespace hadal::num::bench::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace hadal::num::bench {
HWY_EXPORT(multiply_add_rounds);
HWY_EXPORT(read_all);

uint64_t multiply_add_rounds(uint64_t rounds, double* sink) {
  return HWY_DYNAMIC_DISPATCH(multiply_add_rounds)(rounds, sink);
}

uint64_t read_all(const uint8_t* from, size_t bytes) { return HWY_DYNAMIC_DISPATCH(read_all)(from, bytes); }

const uint8_t* stream_buffer() {
  static const std::unique_ptr<uint8_t[]> buffer = [] {
    auto b = std::make_unique_for_overwrite<uint8_t[]>(kStreamBytes + 64);
    uint32_t x = 1;
    for (size_t i = 0; i < kStreamBytes; ++i) {
      x = x * 1664525 + 1013904223;
      uint8_t code = static_cast<uint8_t>(x >> 24);
      b[i] = (code & 0x7F) == 0x7F ? 0 : code;
    }
    return b;
  }();
  return buffer.get() + (64 - reinterpret_cast<uintptr_t>(buffer.get()) % 64) % 64;
}

namespace {

void fp64_fma(benchmark::State& state) {
  uint64_t done = 0;
  double sink = 0;
  for (auto _ : state) {
    done += multiply_add_rounds(100000, &sink);
    benchmark::DoNotOptimize(sink);
  }
  state.counters["MAC/s"] = benchmark::Counter(static_cast<double>(done), benchmark::Counter::kIsRate);
}
BENCHMARK(fp64_fma);

void read_bandwidth(benchmark::State& state) {
  const size_t share = (kStreamBytes - 64) / static_cast<size_t>(state.threads()) / 4096 * 4096;
  const uint8_t* from = stream_buffer() + share * static_cast<size_t>(state.thread_index());
  for (auto _ : state) benchmark::DoNotOptimize(read_all(from, share));
  state.SetBytesProcessed(static_cast<int64_t>(share) * state.iterations());
}
BENCHMARK(read_bandwidth)->Threads(1)->Threads(2)->MinTime(1.0);

}  // namespace
}  // namespace hadal::num::bench
#endif
