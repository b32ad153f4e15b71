// FP32 matrix product of the reference: weights in panels of 32 columns, one running sum an element in order of k, so
// that the result does not depend on the width of the host's vectors.
#pragma once

#include <cstddef>
#include <vector>

namespace hadal::runtime {

// B[k][n], transposed from rows of n where it came from a weight.
struct Panels {
  static constexpr size_t kColumns = 32;
  Panels() = default;
  Panels(size_t columns, size_t depth)
      : n(columns), k(depth), data((columns + kColumns - 1) / kColumns * depth * kColumns) {}
  float& at(size_t depth, size_t column) {
    return data[(column / kColumns * k + depth) * kColumns + column % kColumns];
  }
  size_t n = 0, k = 0;
  std::vector<float> data;
};

// y[r][c] = sum over the first `depth` k of x[r][k] * b[k][c], for the first `columns` columns.
struct MatmulLimits {
  size_t columns = 0, depth = 0;
};
void matmul(const float* x, size_t rows, size_t x_stride, const Panels& b, MatmulLimits limits, float* y,
            size_t y_stride);

}  // namespace hadal::runtime
