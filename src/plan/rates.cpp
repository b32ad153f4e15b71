// Measured rates and rates scaled from them.
#include "plan/rates.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace hadal::plan {

std::string_view name_of(Phase phase) { return phase == Phase::kPrefill ? "prefill" : "decode"; }

MeasuredRates::MeasuredRates(const std::string& path, Ledger& ledger) : file_(path) {
  with_yaml_file(path, [&](const YAML::Node& node) {
    const chip::Section top(node, path, "", {"name", "model", "production_prefill", "production_decode", "points"});
    model_ = top.text("model");
    production_prefill_ = ledger.read(top, "serving", "production_prefill", Dimension::kPercent, 0.01, 1);
    production_decode_ = ledger.read(top, "serving", "production_decode", Dimension::kPercent, 0.01, 1);
    for (const chip::Section& s : top.list(
             "points", {"name", "hardware", "phase", "kind", "rate", "chips", "conditions"}, {"tpot", "context"})) {
      Measured m;
      m.point.name = s.text("name");
      m.point.hardware = s.text("hardware");
      const std::string phase = s.text("phase"), kind = s.text("kind");
      if (phase != "prefill" && phase != "decode") {
        s.refuse("phase", fmt::format("'{}' is unknown; use prefill or decode", phase));
      }
      if (kind != "production" && kind != "benchmark" && kind != "assumed") {
        s.refuse("kind", fmt::format("'{}' is unknown; use production, benchmark or assumed", kind));
      }
      m.point.phase = phase == "prefill" ? Phase::kPrefill : Phase::kDecode;
      m.benchmark = kind == "benchmark";
      m.rate = ledger.read(s, "serving", "rate", Dimension::kTokensPerSecond, 1e-3, 1e9);
      m.point.chips = static_cast<int>(s.count("chips", 1, 1 << 20));
      if (m.point.phase == Phase::kDecode && !s.has("tpot")) {
        s.refuse("phase", "a decode point needs tpot, the time a token takes");
      }
      if (s.has("tpot")) m.point.tpot_s = ledger.read(s, "serving", "tpot", Dimension::kSeconds, 1e-6, 100).value;
      if (s.has("context")) m.point.context = static_cast<int>(s.count("context", 1, 1 << 24));
      m.point.basis = kind == "assumed" ? "assumed" : "measured";
      m.point.detail = s.text("conditions");
      m.point.source = m.rate.source;
      m.point.confidence = m.rate.confidence;
      measured_.push_back(std::move(m));
    }
  });
}

std::vector<ServingPoint> MeasuredRates::points(const std::string& hardware, const Workload& workload) const {
  std::vector<ServingPoint> found;
  if (workload.model != model_) return found;
  for (const Measured& m : measured_) {
    if (m.point.hardware != hardware) continue;
    ServingPoint p = m.point;
    const Figure& share = p.phase == Phase::kPrefill ? production_prefill_ : production_decode_;
    const bool scale = m.benchmark;
    p.tokens_per_s = m.rate.value * (scale ? share.value : 1);
    p.low = m.rate.low * (scale ? share.low : 1);
    p.high = m.rate.high * (scale ? share.high : 1);
    if (scale) p.detail += fmt::format("; benchmark x {:.3f} for production", share.value);
    found.push_back(std::move(p));
  }
  return found;
}

std::vector<ServingPoint> scaled_points(const std::vector<ServingPoint>& reference, const Capability& from,
                                        const Capability& to) {
  const double compute = to.flops / from.flops, memory = to.memory_bytes_per_s / from.memory_bytes_per_s;
  const double links = to.link_bytes_per_s / from.link_bytes_per_s;
  const double capacity = to.memory_bytes / from.memory_bytes;
  const auto [least, most] = std::minmax({compute, memory, links});
  std::vector<ServingPoint> scaled;
  for (ServingPoint p : reference) {
    p.detail = fmt::format("{} x {:.2f}: the least of compute {:.2f}, memory {:.2f} and links {:.2f} against {}",
                           p.name, least, compute, memory, links, from.name);
    p.name = fmt::format("{} scaled, {}", from.name, name_of(p.phase));
    p.hardware = to.name;
    p.low *= least;
    p.high *= most;
    p.tokens_per_s *= least;
    p.tpot_s /= std::min(1.0, least);  // as many requests in flight; a faster chip is not credited with a shorter time
    p.chips = std::max(1, static_cast<int>(std::ceil(p.chips / std::min(1.0, capacity) - 1e-9)));
    p.basis = std::string("scaled");
    p.source = std::string("derived");
    p.confidence = std::string("L");
    scaled.push_back(std::move(p));
  }
  return scaled;
}

}  // namespace hadal::plan
