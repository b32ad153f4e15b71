// What a run of a model cost on the simulated chip: collected figures, as text and as JSON.
#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "chip/chip.h"
#include "runtime/session.h"

namespace hadal::report {

// Prefill or decode. `tokens` are the prompt's, or the ones that decode steps brought forth.
struct Phase {
  uint64_t tokens = 0;
  double wall_s = 0;
  runtime::TimingTotals timing;  // zero without the timing simulator
};

struct Sequence {
  uint64_t seed = 0;
  std::string text;  // valid UTF-8, without the prompt
  std::vector<int32_t> token_ids;
  bool stopped = false;                  // by the end token
  std::vector<std::string> pieces = {};  // the text token by token; characters stand where their last byte came
};

struct Run {
  std::string model, prompt;
  const chip::Chip* chip = nullptr;
  int chips = 1;  // in a row
  bool timed = true;
  uint64_t prompt_tokens = 0;  // of one sequence, bos included
  std::vector<Sequence> sequences;
  Phase prefill, decode;
  uint64_t drafted = 0, drafts_accepted = 0;  // with multi-token prediction
  double load_s = 0;                          // host time to read the model and compile it
  sim::FunctionalStats work;
  sim::Timeline timeline;  // of the last step; empty without the timing simulator
  // Of weights in the host's memory, where they are more than its bound; otherwise 0.
  uint64_t host_bound_bytes = 0, host_most_bytes = 0, host_made_bytes = 0;
  bool finished = true;
};

// The operators of all layers taken together: "L3.q_up" counts as "q_up". In order of first appearance; bound by what
// bounds most of their cycles.
std::vector<sim::OperatorTime> by_kind(const std::vector<sim::OperatorTime>& operators);

double simulated_s(const sim::TimingResult& timing, const chip::Chip& chip);
double peak_flops(const chip::Chip& chip);  // dense FP8, two a multiply-accumulate
double peak_dram_bytes_per_s(const chip::Chip& chip);
std::string describe(const chip::Chip& chip);  // "hadal-1: 48 cores, 1.2 GHz, ..."

nlohmann::ordered_json to_json(const chip::Chip& chip);  // name, size and peaks

std::string to_text(const Run& run);
nlohmann::ordered_json to_json(const Run& run);
// Cycles, operators, utilisation, DRAM traffic and energy: the part that `run` and `exec` share.
nlohmann::ordered_json to_json(const sim::TimingResult& timing, const chip::Chip& chip);
// Busy share of each unit and DRAM traffic over the cycles of a launch.
nlohmann::ordered_json to_json(const sim::Timeline& timeline, const chip::Chip& chip);
// The same as text, `per` steps or launches at a time.
std::string to_text(const sim::TimingResult& timing, const chip::Chip& chip, uint64_t per, std::string_view per_name);

}  // namespace hadal::report
