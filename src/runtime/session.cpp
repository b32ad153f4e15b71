// Steps of a model on the functional simulator, with the timing simulator behind it when asked.
#include "runtime/session.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <utility>

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

uint64_t transfer_cycles(const chip::Chip& chip, uint64_t bytes) {
  const chip::Link& link = chip.links.scale_up;
  const double seconds = link.latency_s + static_cast<double>(bytes) / link.bytes_per_s;
  return static_cast<uint64_t>(std::ceil(seconds * chip.clock_hz));
}

Session::Session(const model::Model& model, const chip::Chip& chip, const SessionOptions& options)
    : Session(model, chip, options,
              std::make_shared<const Chips>(kernels::compile_stages(model, chip, options.compile))) {}

Session::Session(const model::Model& model, const chip::Chip& chip, const SessionOptions& options,
                 std::shared_ptr<const Chips> compiled)
    : model_(model), chip_(chip), options_(options), compiled_(std::move(compiled)) {
  if (compiled_->size() > 1 && options_.timing && chip_.links.scale_up.bytes_per_s <= 0) {
    input_error(chip_.file, "has no links.scale_up; the time between {} chips needs its bandwidth and latency",
                compiled_->size());
  }
  // Two threads that wait for each other lose more to a third than they gain from being two.
  if (options_.timing) options_.functional.threads = std::max(1, options_.functional.threads - 1);
  const auto new_replay = [&] {
    auto replay = std::make_unique<Replay>();
    replay->trace.cores.resize(static_cast<size_t>(chip.cores));
    return replay;
  };
  for (const kernels::Compiled& one : *compiled_) {
    Stage& stage = stages_.emplace_back();
    stage.compiled = &one;
    stage.program = one.programs.data();
    stage.functional = std::make_unique<sim::Functional>(chip_, *stage.program, options_.functional);
    stage.replay = new_replay();
  }
  spare_ = new_replay();
  totals_.chip_cycles.resize(stages_.size());
  trim_heap();  // what compiling and decoding needed goes back to the system
}

int Session::max_rows() const {
  int rows = INT_MAX;
  for (const Stage& stage : stages_) rows = std::min(rows, stage.compiled->rows.back());
  return rows;
}

size_t Session::bucket_of(const kernels::Compiled& compiled, size_t rows) {
  const auto it = std::lower_bound(compiled.rows.begin(), compiled.rows.end(), static_cast<int>(rows));
  return static_cast<size_t>(it - compiled.rows.begin());
}

void Session::step(std::span<const Row> rows) { run(0, rows, {}, false); }

void Session::draft(std::span<const Row> rows, std::span<const size_t> states) {
  check(!stages_.back().compiled->drafts.empty(), "a draft without multi-token prediction");
  check(states.size() == rows.size(), "{} rows and {} hidden states", rows.size(), states.size());
  run(stages_.size() - 1, rows, states, true);  // the last chip has all it needs
}

std::vector<kernels::RowRecord> Session::records(const kernels::Compiled& compiled, std::span<const Row> rows,
                                                 std::span<const size_t> states, size_t bucket) const {
  const kernels::StepLayout& layout = compiled.layout;
  // Rows that fill the bucket work on a slot of their own, each at its own position: two may not write one cache row.
  std::vector<Row> padded(rows.begin(), rows.end());
  while (padded.size() < static_cast<size_t>(compiled.rows[bucket]))
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
  return records;
}

void Session::run(size_t first_stage, std::span<const Row> rows, std::span<const size_t> states, bool draft) {
  check(!rows.empty() && rows.size() <= static_cast<size_t>(max_rows()), "a step of {} rows; at most {}", rows.size(),
        max_rows());
  const bool asked = std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.logits; });
  asked_.clear();
  for (const Row& row : rows) asked_.push_back(row.logits);
  for (size_t s = first_stage; s < stages_.size(); ++s) {
    Stage& stage = stages_[s];
    const kernels::Compiled& compiled = *stage.compiled;
    const size_t bucket = bucket_of(compiled, rows.size());
    const bool without = !asked && compiled.without_logits && bucket + 1 == compiled.programs.size();
    const program::Program& program = draft     ? compiled.drafts[bucket]
                                      : without ? *compiled.without_logits
                                                : compiled.programs[bucket];
    if (&program != stage.program) stage.functional->set_program(program);
    stage.program = &program;
    const std::vector<kernels::RowRecord> given = records(compiled, rows, states, bucket);
    stage.functional->write_dram(compiled.layout.rows, std::as_bytes(std::span(given)));
    const bool sends = s + 1 < stages_.size();
    const uint64_t sent_bytes = sends ? rows.size() * compiled.layout.residual_row_bytes : 0;
    launch(s, rows.size(), sent_bytes, s == first_stage);
    if (sends) pass_on(s, rows.size());
    if (ran_.insert(&program).second) trim_heap();  // most weights were made now
  }
}

