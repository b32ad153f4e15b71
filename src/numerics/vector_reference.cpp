// The plain definition of the vector unit's arithmetic (N7, N9): one element at a time.
#include <bit>
#include <cmath>
#include <limits>

#include "numerics/numerics.h"
#include "numerics/tile.h"

namespace hadal::num::reference {
namespace {

constexpr int kLanes = 128;  // architectural: it fixes the order of every sum

// IEEE 754-2019 maximum: NaN wins, -0 < +0.
float maximum(float a, float b) {
  if (std::isnan(a) || std::isnan(b)) return std::bit_cast<float>(kCanonicalNan);
  if (a == b) return std::signbit(a) ? b : a;
  return a > b ? a : b;
}

float minimum(float a, float b) { return -maximum(-a, -b); }

float apply(AluOp f, float a, float b, float d) {
  switch (f) {
    case AluOp::kAdd: return a + b;
    case AluOp::kSub: return a - b;
    case AluOp::kMul: return a * b;
    case AluOp::kMax: return maximum(a, b);
    case AluOp::kMin: return minimum(a, b);
    case AluOp::kAbs: return std::fabs(a);
    case AluOp::kSel: return b != 0.0f ? a : d;
    case AluOp::kCmpge: return a >= b ? 1.0f : 0.0f;
    case AluOp::kCmpeq: return a == b ? 1.0f : 0.0f;
  }
  return 0.0f;
}

float reduce_row(RedOp f, const Tile& a, int row, int cols) {
  if (f == RedOp::kArgmax) {
    // The lowest index of the greatest value; -0 and +0 are equal here. The first NaN wins over everything.
    int best = 0;
    float best_value = -std::numeric_limits<float>::infinity();
    for (int c = 0; c < cols; ++c) {
      float x = load_at(a, row, c);
      if (std::isnan(x)) return static_cast<float>(c);
      if (x > best_value) {
        best = c;
        best_value = x;
      }
    }
    return static_cast<float>(best);
  }
  if (f == RedOp::kSum) {
    float lane[kLanes] = {};
    for (int c = 0; c < cols; ++c) lane[c % kLanes] = lane[c % kLanes] + load_at(a, row, c);
    for (int stride = kLanes / 2; stride > 0; stride /= 2) {
      for (int i = 0; i < stride; ++i) lane[i] = lane[i] + lane[i + stride];
    }
    return lane[0];
  }
  float best = f == RedOp::kMax ? -std::numeric_limits<float>::infinity() : 0.0f;
  for (int c = 0; c < cols; ++c) {
    float x = load_at(a, row, c);
    best = maximum(best, f == RedOp::kMax ? x : std::fabs(x));
  }
  return best;
}

}  // namespace

void alu(AluOp f, Tile d, Tile a, Tile b, Bcast bc, int rows, int cols) {
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < cols; ++c) {
      float right = f == AluOp::kAbs ? 0.0f : load_broadcast(b, bc, r, c);
      float old = f == AluOp::kSel ? load_at(d, r, c) : 0.0f;
      store_at(d, r, c, apply(f, load_at(a, r, c), right, old));
    }
  }
}

void mula(Tile d, Tile a, Tile b, Bcast bc, int rows, int cols) {
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < cols; ++c) {
      float product = load_at(a, r, c) * load_broadcast(b, bc, r, c);
      store_at(d, r, c, product + load_at(d, r, c));
    }
  }
}

void sfu(SfuOp f, Tile d, Tile a, int rows, int cols) {
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < cols; ++c) {
      float x = load_at(a, r, c);
      store_at(d, r, c, f == SfuOp::kExp2 ? exp2(x) : f == SfuOp::kRcp ? rcp(x) : rsqrt(x));
    }
  }
}

void reduce(RedOp f, Tile d, Tile a, int rows, int cols) {
  for (int r = 0; r < rows; ++r) store_at(d, r, 0, reduce_row(f, a, r, cols));
}

}  // namespace hadal::num::reference
