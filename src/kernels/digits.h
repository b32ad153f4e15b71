// Two E4M3 digits of 128 finite values at once: the arithmetic of core numerics N7 and N8 without branches, so that the
// host compiler turns it into vector code. Equal to num::e4m3_from_float where nothing saturates (tested).
#pragma once

#include <cstdint>

namespace hadal::kernels {

inline constexpr int kDigitGroup = 128;

// max |x|; NaN and infinities come out as not finite.
float largest(const float* values);

// high = E4M3(x * inverse), low = E4M3(x * inverse - high), for |x * inverse| <= 464.
void digits_of(const float* values, float inverse, uint8_t* high, uint8_t* low);

}  // namespace hadal::kernels
