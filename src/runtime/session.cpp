// Steps of a model on the functional simulator, with the timing simulator behind it when asked.
#include "runtime/session.h"

#include <algorithm>

#include "base/error.h"
#include "base/heap.h"

namespace hadal::runtime {

void add(sim::TimingResult& sum, const sim::TimingResult& step) {
  const double before = static_cast<double>(sum.cycles), now = static_cast<double>(step.cycles);
  for (int u = 0; u < isa::kUnits; ++u) {
    sum.utilisation[u] =
        before + now > 0 ? (sum.utilisation[u] * before + step.utilisation[u] * now) / (before + now) : 0;
  }
  for (const sim::OperatorTime& op : step.operators) {
    auto it =
        std::find_if(sum.operators.begin(), sum.operators.end(), [&](const auto& o) { return o.name == op.name; });
    if (it == sum.operators.end()) {
      sum.operators.push_back(op);
      continue;
    }
    sim::add(*it, op);
  }
  sum.cycles += step.cycles;
  sum.instructions += step.instructions;
  sum.macs += step.macs;
  sum.dram_read_bytes += step.dram_read_bytes;
  sum.dram_written_bytes += step.dram_written_bytes;
  sum.dram_row_hits += step.dram_row_hits;
  sum.dram_row_misses += step.dram_row_misses;
  sum.spm_conflict_cycles += step.spm_conflict_cycles;
  sum.noc_stall_cycles += step.noc_stall_cycles;
  sim::EnergyBreakdown& e = sum.energy;
  const sim::EnergyBreakdown& s = step.energy;
  e.matrix += s.matrix;
  e.vector += s.vector;
  e.spm += s.spm;
  e.acc += s.acc;
  e.dram += s.dram;
  e.noc += s.noc;
  e.control += s.control;
  e.leakage += s.leakage;
}

Session::Session(const model::Model& model, const chip::Chip& chip, const SessionOptions& options)
    : Session(model, chip, options,
              std::make_shared<const kernels::Compiled>(kernels::compile(model, chip, options.compile))) {}

Session::Session(const model::Model& model, const chip::Chip& chip, const SessionOptions& options,
                 std::shared_ptr<const kernels::Compiled> compiled)
    : model_(model), chip_(chip), options_(options), compiled_(std::move(compiled)) {
  // Two threads that wait for each other lose more to a third than they gain from being two.
  if (options_.timing) options_.functional.threads = std::max(1, options_.functional.threads - 1);
  functional_ = std::make_unique<sim::Functional>(chip_, compiled_->programs[0], options_.functional);
  program_ = &compiled_->programs[0];
  for (Replay& replay : replays_) replay.trace.cores.resize(static_cast<size_t>(chip.cores));
  trim_heap();  // what compiling and decoding needed goes back to the system
}

size_t Session::bucket_of(size_t rows) const {
  check(rows > 0 && rows <= static_cast<size_t>(max_rows()), "a step of {} rows; at most {}", rows, max_rows());
  const auto it = std::lower_bound(compiled_->rows.begin(), compiled_->rows.end(), static_cast<int>(rows));
  return static_cast<size_t>(it - compiled_->rows.begin());
}

void Session::step(std::span<const Row> rows) {
  const size_t bucket = bucket_of(rows.size());
  const bool asked = std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.logits; });
  const bool without = !asked && compiled_->without_logits && bucket + 1 == compiled_->programs.size();
  run(rows, {}, bucket, without ? *compiled_->without_logits : compiled_->programs[bucket]);
}

void Session::draft(std::span<const Row> rows, std::span<const size_t> states) {
  check(!compiled_->drafts.empty(), "a draft without multi-token prediction");
  check(states.size() == rows.size(), "{} rows and {} hidden states", rows.size(), states.size());
  const size_t bucket = bucket_of(rows.size());
  run(rows, states, bucket, compiled_->drafts[bucket]);
}

