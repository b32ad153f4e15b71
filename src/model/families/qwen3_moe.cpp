// Qwen3 mixture of experts: attention of Qwen3, softmax gate over all experts, no shared expert.
#include "model/family.h"

namespace hadal::model {
namespace {

void read(const Fields& fields, Config& c) {
  refuse_sliding_window(fields);
  fields.expect("attention_bias", false);
  fields.expect("decoder_sparse_step", 1);
  fields.expect("mlp_only_layers", nlohmann::json::array());
  read_sizes(fields, c);
  c.prepend_bos = false;
  read_grouped_attention(fields, c, 128);
  c.qk_norm = true;
  c.first_k_dense_replace = 0;
  c.moe_intermediate_size = fields.integer("moe_intermediate_size", 1, kMaxDim);
  const char* experts = fields.find("num_local_experts") != nullptr ? "num_local_experts" : "num_experts";
  c.n_routed_experts = fields.integer(experts, 1, kMaxCount);
  c.num_experts_per_tok = fields.integer("num_experts_per_tok", 1, kMaxCount);
  c.gate = Gate::kSoftmax;
  c.gate_bias = false;
  c.norm_topk_prob = fields.boolean_or("norm_topk_prob", false);
  check_experts(fields, c, experts);
  read_rotation(fields, c);
}

}  // namespace

const Family kQwen3Moe{"qwen3_moe", "Qwen3MoeForCausalLM", read};

}  // namespace hadal::model
