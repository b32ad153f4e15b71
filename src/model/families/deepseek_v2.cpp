// DeepSeek-V2 and V2-Lite: latent attention, in Lite without compression of the queries; softmax gate without a bias,
// groups ranked by their best expert.
#include "model/family.h"

namespace hadal::model {
namespace {

void read(const Fields& fields, Config& c) {
  fields.expect("scoring_func", "softmax");
  read_sizes(fields, c);
  read_latent_attention(fields, c);
  c.gate = Gate::kSoftmax;
  c.group_rank = GroupRank::kBest;
  c.gate_bias = false;
  const std::string method = fields.text_or("topk_method", "greedy");
  if (method == "group_limited_greedy") {
    c.n_group = fields.integer("n_group", 1, kMaxCount);
    c.topk_group = fields.integer("topk_group", 1, kMaxCount);
  } else if (method != "greedy") {
    fields.fail("topk_method", "is \"{}\"; \"greedy\" or \"group_limited_greedy\" is supported", printable(method));
  }
  fields.expect("norm_topk_prob", false);
  c.norm_topk_prob = false;
  read_shared_and_routed(fields, c);
  read_rotation(fields, c);
}

}  // namespace

const Family kDeepseekV2{"deepseek_v2", "DeepseekV2ForCausalLM", read};

}  // namespace hadal::model
