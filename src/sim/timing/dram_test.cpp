// Bank state, bus, refresh and address mapping of the DRAM model.
#include "sim/timing/dram.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "sim/timing/trace_builder.h"

namespace hadal::sim::timing {
namespace {

using testing::test_chip;

// Some line in the given bank of channel 0 with a row other than those in `rows`.
uint64_t line_in(const Dram& dram, uint32_t bank, const std::set<uint64_t>& rows = {}) {
  for (uint64_t line = 0;; line += dram.burst_lines()) {
    const DramPlace at = dram.place(line);
    if (at.channel == 0 && at.bank == bank && !rows.contains(at.row)) return line;
  }
}

TEST(Dram, MappingIsABijection) {
  chip::Chip chip = test_chip();
  chip.dram.channels = 10;  // not a power of two
  const Dram dram(chip);
  std::map<std::tuple<uint32_t, uint32_t, uint64_t>, int> bursts;
  const uint64_t rows = 8, count = 10ull * 16 * rows * 4;
  for (uint64_t g = 0; g < count; ++g) {
    const DramPlace at = dram.place(g * 4);
    ASSERT_LT(at.channel, 10u);
    ASSERT_LT(at.bank, 16u);
    EXPECT_EQ(dram.place(g * 4 + 3), at);
    ++bursts[{at.channel, at.bank, at.row}];
  }
  EXPECT_EQ(bursts.size(), 10u * 16 * rows);
  for (const auto& [place, n] : bursts) EXPECT_EQ(n, 4);
}

TEST(Dram, PowerOfTwoStridesSpreadOverChannels) {
  const Dram dram(test_chip());
  for (int shift = 2; shift <= 16; ++shift) {
    std::map<uint32_t, int> hits;
    for (uint64_t i = 0; i < 1024; ++i) ++hits[dram.place(i << shift).channel];
    EXPECT_GE(hits.size(), 8u) << "stride of " << (1 << shift) << " lines";
  }
}

TEST(Dram, RowMissCostsPrechargeActivate) {
  Dram dram(test_chip());
  const uint64_t first = line_in(dram, 0);
  const uint64_t other = line_in(dram, 0, {dram.place(first).row});
  // Transfers of 256 bytes take 8 cycles; tRCD 14, tRP 15, tCL 16, tRAS 34.
  EXPECT_EQ(dram.access(1000, first, 4, false), 1000u + 14 + 16 + 8);
  EXPECT_EQ(dram.access(2000, first, 4, false), 2000u + 16 + 8);
  EXPECT_EQ(dram.access(3000, other, 4, false), 3000u + 15 + 14 + 16 + 8);
  EXPECT_EQ(dram.row_hits, 1u);
  EXPECT_EQ(dram.row_misses, 2u);
}

TEST(Dram, RowStaysOpenForTras) {
  Dram dram(test_chip());
  const uint64_t first = line_in(dram, 0);
  const uint64_t other = line_in(dram, 0, {dram.place(first).row});
  dram.access(1000, first, 1, false);
  // Activated at 1000, so precharged not before 1034.
  EXPECT_EQ(dram.access(1001, other, 4, false), 1034u + 15 + 14 + 16 + 8);
}

TEST(Dram, OtherBanksOverlapTheMiss) {
  Dram dram(test_chip());
  const Cycle a = dram.access(1000, line_in(dram, 0), 4, false);
  const Cycle b = dram.access(1000, line_in(dram, 1), 4, false);
  EXPECT_EQ(a, 1038u);
  EXPECT_LE(b, a + 8 + 4);  // the bus, and one activation spacing
}

TEST(Dram, RequestForAnOpenRowJoinsItsQueue) {
  Dram dram(test_chip());
  const uint64_t first = line_in(dram, 0);
  const uint64_t other = line_in(dram, 0, {dram.place(first).row});
  dram.access(1000, first, 4, false);
  dram.access(1001, other, 4, false);
  const uint64_t misses = dram.row_misses;
  dram.access(1002, first, 4, false);  // the first row is still open then
  EXPECT_EQ(dram.row_misses, misses);
  dram.access(5000, first, 4, false);
  EXPECT_EQ(dram.row_misses, misses + 1);
}

TEST(Dram, BusyChannelQueuesTransfers) {
  Dram dram(test_chip());
  const uint64_t line = line_in(dram, 0);
  dram.access(1000, line, 4, false);
  Cycle last = 0;
  for (int i = 0; i < 100; ++i) last = dram.access(2000, line, 4, false);
  EXPECT_EQ(last, 2000u + 16 + 100 * 8);
}

TEST(Dram, RefreshClosesRowsAndStopsTheBus) {
  chip::Chip chip = test_chip();
  chip.dram.channels = 1;
  chip.dram.t_refi_s = 4e-6;
  chip.dram.t_rfc_s = 400e-9;
  Dram dram(chip);
  const uint64_t line = line_in(dram, 0);
  dram.access(3000, line, 4, false);
  EXPECT_EQ(dram.access(3900, line, 4, false), 3900u + 24);
  // The refresh at 4000 blocks the channel until 4400 and closes the row.
  EXPECT_EQ(dram.access(4001, line, 4, false), 4400u + 14 + 16 + 8);
}

TEST(Dram, MixedWritesPayBatchedTurnarounds) {
  auto total = [](int write_every) {
    Dram dram(test_chip());
    const uint64_t line = line_in(dram, 0);
    Cycle last = 0;
    for (int i = 0; i < 640; ++i)
      last = std::max(last, dram.access(1000, line, 4, write_every != 0 && i % write_every == 0));
    return last;
  };
  const Cycle reads = total(0), writes = total(1), mixed = total(2);
  EXPECT_LE(writes, reads + 16);
  EXPECT_NEAR(static_cast<double>(mixed - reads), 640.0 / 2 / kWriteBatch * 31, 40);
}

// Requests of all channels arrive faster than the bus can serve them.
double bandwidth_fraction(const chip::Chip& chip, uint32_t lines, bool random) {
  Dram dram(chip);
  std::mt19937_64 rng(7);
  const double per_cycle = chip.dram.channels * chip.dram.channel_bytes_per_s / chip.clock_hz;
  Cycle last = 0;
  double time = 0;
  std::vector<Cycle> window(64 * static_cast<size_t>(chip.dram.channels));  // requests in flight
  uint64_t sent = 0;
  for (uint64_t i = 0; i < 400000; ++i) {
    const uint64_t line = random ? rng() % (1u << 24) * 4 : i * lines;
    Cycle& slot = window[i % window.size()];
    time = std::max(time + lines * 64 / per_cycle / 1.2, static_cast<double>(slot));
    slot = dram.access(static_cast<Cycle>(time), line, lines, false);
    last = std::max(last, slot);
    sent += lines * 64;
  }
  return static_cast<double>(sent) / static_cast<double>(last) / per_cycle;
}

TEST(Dram, StreamingComesNearPeak) {
  chip::Chip chip = test_chip();
  EXPECT_GT(bandwidth_fraction(chip, 4, false), 0.97);
  chip.dram.t_refi_s = 3.9e-6;
  chip.dram.t_rfc_s = 350e-9;
  const double limit = 1 - 350.0 / 3900;
  const double reached = bandwidth_fraction(chip, 4, false);
  EXPECT_GT(reached, limit - 0.03);
  EXPECT_LE(reached, limit + 0.005);
}

TEST(Dram, RandomLinesAreFarSlower) {
  chip::Chip chip = test_chip();
  const double streaming = bandwidth_fraction(chip, 4, false), random = bandwidth_fraction(chip, 1, true);
  EXPECT_LT(random, 0.6 * streaming);
  EXPECT_GT(random, 0.1 * streaming);
}

TEST(Dram, FirstReadySchedulingBeatsAlternatingRows) {
  // Two streams through the same banks: in order they would thrash.
  Dram dram(test_chip());
  const uint64_t bank_rows = 16ull * 16 * 16;  // lines until the same bank comes again
  for (uint64_t i = 0; i < 20000; ++i) {
    dram.access(i * 2, i / 2 * 4 + (i % 2) * bank_rows * 64, 4, false);
  }
  EXPECT_GT(dram.row_hits, 2 * dram.row_misses);
}

}  // namespace
}  // namespace hadal::sim::timing
