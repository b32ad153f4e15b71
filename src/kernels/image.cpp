// Re-tiling of weights.
#include "kernels/image.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"
#include "numerics/numerics.h"

namespace hadal::kernels {
namespace {

constexpr int64_t kTile = 32, kPanel = 16, kGroup = 128;

PanelMatrix allocate(ReadOnlyImage& image, uint32_t tiles, uint32_t groups, uint32_t digits) {
  PanelMatrix w;
  w.tiles = tiles;
  w.groups = groups;
  w.digits = digits;
  w.scale_line = image.allocate(static_cast<uint64_t>(tiles) * w.scale_lines());
  w.line = image.allocate(static_cast<uint64_t>(tiles) * w.tile_lines());
  return w;
}

// The byte of column `c`, k, digit of a matrix (docs/machine.md section 6, blocked layout).
std::byte* place(ReadOnlyImage& image, const PanelMatrix& w, int64_t c, int64_t k, uint32_t digit) {
  const int64_t line =
      (c / kPanel) * w.groups * w.group_lines() + (k / kGroup) * w.group_lines() + digit * 32 + k % kGroup / 4;
  return image.at(w.line) + line * 64 + (c % kPanel) * 4 + k % 4;
}

void put_scale(ReadOnlyImage& image, const PanelMatrix& w, int64_t tile, int64_t group, float scale) {
  std::memcpy(image.at(w.scale_line) + (tile * w.scale_lines() * 16 + group) * 4, &scale, 4);
}

}  // namespace

uint64_t ReadOnlyImage::allocate(uint64_t lines) {
  const uint64_t line = end_line();
  bytes_.resize(bytes_.size() + lines * 64);
  return line;
}

uint64_t ReadOnlyImage::append(std::span<const float> values) {
  const uint64_t line = allocate((values.size() + 15) / 16);
  std::memcpy(at(line), values.data(), values.size_bytes());
  return line;
}

PanelMatrix pack_fp8(ReadOnlyImage& image, std::span<const TileSource> tiles) {
  check(!tiles.empty(), "a matrix needs columns");
  const int64_t k_size = tiles[0].linear.k;
  check(k_size % kGroup == 0, "a contraction of {} is not a multiple of 128", k_size);
  const PanelMatrix w = allocate(image, static_cast<uint32_t>(tiles.size()), static_cast<uint32_t>(k_size / kGroup), 1);
  for (size_t t = 0; t < tiles.size(); ++t) {
    const TileSource& source = tiles[t];
    check(source.linear.k == k_size && source.first_row % kTile == 0, "tiles of one matrix share their contraction");
    const int64_t rows = std::min(kTile, source.linear.n - source.first_row);
    for (int64_t c = 0; c < rows; ++c) {
      const uint8_t* row = source.linear.q + (source.first_row + c) * k_size;
      for (int64_t k = 0; k < k_size; k += 4) {
        std::memcpy(place(image, w, static_cast<int64_t>(t) * kTile + c, k, 0), row + k, 4);
      }
    }
    for (int64_t g = 0; g < w.groups; ++g) {
      put_scale(image, w, static_cast<int64_t>(t), g, source.linear.scale_at(source.first_row / kGroup, g));
    }
  }
  return w;
}

PanelMatrix pack_fp8(ReadOnlyImage& image, const model::Fp8Linear& linear) {
  std::vector<TileSource> tiles;
  for (int64_t n = 0; n < linear.n; n += kTile) tiles.push_back({linear, n});
  return pack_fp8(image, tiles);
}

PanelMatrix pack_fp8_transposed(ReadOnlyImage& image, const model::Fp8Linear& linear, int64_t first_row,
                                int64_t groups) {
  check(linear.k % kTile == 0 && first_row % kGroup == 0, "a transposed matrix starts on a block");
  const PanelMatrix w = allocate(image, static_cast<uint32_t>(linear.k / kTile), static_cast<uint32_t>(groups), 1);
  for (int64_t k = 0; k < groups * kGroup; ++k) {
    const uint8_t* row = linear.q + (first_row + k) * linear.k;
    for (int64_t c = 0; c < linear.k; ++c) *place(image, w, c, k, 0) = static_cast<std::byte>(row[c]);
  }
  for (int64_t t = 0; t < w.tiles; ++t) {
    for (int64_t g = 0; g < groups; ++g) {
      put_scale(image, w, t, g, linear.scale_at(first_row / kGroup + g, t * kTile / kGroup));
    }
  }
  return w;
}

std::vector<float> bf16_values(const model::Tensor& tensor) {
  std::vector<float> out(tensor.data.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    uint16_t code;
    std::memcpy(&code, tensor.data.data() + 2 * i, 2);
    out[i] = num::bf16_to_float(code);
  }
  return out;
}

PanelMatrix pack_bf16(ReadOnlyImage& image, const model::Tensor& tensor) {
  check(tensor.shape.size() == 2 && tensor.shape[1] % kGroup == 0, "{} is not a matrix of 128-groups", tensor.name);
  const int64_t n = tensor.shape[0], k_size = tensor.shape[1];
  const std::vector<float> values = bf16_values(tensor);
  const PanelMatrix w =
      allocate(image, static_cast<uint32_t>((n + kTile - 1) / kTile), static_cast<uint32_t>(k_size / kGroup), 2);
  for (int64_t t = 0; t < w.tiles; ++t) {
    const int64_t rows = std::min(kTile, n - t * kTile);
    for (int64_t g = 0; g < w.groups; ++g) {
      float amax = 0;
      for (int64_t c = 0; c < rows; ++c) {
        for (int64_t k = 0; k < kGroup; ++k)
          amax = std::max(amax, std::abs(values[(t * kTile + c) * k_size + g * kGroup + k]));
      }
      const int e = num::quantise_exponent(amax, -126);
      put_scale(image, w, t, g, std::ldexp(1.0f, e));
      for (int64_t c = 0; c < rows; ++c) {
        for (int64_t k = g * kGroup; k < (g + 1) * kGroup; ++k) {
          const float x = std::ldexp(values[(t * kTile + c) * k_size + k], -e);
          const uint8_t high = num::e4m3_from_float(x);
          *place(image, w, t * kTile + c, k, 0) = static_cast<std::byte>(high);
          *place(image, w, t * kTile + c, k, 1) =
              static_cast<std::byte>(num::e4m3_from_float(x - num::e4m3_to_float(high)));
        }
      }
    }
  }
  return w;
}

}  // namespace hadal::kernels
