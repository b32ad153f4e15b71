// DeepSeek-V3, R1, V3.1: latent attention with compressed queries, sigmoid gate with a bias and groups ranked by their
// two best experts.
#include "model/family.h"

namespace hadal::model {
namespace {

void read(const Fields& fields, Config& c) {
  if (fields.find("q_lora_rank") == nullptr) {
    fields.fail("q_lora_rank",
                "is null or missing: only deepseek_v2 has models without query compression; a positive "
                "integer is needed");
  }
  fields.expect("scoring_func", "sigmoid");
  fields.expect("topk_method", "noaux_tc");
  fields.expect("rope_interleave", true);
  read_sizes(fields, c);
  read_latent_attention(fields, c);
  c.gate = Gate::kSigmoid;
  c.group_rank = GroupRank::kTwoBest;
  c.gate_bias = true;
  c.n_group = fields.integer("n_group", 1, kMaxCount);
  c.topk_group = fields.integer("topk_group", 1, kMaxCount);
  c.norm_topk_prob = fields.boolean_or("norm_topk_prob", true);
  read_shared_and_routed(fields, c);
  c.num_nextn_predict_layers = fields.integer_or("num_nextn_predict_layers", 0, 64, 0);
  read_rotation(fields, c);
}

}  // namespace

const Family kDeepseekV3{"deepseek_v3", "DeepseekV3ForCausalLM", read};

}  // namespace hadal::model
