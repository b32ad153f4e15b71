// Units by dimension, and the parser of "NUMBER UNIT".
#include "base/quantity.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>
#include <cmath>
#include <span>
#include <vector>

#include "base/error.h"

namespace hadal {
namespace {

struct UnitScale {
  std::string_view name;
  double scale;
};

constexpr double kKi = 1024, kMi = kKi * kKi, kGi = kMi * kKi;
constexpr UnitScale kBytesUnits[] = {{"B", 1}, {"KiB", kKi}, {"MiB", kMi}, {"GiB", kGi}};
constexpr UnitScale kHertzUnits[] = {{"Hz", 1}, {"kHz", 1e3}, {"MHz", 1e6}, {"GHz", 1e9}};
constexpr UnitScale kSecondsUnits[] = {{"s", 1}, {"ms", 1e-3}, {"us", 1e-6}, {"ns", 1e-9}, {"ps", 1e-12}};
constexpr UnitScale kBytesPerSecondUnits[] = {{"B/s", 1}, {"MB/s", 1e6}, {"GB/s", 1e9}, {"TB/s", 1e12}};
constexpr UnitScale kBytesPerCycleUnits[] = {{"B/cycle", 1}};
constexpr UnitScale kPerCycleUnits[] = {{"MAC/cycle", 1}, {"op/cycle", 1}};
constexpr UnitScale kPicojouleUnits[] = {{"pJ", 1}, {"fJ", 1e-3}, {"nJ", 1e3}};
constexpr UnitScale kPicojoulePerByteUnits[] = {{"pJ/B", 1}, {"pJ/bit", 8}};
constexpr UnitScale kWattUnits[] = {{"W", 1}, {"mW", 1e-3}};
constexpr UnitScale kCyclesUnits[] = {{"cycles", 1}, {"cycle", 1}};
constexpr UnitScale kAreaUnits[] = {{"mm2", 1}, {"um2", 1e-6}};
constexpr UnitScale kUsdUnits[] = {{"USD", 1}, {"kUSD", 1e3}, {"MUSD", 1e6}};
constexpr UnitScale kPercentUnits[] = {{"%", 0.01}};
constexpr UnitScale kMonthsUnits[] = {{"months", 1}, {"month", 1}, {"years", 12}, {"year", 12}};
constexpr UnitScale kPeopleUnits[] = {{"people", 1}};
constexpr UnitScale kMillimetreUnits[] = {{"mm", 1}, {"um", 1e-3}};
constexpr UnitScale kPerCm2Units[] = {{"/cm2", 1}};
constexpr UnitScale kTransistorsUnits[] = {{"Gtr", 1e9}, {"Mtr", 1e6}};
constexpr UnitScale kTransistorDensityUnits[] = {{"MTr/mm2", 1}};
constexpr UnitScale kAreaPerByteUnits[] = {{"mm2/MiB", 1 / kMi}};
constexpr UnitScale kUsdPerHourUnits[] = {{"USD/h", 1}};
constexpr UnitScale kUsdPerMonthUnits[] = {{"USD/month", 1}, {"kUSD/month", 1e3}};
constexpr UnitScale kUsdPerKwhUnits[] = {{"USD/kWh", 1}};
constexpr UnitScale kUsdPerGbUnits[] = {{"USD/GB", 1}};
constexpr UnitScale kUsdPerMm2Units[] = {{"USD/mm2", 1}};
constexpr UnitScale kUsdPerWattUnits[] = {{"USD/W", 1}, {"MUSD/MW", 1}};
constexpr UnitScale kTokensUnits[] = {{"tokens", 1}, {"Gtokens", 1e9}};
constexpr UnitScale kTokensPerSecondUnits[] = {{"tokens/s", 1}};
constexpr UnitScale kOpsPerSecondUnits[] = {{"TOPS", 1e12}, {"TFLOPS", 1e12}};

std::span<const UnitScale> units_of(Dimension dimension) {
  switch (dimension) {
    case Dimension::kNone: return {};
    case Dimension::kBytes: return kBytesUnits;
    case Dimension::kHertz: return kHertzUnits;
    case Dimension::kSeconds: return kSecondsUnits;
    case Dimension::kBytesPerSecond: return kBytesPerSecondUnits;
    case Dimension::kBytesPerCycle: return kBytesPerCycleUnits;
    case Dimension::kPerCycle: return kPerCycleUnits;
    case Dimension::kPicojoule: return kPicojouleUnits;
    case Dimension::kPicojoulePerByte: return kPicojoulePerByteUnits;
    case Dimension::kWatt: return kWattUnits;
    case Dimension::kCycles: return kCyclesUnits;
    case Dimension::kArea: return kAreaUnits;
    case Dimension::kUsd: return kUsdUnits;
    case Dimension::kPercent: return kPercentUnits;
    case Dimension::kMonths: return kMonthsUnits;
    case Dimension::kPeople: return kPeopleUnits;
    case Dimension::kMillimetre: return kMillimetreUnits;
    case Dimension::kPerCm2: return kPerCm2Units;
    case Dimension::kTransistors: return kTransistorsUnits;
    case Dimension::kTransistorDensity: return kTransistorDensityUnits;
    case Dimension::kAreaPerByte: return kAreaPerByteUnits;
    case Dimension::kUsdPerHour: return kUsdPerHourUnits;
    case Dimension::kUsdPerMonth: return kUsdPerMonthUnits;
    case Dimension::kUsdPerKwh: return kUsdPerKwhUnits;
    case Dimension::kUsdPerGb: return kUsdPerGbUnits;
    case Dimension::kUsdPerMm2: return kUsdPerMm2Units;
    case Dimension::kUsdPerWatt: return kUsdPerWattUnits;
    case Dimension::kTokens: return kTokensUnits;
    case Dimension::kTokensPerSecond: return kTokensPerSecondUnits;
    case Dimension::kOpsPerSecond: return kOpsPerSecondUnits;
  }
  return {};
}

std::string unit_list(std::span<const UnitScale> units) {
  std::vector<std::string_view> names;
  for (const UnitScale& unit : units) names.push_back(unit.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

double parse_quantity(std::string_view text, Dimension dimension, const std::string& where, std::string_view key) {
  const auto units = units_of(dimension);
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc::result_out_of_range || (error == std::errc() && !std::isfinite(number))) {
    input_error(where, "{}: '{}' is not a finite number", key, text);
  }
  const std::string example = units.empty() ? "42" : fmt::format("1.5 {}", units.back().name);
  if (error != std::errc()) {
    input_error(where, "{}: '{}' is not a number; write for example {}", key, text, example);
  }
  std::string_view unit = text.substr(static_cast<size_t>(end - text.data()));
  if (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  if (units.empty()) {
    if (!unit.empty()) input_error(where, "{}: '{}' has a unit, a plain number is needed", key, text);
    return number;
  }
  if (unit.empty()) input_error(where, "{}: '{}' has no unit; units are {}", key, text, unit_list(units));
  for (const UnitScale& candidate : units) {
    if (unit == candidate.name) return number * candidate.scale;
  }
  input_error(where, "{}: unit '{}' is not one of {}", key, unit, unit_list(units));
}

}  // namespace hadal
