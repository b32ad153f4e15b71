// Shares by dynamic programming over exact line counts; layers differ (dense, experts) and so do the ends.
#include "kernels/stages.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/weights.h"

namespace hadal::kernels {
namespace {

// Of a stage, up to the end of its DRAM.
uint64_t stage_lines(const WeightLines& weights, Plan plan, const graph::Stage& stage, uint64_t most_rows,
                     int64_t context) {
  plan.stage = stage;
  const bool drafts = plan.options.mtp && stage.ends();
  uint64_t line = plan.options.first_line + weights.tables;
  if (stage.begins() || drafts) line += weights.embedding;
  for (int64_t layer = stage.first; layer < stage.end; ++layer) line += weights.layers[static_cast<size_t>(layer)];
  if (stage.ends()) line += weights.head;
  if (drafts) line += weights.draft;
  return place_areas(plan, line, most_rows, context).end_line;
}

[[noreturn]] void refuse(const model::Model& model, const Plan& plan, const Cuts& cuts, int chips) {
  const uint64_t has = plan.chip->dram.bytes;
  const int enough = cuts.fewest(has / 64);
  const std::string needs =
      chips == 1 ? fmt::format("the model, its cache and buffers need {} MiB of DRAM", cuts.largest(1) >> 14)
                 : fmt::format("the fullest of {} chips would need {} MiB of DRAM", chips, cuts.largest(chips) >> 14);
  const std::string way = enough > 0
                              ? fmt::format("{} such chips in a row hold them (--chips {})", enough, enough)
                              : fmt::format("no number of such chips holds them, one layer alone being {} MiB",
                                            cuts.largest(static_cast<int>(model.config.num_hidden_layers)) >> 14);
  input_error(plan.chip->file, "{} and the chip has {} MiB: {}; {}", needs, has >> 20, way,
              model.config.fp8 || plan.options.weight_digits == 1
                  ? "a shorter context needs less"
                  : "one digit a weight (--weight-digits 1) needs less");
}

}  // namespace

Writable place_areas(const Plan& plan, uint64_t line, uint64_t most_rows, int64_t context) {
  const model::Config& c = *plan.config;
  const CompileOptions& options = plan.options;
  const bool latent = c.attention == model::Attention::kLatent, drafts = options.mtp && plan.stage.ends();
  Writable out;
  Areas& a = out.areas;
  line += 64;
  const auto area = [&](const char* name, uint64_t lines) {
    out.segments.push_back({name, line, lines, true, {}, nullptr});
    const uint64_t first = line;
    line += (lines + 63) / 64 * 64 + 64;  // a gap, so that running over the end of an area is a fault
    return first;
  };
  a.step = area("step", most_rows * 4);
  a.kv_head_lines = static_cast<uint64_t>(context) * plan.kv_row_lines;
  a.kv_slot_lines = a.kv_head_lines * (latent ? 1 : static_cast<uint64_t>(c.num_key_value_heads));
  a.kv_layer_lines = a.kv_slot_lines * static_cast<uint64_t>(options.sequences + 1);  // one for padding rows
  a.kv_lines = a.kv_layer_lines * static_cast<uint64_t>(plan.stage.end - plan.stage.first + (drafts ? 1 : 0));
  a.kv = area("kv", a.kv_lines);
  if (latent) {
    const uint64_t latents = most_rows * lines_of(c.num_attention_heads * c.kv_lora_rank);
    a.query = area("query", latents);
    a.attention = area("attention", latents);
  }
  if (c.has_experts()) {
    a.experts = area("experts", most_rows * static_cast<uint64_t>(c.num_experts_per_tok) * lines_of(c.hidden_size));
  }
  const uint64_t residuals = most_rows * lines_of(c.hidden_size);
  if (drafts) a.hidden = area("hidden", residuals);
  if (plan.stage.ends()) a.logits = area("logits", most_rows * static_cast<uint64_t>((c.vocab_size + 31) / 32) * 2);
  // Last, and only where they are used: other programs keep their addresses.
  if (rows_stream(c, *plan.chip, static_cast<int>(most_rows), options.owners_from)) {
    const int64_t columns = c.num_attention_heads * (c.qk_nope_head_dim + c.qk_rope_head_dim);
    a.heads = area("heads", most_rows * lines_of(columns));
  }
  if (!plan.stage.begins()) a.received = area("received", residuals);
  if (!plan.stage.ends()) a.passed_on = area("passed_on", residuals);
  out.end_line = line;
  return out;
}

Cuts::Cuts(int64_t layers, const std::function<uint64_t(int64_t, int64_t)>& lines) : layers_(layers) {
  const auto n = static_cast<size_t>(layers);
  std::vector<std::vector<uint64_t>> share(n, std::vector<uint64_t>(n + 1));
  for (size_t first = 0; first < n; ++first) {
    for (size_t end = first + 1; end <= n; ++end)
      share[first][end] = lines(static_cast<int64_t>(first), static_cast<int64_t>(end));
  }
  best_.assign(n, std::vector<Best>(n));
  for (size_t end = 1; end <= n; ++end) best_[0][end - 1].largest = share[0][end];
  for (size_t chips = 2; chips <= n; ++chips) {
    for (size_t end = chips; end <= n; ++end) {
      Best& best = best_[chips - 1][end - 1];
      for (size_t first = chips - 1; first < end; ++first) {
        const uint64_t largest = std::max(best_[chips - 2][first - 1].largest, share[first][end]);
        if (largest < best.largest) best = {largest, static_cast<int64_t>(first)};
      }
    }
  }
}

std::vector<graph::Stage> Cuts::into(int chips) const {
  check(chips >= 1 && chips <= layers_, "{} layers on {} chips", layers_, chips);
  std::vector<graph::Stage> stages;
  int64_t end = layers_;
  for (int left = chips; left > 0; --left) {
    const int64_t first = best_[static_cast<size_t>(left - 1)][static_cast<size_t>(end - 1)].last_first;
    stages.insert(stages.begin(), {first, end, layers_});
    end = first;
  }
  return stages;
}

uint64_t Cuts::largest(int chips) const { return best_[static_cast<size_t>(chips - 1)].back().largest; }

int Cuts::fewest(uint64_t lines) const {
  for (int chips = 1; chips <= layers_; ++chips) {
    if (largest(chips) <= lines) return chips;
  }
  return 0;
}

std::vector<graph::Stage> choose_stages(const model::Model& model, const Plan& plan, uint64_t most_rows,
                                        int64_t context) {
  const int64_t layers = model.config.num_hidden_layers;
  int chips = plan.options.chips;
  if (chips > layers) {
    input_error("--chips", "of {}; the model has {} layers, and each chip holds at least one", chips, layers);
  }
  const WeightLines weights = weight_lines(model, plan, context);
  const auto lines = [&](int64_t first, int64_t end) {
    return stage_lines(weights, plan, {first, end, layers}, most_rows, context);
  };
  const uint64_t has = plan.chip->dram.bytes / 64;
  if (chips == 1 && lines(0, layers) <= has) return {graph::whole_model(model.config)};
  const Cuts cuts(layers, lines);
  if (chips == 0) chips = std::max(1, cuts.fewest(has));
  if (cuts.largest(chips) > has) refuse(model, plan, cuts, chips);
  return cuts.into(chips);
}

}  // namespace hadal::kernels
