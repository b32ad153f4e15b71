// Any bytes as a GGUF file: refused with an input error of one line, or tensors that lie inside the file.
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "model/blocks.h"
#include "model/gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace hadal::model;
  const std::span file(reinterpret_cast<const std::byte*>(data), size);
  try {
    Gguf gguf = parse_gguf(file, "f");
    for (const Tensor& tensor : gguf.tensors) {
      if (tensor.data.data() < file.data() || tensor.data.data() + tensor.data.size() > file.data() + size)
        std::abort();
      if (tensor.shape.back() <= 1 << 16) {
        std::vector<float> row(static_cast<size_t>(tensor.shape.back()));
        read_values(tensor, 0, row);
      }
    }
    const Weights weights(gguf_tensors(gguf, "f"), "f", nullptr);
    for (const Tensor& tensor : weights.tensors()) {
      if (tensor.dtype != Dtype::kHalves || tensor.halves->keys.data.size() > 1 << 16) continue;
      std::vector<float> row(static_cast<size_t>(tensor.shape[1]));
      for (const int64_t r : {int64_t{0}, tensor.shape[0] / 2, tensor.shape[0] - 1})
        read_values(tensor, r * tensor.shape[1], row);
    }
    (void)gguf_config(gguf, "f");
    (void)Tokenizer::from_parts(gguf_tokenizer(gguf.metadata, "f"), "f");
  } catch (const hadal::Error& e) {
    if (e.kind() != hadal::ErrorKind::kInput || std::string_view(e.what()).find('\n') != std::string_view::npos) {
      std::abort();
    }
  }
  return 0;
}