void Session::run(std::span<const Row> rows, std::span<const size_t> states, size_t bucket,
                  const program::Program& program) {
  const kernels::StepLayout& layout = compiled_->layout;
  if (&program != program_) functional_->set_program(program);
  program_ = &program;
  asked_.clear();
  for (const Row& row : rows) asked_.push_back(row.logits);
  // Rows that fill the bucket work on a slot of their own, each at its own position: two may not write one cache row.
  std::vector<Row> padded(rows.begin(), rows.end());
  while (padded.size() < static_cast<size_t>(compiled_->rows[bucket]))
    padded.push_back({0, sequences(), static_cast<int64_t>(padded.size())});
  std::vector<kernels::RowRecord> records(padded.size());
  for (size_t r = 0; r < padded.size(); ++r) {
    const Row& row = padded[r];
    check(row.token >= 0 && row.token < model_.config.vocab_size, "token {} outside the vocabulary", row.token);
    check(row.position >= 0 && row.position < context(), "position {} outside the context of {}", row.position,
          context());
    check(row.slot >= 0 && row.slot <= sequences(), "slot {} of {}", row.slot, sequences());
    kernels::RowRecord& record = records[r];
    record.token = static_cast<uint32_t>(row.token);
    record.position = static_cast<uint32_t>(row.position);
    record.slot_line = static_cast<uint32_t>(static_cast<uint64_t>(row.slot) * layout.kv_slot_bytes / 64);
    record.kv_index =
        static_cast<uint32_t>((static_cast<uint64_t>(row.slot) * layout.kv_slot_bytes) / layout.kv_row_bytes) +
        static_cast<uint32_t>(row.position);
    record.tiles = static_cast<uint32_t>(row.position / layout.kv_tile + 1);
    record.last_rows = static_cast<uint32_t>(row.position % layout.kv_tile + 1);
    record.negative_position = -static_cast<float>(row.position);
    if (r < states.size()) record.hidden_line = static_cast<uint32_t>(states[r] * layout.hidden_row_lines);
  }
  functional_->write_dram(layout.rows, std::as_bytes(std::span(records)));
  if (options_.timing) {
    run_timed();
  } else {
    functional_->launch();
  }
  if (ran_.insert(&program).second) trim_heap();  // most weights were made now
}

void Session::run_timed() {
  Replay& before = replays_[replay_];
  replay_ = 1 - replay_;
  Replay& replay = replays_[replay_];  // its last result has been collected
  for (sim::CoreTrace& core : replay.trace.cores) core.clear();
  functional_->launch(&replay.trace);
  replay.rows = asked_.size();
  collect(before);
  replay.result = std::async(std::launch::async, [this, &program = last_program(), &trace = replay.trace] {
    return sim::simulate_timing(chip_, program, trace);
  });
}

void Session::collect(Replay& replay) {
  if (!replay.result.valid()) return;
  const sim::TimingResult step = replay.result.get();
  add(totals_.sum, step);
  totals_.each.push_back(
      {replay.rows, step.cycles, step.dram_read_bytes, step.dram_written_bytes, step.energy.total()});
  ++totals_.steps;
  const double seconds = static_cast<double>(totals_.sum.cycles) / chip_.clock_hz;
  totals_.sum.dram_bytes_per_s =
      static_cast<double>(totals_.sum.dram_read_bytes + totals_.sum.dram_written_bytes) / std::max(seconds, 1e-30);
  totals_.sum.dram_peak_fraction =
      totals_.sum.dram_bytes_per_s / (chip_.dram.channels * chip_.dram.channel_bytes_per_s);
}

const TimingTotals& Session::timing() {
  collect(replays_[replay_]);
  return totals_;
}

TimingTotals Session::take_timing() {
  timing();
  return std::exchange(totals_, {});
}

std::vector<float> Session::logits(size_t row) const {
  check(row < asked_.size(), "row {} of a step of {}", row, asked_.size());
  check(asked_[row], "logits of row {}, which was to have none", row);
  std::vector<float> out(static_cast<size_t>(model_.config.vocab_size));
  functional_->read_dram(compiled_->layout.logits + row * compiled_->layout.logits_stride,
                         std::as_writable_bytes(std::span(out)));
  return out;
}

std::vector<std::byte> Session::kv_row(int layer, int slot, int64_t position, int kv_head) const {
  const kernels::StepLayout& l = compiled_->layout;
  std::vector<std::byte> out(l.kv_row_bytes);
  functional_->read_dram(
      l.kv + static_cast<uint64_t>(layer) * l.kv_layer_bytes + static_cast<uint64_t>(slot) * l.kv_slot_bytes +
          static_cast<uint64_t>(kv_head) * l.kv_head_bytes + static_cast<uint64_t>(position) * l.kv_row_bytes,
      out);
  return out;
}

}  // namespace hadal::runtime
