// The loop around steps and drafts.
#include "runtime/speculate.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"

namespace hadal::runtime {
namespace {

struct Sequence {
  Sampler sampler;
  Generated out;
  int64_t length = 0;            // positions in the cache that will stay
  std::optional<int32_t> guess;  // of the token after the last one
};

class Speculator {
 public:
  Speculator(Session& session, int max_tokens, Speculation& counts,
             const std::function<void(size_t, int32_t)>& on_token)
      : session_(session), max_tokens_(max_tokens), counts_(counts), on_token_(on_token) {}

  void add(const SamplerOptions& options) { sequences_.push_back({Sampler(options), {}, 0, {}}); }

  void prefill(size_t s, const std::vector<int32_t>& prompt) {
    Sequence& q = sequences_[s];
    const auto most = static_cast<size_t>(session_.max_rows());
    for (size_t first = 0; first < prompt.size(); first += most) {
      const size_t last = std::min(prompt.size(), first + most);
      std::vector<Row> rows;
      for (size_t i = first; i < last; ++i)
        rows.push_back({prompt[i], static_cast<int>(s), static_cast<int64_t>(i), i + 1 == prompt.size()});
      session_.step(rows);
      q.length = static_cast<int64_t>(last);
      if (last == prompt.size()) {
        accept(s, session_.logits(rows.size() - 1));
        if (q.out.tokens.empty()) return;  // nothing follows that a draft could be made of
      }
      std::vector<size_t> states;
      for (size_t r = 0; r < rows.size(); ++r) {
        states.push_back(r);
        rows[r].token = first + r + 1 < prompt.size() ? prompt[first + r + 1] : q.out.tokens.back();
      }
      session_.draft(rows, states);
    }
    q.guess = argmax(session_.logits((prompt.size() - 1) % most));
  }

  // One step and its drafts; false when every sequence has ended.
  bool advance() {
    struct Part {
      size_t sequence, row;
      bool guessed;
    };
    std::vector<Part> parts;
    std::vector<Row> rows;
    const auto most = static_cast<size_t>(session_.max_rows());
    for (size_t s = 0; s < sequences_.size() && rows.size() < most; ++s) {
      const Sequence& q = sequences_[s];
      if (ended(q)) continue;
      const bool guessed =
          q.guess.has_value() && rows.size() + 2 <= most && left(q) >= 2 && q.length + 1 < session_.context();
      parts.push_back({s, rows.size(), guessed});
      rows.push_back({q.out.tokens.back(), static_cast<int>(s), q.length});
      if (guessed) rows.push_back({*q.guess, static_cast<int>(s), q.length + 1});
    }
    if (rows.empty()) return false;
    session_.step(rows);
    std::vector<Row> drafts;
    std::vector<size_t> states, owners;
    for (const Part& part : parts) {
      Sequence& q = sequences_[part.sequence];
      // The logits of a row choose a token; what comes after that is to be drafted.
      const auto take = [&](size_t row) {
        ++q.length;
        accept(part.sequence, session_.logits(row));
        if (q.out.stopped) return;
        drafts.push_back({q.out.tokens.back(), static_cast<int>(part.sequence), q.length - 1});
        states.push_back(row);
        owners.push_back(part.sequence);
      };
      take(part.row);
      if (!part.guessed) continue;
      ++counts_.drafted;
      if (q.out.stopped || q.out.tokens.back() != *q.guess) continue;
      ++counts_.accepted;
      take(part.row + 1);
    }
    if (drafts.empty()) return true;
    session_.draft(drafts, states);
    for (size_t r = 0; r < drafts.size(); ++r) sequences_[owners[r]].guess = argmax(session_.logits(r));
    return true;
  }

  std::vector<Generated> take() {
    std::vector<Generated> out;
    for (Sequence& q : sequences_) out.push_back(std::move(q.out));
    return out;
  }

 private:
  int left(const Sequence& q) const { return max_tokens_ - static_cast<int>(q.out.tokens.size()); }
  bool ended(const Sequence& q) const { return q.out.stopped || left(q) <= 0 || q.length >= session_.context(); }

  void accept(size_t s, std::span<const float> logits) {
    Sequence& q = sequences_[s];
    if (max_tokens_ <= 0) return;
    const int32_t token = q.sampler.next(logits);
    if (session_.model().config.ends(token)) {
      q.out.stopped = true;
      return;
    }
    q.out.tokens.push_back(token);
    if (on_token_) on_token_(s, token);
  }

  Session& session_;
  int max_tokens_;
  Speculation& counts_;
  const std::function<void(size_t, int32_t)>& on_token_;
  std::vector<Sequence> sequences_;
};

}  // namespace

std::vector<Generated> speculate(Session& session, std::span<const std::vector<int32_t>> prompts, int max_tokens,
                                 const SamplerOptions& sampling, Speculation& counts,
                                 const std::function<void(size_t, int32_t)>& on_token,
                                 const std::function<void()>& on_prefilled) {
  check(prompts.size() <= static_cast<size_t>(session.sequences()), "{} sequences; the session holds {}",
        prompts.size(), session.sequences());
  Speculator speculator(session, max_tokens, counts, on_token);
  for (size_t s = 0; s < prompts.size(); ++s) {
    check(!prompts[s].empty(), "an empty prompt");
    speculator.add({sampling.temperature, sampling.top_p, sampling.seed + s});
  }
  for (size_t s = 0; s < prompts.size(); ++s) speculator.prefill(s, prompts[s]);
  if (on_prefilled) on_prefilled();
  while (speculator.advance()) {}
  return speculator.take();
}

}  // namespace hadal::runtime
