// Helpers of the tests: seeded random numbers, bit comparison, and corner values.
#pragma once

#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace hadal::num::test {

// A generator whose seed is printed with any failure and can be set with HADAL_SEED.
class Random {
 public:
  Random()
      : seed_(std::getenv("HADAL_SEED") ? std::strtoull(std::getenv("HADAL_SEED"), nullptr, 0)
                                        : std::random_device{}()),
        engine_(seed_) {}
  std::string where() const { return "HADAL_SEED=" + std::to_string(seed_); }
  uint64_t bits() { return engine_(); }
  int below(int n) { return static_cast<int>(bits() % static_cast<uint64_t>(n)); }
  bool chance(int one_in) { return below(one_in) == 0; }

  // Any binary32 bit pattern, with many corners among them.
  float any_float() {
    static const uint32_t kCorners[] = {0x00000000, 0x80000000, 0x7F800000, 0xFF800000, 0x7FC00000,
                                        0xFFC12345, 0x7F812345, 0x00000001, 0x80000001, 0x007FFFFF,
                                        0x00800000, 0x7F7FFFFF, 0xFF7FFFFF, 0x3F800000, 0xBF800000,
                                        0x3F7FFFFF, 0x43E00000, 0x43E80000, 0x3A800000, 0x42FF0000};
    if (chance(8)) return std::bit_cast<float>(kCorners[below(20)]);
    if (chance(4)) return std::bit_cast<float>(static_cast<uint32_t>(bits()));
    return plain_float();
  }
  // A finite value of moderate size.
  float plain_float() {
    uint32_t exponent = 127 - 12 + static_cast<uint32_t>(below(24));
    return std::bit_cast<float>((static_cast<uint32_t>(bits()) & 0x807FFFFFu) | exponent << 23);
  }

 private:
  uint64_t seed_;
  std::mt19937_64 engine_;
};

inline bool long_run() { return std::getenv("HADAL_LONG") != nullptr; }

}  // namespace hadal::num::test
