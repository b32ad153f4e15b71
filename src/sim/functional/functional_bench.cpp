// A launch the size of a decode step of the bundled model: 48 cores, about 700 instructions each, 20 MB of weights.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "chip/chip.h"
#include "isa/isa.h"
#include "sim/functional.h"

namespace hadal::sim {
namespace {

constexpr int kCores = 48, kTiles = 64, kTilesAnExchange = 16;
constexpr uint64_t kTileLines = 104;  // loaded a tile; 64 of them are multiplied

struct DecodeStep {
  DecodeStep() : weights(kCores * kTiles * kTileLines * 64) {
    chip.cores = kCores;
    chip.fifo_depth = 8;
    chip.imem_instructions = 1024;
    chip.spm.bytes = 1 << 20;
    chip.acc.bytes = 256 << 10;
    program.cores.resize(kCores);
    program.segments = {{"weights", 0, kCores * kTiles * kTileLines, false, weights, nullptr},
                        {"state", 1 << 20, 4096, true, {}, nullptr}};
    for (int c = 0; c < kCores; ++c) core(c);
  }

  void emit(int c, const std::string& line) {
    program.cores[static_cast<size_t>(c)].code.push_back(isa::encode(isa::assemble_line(line, "bench")));
  }

  // Double-buffered weights (S0 full, S1 free), matrix results (S2), and now and then an exchange of activations of all
  // cores (S4 arrived, S3 may be sent).
  void core(int c) {
    emit(c, fmt::format("SET rd=r1 imm={}", (uint64_t{1} << kCores) - 1));
    emit(c, fmt::format("LD d=spm[0] s=hbm[{}] rows=1 len=16 post=5:2", 1 << 20));
    emit(c, "CFG.MM.SBSH imm=31");
    emit(c, "SYNC unit=VX post=1:2 wait=5:1");
    emit(c, "SYNC unit=MM wait=5:1");
    emit(c, "VALU.ABS d=spm[16] a=spm[0] rows=1 cols=128");
    for (int t = 0; t < kTiles; ++t) {
      const int buffer = 1000 + t % 2 * 128;
      emit(c, fmt::format("LD d=spm[{}] s=hbm[{}] rows=1 len={} wait=1:1 post=0:1", buffer,
                          (static_cast<uint64_t>(c) * kTiles + static_cast<uint64_t>(t)) * kTileLines, kTileLines));
      emit(c, fmt::format("MMA c=acc[{}] a=spm[0] b=spm[{}] m=1 n=1 kg=1 CLR wait=0:1 post=2:1", t % 2 * 8, buffer));
      emit(c, fmt::format("VALU.ADD d=spm[40] a=acc[{}] b=spm[16] rows=1 cols=32 wait=2:1 post=1:1", t % 2 * 8));
      emit(c, "VALU.MUL d=spm[40] a=spm[40] b=spm[16] rows=1 cols=32");
      emit(c, "VRED.SUM d=spm[44] a=spm[40] rows=1 cols=32");
      emit(c, "VSFU.EXP2 d=spm[44] a=spm[44] rows=1 cols=1");
      emit(c, "VALU.MUL d=spm[40] a=spm[40] b=spm[44] rows=1 cols=32 bc=scalar");
      emit(c, "CFG.VX.IMM imm=3");
      emit(c, "VPRM.COPY d=spm[16] a=spm[40] rows=1 cols=32");
      if (t % kTilesAnExchange != kTilesAnExchange - 1) continue;
      // Everybody tells everybody that the inbox is free, then sends.
      emit(c, "SYNC unit=VX mask=r1 post=6:1 REMOTE");
      emit(c, "SYNC unit=VX post=3:1");
      emit(c, "SYNC unit=NX wait=6:48");
      emit(c, fmt::format("SND d=spm[{}] s=spm[40] rows=1 len=2 mask=r1 wait=3:1 post=4:1", 100 + 2 * c));
      emit(c, "VPRM.COPY d=spm[300] a=spm[100] rows=1 cols=1536 wait=4:48");
      emit(c, "SYNC unit=NX post=7:1");
      emit(c, "SYNC unit=VX wait=7:1");
    }
    emit(c, "SYNC unit=VX post=8:1");
    emit(c, fmt::format("ST d=hbm[{}] s=spm[40] rows=1 len=2 wait=8:1", (1 << 20) + 64 + 2 * c));
    emit(c, "HALT");
  }

  chip::Chip chip;
  program::Program program;
  std::vector<std::byte> weights;
};

// Arguments: threads, checks.
void BM_DecodeStep(benchmark::State& state) {
  const DecodeStep step;
  FunctionalOptions options;
  options.threads = static_cast<int>(state.range(0));
  options.check_races = options.check_initialised = state.range(1) != 0;
  Functional simulator(step.chip, step.program, options);
  for (auto _ : state) simulator.launch();
  const FunctionalStats& stats = simulator.stats();
  const auto per_launch = [&](uint64_t total) {
    return static_cast<double>(total) / static_cast<double>(stats.launches);
  };
  state.counters["instructions"] = per_launch(stats.instructions);
  state.counters["dram_MB"] = per_launch(stats.dram_read_bytes) / 1e6;
  state.counters["MMACs"] = per_launch(stats.macs) / 1e6;
}
BENCHMARK(BM_DecodeStep)
    ->ArgNames({"threads", "checks"})
    ->Args({1, 0})
    ->Args({1, 1})
    ->Args({2, 1})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace hadal::sim
