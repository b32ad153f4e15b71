// Routes, multicast trees and link contention of the mesh.
#include "sim/timing/noc.h"

#include <gtest/gtest.h>

#include <bit>
#include <set>

#include "sim/timing/trace_builder.h"

namespace hadal::sim::timing {
namespace {

using testing::test_chip;

TEST(Noc, LatencyIsHopsPlusFlits) {
  Noc noc(test_chip(48));
  // Core 0 to core 27 = (3, 3): six links, then out of the router. 256 bytes are four flits.
  EXPECT_EQ(noc.send(noc.tree(0, 1ull << 27), 100, 256), 100u + 6 * 3 + 4);
  EXPECT_EQ(noc.byte_hops, 6u * 256);
  EXPECT_EQ(noc.stall_cycles, 0u);
}

TEST(Noc, RoutesGoAlongXFirst) {
  Noc noc(test_chip(48));
  noc.send(noc.tree(0, 1ull << 9), 0, 64);  // (1, 1)
  EXPECT_EQ(noc.link_busy(0, 0), 1u);       // east out of core 0
  EXPECT_EQ(noc.link_busy(1, 2), 1u);       // south out of core 1
  EXPECT_EQ(noc.link_busy(0, 2), 0u);
  noc.send(noc.tree(9, 1ull << 0), 0, 64);
  EXPECT_EQ(noc.link_busy(9, 1), 1u);
  EXPECT_EQ(noc.link_busy(8, 3), 1u);
}

TEST(Noc, MulticastOccupiesEachLinkOnce) {
  for (int source = 0; source < 48; source += 7) {
    Noc noc(test_chip(48));
    const uint64_t all = (1ull << 48) - 1;
    const Noc::Tree& tree = noc.tree(source, all);
    noc.send(tree, 0, 256);
    std::set<int> cores;
    for (const Noc::Branch& b : tree.branches) {
      if (b.core >= 0) cores.insert(b.core);
    }
    EXPECT_EQ(cores.size(), 48u);
    int used = 0;
    for (int c = 0; c < 48; ++c) {
      for (int d = 0; d < 4; ++d) {
        EXPECT_LE(noc.link_busy(c, d), 4u);
        used += noc.link_busy(c, d) != 0;
      }
    }
    EXPECT_EQ(used, 47);  // a spanning tree of 48 routers
    EXPECT_EQ(noc.byte_hops, 47u * 256);
  }
}

TEST(Noc, SharedLinkDelaysTheSecondPacket) {
  Noc noc(test_chip(48));
  const Cycle first = noc.send(noc.tree(0, 1ull << 3), 0, 256);
  const Cycle second = noc.send(noc.tree(1, 1ull << 3), 3, 256);  // meets the first on the link from 1 to 2
  EXPECT_EQ(first, 9u + 4);
  EXPECT_EQ(second, first + 4);
  EXPECT_EQ(noc.stall_cycles, 4u);
  Noc apart(test_chip(48));
  apart.send(apart.tree(0, 1ull << 3), 0, 256);
  EXPECT_EQ(apart.send(apart.tree(9, 1ull << 11), 3, 256), 3u + 6 + 4);
}

TEST(Noc, OwnCoreNeedsNoLink) {
  Noc noc(test_chip(48));
  EXPECT_EQ(noc.send(noc.tree(5, 1ull << 5), 10, 256), 14u);
  EXPECT_EQ(noc.byte_hops, 0u);
}

}  // namespace
}  // namespace hadal::sim::timing
