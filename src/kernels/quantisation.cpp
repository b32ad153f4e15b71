// The rule of kernels/image.h applied to every matrix and taken back.
#include "kernels/quantisation.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kernels/digits.h"
#include "numerics/numerics.h"

namespace hadal::kernels {
namespace {

struct Matrix {
  model::Linear linear;
  int digits = 2;
};

struct Sums {
  double error = 0, square = 0;
};

// Rows [first, first + 32) of a matrix.
Sums measure(const Matrix& m, int64_t first) {
  const auto groups = static_cast<size_t>((m.linear.k + kDigitGroup - 1) / kDigitGroup);
  const auto rows = static_cast<size_t>(std::min<int64_t>(32, m.linear.n - first));
  const size_t width = groups * kDigitGroup;
  std::vector<float> values(rows * width), row(static_cast<size_t>(m.linear.k));
  for (size_t r = 0; r < rows; ++r) {
    m.linear.read_row(first + static_cast<int64_t>(r), row);
    std::copy(row.begin(), row.end(), values.begin() + static_cast<std::ptrdiff_t>(r * width));
  }
  Sums sums;
  uint8_t high[kDigitGroup], low[kDigitGroup];
  for (size_t g = 0; g < groups; ++g) {
    float amax = 0;
    for (size_t r = 0; r < rows; ++r) amax = std::max(amax, largest(values.data() + r * width + g * kDigitGroup));
    const int e = num::quantise_exponent(amax, -126);
    const float scale = std::ldexp(1.0f, e), inverse = std::ldexp(1.0f, -e);
    for (size_t r = 0; r < rows; ++r) {
      const float* x = values.data() + r * width + g * kDigitGroup;
      digits_of(x, inverse, high, low);
      for (int i = 0; i < kDigitGroup; ++i) {
        const float back = (num::e4m3_to_float(high[i]) + (m.digits == 2 ? num::e4m3_to_float(low[i]) : 0.0f)) * scale;
        sums.error += static_cast<double>(back - x[i]) * static_cast<double>(back - x[i]);
        sums.square += static_cast<double>(x[i]) * static_cast<double>(x[i]);
      }
    }
  }
  return sums;
}

}  // namespace

QuantisationError quantisation_error(const model::Model& model, int digits) {
  std::vector<Matrix> matrices;
  QuantisationError out;
  for (const model::Tensor& tensor : model.weights.tensors()) {
    if (tensor.shape.size() != 2 || tensor.dtype == model::Dtype::kE4m3 || !tensor.name.ends_with(".weight")) continue;
    const bool embedding = tensor.name == "model.embed_tokens.weight";
    if (embedding && !model.config.tie_word_embeddings) continue;
    const bool exact = embedding || tensor.name == "lm_head.weight" || tensor.name.ends_with("mlp.gate.weight");
    matrices.push_back({{tensor.shape[0], tensor.shape[1], &tensor, nullptr}, exact ? 2 : digits});
    out.weights += tensor.shape[0] * tensor.shape[1];
  }
  out.matrices = static_cast<int64_t>(matrices.size());
  std::atomic<size_t> next = 0;
  std::mutex mutex;
  Sums all;
  const auto work = [&] {
    Sums mine;
    for (size_t i = next++; i < matrices.size(); i = next++) {
      for (int64_t first = 0; first < matrices[i].linear.n; first += 32) {
        const Sums sums = measure(matrices[i], first);
        mine.error += sums.error;
        mine.square += sums.square;
      }
    }
    const std::lock_guard lock(mutex);
    all.error += mine.error;
    all.square += mine.square;
  };
  {
    std::vector<std::jthread> helpers;
    for (unsigned t = 1; t < std::min(std::thread::hardware_concurrency(), 16u); ++t) helpers.emplace_back(work);
    work();
  }
  out.relative_rms = all.square > 0 ? std::sqrt(all.error / all.square) : 0;
  return out;
}

}  // namespace hadal::kernels
