// Weights as numbers: a matrix row by row, a tensor as a whole, from every form a checkpoint holds them in.
#include <array>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "model/blocks.h"
#include "model/model.h"
#include "numerics/numerics.h"

namespace hadal::model {
namespace {

constexpr int64_t kBlock = 128;

int64_t blocks(int64_t n) { return (n + kBlock - 1) / kBlock; }

const std::array<float, 256>& e4m3_values() {
  static const std::array<float, 256> table = [] {
    std::array<float, 256> t{};
    for (size_t code = 0; code < t.size(); ++code) t[code] = num::e4m3_to_float(static_cast<uint8_t>(code));
    return t;
  }();
  return table;
}

float plain_value(Dtype dtype, const std::byte* at) {
  uint32_t word = 0;
  switch (dtype) {
    case Dtype::kF32: std::memcpy(&word, at, 4); return std::bit_cast<float>(word);
    case Dtype::kF16: std::memcpy(&word, at, 2); return f16_to_float(static_cast<uint16_t>(word));
    case Dtype::kBf16: std::memcpy(&word, at, 2); return std::bit_cast<float>(word << 16);
    case Dtype::kE4m3: return e4m3_values()[static_cast<uint8_t>(*at)];
    case Dtype::kE8m0:  // a power of two; 0xFF is NaN
      return *at == std::byte{0xFF}
                 ? std::bit_cast<float>(num::kCanonicalNan)
                 : std::bit_cast<float>(*at == std::byte{0} ? 0x400000u : static_cast<uint32_t>(*at) << 23);
    default: check(false, "not a plain number format"); return 0;
  }
}

// One row of both halves together. Rows of keys are columns of what the file holds: a head at a time is kept.
void read_row_of_halves(const Halves& halves, int64_t row, std::span<float> out) {
  const int64_t rank = halves.keys.shape[1], keys = halves.keys.shape[2], values = halves.values.shape[1];
  const int64_t head = row / (keys + values), at = row % (keys + values);
  if (at >= keys) return read_values(halves.values, (head * values + at - keys) * rank, out);
  struct Kept {
    uint64_t serial = 0;
    int64_t head = 0;
    std::vector<float> all;  // [rank][keys]
  };
  thread_local Kept kept;
  if (kept.serial != halves.serial || kept.head != head) {
    kept.all.resize(static_cast<size_t>(rank * keys));
    read_values(halves.keys, head * rank * keys, kept.all);
    kept.serial = halves.serial;
    kept.head = head;
  }
  for (int64_t r = 0; r < rank; ++r) out[static_cast<size_t>(r)] = kept.all[static_cast<size_t>(r * keys + at)];
}

}  // namespace

void read_values(const Tensor& tensor, int64_t first, std::span<float> out) {
  if (tensor.dtype == Dtype::kHalves) {
    const auto rank = static_cast<size_t>(tensor.shape[1]);
    check(static_cast<size_t>(first) % rank == 0 && out.size() % rank == 0, "{}: whole rows are read", tensor.name);
    for (size_t done = 0; done < out.size(); done += rank) {
      read_row_of_halves(*tensor.halves, (first + static_cast<int64_t>(done)) / tensor.shape[1],
                         out.subspan(done, rank));
    }
    return;
  }
  const BlockSize size = block_size(tensor.dtype);
  const auto count = static_cast<int64_t>(out.size());
  check(size.elements > 0 && first % size.elements == 0 && count % size.elements == 0,
        "{}: {} values from {} on are not whole blocks", tensor.name, count, first);
  const std::byte* at = tensor.data.data() + first / size.elements * size.bytes;
  if (tensor.dtype == Dtype::kF32) {
    std::memcpy(out.data(), at, out.size_bytes());
  } else if (tensor.dtype == Dtype::kBf16) {  // the usual one, in a loop the compiler can turn into vector code
    for (int64_t i = 0; i < count; ++i) {
      uint16_t code;
      std::memcpy(&code, at + 2 * i, 2);
      out[static_cast<size_t>(i)] = std::bit_cast<float>(static_cast<uint32_t>(code) << 16);
    }
  } else if (size.elements == 1) {
    for (int64_t i = 0; i < count; ++i) out[static_cast<size_t>(i)] = plain_value(tensor.dtype, at + i * size.bytes);
  } else {
    for (int64_t i = 0; i < count; i += size.elements, at += size.bytes) read_block(tensor.dtype, at, &out[i]);
  }
}

std::vector<float> values(const Tensor& tensor) {
  int64_t count = 1;
  for (const int64_t dim : tensor.shape) count *= dim;
  std::vector<float> out(static_cast<size_t>(count));
  read_values(tensor, 0, out);
  return out;
}

Linear linear(const Model& model, const std::string& name) {
  Linear out;
  out.weight = model.weights.find(name + ".weight");
  check(out.weight != nullptr && out.weight->shape.size() == 2, "no linear named {}", name);
  out.n = out.weight->shape[0];
  out.k = out.weight->shape[1];
  if (!out.fp8()) return out;
  out.scale = model.weights.find(name + ".weight_scale_inv");
  check(out.scale != nullptr && out.scale->shape == std::vector<int64_t>{blocks(out.n), blocks(out.k)},
        "no scales that fit the FP8 linear {}", name);
  return out;
}

const uint8_t* Linear::codes(int64_t row) const {
  return reinterpret_cast<const uint8_t*>(weight->data.data()) + row * k;
}

float Linear::scale_at(int64_t n_block, int64_t k_block) const {
  const int64_t index = n_block * blocks(k) + k_block;
  return plain_value(scale->dtype, scale->data.data() + index * block_size(scale->dtype).bytes);
}

void Linear::read_row(int64_t row, std::span<float> out) const {
  check(row >= 0 && row < n && static_cast<int64_t>(out.size()) == k, "row {} of {} x {}", row, n, k);
  if (!fp8()) return read_values(*weight, row * k, out);
  const uint8_t* code = codes(row);
  for (int64_t first = 0; first < k; first += kBlock) {
    const float factor = scale_at(row / kBlock, first / kBlock);
    for (int64_t i = first; i < std::min(k, first + kBlock); ++i) {
      out[static_cast<size_t>(i)] = e4m3_values()[code[i]] * factor;
    }
  }
}

}  // namespace hadal::model
