// Teams and groups.
#include "kernels/spread.h"

#include <algorithm>

namespace hadal::kernels {

// A core's port takes tens of times as long for a large expert as an exchange does.
bool experts_in_teams(const model::Config& c, int cores) {
  return c.has_experts() && 2 * c.n_routed_experts <= cores &&
         3 * c.hidden_size * c.moe_intermediate_size > kLargeExpert;
}

bool experts_by_rank(const model::Config& c, int cores, int rows, int64_t from) {
  return rows == 1 && c.has_experts() && !experts_in_teams(c, cores) && 2 * c.num_experts_per_tok <= cores &&
         3 * c.hidden_size * c.moe_intermediate_size > from;
}

bool rows_by_owner(const model::Config& c, int cores, int rows, int64_t from) {
  return rows > 1 && cores > 1 && rows * c.hidden_size >= from;
}

bool rows_stream(const model::Config& c, const chip::Chip& chip, int rows, int64_t owners_from) {
  if (c.attention != model::Attention::kLatent || c.q_lora_rank == 0) return false;
  if (!rows_by_owner(c, chip.cores, rows, owners_from)) return false;
  const int64_t heads = c.num_attention_heads * (c.qk_nope_head_dim + c.qk_rope_head_dim);
  const int64_t compressed = c.q_lora_rank + c.kv_lora_rank + c.qk_rope_head_dim;
  const int64_t shared = c.moe_intermediate_size * c.n_shared_experts;
  const int64_t hidden = c.first_k_dense_replace > 0 ? std::max(c.intermediate_size, shared) : shared;
  const int64_t team = experts_in_teams(c, chip.cores) ? c.moe_intermediate_size : 0;
  const int64_t values = c.hidden_size + c.hidden_size / 2;  // FP32, and two digits
  const int64_t bytes = 4 * rows * (compressed + heads + hidden + team + values);
  return 3 * bytes > 2 * static_cast<int64_t>(chip.spm.bytes);
}

int latent_head_groups(const model::Config& c, const chip::Chip& chip, int rows, int kv_tile) {
  constexpr int64_t kFewest = 32, kLineWords = 16, kLineBytes = 64;  // heads of a group: what fills the matrix unit
  const int64_t heads = c.num_attention_heads;
  const int64_t head_lines = (c.kv_lora_rank + kLineWords - 1) / kLineWords + (kv_tile + kLineWords - 1) / kLineWords;
  const int64_t most = static_cast<int64_t>(chip.acc.bytes) / kLineBytes / head_lines;
  int64_t groups = 1;
  for (int64_t g = 2; g <= heads; ++g) {
    if (heads % g != 0) continue;
    const bool needed = heads / groups > most, useful = g * rows <= chip.cores && heads / g >= kFewest;
    if (needed || useful) groups = g;
  }
  return static_cast<int>(groups);
}

}  // namespace hadal::kernels
