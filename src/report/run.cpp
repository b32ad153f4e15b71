// The report of `hadal run`.
#include "report/run.h"

#include <fmt/format.h>
#include <cmath>

#include <algorithm>

#include "report/document.h"
#include "report/table.h"
#include "report/units.h"

namespace hadal::report {
namespace {

using Json = nlohmann::ordered_json;

double rate(double count, double seconds) { return seconds > 0 ? count / seconds : 0; }

// Steps that leave a row of chips when every chip has one to work on: as many as the slowest begins, transfers hidden.
double full_pipeline_steps_per_s(const Run& run, const runtime::TimingTotals& timing) {
  const uint64_t slowest = *std::max_element(timing.chip_cycles.begin(), timing.chip_cycles.end());
  return rate(static_cast<double>(timing.steps), static_cast<double>(slowest) / run.chip->clock_hz);
}

std::string row_text(const Run& run, const Phase& phase) {
  const runtime::TimingTotals& t = phase.timing;
  const auto steps = static_cast<double>(std::max<uint64_t>(t.steps, 1));
  const auto [fastest, slowest] = std::minmax_element(t.chip_cycles.begin(), t.chip_cycles.end());
  const auto a_step = [&](uint64_t cycles) { return grouped(static_cast<uint64_t>(std::llround(cycles / steps))); };
  return fmt::format(
      "Chips        {} in a row, {} to {} cycles a step each; transfers between them {} cycles and {} a step\n"
      "             One sequence keeps one chip busy at a time; with a step on every chip {} steps/s would leave, {} "
      "now\n",
      run.chips, a_step(*fastest), a_step(*slowest), a_step(t.transfer_cycles),
      si(static_cast<double>(t.transfer_bytes) / steps, "B"),
      grouped(static_cast<uint64_t>(std::llround(full_pipeline_steps_per_s(run, t)))),
      grouped(static_cast<uint64_t>(std::llround(rate(steps, simulated_s(t.sum, *run.chip))))));
}

uint64_t generated(const Run& run) {
  uint64_t tokens = 0;
  for (const Sequence& sequence : run.sequences) tokens += sequence.token_ids.size();
  return tokens;
}

// Of several chips in a row: whose turn was how long, and what the links took.
Json row_json(const Run& run, const runtime::TimingTotals& timing) {
  Json out{{"chip_cycles", timing.chip_cycles},
           {"transfer_cycles", timing.transfer_cycles},
           {"transfer_bytes", timing.transfer_bytes}};
  if (timing.steps > 0) out["full_pipeline_steps_per_s"] = full_pipeline_steps_per_s(run, timing);
  return out;
}

Json phase_json(const Run& run, const Phase& phase) {
  const auto tokens = static_cast<double>(phase.tokens);
  Json out{{"tokens", phase.tokens}, {"wall_s", phase.wall_s}, {"tokens_per_s_wall", rate(tokens, phase.wall_s)}};
  if (!run.timed) return out;
  const double seconds = simulated_s(phase.timing.sum, *run.chip);
  out["steps"] = phase.timing.steps;
  out["tokens_per_s_simulated"] = rate(tokens, seconds);
  out["energy_j_per_token"] = phase.tokens > 0 ? phase.timing.sum.energy.total() / tokens : 0;
  out.update(to_json(phase.timing.sum, *run.chip));
  if (run.chips > 1) out["row_of_chips"] = row_json(run, phase.timing);
  out["steps_each"] = Json::array();
  for (const runtime::StepTime& step : phase.timing.each) {
    out["steps_each"].push_back({{"rows", step.rows},
                                 {"cycles", step.cycles},
                                 {"simulated_s", static_cast<double>(step.cycles) / run.chip->clock_hz},
                                 {"dram_read_bytes", step.dram_read_bytes},
                                 {"dram_written_bytes", step.dram_written_bytes},
                                 {"energy_j", step.energy_j}});
  }
  return out;
}

// The tokens of the first sequence, with the simulated time of the step that yielded each where that is one step.
Json tokens_json(const Run& run) {
  Json out = Json::array();
  const Sequence& sequence = run.sequences.front();
  const auto& prefill = run.prefill.timing.each;
  const auto& decode = run.decode.timing.each;
  const bool one_step_each = run.drafted == 0 && run.sequences.size() == 1;
  for (size_t i = 0; i < sequence.pieces.size(); ++i) {
    Json token{{"id", sequence.token_ids[i]}, {"text", sequence.pieces[i]}};
    const runtime::StepTime* step = nullptr;
    if (one_step_each && i == 0 && !prefill.empty()) step = &prefill.back();
    if (one_step_each && i > 0 && i <= decode.size()) step = &decode[i - 1];
    if (step != nullptr) {
      token["cycles"] = step->cycles;
      token["simulated_s"] = static_cast<double>(step->cycles) / run.chip->clock_hz;
    }
    out.push_back(std::move(token));
  }
  return out;
}

}  // namespace

Json to_json(const Run& run) {
  const uint64_t tokens = generated(run);
  const double wall = run.prefill.wall_s + run.decode.wall_s;
  Json out = document("run", Json::object());
  out["finished"] = run.finished;
  out["text"] = run.sequences.front().text;
  out["tokens"] = tokens;
  out["prompt"] = run.prompt;
  out["prompt_tokens"] = run.prompt_tokens;
  out["model"] = run.model;
  out["chip"] = run.chip->name;
  out["chips"] = run.chips;
  out["wall_s"] = wall;
  out["load_s"] = run.load_s;
  out["tokens_per_s_wall"] = rate(static_cast<double>(tokens), wall);
  if (run.timed) {
    sim::TimingResult sum;
    runtime::add(sum, run.prefill.timing.sum);
    runtime::add(sum, run.decode.timing.sum);
    out.update(to_json(sum, *run.chip));
    out["tokens_per_s_simulated"] = rate(static_cast<double>(tokens), simulated_s(sum, *run.chip));
    out["energy_j_per_token"] = tokens > 0 ? sum.energy.total() / static_cast<double>(tokens) : 0;
  } else {
    for (const char* key : {"cycles", "simulated_s", "tokens_per_s_simulated", "energy_j"}) out[key] = nullptr;
    out["operators"] = Json::array();
    out["instructions"] = run.work.instructions;
    out["macs"] = run.work.macs;
  }
  out["machine"] = to_json(*run.chip);
  if (run.host_bound_bytes > 0) {
    out["host_memory"] = {{"bound_bytes", run.host_bound_bytes},
                          {"most_bytes", run.host_most_bytes},
                          {"made_bytes", run.host_made_bytes}};
  }
  out["tokens_each"] = tokens_json(run);
  if (!run.timeline.dram_read_bytes.empty()) out["timeline"] = to_json(run.timeline, *run.chip);
  out["prefill"] = phase_json(run, run.prefill);
  out["decode"] = phase_json(run, run.decode);
  if (run.drafted > 0) out["drafts"] = {{"checked", run.drafted}, {"accepted", run.drafts_accepted}};
  for (const Sequence& s : run.sequences) {
    out["sequences"].push_back(
        {{"seed", s.seed}, {"text", s.text}, {"token_ids", s.token_ids}, {"stopped", s.stopped}});
  }
  return out;
}

std::string to_text(const Run& run) {
  const std::string count = run.chips > 1 ? fmt::format("{} x ", run.chips) : "";
  std::string out = fmt::format("{} on {}{}\n\n", run.model, count, describe(*run.chip));
  std::vector<Table::Column> columns{{"", Align::kLeft}, {"tokens"}};
  if (run.timed)
    columns.insert(columns.end(), {{"steps"}, {"cycles"}, {"chip time"}, {"chip tokens/s"}, {"J a token"}});
  columns.insert(columns.end(), {{"host time"}, {"host tokens/s"}});
  Table phases(columns);
  for (const auto& [name, phase] : {std::pair("prefill", &run.prefill), std::pair("decode", &run.decode)}) {
    const auto tokens = static_cast<double>(phase->tokens);
    std::vector<std::string> cells{name, grouped(phase->tokens)};
    if (run.timed) {
      const sim::TimingResult& timing = phase->timing.sum;
      const double seconds = simulated_s(timing, *run.chip);
      cells.insert(cells.end(), {grouped(phase->timing.steps), grouped(timing.cycles), si(seconds, "s"),
                                 grouped(static_cast<uint64_t>(std::llround(rate(tokens, seconds)))),
                                 si(timing.energy.total() / std::max(tokens, 1.0), "J")});
    }
    cells.insert(cells.end(), {si(phase->wall_s, "s"), fmt::format("{:.1f}", rate(tokens, phase->wall_s))});
    phases.add(std::move(cells));
  }
  out += phases.text();
  if (run.drafted > 0) {
    out += fmt::format("\nDrafts: {} of {} were what the next step chose\n", grouped(run.drafts_accepted),
                       grouped(run.drafted));
  }
  if (run.host_bound_bytes > 0) {
    out += fmt::format("\nHost memory  {} of weights made, at most {} at a time; the bound is {}\n",
                       si(static_cast<double>(run.host_made_bytes), "B"),
                       si(static_cast<double>(run.host_most_bytes), "B"),
                       si(static_cast<double>(run.host_bound_bytes), "B"));
  }
  if (!run.timed) return out;
  const bool decoded = run.decode.timing.steps > 0;
  const Phase& phase = decoded ? run.decode : run.prefill;
  out += decoded ? "\nDecode: where the time went\n\n" : "\nPrefill: where the time went\n\n";
  out += to_text(phase.timing.sum, *run.chip, phase.timing.steps, "step");
  return run.chips > 1 ? out + row_text(run, phase) : out;
}

}  // namespace hadal::report
