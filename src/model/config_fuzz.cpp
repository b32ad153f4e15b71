// Any bytes as config.json: refused with an input error, or a configuration whose derived values can be computed.
#include <cmath>
#include <cstdlib>

#include "base/error.h"
#include "model/model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto config = hadal::model::Config::parse({reinterpret_cast<const char*>(data), size}, "f");
    const auto frequencies = hadal::model::rope_inverse_frequencies(config);
    if (frequencies.size() != static_cast<size_t>(config.rope_dim() / 2)) std::abort();
    if (!(hadal::model::attention_scale(config) > 0)) std::abort();
  } catch (const hadal::Error& e) {
    if (e.kind() != hadal::ErrorKind::kInput || std::string_view(e.what()).find('\n') != std::string_view::npos) {
      std::abort();
    }
  }
  return 0;
}
