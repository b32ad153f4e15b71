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
  kReceive,     // the residual as the chip before left it, where a model's layers lie on several chips in a row
  kPassOn,      // the residual as it stands, for the chip behind
};

struct Operator {
  Kind kind{};
  int layer = -1;        // -1 outside the layers
  std::string name;      // e.g. "L2.q_up"
  int64_t n = 0, k = 0;  // columns and contraction of its GEMM (per head, expert or pair where it has several)
  int64_t count = 1;     // how many such GEMMs: heads, experts
};

// The share of one of several chips in a row: the layers [first, end).
struct Stage {
  int64_t first = 0, end = 0;
  int64_t layers = 0;                          // of the model
  bool begins() const { return first == 0; }   // has the embedding
  bool ends() const { return end == layers; }  // has the LM head, and the layer for multi-token prediction
  bool whole() const { return begins() && ends(); }
};
inline Stage whole_model(const model::Config& c) { return {0, c.num_hidden_layers, c.num_hidden_layers}; }

// All operators of one step, in execution order; with multi-token prediction it keeps its hidden states.
std::vector<Operator> step(const model::Config& config, bool keep_hidden = false);
// Those of one stage. All stages in their order do what a step does.
std::vector<Operator> step(const model::Config& config, bool keep_hidden, const Stage& stage);
// The operators of a draft by the layer for multi-token prediction.
std::vector<Operator> draft(const model::Config& config);

// Multiply-accumulates of an operator for `rows` tokens that attend to `context` cached tokens each.
int64_t macs(const Operator& op, const model::Config& config, int64_t rows, int64_t context);

}  // namespace hadal::graph
