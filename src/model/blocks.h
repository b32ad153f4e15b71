// The quantised blocks of GGUF: 32 or 256 consecutive elements with scales of their own, as dequantised by definition.
#pragma once

#include <cstddef>
#include <cstdint>

#include "model/model.h"

namespace hadal::model {

// Elements of a block and its bytes; {1, element bytes} for plain types, {0, 0} for those without a size here.
struct BlockSize {
  int64_t elements = 0, bytes = 0;
};
BlockSize block_size(Dtype dtype);

// Dequantises one block.
void read_block(Dtype dtype, const std::byte* block, float* out);

float f16_to_float(uint16_t code);

}  // namespace hadal::model
