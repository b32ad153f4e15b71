// A stand-in for the chip whose next token is a hash of what the slot's cache holds: any mix-up of slots, positions or
// order changes the text.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "model/model.h"
#include "model/random_checkpoint.h"
#include "model/utf8.h"
#include "serve/stepper.h"

namespace hadal::serve::testing {

inline constexpr int kVocabulary = 300;

inline int32_t next_token(const std::vector<int32_t>& tokens) {
  uint64_t h = 1;
  for (const int32_t t : tokens) h = (h ^ static_cast<uint64_t>(t)) * 0x9E3779B97F4A7C15u;
  return 2 + static_cast<int32_t>((h >> 40) % 256);  // a byte, never <bos> or <eos>
}

class FakeChip : public Stepper {
 public:
  FakeChip(int rows, int slots, int64_t context) : rows_(rows), cache_(static_cast<size_t>(slots)), context_(context) {}
  int max_rows() const override { return rows_; }
  int slots() const override { return static_cast<int>(cache_.size()); }
  int64_t context() const override { return context_; }
  StepCost step(std::span<const runtime::Row> rows) override {
    std::this_thread::sleep_for(pause);
    if (++steps == fail_at) throw Error(ErrorKind::kFault, "core 3: race");
    check(!rows.empty() && rows.size() <= static_cast<size_t>(rows_), "{} rows", rows.size());
    next_.clear();
    for (const runtime::Row& row : rows) {
      auto& cache = cache_.at(static_cast<size_t>(row.slot));
      check(row.position >= 0 && static_cast<size_t>(row.position) <= cache.size(), "a gap before {}", row.position);
      check(row.position < context_, "beyond the context");
      cache.resize(static_cast<size_t>(row.position));
      cache.push_back(row.token);
      next_.push_back(next_token(cache));
    }
    widest = std::max(widest, rows.size());
    return {1000, 1e-6, 1e-3};
  }
  std::vector<float> logits(size_t row) override {
    std::vector<float> out(kVocabulary);
    out[static_cast<size_t>(next_.at(row))] = 1;
    return out;
  }
  std::atomic<uint64_t> steps = 0;
  uint64_t fail_at = 0;
  size_t widest = 0;
  std::chrono::microseconds pause{0};  // of every step

 private:
  int rows_;
  std::vector<std::vector<int32_t>> cache_;
  int64_t context_;
  std::vector<int32_t> next_;
};

inline const model::Tokenizer& tokenizer() {
  static const auto kTokenizer = model::Tokenizer::parse(model::small_tokenizer_json(kVocabulary), "t.json");
  return kTokenizer;
}

// What a prompt is continued with.
inline std::string expected_text(std::vector<int32_t> tokens, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    tokens.push_back(next_token(tokens));
    bytes += tokenizer().token_bytes(tokens.back());
  }
  return model::repair_utf8(bytes);
}

}  // namespace hadal::serve::testing
