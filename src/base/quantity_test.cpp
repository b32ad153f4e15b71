// Quantities: every unit of every dimension, and what is refused.
#include "base/quantity.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace hadal {
namespace {

double parse(std::string_view text, Dimension dimension) { return parse_quantity(text, dimension, "f.yaml:3", "key"); }

std::string refusal(std::string_view text, Dimension dimension) {
  try {
    parse(text, dimension);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "";
}

TEST(Quantity, ConvertsToTheBaseUnit) {
  EXPECT_EQ(parse("1 MiB", Dimension::kBytes), 1048576);
  EXPECT_EQ(parse("3GiB", Dimension::kBytes), 3221225472.0);
  EXPECT_EQ(parse("16 KiB", Dimension::kBytes), 16384);
  EXPECT_EQ(parse("64 B", Dimension::kBytes), 64);
  EXPECT_DOUBLE_EQ(parse("1.2 GHz", Dimension::kHertz), 1.2e9);
  EXPECT_DOUBLE_EQ(parse("14.4 ns", Dimension::kSeconds), 14.4e-9);
  EXPECT_DOUBLE_EQ(parse("25.6 GB/s", Dimension::kBytesPerSecond), 25.6e9);
  EXPECT_EQ(parse("64 B/cycle", Dimension::kBytesPerCycle), 64);
  EXPECT_DOUBLE_EQ(parse("170 fJ", Dimension::kPicojoule), 0.17);
  EXPECT_EQ(parse("5.5 pJ/bit", Dimension::kPicojoulePerByte), 44);
  EXPECT_DOUBLE_EQ(parse("5 mW", Dimension::kWatt), 0.005);
  EXPECT_EQ(parse("1 cycle", Dimension::kCycles), 1);
  EXPECT_EQ(parse("12 cycles", Dimension::kCycles), 12);
  EXPECT_EQ(parse("2 mm2", Dimension::kArea), 2);
  EXPECT_EQ(parse("370 USD", Dimension::kUsd), 370);
  EXPECT_EQ(parse("20 MUSD", Dimension::kUsd), 20e6);
  EXPECT_DOUBLE_EQ(parse("56.3 %", Dimension::kPercent), 0.563);
  EXPECT_EQ(parse("2 years", Dimension::kMonths), 24);
  EXPECT_EQ(parse("0.22 /cm2", Dimension::kPerCm2), 0.22);
  EXPECT_EQ(parse("98 MTr/mm2", Dimension::kTransistorDensity), 98);
  EXPECT_EQ(parse("8 MUSD/MW", Dimension::kUsdPerWatt), 8);
  EXPECT_EQ(parse("608 Gtokens", Dimension::kTokens), 608e9);
  EXPECT_EQ(parse("48", Dimension::kNone), 48);
}

TEST(Quantity, SaysWhichUnitWouldBeRight) {
  EXPECT_EQ(refusal("1.2", Dimension::kHertz), "f.yaml:3: key: '1.2' has no unit; units are Hz, kHz, MHz, GHz");
  EXPECT_EQ(refusal("64 B", Dimension::kBytesPerCycle), "f.yaml:3: key: unit 'B' is not one of B/cycle");
  EXPECT_EQ(refusal("1 MB", Dimension::kBytes), "f.yaml:3: key: unit 'MB' is not one of B, KiB, MiB, GiB");
  EXPECT_EQ(refusal("fast", Dimension::kHertz), "f.yaml:3: key: 'fast' is not a number; write for example 1.5 GHz");
  EXPECT_EQ(refusal("8 cores", Dimension::kNone), "f.yaml:3: key: '8 cores' has a unit, a plain number is needed");
}

TEST(Quantity, RefusesWhatIsNotAFiniteNumber) {
  for (const char* text : {"nan ns", "inf ns", "1e999 ns", "", " 1 ns", "1  ns", "0x10 ns"}) {
    EXPECT_NE(refusal(text, Dimension::kSeconds), "") << text;
  }
}

}  // namespace
}  // namespace hadal
