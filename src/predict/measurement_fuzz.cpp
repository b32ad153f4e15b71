// Any bytes as a measurement table: accepted or refused, never worse.
#include <cstddef>
#include <cstdint>

#include "base/error.h"
#include "predict/measurement.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    hadal::predict::parse_measurements(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
  } catch (const hadal::Error&) {}
  return 0;
}
