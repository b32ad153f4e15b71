// Qwen2, Qwen2.5, R1-Distill-Qwen: grouped queries, biases on the query, key and value projections.
#include "model/family.h"

namespace hadal::model {
namespace {

void read(const Fields& fields, Config& c) {
  refuse_sliding_window(fields);
  read_sizes(fields, c);
  c.prepend_bos = false;
  read_grouped_attention(fields, c, 0);
  c.qkv_bias = true;
  c.first_k_dense_replace = c.num_hidden_layers;
  read_rotation(fields, c);
}

}  // namespace

const Family kQwen2{"qwen2", "Qwen2ForCausalLM", read};

}  // namespace hadal::model
