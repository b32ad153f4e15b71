// Random numbers that are the same on every machine: the standard leaves distributions to the library, hence ours.
#pragma once

#include <cmath>
#include <cstdint>
#include <random>

#include "plan/figure.h"

namespace hadal::plan {

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // In [0, 1), 53 bits.
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  // Triangular between low and high with its peak at mode; mode itself where the range is empty.
  double triangular(double low, double mode, double high) {
    const double u = uniform();  // drawn in any case, so that a range that closes moves no other draw
    if (!(low < high)) return mode;
    const double split = (mode - low) / (high - low);
    return u < split ? low + std::sqrt(u * (high - low) * (mode - low))
                     : high - std::sqrt((1 - u) * (high - low) * (high - mode));
  }
  double draw(const Figure& figure) { return triangular(figure.low, figure.value, figure.high); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace hadal::plan
