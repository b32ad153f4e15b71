// Rounding happens before the prefix is chosen, so that 999.9996 ms is 1.00 s.
#include "report/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace hadal::report {

std::string grouped(uint64_t value) {
  std::string digits = std::to_string(value);
  for (size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string si(double value, std::string_view unit) {
  constexpr std::array<std::string_view, 11> kPrefixes{"f", "p", "n", "u", "m", "", "k", "M", "G", "T", "P"};
  constexpr int kNone = 5;
  if (value == 0 || !std::isfinite(value)) return fmt::format("{} {}", value, unit);
  // To three digits first: 999.9996 must become 1000 before its prefix is chosen.
  const double rounded = std::stod(fmt::format("{:.2e}", value));
  const int thousands = static_cast<int>(std::floor(std::log10(std::abs(rounded)) / 3 + 1e-9));
  const int prefix = std::clamp(thousands, -kNone, static_cast<int>(kPrefixes.size()) - 1 - kNone);
  const double scaled = rounded / std::pow(10.0, 3 * prefix);
  const int decimals = std::abs(scaled) < 9.995 ? 2 : std::abs(scaled) < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f} {}{}", scaled, decimals, kPrefixes[static_cast<size_t>(prefix + kNone)], unit);
}

std::string binary_bytes(uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  auto value = static_cast<double>(bytes);
  size_t unit = 0;
  for (; value >= 1024 && unit + 1 < kUnits.size(); ++unit) value /= 1024;
  return fmt::format("{:.{}f} {}", value, value == std::floor(value) ? 0 : 1, kUnits[unit]);
}

std::string percent(double fraction) { return fmt::format("{:.1f} %", 100 * fraction); }

}  // namespace hadal::report
