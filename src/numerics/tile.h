// Access to the elements of a strided tile, one at a time.
#pragma once

#include <cstring>

#include "numerics/numerics.h"

namespace hadal::num {

constexpr size_t element_bytes(Type type) { return type == Type::kF32 ? 4 : 2; }

inline float load_element(Type type, const std::byte* at) {
  if (type == Type::kBf16) {
    uint16_t code;
    std::memcpy(&code, at, sizeof code);
    return bf16_to_float(code);
  }
  float value;
  std::memcpy(&value, at, sizeof value);
  return value;
}

// Every result that leaves the vector unit has canonical NaNs (N7).
inline void store_element(Type type, std::byte* at, float value) {
  if (type == Type::kBf16) {
    uint16_t code = bf16_from_float(value);
    std::memcpy(at, &code, sizeof code);
    return;
  }
  float clean = canonical(value);
  std::memcpy(at, &clean, sizeof clean);
}

inline std::byte* element(const Tile& t, int row, int col) {
  return t.base + static_cast<size_t>(row) * t.row_bytes + static_cast<size_t>(col) * element_bytes(t.type);
}

inline float load_at(const Tile& t, int row, int col) { return load_element(t.type, element(t, row, col)); }
inline void store_at(const Tile& t, int row, int col, float value) {
  store_element(t.type, element(t, row, col), value);
}

inline float load_broadcast(const Tile& b, Bcast bc, int row, int col) {
  switch (bc) {
    case Bcast::kNone: return load_at(b, row, col);
    case Bcast::kRow: return load_at(b, 0, col);
    case Bcast::kCol: return load_at(b, row, 0);
    case Bcast::kScalar: return load_at(b, 0, 0);
  }
  return 0.0f;
}

}  // namespace hadal::num
