// Generation and scoring.
#include "runtime/generate.h"

#include <algorithm>

#include "base/error.h"

namespace hadal::runtime {

std::vector<Generated> generate(Session& session, std::span<const std::vector<int32_t>> prompts, int max_tokens,
                                const SamplerOptions& sampling, const std::function<void(size_t, int32_t)>& on_token,
                                const std::function<void()>& on_prefilled) {
  check(prompts.size() <= static_cast<size_t>(session.sequences()), "{} sequences; the session holds {}",
        prompts.size(), session.sequences());
  std::vector<Generated> out(prompts.size());
  std::vector<Sampler> samplers(prompts.size(), Sampler(sampling));
  for (size_t i = 0; i < prompts.size(); ++i)
    samplers[i] = Sampler({sampling.temperature, sampling.top_p, sampling.seed + i});
  std::vector<int64_t> length(prompts.size());
  const auto most = static_cast<size_t>(session.max_rows());
  auto accept = [&](size_t s, std::span<const float> logits) {
    const int32_t token = samplers[s].next(logits);
    Generated& g = out[s];
    if (session.model().config.ends(token)) {
      g.stopped = true;
      return;
    }
    g.tokens.push_back(token);
    if (on_token) on_token(s, token);
  };
  for (size_t s = 0; s < prompts.size(); ++s) {
    const std::vector<int32_t>& prompt = prompts[s];
    check(!prompt.empty(), "an empty prompt");
    for (size_t first = 0; first < prompt.size(); first += most) {
      std::vector<Row> rows;
      for (size_t i = first; i < std::min(prompt.size(), first + most); ++i) {
        rows.push_back({prompt[i], static_cast<int>(s), static_cast<int64_t>(i), i + 1 == prompt.size()});
      }
      session.step(rows);
      if (first + rows.size() == prompt.size() && max_tokens > 0) accept(s, session.logits(rows.size() - 1));
    }
    length[s] = static_cast<int64_t>(prompt.size());
  }
  if (on_prefilled) on_prefilled();
  while (true) {
    std::vector<Row> rows;
    std::vector<size_t> owner;
    for (size_t s = 0; s < prompts.size() && rows.size() < most; ++s) {
      const Generated& g = out[s];
      if (g.stopped || static_cast<int>(g.tokens.size()) >= max_tokens || length[s] >= session.context()) continue;
      rows.push_back({g.tokens.back(), static_cast<int>(s), length[s]++});
      owner.push_back(s);
    }
    if (rows.empty()) return out;
    session.step(rows);
    for (size_t r = 0; r < rows.size(); ++r) accept(owner[r], session.logits(r));
  }
}

void score(Session& session, std::span<const int32_t> tokens,
           const std::function<void(size_t, std::span<const float>)>& on_row) {
  const auto most = static_cast<size_t>(session.max_rows());
  for (size_t first = 0; first < tokens.size(); first += most) {
    std::vector<Row> rows;
    for (size_t i = first; i < std::min(tokens.size(), first + most); ++i)
      rows.push_back({tokens[i], 0, static_cast<int64_t>(i)});
    session.step(rows);
    for (size_t r = 0; r < rows.size(); ++r) on_row(first + r, session.logits(r));
  }
}

}  // namespace hadal::runtime
