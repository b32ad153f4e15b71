// The points that a fleet would run, and what they keep busy.
#include "plan/activity.h"

namespace hadal::plan {

PhaseActivity activity_of(const std::vector<ServingPoint>& points, const Workload& workload, const Activity& assumed) {
  PhaseActivity a{assumed, assumed, 0, false};
  double prefill = 0, decode = 0;  // tokens/s
  bool all = true;
  for (const ServingPoint& p : points) {
    if (p.phase == Phase::kDecode && p.tpot_s > workload.tpot_limit_s * 1.0005) continue;
    double& fastest = p.phase == Phase::kPrefill ? prefill : decode;
    if (p.tokens_per_s <= fastest) continue;
    fastest = p.tokens_per_s;
    if (p.matrix_activity < 0) {
      all = false;
      continue;
    }
    (p.phase == Phase::kPrefill ? a.prefill : a.decode) = {p.matrix_activity, p.memory_activity, p.vector_activity};
  }
  a.predicted = all && prefill > 0 && decode > 0;
  const double in = prefill > 0 ? workload.prefill_tokens() / prefill : 0;
  const double out = decode > 0 ? workload.output_tokens / decode : 0;
  a.prefill_share = in + out > 0 ? in / (in + out) : 0;
  return a;
}

}  // namespace hadal::plan
