// Arbitrary text as a chip description: refused as bad input or a chip.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "chip/chip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    hadal::chip::parse(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  } catch (const hadal::Error& error) {
    if (error.kind() != hadal::ErrorKind::kInput) std::abort();
  }
  return 0;
}
