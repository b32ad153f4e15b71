// Numbers with units, as chip descriptions write them: "1.2 GHz", "1 MiB", "64 B/cycle", "45 ns", "0.1 pJ", "4 cycles".
#pragma once

#include <string>
#include <string_view>

namespace hadal {

enum class Dimension {
  kNone,
  kBytes,
  kHertz,
  kSeconds,
  kBytesPerSecond,
  kBytesPerCycle,
  kPerCycle,
  kPicojoule,
  kPicojoulePerByte,
  kWatt,
  kCycles,
  kArea,
  kUsd,
  kPercent,
  kMonths,
  kPeople,
  kMillimetre,
  kPerCm2,
  kTransistors,
  kTransistorDensity,
  kAreaPerByte,
  kUsdPerHour,
  kUsdPerMonth,
  kUsdPerKwh,
  kUsdPerGb,
  kUsdPerMm2,
  kUsdPerWatt,
  kTokens,
  kTokensPerSecond,
  kOpsPerSecond
};

// Parses `text` as a quantity of `dimension` and returns it in the base unit (bytes, Hz, s, B/s, B/cycle, 1/cycle, pJ,
// pJ/B, W, cycles, mm2, USD, a fraction, months, people, mm, 1/cm2, transistors, MTr/mm2, mm2/B, USD/h, USD/month,
// USD/kWh, USD/GB, USD/mm2, USD/W, tokens, tokens/s, operations/s). `where` and `key` head the input error: a missing
// or wrong unit says which units would be right.
double parse_quantity(std::string_view text, Dimension dimension, const std::string& where, std::string_view key);

}  // namespace hadal
