// Qwen3, dense: grouped queries, RMSNorm of every query and key head, no biases.
#include "model/family.h"

namespace hadal::model {
namespace {

void read(const Fields& fields, Config& c) {
  refuse_sliding_window(fields);
  fields.expect("attention_bias", false);
  read_sizes(fields, c);
  c.prepend_bos = false;
  read_grouped_attention(fields, c, 128);
  c.qk_norm = true;
  c.first_k_dense_replace = c.num_hidden_layers;
  read_rotation(fields, c);
}

}  // namespace

const Family kQwen3{"qwen3", "Qwen3ForCausalLM", read};

}  // namespace hadal::model
