// Llama 2 and 3, SmolLM2, R1-Distill-Llama: grouped queries, no biases.
#include "model/family.h"

namespace hadal::model {
namespace {

void read(const Fields& fields, Config& c) {
  fields.expect("attention_bias", false);
  fields.expect("mlp_bias", false);
  read_sizes(fields, c);
  read_grouped_attention(fields, c, 0);
  c.first_k_dense_replace = c.num_hidden_layers;
  read_rotation(fields, c);
}

}  // namespace

const Family kLlama{"llama", "LlamaForCausalLM", read};

}  // namespace hadal::model
