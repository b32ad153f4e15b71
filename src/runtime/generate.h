// Text from a session: prefill of a prompt in the largest steps, then one token a step; and scoring of a text.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "runtime/sampler.h"
#include "runtime/session.h"

namespace hadal::runtime {

struct Generated {
  std::vector<int32_t> tokens;  // without the prompt
  bool stopped = false;         // by the end token
};

// Prompts (each with its bos) are decoded together, one slot each. `on_token(sequence, token)` is called as they come,
// `on_prefilled()` once, after the last step that holds tokens of a prompt.
std::vector<Generated> generate(Session& session, std::span<const std::vector<int32_t>> prompts, int max_tokens,
                                const SamplerOptions& sampling,
                                const std::function<void(size_t, int32_t)>& on_token = {},
                                const std::function<void()>& on_prefilled = {});

// Runs `tokens` in slot 0 from position 0 and calls `on_row(position, logits)` for every position.
void score(Session& session, std::span<const int32_t> tokens,
           const std::function<void(size_t, std::span<const float>)>& on_row);

}  // namespace hadal::runtime
