// Queues, waits and posts, the units' pipelines, DMA and network streams, as the replay orders them in time.
#include "sim/timing/machine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <tuple>

#include "base/error.h"
#include "sim/timing/trace_builder.h"

namespace hadal::sim::timing {
namespace {

using isa::Unit;
using testing::Builder;
using testing::test_chip;

// A trace, and when each of its instructions was complete.
struct Replay {
  explicit Replay(chip::Chip c = test_chip()) : chip(std::move(c)) {
    trace.cores.resize(static_cast<size_t>(chip.cores));
  }
  Builder core(size_t c = 0) { return Builder(trace.cores[c]); }
  Machine& run() {
    machine.emplace(chip, program, trace, nullptr);
    machine->run();
    return *machine;
  }
  Cycle complete(size_t index, size_t c = 0) const { return machine->retired(c)[index].complete; }

  chip::Chip chip;
  program::Program program;
  Trace trace;
  std::optional<Machine> machine;
};

TEST(Ctl, DispatchesOneInstructionACycle) {
  Replay r;
  r.core().set().set().set().ldr().set().halt();
  r.run();
  EXPECT_EQ(r.complete(1), r.complete(0) + 1);
  EXPECT_EQ(r.complete(2), r.complete(1) + 1);
  EXPECT_EQ(r.complete(3), r.complete(2) + kLdrCycles);
  EXPECT_EQ(r.complete(4), r.complete(3) + 1);
}

TEST(Ctl, FifoFullStallsDispatch) {
  auto vx_done = [](int depth, int matrix_instructions) {
    chip::Chip chip = test_chip();
    chip.fifo_depth = depth;
    Replay r(chip);
    Builder b = r.core();
    for (int i = 0; i < matrix_instructions; ++i) b.mma(32, 64, 50);
    b.mul(0, 1024, 2048, 1, 128).halt();
    r.run();
    return r.complete(static_cast<size_t>(matrix_instructions));
  };
  // One MMA runs, `depth` wait in the queue, so the multiplication is dispatched at once.
  const Cycle at_once = vx_done(4, 5);
  EXPECT_LT(at_once, vx_done(4, 1) + 20);
  // One more, and CTL stands until the second MMA leaves the queue; each takes 800 cycles and, for each of its 50
  // groups, a quarter of one for three lines of scales.
  EXPECT_NEAR(static_cast<double>(vx_done(4, 6) - at_once), 837.5, 20);
  EXPECT_NEAR(static_cast<double>(vx_done(4, 7) - at_once), 1675, 20);
  EXPECT_LT(vx_done(8, 9), at_once + 20);
}

TEST(Ctl, WaitOnCtlBlocksDispatch) {
  Replay r;
  r.core().mma(32, 32, 100).post(5).sync(Unit::kCtl).wait(5).mul(0, 1024, 2048, 1, 128).halt();
  r.run();
  EXPECT_EQ(r.complete(1), r.complete(0) + kPostCycles + 1);
  EXPECT_EQ(r.complete(2), r.complete(1) + kDispatchCycles + kVxIssueCycles + 2 + r.chip.vector.latency_cycles);
}

TEST(Ctl, InstructionsAreFetchedOnceThroughDram) {
  Replay r;
  Builder b = r.core();
  for (int pass = 0; pass < 50; ++pass) {
    for (uint32_t i = 0; i < 16; ++i) b.set().pc(i);
  }
  for (uint32_t i = 16; i < 64; ++i) b.set();
  b.halt();
  const Machine& m = r.run();
  EXPECT_EQ(m.dram().read_bytes, 5u * 256);  // 65 instructions in bursts of 16
  // A cold start waits for DRAM, the loop body comes from the instruction memory.
  EXPECT_GT(r.complete(0), 100u);
  EXPECT_EQ(r.complete(799), r.complete(0) + 799);
}

TEST(Ctl, StraightCodeIsBoundByFetchLatency) {
  auto cycles = [](int controller_cycles) {
    chip::Chip chip = test_chip();
    chip.dram.controller_cycles = controller_cycles;
    Replay r(chip);
    Builder b = r.core();
    for (int i = 0; i < 16000; ++i) b.set();
    b.halt();
    r.run();
    return static_cast<double>(r.complete(16000));
  };
  EXPECT_NEAR(cycles(100), 16000, 200);
  // Bursts of 16 instructions, kFetchOutstanding of them every round trip.
  EXPECT_NEAR(cycles(2000), 16000.0 / (16 * kFetchOutstanding) * 2040, 4000);
}

TEST(Ctl, OnlyASkipThatSkipsCostsABubble) {
  Replay r;
  Builder b = r.core();
  b.set().set().set();
  for (size_t i = 1; i < 3; ++i) {
    r.trace.cores[0].issues[i].op = isa::Op::kSkipz;
    r.trace.cores[0].issues[i].rows = i == 2;
  }
  b.halt();
  r.run();
  EXPECT_EQ(r.complete(1), r.complete(0) + 1);
  EXPECT_EQ(r.complete(2), r.complete(1) + kSkipCycles);
}

TEST(Semaphores, WaitSeesThePostWhenWritesAreVisible) {
  Replay r;
  r.core().mma(32, 32, 10).post(3).mul(0, 1024, 2048, 1, 128).wait(3).halt();
  r.run();
  EXPECT_EQ(r.complete(1), r.complete(0) + kPostCycles + kVxIssueCycles + 2 + r.chip.vector.latency_cycles);
}

TEST(Semaphores, WaitConsumesTokensOfSeveralPosters) {
  Replay r;
  r.core()
      .mma(32, 32, 10)
      .post(3)
      .mul(0, 1024, 2048, 1, 128)
      .post(3)
      .sync(Unit::kSt)
      .wait(3, 2)
      .post(4)
      .sync(Unit::kCtl)
      .wait(4)
      .halt();
  r.run();
  EXPECT_GT(r.complete(0), r.complete(1));
  EXPECT_EQ(r.complete(2), r.complete(0) + kPostCycles + 1);
}

TEST(Semaphores, PostOfAUnitIsNotBeforeEarlierWrites) {
  Replay r;
  r.core().ld(0, 0, 256).sync(Unit::kLd).post(1).sync(Unit::kVx).wait(1).halt();
  r.run();
  EXPECT_GE(r.complete(1), r.complete(0));
}

TEST(Semaphores, MissingTokenIsADeadlockThatNamesTheInstruction) {
  Replay r;
  r.core().set().sync(Unit::kVx).wait(7, 2).halt();
  try {
    r.run();
    FAIL() << "no fault";
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kFault);
    EXPECT_STREQ(e.what(), "timing: core 0 VX instruction 1 (unmarked) waits for 2 of semaphore 7, which nobody posts");
  }
}

TEST(Semaphores, RemotePostTravelsTheMesh) {
  Replay r(test_chip(48));
  r.core(0).sync(Unit::kNx).remote(1ull << 47).post(2).halt();
  r.core(47).sync(Unit::kCtl).wait(2).halt();
  r.run();
  // Twelve links, three cycles each, and out of the router.
  EXPECT_EQ(r.complete(0, 47), r.complete(0, 0) + kRemotePostCycles + 12 * 3 + 1 + kPostCycles + 1);
}

TEST(Semaphores, RemotePostAfterALoadWaitsForItAndDelaysNobody) {
  Replay r(test_chip(2));
  r.core(0).ld(0, 0, 2048).sync(Unit::kLd).remote(2).post(2).sync(Unit::kNx).remote(2).post(3).halt();
  r.core(1).sync(Unit::kVx).wait(3).sync(Unit::kMm).wait(2).halt();
  r.run();
  EXPECT_LT(r.complete(0, 1), r.complete(0, 0));
  EXPECT_GT(r.complete(1, 1), r.complete(0, 0));
}

TEST(Matrix, IndependentInstructionsFollowWithoutABubble) {
  Replay r;
  Builder b = r.core();
  for (int i = 0; i < 10; ++i) b.mma(32, 64, 5);
  b.halt();
  r.run();
  for (size_t i = 1; i < 10; ++i) EXPECT_EQ(r.complete(i), r.complete(i - 1) + 84);  // three lines of scales a group
}

TEST(Matrix, DependentInstructionPaysFillAndLatency) {
  Replay r;
  r.core().mma(32, 64, 5).post(1).mma(32, 64, 5).wait(1).halt();
  r.run();
  const Cycle fill = 8, drain = 8;
  EXPECT_EQ(r.complete(1), r.complete(0) + kPostCycles + fill + 84 + drain + r.chip.matrix.latency_cycles);
}

TEST(Matrix, ConfigurationHidesBehindARunningInstruction) {
  auto second = [](int words) {
    Replay r;
    Builder b = r.core();
    b.mma(32, 32, 10);
    for (int i = 0; i < words; ++i) b.cfg(Unit::kMm);
    b.mma(32, 32, 10).halt();
    r.run();
    return r.complete(static_cast<size_t>(words) + 1);
  };
  EXPECT_EQ(second(14), second(0));
}

TEST(Vector, DependentInstructionsWaitForTheWrite) {
  auto done = [](uint32_t source) {
    Replay r;
    r.core().mul(0, 1024, 2048, 8, 128).mul(512, source, 2048, 8, 128).halt();
    r.run();
    return r.complete(1) - r.complete(0);
  };
  const Cycle passes = kVxIssueCycles + 12;  // 1536 bytes a pass from an SPM of 1024 bytes a cycle
  EXPECT_EQ(done(1024), passes);
  EXPECT_EQ(done(0), passes + 12);   // reads what the first wrote
  EXPECT_EQ(done(56), passes + 12);  // its last lines
  EXPECT_EQ(done(64), passes);       // just behind it
}

TEST(Vector, NinthResultWaitsForAFreeInterlockEntry) {
  Replay r;
  Builder b = r.core();
  for (uint32_t i = 0; i < 12; ++i) b.vx(isa::Op::kVsfu, 16 * i, 4096, 0, 1, 16);
  b.halt();
  r.run();
  // Two cycles each, but a result takes 18 more.
  const Cycle latency = r.chip.vector.latency_cycles + kSfuExtraCycles;
  for (size_t i = 1; i < 8; ++i) EXPECT_EQ(r.complete(i), r.complete(i - 1) + 2);
  EXPECT_EQ(r.complete(8), r.complete(0) + 2 + latency);
}

// MM reads operands at 512 B a cycle and more, VX at nearly all the SPM has.
TEST(Spm, BankConflictSlowsBothUnits) {
  auto busy = [](bool matrix, bool vector) {
    Replay r;
    Builder b = r.core();
    if (matrix) b.mma(128, 256, 4);
    if (vector) b.mul(0, 1024, 2048, 200, 128);
    b.halt();
    const Machine& m = r.run();
    return std::tuple(m.busy(0, Unit::kMm), m.busy(0, Unit::kVx), m.conflict_cycles());
  };
  const auto [matrix, none, c0] = busy(true, false);
  const auto [nothing, vector, c1] = busy(false, true);
  const auto [matrix_both, vector_both, conflicts] = busy(true, true);
  EXPECT_EQ(c0 + c1, 0u);
  EXPECT_GT(matrix_both, matrix + matrix / 10);
  EXPECT_GT(vector_both, vector + vector / 10);
  EXPECT_EQ(conflicts, matrix_both - matrix + vector_both - vector);
}

TEST(Spm, UnitsOnDifferentMemoriesDoNotConflict) {
  Replay r;
  Builder b = r.core();
  b.mma(1, 256, 4);
  b.mul(0, 1024, 2048, 20, 128);
  b.last().a_acc = b.last().b_acc = b.last().d_acc = true;
  b.halt();
  const Machine& m = r.run();
  EXPECT_LE(m.conflict_cycles(), 2u);
}

TEST(Load, OneLoadPaysSetupLatencyAndTransfer) {
  chip::Chip chip = test_chip();
  Replay r(chip);
  r.core().set().set().set().ld(0, 1000, 4).halt();
  r.run();
  // Dispatch, setup, 100 cycles to the controller and back, tRCD + tCL + 8 on the bus, one through the port, write.
  EXPECT_EQ(r.complete(3), r.complete(2) + kDispatchCycles + 16 + 100 + 14 + 16 + 8 + 1 + kSpmWriteCycles);
}

TEST(Load, OutstandingLimitBoundsBandwidth) {
  auto cycles = [](int outstanding, uint32_t lines) {
    chip::Chip chip = test_chip();
    chip.dma.outstanding_requests = outstanding;
    Replay r(chip);
    r.core().ld(0, 0, lines).halt();
    r.run();
    return static_cast<double>(r.complete(0));
  };
  const double one = cycles(1, 2048) - cycles(1, 1024);  // 256 bursts more
  const double four = cycles(4, 2048) - cycles(4, 1024);
  EXPECT_NEAR(one / 256, 130, 15);  // a round trip each
  EXPECT_NEAR(one / four, 4, 0.4);
  // With enough in flight the port is the limit.
  EXPECT_NEAR((cycles(320, 4096) - cycles(320, 2048)) / 2048, 1, 0.03);
}

TEST(Load, ConsecutiveLoadsOverlapTheirLatency) {
  Replay r;
  Builder b = r.core();
  for (uint32_t i = 0; i < 8; ++i) b.ld(i * 256, i * 256, 256);
  b.halt();
  r.run();
  // 16 KiB each: 256 cycles through the port; the setup of the next hides behind the data of the one before.
  EXPECT_NEAR(static_cast<double>(r.complete(7) - r.complete(0)), 7 * 256, 20);
}

TEST(Load, ManyCoresShareTheChannels) {
  chip::Chip chip = test_chip(16);
  Replay r(chip);
  for (size_t c = 0; c < 16; ++c) r.core(c).ld(0, c * 100000, 8192).halt();
  r.run();
  Cycle last = 0, first = kNever;
  for (size_t c = 0; c < 16; ++c) {
    last = std::max(last, r.complete(0, c));
    first = std::min(first, r.complete(0, c));
  }
  // 16 cores x 512 KiB over 16 channels of 32 B a cycle.
  const double ideal = 16.0 * 8192 * 64 / (16 * 32);
  EXPECT_GT(static_cast<double>(last), ideal);
  EXPECT_LT(static_cast<double>(last), 1.1 * ideal);
  EXPECT_GT(static_cast<double>(first), 0.85 * ideal);  // and fairly
}

TEST(Load, ScatteredLinesAreFarSlowerThanRows) {
  chip::Chip chip = test_chip(16);
  auto bytes_per_cycle = [&](bool random) {
    Replay r(chip);
    uint64_t seed = 12345;
    for (size_t c = 0; c < 16; ++c) {
      std::vector<uint64_t> places;
      for (int i = 0; i < 1000; ++i) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        places.push_back(seed >> 40);
      }
      if (random) {
        r.core(c).ldg(0, places, 1).halt();
      } else {
        r.core(c).ld(0, c * 100000, 1000).halt();
      }
    }
    r.run();
    Cycle last = 0;
    for (size_t c = 0; c < 16; ++c) last = std::max(last, r.complete(0, c));
    return 16.0 * 1000 * 64 / static_cast<double>(last);
  };
  EXPECT_LT(bytes_per_cycle(true), 0.6 * bytes_per_cycle(false));
}

