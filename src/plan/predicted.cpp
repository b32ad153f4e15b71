// The same question for two chips.
#include "plan/predicted.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "predict/system.h"

namespace hadal::plan {
namespace {

constexpr double kPrefillTokens = 16384;  // of a device and step, as in the published set-ups
constexpr int kRedundantExperts = 32;     // the same

// The described chip as it would be built: memory, clock and links of the build.
chip::Chip as_built(const Build& build, double clock_hz, chip::Chip c) {
  c.performance.sustained_hz = c.clock_hz = clock_hz;
  // The description is of one die. Each is a device of its own, as in a package of two GPUs: what they could save by
  // working as one is not counted.
  c.cores *= build.dies;
  c.performance.devices *= build.dies;
  c.performance.memory_bytes_per_s = build.stacks * build.memory->bandwidth.value;
  c.performance.memory_bytes = build.stacks * build.memory->capacity.value;
  // The build says what its SerDes carry; the description says in which range that assumption lies.
  const double nominal = build.chip.links.scale_up.bytes_per_s;
  if (nominal > 0) c.links.scale_up.bytes_per_s *= build.link_bytes_per_s / nominal;
  return c;
}

predict::SystemOptions options_for(const ServingPoint& reference, const Workload& w, const chip::Chip& chip,
                                   bool runs_programs, const model::Architecture& model) {
  predict::SystemOptions o;
  o.mode = predict::Mode::kProduction;
  o.prefill = reference.phase == Phase::kPrefill;
  // As many devices as the reference has chips, but none without an expert.
  o.plan.ep = o.plan.dp =
      std::min(static_cast<int64_t>(reference.chips) * chip.performance.devices, model.experts + kRedundantExperts);
  o.plan.redundant_experts = kRedundantExperts;
  o.load = predict::parse_load("production", "plan");
  o.overlap = 2;
  o.keys = w.context_tokens;
  o.matrix = chip.performance.fp8_mac > 0 ? graph::Format::kFp8 : graph::Format::kInt8;
  // What each is served with: DeepSeek keeps its cache in BF16, a chip of ours in FP8.
  o.cache = runs_programs ? graph::Format::kFp8 : graph::Format::kBf16;
  if (o.prefill) {
    const double hit = w.input_tokens > 0 ? w.cached_tokens / w.input_tokens : 0;
    o.queries = std::max(1.0, w.context_tokens * (1 - hit));
    o.sequences = std::max(1.0, kPrefillTokens / o.queries);
  } else {
    o.tpot_target_s = w.tpot_limit_s;
  }
  return o;
}

// What keeps the chip busy at the rate of `p`, which may be another than the predicted one.
void set_activity(ServingPoint& p, const predict::Prediction& prediction) {
  if (!(prediction.step_s > 0 && prediction.tokens_per_s_per_chip > 0)) return;
  const double scale = prediction.utilisation * p.tokens_per_s / prediction.tokens_per_s_per_chip / prediction.step_s;
  p.matrix_activity = std::min(1.0, scale * prediction.matrix_busy_s);
  p.vector_activity = std::min(1.0, scale * prediction.vector_busy_s);
  p.memory_activity = std::min(1.0, scale * prediction.memory_busy_s);
}

}  // namespace

PredictedRates::PredictedRates(Facts& facts, const std::string& model_file, const std::string& constants_file)
    : facts_(facts),
      model_(model::Architecture::load(model_file)),
      constants_(predict::load_constants(constants_file)) {
  for (const predict::ConstantInfo& c : predict::constant_table()) {
    Figure f;
    f.name = fmt::format("constants.{}", c.name);
    f.value = f.low = f.high = constants_.*c.place;
    f.text = fmt::format("{}", f.value);
    f.source = "derived";
    f.confidence = "M";
    f.note = c.fitted ? "fitted to measured kernels of H800 and H100: docs/predict.md"
                      : "measured elsewhere: docs/predict.md";
    f.where = constants_file;
    facts.ledger().add(std::move(f));
  }
}

std::vector<ServingPoint> PredictedRates::points(const Build& build, double clock_hz, const Workload& workload) const {
  if (!build.chip.has_links) return {};
  const chip::Chip other = chip::load_any(facts_.file(fmt::format("chips/{}.yaml", build.reference->chip)));
  std::vector<ServingPoint> all;
  for (const ServingPoint& measured : facts_.measured().points(build.reference->name, workload)) {
    const double reference =
        predict::predict(other, constants_, model_, options_for(measured, workload, other, false, model_))
            .tokens_per_s_per_chip;
    ServingPoint p = measured;
    double own = 0;
    for (const chip::Bound bound : {chip::Bound::kNominal, chip::Bound::kSlow, chip::Bound::kFast}) {
      const chip::Chip chip = as_built(build, clock_hz, chip::load_any(build.chip.file, bound));
      const predict::Prediction prediction =
          predict::predict(chip, constants_, model_, options_for(measured, workload, chip, true, model_));
      const double rate = prediction.tokens_per_s_per_chip, anchored = measured.tokens_per_s * rate / reference;
      if (bound == chip::Bound::kNominal) {
        own = rate;
        p.tokens_per_s = p.low = p.high = anchored;
        if (p.phase == Phase::kDecode) p.tpot_s = prediction.tpot_s;
        set_activity(p, prediction);
      }
      p.low = std::min({p.low, anchored, rate});
      p.high = std::max({p.high, anchored, rate});
    }
    p.detail = fmt::format("{} {:.0f} tokens/s measured x {:.0f} / {:.0f} predicted for {} and {}", p.name,
                           measured.tokens_per_s, own, reference, build.chip.name, build.reference->name);
    p.name = fmt::format("predicted, {}", name_of(p.phase));
    p.hardware = build.name;
    p.basis = std::string("predicted");
    p.source = std::string("derived");
    p.confidence = std::string("M");
    all.push_back(std::move(p));
  }
  return all;
}

PredictedRates::Series::Series(const PredictedRates& rates, const Hardware& reference, const Workload& workload)
    : rates_(rates), workload_(workload) {
  const chip::Chip other = chip::load_any(rates.facts_.file(fmt::format("chips/{}.yaml", reference.chip)));
  for (ServingPoint& p : rates.facts_.measured().points(reference.name, workload)) {
    const predict::SystemOptions options = options_for(p, workload, other, false, rates.model_);
    const double predicted = predict::predict(other, rates.constants_, rates.model_, options).tokens_per_s_per_chip;
    asked_.push_back({std::move(p), predicted});
  }
}

std::vector<ServingPoint> PredictedRates::Series::points(const Build& build, double clock_hz) const {
  const chip::Chip chip = as_built(build, clock_hz, build.chip);
  std::vector<ServingPoint> all;
  for (const Asked& asked : asked_) {
    ServingPoint p = asked.measured;
    const std::optional<predict::Prediction> prediction = predict::predict_within(
        chip, rates_.constants_, rates_.model_, options_for(asked.measured, workload_, chip, true, rates_.model_));
    if (!prediction) continue;  // slower than the limit with a single sequence
    p.tokens_per_s *= prediction->tokens_per_s_per_chip / asked.predicted;
    p.low = p.high = p.tokens_per_s;
    if (p.phase == Phase::kDecode) p.tpot_s = prediction->tpot_s;
    set_activity(p, *prediction);
    p.hardware = build.name;
    p.basis = std::string("predicted");
    all.push_back(std::move(p));
  }
  return all;
}

}  // namespace hadal::plan
