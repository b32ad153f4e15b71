// Decode and prefill of the checkpoint that HADAL_CHECKPOINT names: tokens a second of the functional simulator, for a
// comparison with another program on the same file (tools/bench/llama.py).
#include <benchmark/benchmark.h>
#include <malloc.h>

#include <cstdlib>
#include <fstream>

#include "runtime/generate.h"

namespace hadal::runtime {
namespace {

constexpr int kPrefillRows = 16, kMostRows = 32;        // of a step: little memory, and the largest
constexpr int kPromptTokens = 128, kDecodeTokens = 64;  // PREFILL_TOKENS and DECODE_TOKENS of tools/bench/llama.py

struct Settings {
  int rows = 1;    // of a step
  int tokens = 1;  // of a sequence that only wants to know what follows them
  int weight_digits = 2;
  bool checks = false;
};

// What the process holds in memory.
double resident_bytes() {
  std::ifstream file("/proc/self/statm");
  double total = 0, resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

// Tokens at consecutive positions, again from the start after a prompt, or as many tokens as are decoded.
void checkpoint(benchmark::State& state, const std::string& path, const Settings& settings) {
  ::malloc_trim(0);  // what an earlier measurement left is not this one's memory
  constexpr int kContext = 256;
  const model::Model model = model::Model::load(path);
  const chip::Chip chip = chip::load("chips/hadal-1.yaml");
  kernels::CompileOptions options{.sequences = 1, .context = kContext, .row_buckets = {settings.rows}};
  options.weight_digits = settings.weight_digits;
  const sim::FunctionalOptions functional{.check_races = settings.checks,
                                          .check_initialised = settings.checks,
                                          .interleave_seed = {},
                                          .threads = static_cast<int>(state.range(0))};
  Session session(model, chip, {.compile = options, .functional = functional, .timing = false});
  std::vector<Row> rows(static_cast<size_t>(settings.rows));
  int64_t position = 0;
  const auto run = [&] {
    for (int done = 0; done < settings.tokens; done += settings.rows) {
      for (Row& row : rows)
        row = {static_cast<int32_t>(100 + position % 1000), 0, position++, done + settings.rows == settings.tokens};
      session.step(rows);
    }
    benchmark::DoNotOptimize(argmax(session.logits(rows.size() - 1)));
    if (position >= (settings.tokens > 1 ? kPromptTokens : kDecodeTokens)) position = 0;
  };
  run();  // makes the weights
  for (auto _ : state) run();
  double bytes = 0;
  for (const program::Segment& segment : session.compiled().programs[0].segments) {
    bytes += static_cast<double>(segment.lines) * 64;
  }
  state.counters["memory_ratio"] = resident_bytes() / bytes;
  state.counters["tokens_per_s"] =
      benchmark::Counter(static_cast<double>(state.iterations() * settings.tokens), benchmark::Counter::kIsRate);
}

// Without a checkpoint there is nothing to measure.
const bool kRegistered = [] {
  const char* path = std::getenv("HADAL_CHECKPOINT");
  if (path == nullptr) return false;
  const std::pair<const char*, Settings> all[] = {
      {"checkpoint/decode", {.rows = 1}},
      {"checkpoint/decode_one_digit", {.rows = 1, .weight_digits = 1}},
      {"checkpoint/decode_with_checks", {.rows = 1, .checks = true}},
      {"checkpoint/prefill", {.rows = kPrefillRows, .tokens = kPromptTokens}},
      {"checkpoint/prefill_one_digit", {.rows = kPrefillRows, .tokens = kPromptTokens, .weight_digits = 1}},
      {"checkpoint/prefill_32_rows", {.rows = kMostRows, .tokens = kPromptTokens}},
      {"checkpoint/prefill_32_rows_one_digit", {.rows = kMostRows, .tokens = kPromptTokens, .weight_digits = 1}}};
  for (const auto& [name, settings] : all) {
    benchmark::RegisterBenchmark(name, checkpoint, std::string(path), settings)
        ->Arg(1)
        ->Arg(2)
        ->Unit(benchmark::kMillisecond)
        ->UseRealTime();
  }
  return true;
}();

}  // namespace
}  // namespace hadal::runtime