TEST(Load, ExpandedPanelsAreBoundByTheWriteSide) {
  Replay r;
  r.core().ldx(0, 0, 200).halt();
  const Machine& m = r.run();
  EXPECT_EQ(m.dram().read_bytes - 256, 200u * 17 * 64);
  EXPECT_NEAR(static_cast<double>(r.complete(0)), 200 * 33 + 300, 250);
}

TEST(Load, EmptyLoadOnlyPosts) {
  Replay r;
  r.core().ld2(0, 0, 0, 16, 32).post(1).sync(Unit::kCtl).wait(1).halt();
  const Machine& m = r.run();
  EXPECT_EQ(m.dram().read_bytes, 256u);  // the program
  EXPECT_GT(r.complete(1), 0u);
}

TEST(Store, DataLeaveAtPortRateAndPostAfterTheLastAnswer) {
  Replay r;
  r.core().st(0, 0, 4096).post(1).sync(Unit::kCtl).wait(1).halt();
  const Machine& m = r.run();
  EXPECT_EQ(m.dram().written_bytes, 4096u * 64);
  EXPECT_NEAR(static_cast<double>(r.complete(0)), 4096 + 400, 200);
  EXPECT_EQ(r.complete(1), r.complete(0) + kPostCycles + 1);
}

TEST(Send, MulticastPostsOnEveryCoreAfterTheData) {
  Replay r(test_chip(48));
  const uint64_t mask = (1ull << 48) - 2;
  r.core(0).snd(mask, 256).post(1).halt();
  for (size_t c = 1; c < 48; ++c) r.core(c).sync(Unit::kCtl).wait(1).halt();
  const Machine& m = r.run();
  EXPECT_EQ(m.noc().byte_hops, 47u * 256 * 64);
  EXPECT_GT(r.complete(0, 1), r.complete(0, 0) - 60);       // the next core, early
  EXPECT_GT(r.complete(0, 47), r.complete(0, 1) + 10 * 3);  // the far corner
  // 256 flits over the first link.
  EXPECT_NEAR(static_cast<double>(m.busy(0, Unit::kNx)), 256 + 12 * 3, 10);
}

TEST(Send, CrossingStreamsShareTheLink) {
  auto last = [](bool both) {
    Replay r(test_chip(48));
    r.core(0).snd(1ull << 3, 1024).post(1).halt();
    if (both) r.core(1).snd(1ull << 4, 1024).post(1).halt();
    r.run();
    return static_cast<double>(r.complete(0, 0));
  };
  EXPECT_NEAR(last(true) - last(false), 1024, 60);
}

}  // namespace
}  // namespace hadal::sim::timing
