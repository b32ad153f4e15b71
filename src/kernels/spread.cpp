// Teams and groups.
#include "kernels/spread.h"

namespace hadal::kernels {

bool experts_in_teams(const model::Config& c, int cores) {
  constexpr int64_t kLarge = 2 << 20;  // bytes: a core's port takes tens of times as long for them as an exchange does
  return c.has_experts() && 2 * c.n_routed_experts <= cores && 3 * c.hidden_size * c.moe_intermediate_size > kLarge;
}

bool rows_by_owner(const model::Config& c, int cores, int rows, int64_t from) {
  return rows > 1 && cores > 1 && rows * c.hidden_size >= from;
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
