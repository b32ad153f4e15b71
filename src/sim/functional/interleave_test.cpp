// Results do not depend on timing: a program of four cores (gather by index list, loops with counts from memory, a ring
// of sends with credits, scatter) gives one result under every scheduler.
#include <bit>

#include "sim/functional/test_machine.h"

namespace hadal::sim::testing {
namespace {

constexpr int kCores = 4;

uint64_t mask_of(int core) { return uint64_t{1} << ((core + kCores) % kCores); }

// Core c sums the rows its index list names, then the sums travel once around the ring and every core adds them up.
std::string ring_program(int c) {
  return fmt::format(R"(
      SET rd=r1 imm={}
      SET rd=r2 imm={}
      LD d=spm[0] s=hbm[{}] rows=1 len=1 post=0:2
      LDR rd=r4 s=spm[0] byte=32 size=u32 wait=0:1
      CFG.LD.PITCH imm=2
      CFG.ST.PITCH imm=8
      LDG d=spm[16] s=hbm[1100] idx=spm[0] rows=r4 len=2 wait=0:1 post=1:1
      VPRM.FILL d=spm[40] rows=1 cols=32
      SYNC unit=VX wait=1:1
      LOOP n=r4 len=1 step=r5:2
      VALU.ADD d=spm[40] a=spm[40] b=spm[r5+16] rows=1 cols=32
      VPRM.COPY d=spm[60] a=spm[40] rows=1 cols=32
      VPRM.COPY d=spm[50] a=spm[40] rows=1 cols=32 post=3:1
      SYNC unit=VX mask=r2 post=6:1 REMOTE   # my inbox is free
      LOOP n=3 len=7
      SYNC unit=NX wait=6:1
      SND d=spm[70] s=spm[50] rows=1 len=2 mask=r1 wait=3:1 post=7:1
      SYNC unit=NX post=5:1
      VALU.ADD d=spm[60] a=spm[60] b=spm[70] rows=1 cols=32 wait=7:1
      SYNC unit=VX wait=5:1
      VPRM.COPY d=spm[50] a=spm[70] rows=1 cols=32 post=3:1
      SYNC unit=VX mask=r2 post=6:1 REMOTE
      SYNC unit=VX post=8:1
      STG d=hbm[{}] idx=spm[0] s=spm[60] rows=1 len=2 wait=8:1
      HALT)",
                     mask_of(c + 1), mask_of(c - 1), 1000 + c, 50000 + 64 * c);
}

class Ring : public Machine {
 public:
  Ring() : Machine(kCores) {
    std::vector<uint32_t> totals(32);
    for (uint32_t c = 0; c < kCores; ++c) {
      std::vector<uint32_t> list(16);
      list[8] = c + 2;  // the count; a core has 2..5 rows
      for (uint32_t i = 0; i < list[8]; ++i) list[i] = (5 * c + 3 * i) % 20;
      put(c, list);
      for (uint32_t i = 0; i < list[8]; ++i) {
        for (uint32_t k = 0; k < 32; ++k) totals[k] += 100 * list[i] + k;
      }
      first_index[c] = list[0];
      core(static_cast<int>(c), ring_program(static_cast<int>(c)));
    }
    for (uint32_t row = 0; row < 20; ++row) {
      std::vector<float> values;
      for (uint32_t k = 0; k < 32; ++k) values.push_back(static_cast<float>(100 * row + k));
      put(100 + 2 * row, values);
    }
    for (uint32_t t : totals) expected.push_back(static_cast<float>(t));
  }
  std::string result(FunctionalOptions options) {
    if (std::string fault = fault_of(options); !fault.empty()) return fault;
    for (uint64_t c = 0; c < kCores; ++c) {
      if (out<float>(64 * c + 8 * first_index[c], 32) != expected) return fmt::format("core {} stores other sums", c);
    }
    return "as expected";
  }
  uint32_t first_index[kCores];
  std::vector<float> expected;
};

TEST(Interleaving, InTurn) { EXPECT_EQ(Ring().result({}), "as expected"); }

TEST(Interleaving, RandomOrders) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    FunctionalOptions options;
    options.interleave_seed = seed;
    ASSERT_EQ(Ring().result(options), "as expected") << "seed " << seed;
  }
}

TEST(Interleaving, Threads) {
  for (int threads = 2; threads <= 5; ++threads) {
    FunctionalOptions options;
    options.threads = threads;
    Ring ring;
    for (int i = 0; i < 20; ++i) ASSERT_EQ(ring.result(options), "as expected") << threads << " threads";
  }
}

TEST(Interleaving, ShallowFifos) {
  for (int depth = 1; depth < 8; ++depth) {
    Ring ring;
    ring.chip.fifo_depth = depth;
    EXPECT_EQ(ring.result({}), "as expected") << "depth " << depth;
  }
}

TEST(Interleaving, ChecksOff) {
  FunctionalOptions options;
  options.check_races = options.check_initialised = false;
  EXPECT_EQ(Ring().result(options), "as expected");
}

TEST(Interleaving, RepeatedLaunches) {
  for (int threads = 1; threads <= 2; ++threads) {
    FunctionalOptions options;
    options.threads = threads;
    Ring ring;
    ASSERT_EQ(ring.result(options), "as expected");
    for (int i = 0; i < 50; ++i) ASSERT_NO_THROW(ring.simulator->launch());
  }
}

// Traces come in program order, whatever the order of execution.
TEST(Interleaving, TracesAgree) {
  const auto trace_with = [](FunctionalOptions options) {
    Ring ring;
    Trace trace;
    ring.run(options, &trace);
    return trace;
  };
  const Trace first = trace_with({});
  FunctionalOptions options;
  options.interleave_seed = 3;
  const Trace second = trace_with(options);
  for (size_t c = 0; c < kCores; ++c) {
    ASSERT_EQ(first.cores[c].issues.size(), second.cores[c].issues.size());
    for (size_t i = 0; i < first.cores[c].issues.size(); ++i) {
      const Issue &a = first.cores[c].issues[i], &b = second.cores[c].issues[i];
      EXPECT_EQ(std::tie(a.pc, a.op, a.unit, a.d, a.a, a.b, a.dram, a.rows, a.cols, a.mask, a.sstride, a.dstride),
                std::tie(b.pc, b.op, b.unit, b.d, b.a, b.b, b.dram, b.rows, b.cols, b.mask, b.sstride, b.dstride));
    }
  }
}

}  // namespace
}  // namespace hadal::sim::testing
