// What all cores of a step share: addresses of everything in DRAM and in the scratchpads, and the tile sizes chosen
// for the chip.
#pragma once

#include <algorithm>
#include <vector>

#include "kernels/builder.h"
#include "kernels/image.h"
#include "kernels/spread.h"
#include "kernels/step.h"

namespace hadal::kernels {

struct LayerWeights {
  uint64_t input_norm = 0, post_norm = 0;  // FP32 vectors, lines; 0 where the model has none, as all below
  PanelMatrix output;
  // Latent attention.
  uint64_t q_norm = 0, kv_norm = 0;
  PanelMatrix qkv_down, q_up;
  std::vector<PanelMatrix> key_up, value_up;  // per head
  // Grouped attention.
  uint64_t qkv_bias = 0, query_norm = 0, key_norm = 0;
  PanelMatrix qkv;
  PanelMatrix mlp_up, mlp_down;  // dense, or the shared expert: no tiles where there is none
  PanelMatrix router;
  uint64_t router_bias = 0;
  std::vector<PanelMatrix> expert_up, expert_down;
  // The layer for multi-token prediction.
  uint64_t embedding_norm = 0, hidden_norm = 0, head_norm = 0;
  PanelMatrix join, head;
};

// Words of the constant line(s), by position.
enum Constant : uint32_t {
  kOne,
  kMinusOne,
  kEps,
  kInvHidden,
  kInvQRank,
  kInvKvRank,
  kQueryScale,
  kMinusLog2e,
  kRouteScale,
  kTopK,
  kKvTile,
  kTiny,
  kLog2e,
  kInvHeadDim,
  kConstants
};

// Writable DRAM areas, in lines.
struct Areas {
  uint64_t step = 0;
  uint64_t kv = 0, kv_lines = 0, kv_layer_lines = 0, kv_slot_lines = 0, kv_head_lines = 0;
  uint64_t heads = 0, query = 0, attention = 0, experts = 0, hidden = 0, logits = 0;
  uint64_t received = 0, passed_on = 0;  // residuals from the chip before, and for the one behind
};

struct Plan {
  const model::Config* config = nullptr;
  const chip::Chip* chip = nullptr;
  CompileOptions options;
  graph::Stage stage;  // the share of this chip
  int cores = 0;
  int rows = 0;        // of the program being emitted
  int kv_tile = 0;     // cached tokens per attention pass
  bool draft = false;  // the program being emitted is a draft's
  bool small = false;  // little scratchpad: short attention tiles, one cache buffer
  int slot_lines = 0;  // of the weight ring
  int slots = 0;
  uint32_t kv_row_lines = 0;
  int64_t head_columns = 0;  // grouped attention: columns of a head in buffers, 64 or a multiple of 128
  // Columns of the projections in front of attention, and of its result.
  int64_t qkv_columns() const {
    const model::Config& c = *config;
    return c.attention == model::Attention::kLatent
               ? c.q_lora_rank + c.kv_lora_rank + c.qk_rope_head_dim
               : (c.num_attention_heads + 2 * c.num_key_value_heads) * head_columns;
  }
  int64_t value_columns() const {
    const model::Config& c = *config;
    return c.num_attention_heads * (c.attention == model::Attention::kLatent ? c.v_head_dim : head_columns);
  }
  uint64_t constants = 0, rope = 0, embed = 0, final_norm = 0;  // lines
  uint32_t embed_lines = 0, rope_lines = 0;
  Areas areas;
  std::vector<LayerWeights> layers;  // of the stage
  PanelMatrix lm_head;
  // Whether the owner of a row normalises it for all: not worth its exchange for few short rows.
  bool by_owner() const { return !draft && rows_by_owner(*config, cores, rows, options.owners_from); }
  bool by_rank() const { return experts_by_rank(*config, cores, rows, options.ranks_from); }
  int hub() const { return std::min(cores - 1, cores / 2 + chip->noc.columns / 2); }  // near the middle of the mesh
};

// Contiguous share of `count` items of core `core` out of `cores`.
struct Share {
  uint32_t first = 0, last = 0;
  uint32_t size() const { return last - first; }
};
inline Share share(uint32_t count, int core, int cores) {
  const auto c = static_cast<uint64_t>(core), n = static_cast<uint64_t>(cores);
  return {static_cast<uint32_t>(count * c / n), static_cast<uint32_t>(count * (c + 1) / n)};
}

}  // namespace hadal::kernels