// Carries the residuals of `rows` rows over the link. Rows that only fill the bucket there go on from what they find,
// which is nobody's.
void Session::pass_on(size_t stage, size_t rows) {
  const kernels::StepLayout &from = stages_[stage].compiled->layout, &to = stages_[stage + 1].compiled->layout;
  std::vector<std::byte> residuals(rows * from.residual_row_bytes);
  stages_[stage].functional->read_dram(from.passed_on, residuals);
  stages_[stage + 1].functional->write_dram(to.received, residuals);
}

void Session::launch(size_t s, size_t rows, uint64_t sent_bytes, bool new_step) {
  Stage& stage = stages_[s];
  if (!options_.timing) {
    stage.functional->launch();
    return;
  }
  for (sim::CoreTrace& core : spare_->trace.cores) core.clear();
  stage.functional->launch(&spare_->trace);
  if (last_ != nullptr) collect(*last_);
  std::swap(stage.replay, spare_);  // what it had has been collected
  last_ = stage.replay.get();
  last_->rows = rows;
  last_->chip = s;
  last_->sent_bytes = sent_bytes;
  last_->new_step = new_step;
  last_->result = std::async(std::launch::async, [this, &program = *stage.program, &trace = last_->trace] {
    return sim::simulate_timing(chip_, program, trace);
  });
}

void Session::collect(Replay& replay) {
  if (!replay.result.valid()) return;
  sim::TimingResult launch = replay.result.get();
  totals_.chip_cycles[replay.chip] += launch.cycles;
  const double others = static_cast<double>(stages_.size()) - 1;
  const auto static_j = [&](double chips, uint64_t cycles) {
    return chips * chip_.energy.static_w * static_cast<double>(cycles) / chip_.clock_hz;
  };
  launch.energy.leakage += static_j(others, launch.cycles);  // of the chips that wait
  if (replay.sent_bytes > 0) {
    const uint64_t cycles = transfer_cycles(chip_, replay.sent_bytes);
    totals_.transfer_cycles += cycles;
    totals_.transfer_bytes += replay.sent_bytes;
    sim::TimingResult transfer;
    transfer.cycles = cycles;
    transfer.energy.leakage = static_j(others + 1, cycles);
    transfer.operators.push_back({.name = "transfer", .cycles = cycles, .bound_by = "exchange"});
    add(launch, transfer);
  }
  add(totals_.sum, launch);
  if (replay.new_step) totals_.each.push_back({.rows = replay.rows});
  StepTime& step = totals_.each.back();
  step.cycles += launch.cycles;
  step.dram_read_bytes += launch.dram_read_bytes;
  step.dram_written_bytes += launch.dram_written_bytes;
  step.energy_j += launch.energy.total();
  if (replay.chip + 1 < stages_.size()) return;
  ++totals_.steps;
  const double seconds = static_cast<double>(totals_.sum.cycles) / chip_.clock_hz;
  totals_.sum.dram_bytes_per_s =
      static_cast<double>(totals_.sum.dram_read_bytes + totals_.sum.dram_written_bytes) / std::max(seconds, 1e-30);
  totals_.sum.dram_peak_fraction =
      totals_.sum.dram_bytes_per_s / (chip_.dram.channels * chip_.dram.channel_bytes_per_s);
}

const TimingTotals& Session::timing() {
  if (last_ != nullptr) collect(*last_);
  return totals_;
}

TimingTotals Session::take_timing() {
  timing();
  TimingTotals none;
  none.chip_cycles.resize(stages_.size());
  return std::exchange(totals_, std::move(none));
}

sim::FunctionalStats Session::stats() const {
  sim::FunctionalStats sum;
  for (const Stage& stage : stages_) sum += stage.functional->stats();
  return sum;
}

std::vector<float> Session::logits(size_t row) const {
  check(row < asked_.size(), "row {} of a step of {}", row, asked_.size());
  check(asked_[row], "logits of row {}, which was to have none", row);
  const kernels::StepLayout& layout = stages_.back().compiled->layout;
  std::vector<float> out(static_cast<size_t>(model_.config.vocab_size));
  stages_.back().functional->read_dram(layout.logits + row * layout.logits_stride,
                                       std::as_writable_bytes(std::span(out)));
  return out;
}

std::vector<std::byte> Session::kv_row(int layer, int slot, int64_t position, int kv_head) const {
  // The layer for multi-token prediction, behind all others, is on the last chip.
  const auto has = [&](const Stage& stage) { return layer < stage.compiled->stage.end; };
  auto stage = std::find_if(stages_.begin(), stages_.end(), has);
  if (stage == stages_.end()) --stage;
  const kernels::StepLayout& l = stage->compiled->layout;
  const auto here = static_cast<uint64_t>(layer - stage->compiled->stage.first);
  std::vector<std::byte> out(l.kv_row_bytes);
  stage->functional->read_dram(l.kv + here * l.kv_layer_bytes + static_cast<uint64_t>(slot) * l.kv_slot_bytes +
                                   static_cast<uint64_t>(kv_head) * l.kv_head_bytes +
                                   static_cast<uint64_t>(position) * l.kv_row_bytes,
                               out);
  return out;
}

}  // namespace hadal::runtime
