// Generation with drafts: the layer for multi-token prediction guesses the token after the next one, and the next step
// runs the guess as a row of its own. It counts only where it is what the step itself chooses, so the text is that of
// `generate`, token for token.
#pragma once

#include "runtime/generate.h"

namespace hadal::runtime {

struct Speculation {
  uint64_t drafted = 0, accepted = 0;  // guesses that a step looked at, and those it kept
};

// As generate(); the session must be compiled with mtp.
std::vector<Generated> speculate(Session& session, std::span<const std::vector<int32_t>> prompts, int max_tokens,
                                 const SamplerOptions& sampling, Speculation& counts,
                                 const std::function<void(size_t, int32_t)>& on_token = {},
                                 const std::function<void()>& on_prefilled = {});

}  // namespace hadal::runtime
