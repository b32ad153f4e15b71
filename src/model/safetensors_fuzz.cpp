// Any bytes as a safetensors file: refused with an input error, or every tensor lies inside the file.
#include <cstdlib>

#include "base/error.h"
#include "model/safetensors_format.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  try {
    const std::byte* end = nullptr;
    for (const auto& tensor : hadal::model::parse_safetensors(file, "f")) {
      if (tensor.data.data() < file.data() || tensor.data.data() + tensor.data.size() > file.data() + size)
        std::abort();
      if (end != nullptr && tensor.data.data() != end) std::abort();
      end = tensor.data.data() + tensor.data.size();
    }
    if (end != nullptr && end != file.data() + size) std::abort();
  } catch (const hadal::Error& e) {
    if (e.kind() != hadal::ErrorKind::kInput || std::string_view(e.what()).find('\n') != std::string_view::npos) {
      std::abort();
    }
  }
  return 0;
}
