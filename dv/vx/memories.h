// SPM and ACC as the vector unit sees them: three line ports that grant when they like and answer in order, later.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

namespace hadal::dv {

constexpr size_t kLineBytes = 64;
using Line = std::array<uint32_t, 16>;

// The contents of both memories.
struct Image {
  std::vector<uint8_t> spm, acc;
  Image(size_t spm_bytes, size_t acc_bytes) : spm(spm_bytes), acc(acc_bytes) {}
  std::vector<uint8_t>& of(bool is_acc) { return is_acc ? acc : spm; }
  bool operator==(const Image&) const = default;
};

// How a memory behaves: a request is granted with a probability of grant_256ths / 256; data come back min to max cycles
// after the grant.
struct Behaviour {
  unsigned grant_256ths = 256;
  unsigned min_latency = 3, max_latency = 3;
};

// Reads on their way back through one port.
class ReturnQueue {
 public:
  void push(uint64_t due, const Line& line) {
    queue_.push_back({queue_.empty() ? due : std::max(due, last_ + 1), line}), last_ = queue_.back().due;
  }
  bool ready(uint64_t now) const { return !queue_.empty() && queue_.front().due <= now; }
  Line pop() {
    const Line line = queue_.front().line;
    queue_.pop_front();
    return line;
  }

 private:
  struct Entry {
    uint64_t due;
    Line line;
  };
  std::deque<Entry> queue_;
  uint64_t last_ = 0;
};

}  // namespace hadal::dv
