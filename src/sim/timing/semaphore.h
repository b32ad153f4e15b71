// A counting semaphore whose tokens carry the time they become visible, so that a completion known in advance needs no
// event of its own.
#pragma once

#include <cstddef>
#include <vector>

#include "sim/timing/constants.h"

namespace hadal::sim::timing {

class Semaphore {
 public:
  uint32_t waiters = 0;  // bit per unit of the core that is blocked here

  void post(Cycle time, uint32_t count) {
    tokens_.push_back({time, count});
    for (size_t i = tokens_.size() - 1; i > head_ && tokens_[i - 1].time > time; --i)
      std::swap(tokens_[i], tokens_[i - 1]);
  }

  // When the first `count` tokens known so far are all visible.
  Cycle available(uint32_t count) const {
    for (size_t i = head_; i < tokens_.size(); ++i) {
      if (tokens_[i].count >= count) return tokens_[i].time;
      count -= tokens_[i].count;
    }
    return kNever;
  }

  void take(uint32_t count) {
    while (count >= tokens_[head_].count) {
      count -= tokens_[head_++].count;
      if (head_ == tokens_.size()) {
        tokens_.clear();
        head_ = 0;
      }
      if (count == 0) return compact();
    }
    tokens_[head_].count -= count;
  }

 private:
  struct Token {
    Cycle time;
    uint32_t count;
  };
  void compact() {
    if (head_ < 64) return;
    tokens_.erase(tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }

  std::vector<Token> tokens_;  // ascending by time from head_ on
  size_t head_ = 0;
};

}  // namespace hadal::sim::timing
