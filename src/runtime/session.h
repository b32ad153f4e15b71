// A model on a simulated chip: compiles once, then runs forward steps and hands out logits.
#pragma once

#include <array>
#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "chip/chip.h"
#include "kernels/step.h"
#include "model/model.h"
#include "sim/functional.h"
#include "sim/timing.h"

namespace hadal::runtime {

struct SessionOptions {
  kernels::CompileOptions compile;
  sim::FunctionalOptions functional;
  bool timing = false;  // run the timing simulator on every step; it takes one of the functional threads
};

// One token of one sequence.
struct Row {
  int32_t token = 0;
  int slot = 0;  // sequence, 0..sequences-1
  int64_t position = 0;
  bool logits = true;  // whether they will be asked for; a step in which nobody asks may leave them out
};

// What one step took.
struct StepTime {
  size_t rows = 0;
  uint64_t cycles = 0, dram_read_bytes = 0, dram_written_bytes = 0;
  double energy_j = 0;
};

// What the timing simulator found over all steps so far.
struct TimingTotals {
  uint64_t steps = 0;
  std::vector<StepTime> each;  // in their order
  sim::TimingResult sum;       // cycles, bytes, energy added up; utilisation weighted by cycles
};

// Adds a step to a sum; of operators with the same name too.
void add(sim::TimingResult& sum, const sim::TimingResult& step);

class Session {
 public:
  // `model` and `chip` must outlive the session.
  Session(const model::Model& model, const chip::Chip& chip, const SessionOptions& options);
  // With what was compiled before with options.compile: sessions share its weights.
  Session(const model::Model& model, const chip::Chip& chip, const SessionOptions& options,
          std::shared_ptr<const kernels::Compiled> compiled);

  // Runs one step; rows of a sequence must come in order of position, and every earlier position of the sequence must
  // have been run before or in the same step. At most max_rows() rows.
  void step(std::span<const Row> rows);
  // With multi-token prediction: drafts from hidden states of the last step. `rows[i]` holds the token that came after
  // the position whose state is row `states[i]` of that step; logits(i) then says what comes after this token.
  // Positions of a sequence must come in order, without a gap to those drafted before.
  void draft(std::span<const Row> rows, std::span<const size_t> states);
  // Logits of a row of the last step or draft that was to have them, vocab_size values.
  std::vector<float> logits(size_t row) const;

  int max_rows() const { return compiled_->rows.back(); }
  int64_t context() const { return compiled_->layout.context; }
  int sequences() const { return compiled_->options.sequences; }
  const model::Model& model() const { return model_; }
  const chip::Chip& chip() const { return chip_; }
  const kernels::Compiled& compiled() const { return *compiled_; }
  // A step is replayed by the timing simulator while the next one runs; this waits for the last.
  const TimingTotals& timing();
  // The same, and counts anew from here.
  TimingTotals take_timing();
  // What is known without waiting: the last step may be missing.
  const TimingTotals& timing_so_far() const { return totals_; }
  const sim::FunctionalStats& stats() const { return functional_->stats(); }
  sim::Functional& functional() { return *functional_; }
  // The trace of the last step (with timing on), and the program it ran.
  const sim::Trace& trace() const { return replays_[replay_].trace; }
  const program::Program& last_program() const { return *program_; }

  // Bytes of one cached row (of a key head), for tests.
  std::vector<std::byte> kv_row(int layer, int slot, int64_t position, int kv_head = 0) const;

 private:
  // A trace, and the timing simulator at work on it.
  struct Replay {
    sim::Trace trace;
    size_t rows = 0;
    std::future<sim::TimingResult> result;
  };
  void run_timed();
  void collect(Replay& replay);
  void run(std::span<const Row> rows, std::span<const size_t> states, size_t bucket, const program::Program& program);
  size_t bucket_of(size_t rows) const;

  const model::Model& model_;
  const chip::Chip& chip_;
  SessionOptions options_;
  std::shared_ptr<const kernels::Compiled> compiled_;
  std::unique_ptr<sim::Functional> functional_;
  TimingTotals totals_;
  const program::Program* program_ = nullptr;
  std::set<const program::Program*> ran_;
  std::vector<bool> asked_;        // of the rows of the last step, which have logits
  std::array<Replay, 2> replays_;  // of the last step and of the one before; at the end: their threads use the others
  size_t replay_ = 0;
};

}  // namespace hadal::runtime
