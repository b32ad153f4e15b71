// Division by a number fixed at construction, a shift when it is a power of two, as nearly all of a chip's numbers are.
#pragma once

#include <bit>
#include <cstdint>

namespace hadal::sim::timing {

class Divider {
 public:
  Divider() = default;
  explicit Divider(uint64_t value) : value_(value), shift_(std::has_single_bit(value) ? std::countr_zero(value) : -1) {}
  uint64_t value() const { return value_; }
  uint64_t down(uint64_t x) const { return shift_ >= 0 ? x >> shift_ : x / value_; }
  uint64_t up(uint64_t x) const { return down(x + value_ - 1); }
  uint64_t rest(uint64_t x) const { return x - down(x) * value_; }

 private:
  uint64_t value_ = 1;
  int shift_ = 0;
};

}  // namespace hadal::sim::timing
