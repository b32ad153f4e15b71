// The vector unit's functions: elements a second on a tile of 64 rows that fits the caches.
#include <benchmark/benchmark.h>

#include <vector>

#include "numerics/numerics.h"

namespace hadal::num::bench {
namespace {

constexpr int kRows = 64, kCols = 512;

struct Tiles {
  std::vector<float> x = std::vector<float>(kRows * kCols), y = x, z = x;
  Tiles() {
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = 0.37f + static_cast<float>(i % 977) * 0.01f;
      y[i] = 1.5f - static_cast<float>(i % 31) * 0.1f;
    }
  }
  Tile tile(std::vector<float>& v, Type type) {
    return {reinterpret_cast<std::byte*>(v.data()), kCols * sizeof(float), type};
  }
};

void count(benchmark::State& state) { state.SetItemsProcessed(state.iterations() * kRows * kCols); }

void vx_add(benchmark::State& state) {
  Tiles t;
  const Type type = state.range(0) ? Type::kBf16 : Type::kF32;
  for (auto _ : state)
    alu(AluOp::kAdd, t.tile(t.z, type), t.tile(t.x, type), t.tile(t.y, type), Bcast::kNone, kRows, kCols);
  count(state);
}
BENCHMARK(vx_add)->ArgName("bf16")->Arg(0)->Arg(1);

void vx_mula(benchmark::State& state) {
  Tiles t;
  const Type type = Type::kF32;
  for (auto _ : state) mula(t.tile(t.z, type), t.tile(t.x, type), t.tile(t.y, type), Bcast::kRow, kRows, kCols);
  count(state);
}
BENCHMARK(vx_mula);

void vx_sfu(benchmark::State& state) {
  Tiles t;
  const auto f = static_cast<SfuOp>(state.range(0));
  for (auto _ : state) sfu(f, t.tile(t.z, Type::kF32), t.tile(t.x, Type::kF32), kRows, kCols);
  count(state);
}
BENCHMARK(vx_sfu)->ArgName("function")->Arg(0)->Arg(1)->Arg(2);

void vx_reduce(benchmark::State& state) {
  Tiles t;
  const auto f = static_cast<RedOp>(state.range(0));
  const Tile d{reinterpret_cast<std::byte*>(t.z.data()), sizeof(float), Type::kF32};
  for (auto _ : state) reduce(f, d, t.tile(t.x, Type::kF32), kRows, kCols);
  count(state);
}
BENCHMARK(vx_reduce)->ArgName("function")->Arg(0)->Arg(1)->Arg(3);

void vx_quantise(benchmark::State& state) {
  Tiles t;
  std::vector<uint8_t> digits(2 * kRows * kCols);
  std::vector<float> scales(kRows * kCols / 128);
  const QuantTile q{digits.data(), 128, kRows * 128, kRows * kCols, scales.data(), 1, kRows};
  for (auto _ : state) {
    quantise(q, t.tile(t.x, Type::kF32), kRows, kCols, static_cast<int>(state.range(0)), 128, -126);
  }
  count(state);
}
BENCHMARK(vx_quantise)->ArgName("digits")->Arg(1)->Arg(2);

}  // namespace
}  // namespace hadal::num::bench
