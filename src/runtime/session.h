// A model on a simulated chip, or on several in a row: compiles once, then runs forward steps and hands out logits.
#pragma once

#include <cstdint>
#include <future>
#include <memory>
#include <set>
#include <span>
#include <string>
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

// What the timing simulator found over all steps so far. Of several chips in a row one works at a time: cycles are
// those of all chips and of the transfers between them, utilisation that of the chip at work.
struct TimingTotals {
  uint64_t steps = 0;
  std::vector<StepTime> each;         // in their order
  sim::TimingResult sum;              // cycles, bytes, energy added up; utilisation weighted by cycles
  std::vector<uint64_t> chip_cycles;  // of each chip, in their order
  uint64_t transfer_cycles = 0, transfer_bytes = 0;
};

// Adds a step to a sum; of operators with the same name too.
void add(sim::TimingResult& sum, const sim::TimingResult& step);

// Cycles that residuals of so many bytes take from chip to chip: over its scale-up links, in one direction.
uint64_t transfer_cycles(const chip::Chip& chip, uint64_t bytes);

using Chips = std::vector<kernels::Compiled>;  // in a row

class Session {
 public:
  // `model` and `chip` must outlive the session.
  Session(const model::Model& model, const chip::Chip& chip, const SessionOptions& options);
  // With what was compiled before with options.compile: sessions share its weights.
  Session(const model::Model& model, const chip::Chip& chip, const SessionOptions& options,
          std::shared_ptr<const Chips> compiled);

  // Runs one step; rows of a sequence must come in order of position, and every earlier position of the sequence must
  // have been run before or in the same step. At most max_rows() rows.
  void step(std::span<const Row> rows);
  // With multi-token prediction: drafts from hidden states of the last step. `rows[i]` holds the token that came after
  // the position whose state is row `states[i]` of that step; logits(i) then says what comes after this token.
  // Positions of a sequence must come in order, without a gap to those drafted before.
  void draft(std::span<const Row> rows, std::span<const size_t> states);
  // Logits of a row of the last step or draft that was to have them, vocab_size values.
  std::vector<float> logits(size_t row) const;

  int max_rows() const;
  int64_t context() const { return compiled().layout.context; }
  int sequences() const { return compiled().options.sequences; }
  const model::Model& model() const { return model_; }
  const chip::Chip& chip() const { return chip_; }
  int chips() const { return static_cast<int>(stages_.size()); }
  const kernels::Compiled& compiled(int chip = 0) const { return *stages_[static_cast<size_t>(chip)].compiled; }
  // A step is replayed by the timing simulator while the next one runs; this waits for the last.
  const TimingTotals& timing();
  // The same, and counts anew from here.
  TimingTotals take_timing();
  // What is known without waiting: the last step may be missing.
  const TimingTotals& timing_so_far() const { return totals_; }
  // Of all chips.
  sim::FunctionalStats stats() const;
  // The trace of the last step on a chip (with timing on), and the program it ran.
  const sim::Trace& trace(int chip = 0) const { return stages_[static_cast<size_t>(chip)].replay->trace; }
  const program::Program& last_program(int chip = 0) const { return *stages_[static_cast<size_t>(chip)].program; }

  // Bytes of one cached row (of a key head), for tests.
  std::vector<std::byte> kv_row(int layer, int slot, int64_t position, int kv_head = 0) const;

 private:
  // A trace, and the timing simulator at work on it.
  struct Replay {
    sim::Trace trace;
    size_t rows = 0;
    size_t chip = 0;
    uint64_t sent_bytes = 0;  // to the chip behind
    bool new_step = false;    // the first launch of a step or draft
    std::future<sim::TimingResult> result;
  };
  // A chip with its share of the layers.
  struct Stage {
    const kernels::Compiled* compiled = nullptr;
    std::unique_ptr<sim::Functional> functional;
    const program::Program* program = nullptr;
    std::unique_ptr<Replay> replay;  // of its last launch; at the end: its thread uses the others
  };
  void launch(size_t stage, size_t rows, uint64_t sent_bytes, bool new_step);
  void collect(Replay& replay);
  void run(size_t first_stage, std::span<const Row> rows, std::span<const size_t> states, bool draft);
  std::vector<kernels::RowRecord> records(const kernels::Compiled& compiled, std::span<const Row> rows,
                                          std::span<const size_t> states, size_t bucket) const;
  void pass_on(size_t stage, size_t rows);
  static size_t bucket_of(const kernels::Compiled& compiled, size_t rows);

  const model::Model& model_;
  const chip::Chip& chip_;
  SessionOptions options_;
  std::shared_ptr<const Chips> compiled_;
  TimingTotals totals_;
  std::vector<bool> asked_;  // of the rows of the last step, which have logits
  std::vector<Stage> stages_;
  std::unique_ptr<Replay> spare_;          // that no timing simulator uses
  Replay* last_ = nullptr;                 // one may be at work on this
  std::set<const program::Program*> ran_;  // at least once: their weights are made
};

}  // namespace hadal::runtime
