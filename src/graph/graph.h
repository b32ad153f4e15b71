// What a model does in one forward step, written once: the operators in order, with their shapes. The compiler turns
// each into instructions for our chip; performance models turn the same list into time on any chip.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/model.h"

namespace hadal::graph {

enum class Kind : uint8_t {
  kEmbed,       // token ids -> rows of the embedding
  kQkv,         // grouped attention: RMSNorm, query, key and value projections (one GEMM)
  kQkvDown,     // latent attention: RMSNorm, q_a and kv_a projections (one GEMM)
  kKvWrite,     // norm and RoPE of the keys, quantise, append to the cache
  kQUp,         // RMSNorm, q_b projection; without compression the query projection
  kQAbsorb,     // q_nope through the key half of kv_b, per head
  kAttention,   // scores, softmax, weighted sum over the cached latents or values
  kVUp,         // attention output through the value half of kv_b, per head
  kOutput,      // o projection, residual
  kMlpUp,       // RMSNorm, gate and up projections, SwiGLU (dense layer)
  kMlpDown,     // down projection, residual
  kRouter,      // RMSNorm, router logits; the shared expert's gate and up
  kExperts,     // routing, gather, routed experts, scatter
  kCombine,     // the shared expert's down projection, weighted combine, residual
  kLmHead,      // final RMSNorm, logits
  kKeepHidden,  // final RMSNorm of the hidden state, kept for the draft of the token after the next
  kDraftJoin,   // RMSNorms of the next token's embedding and of that state, projection of both: the draft's residual
};

struct Operator {
  Kind kind{};
  int layer = -1;        // -1 outside the layers
  std::string name;      // e.g. "L2.q_up"
  int64_t n = 0, k = 0;  // columns and contraction of its GEMM (per head, expert or pair where it has several)
  int64_t count = 1;     // how many such GEMMs: heads, experts
};

// All operators of one step, in execution order; with multi-token prediction it keeps its hidden states.
std::vector<Operator> step(const model::Config& config, bool keep_hidden = false);
// The operators of a draft by the layer for multi-token prediction.
std::vector<Operator> draft(const model::Config& config);

// Multiply-accumulates of an operator for `rows` tokens that attend to `context` cached tokens each.
int64_t macs(const Operator& op, const model::Config& config, int64_t rows, int64_t context);

}  // namespace hadal::graph
