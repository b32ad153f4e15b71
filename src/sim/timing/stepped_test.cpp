// The event-driven replay against a plain model that looks at every unit in every cycle: queues, waits, posts, CFG and
// the pipelines of MM and VX must agree to the cycle on random programs.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <random>

#include "sim/timing/machine.h"
#include "sim/timing/trace_builder.h"

namespace hadal::sim::timing {
namespace {

using isa::Op;
using isa::Unit;
using testing::Builder;
using testing::test_chip;

// One core, no DRAM or network traffic, memories so wide that nobody conflicts.
chip::Chip wide_chip(int fifo_depth) {
  chip::Chip chip = test_chip();
  chip.fifo_depth = fifo_depth;
  chip.spm.banks = chip.acc.banks = 4096;
  chip.spm.bank_bytes = chip.acc.bank_bytes = 64;
  return chip;
}

class Stepped {
 public:
  Stepped(const chip::Chip& chip, const CoreTrace& trace, Cycle start)
      : trace_(trace),
        costs_(chip),
        depth_(static_cast<size_t>(chip.fifo_depth)),
        ctl_free_(start),
        complete(trace.issues.size()) {}

  // False when nothing moves any more before the end.
  bool run() {
    for (Cycle now = 0; done_ < complete.size(); ++now) {
      if (now > last_progress_ + 100000) return false;
      for (size_t u = 1; u < units_.size(); ++u) step_unit(u, now);
      step_ctl(now);
    }
    return true;
  }

 private:
  struct Queue {
    std::vector<std::pair<uint32_t, Cycle>> items;  // index, earliest issue
    Cycle front = 0, accepts = 0, end = 0, visible = 0;
  };

  bool take(const Issue& i, Cycle now) {
    if (i.wcnt == 0) return true;
    auto& tokens = tokens_[i.wsem];
    std::sort(tokens.begin(), tokens.end());
    if (tokens.size() < i.wcnt || tokens[i.wcnt - 1u] > now) return false;
    tokens.erase(tokens.begin(), tokens.begin() + i.wcnt);
    return true;
  }
  void finish(uint32_t index, Cycle visible) {
    const Issue& i = trace_.issues[index];
    complete[index] = visible;
    tokens_[i.psem].insert(tokens_[i.psem].end(), i.pcnt, visible + kPostCycles);
    ++done_;
  }

  void step_unit(size_t u, Cycle now) {
    Queue& q = units_[u];
    if (q.items.empty()) return;
    const auto [index, earliest] = q.items.front();
    const Issue& i = trace_.issues[index];
    const bool plain_cfg = i.op == Op::kCfg && i.wcnt == 0 && i.pcnt == 0;
    if (now < earliest || now < q.front || (!plain_cfg && now < q.accepts) || !take(i, now)) return;
    q.items.erase(q.items.begin());
    q.front = now + 1;
    last_progress_ = now;
    if (i.op == Op::kCfg || i.op == Op::kSync) {
      Cycle visible = now + 1;
      if (i.pcnt != 0) visible = q.visible = std::max(q.visible, visible);
      return finish(index, visible);
    }
    const Cost cost = i.unit == Unit::kMm ? costs_.mma(i) : costs_.vector(i);
    Cycle begin = i.unit == Unit::kMm ? std::max(q.end, now + cost.fill) : now;
    if (i.unit == Unit::kVx) {
      if (written_.size() >= kWritesInFlight)
        begin = std::max(begin, written_[written_.size() - kWritesInFlight].second);
      for (const auto& [extent, visible] : written_) {
        if (extent.meets(vx_reads_a(i)) || extent.meets(vx_reads_b(i)) ||
            (vx_reads_d(i) && extent.meets(vx_writes(i)))) {
          begin = std::max(begin, visible);
        }
      }
    }
    q.end = begin + cost.cycles;
    q.accepts = q.end - cost.last_step;
    q.visible = std::max(q.visible, q.end + cost.latency);
    if (i.unit == Unit::kVx) written_.emplace_back(vx_writes(i), q.visible);
    finish(index, q.visible);
  }

  void step_ctl(Cycle now) {
    if (now < ctl_free_ || next_ == trace_.issues.size()) return;
    const Issue& i = trace_.issues[next_];
    if (i.unit == Unit::kCtl) {
      if (!take(i, now)) return;
      ctl_free_ = now + (i.op == Op::kLdr ? kLdrCycles : 1);
      finish(next_, ctl_free_);
    } else {
      auto& items = units_[static_cast<size_t>(i.unit)].items;
      if (items.size() == depth_) return;
      items.emplace_back(next_, now + kDispatchCycles);
      ctl_free_ = now + 1;
    }
    last_progress_ = now;
    ++next_;
  }

  const CoreTrace& trace_;
  CostModel costs_;
  size_t depth_;
  Cycle ctl_free_, last_progress_ = 0;
  uint32_t next_ = 0;
  size_t done_ = 0;
  std::array<Queue, isa::kUnits> units_;
  std::map<uint8_t, std::vector<Cycle>> tokens_;
  std::vector<std::pair<Extent, Cycle>> written_;

 public:
  std::vector<Cycle> complete;
};

// Random work and synchronisation; a semaphore has one posting and one waiting unit, and every wait comes after enough
// posts in program order.
Trace random_program(std::mt19937_64& rng, int instructions) {
  auto pick = [&](uint64_t n) { return static_cast<uint32_t>(rng() % n); };
  Trace trace;
  Builder b(trace.cores.emplace_back());
  std::array<uint32_t, isa::kSemaphores> posted{};
  constexpr std::array<Unit, 5> kTakers = {Unit::kCtl, Unit::kLd, Unit::kSt, Unit::kMm, Unit::kVx};
  for (int n = 0; n < instructions; ++n) {
    const uint32_t kind = pick(10);
    switch (kind) {
      case 0:
      case 1: b.mma(1 + pick(70), 32 * (1 + pick(4)), 1 + pick(3), 0, 128u >> pick(3)); break;
      case 2:
      case 3: b.mul(pick(64) * 8, pick(64) * 8, pick(64) * 8, 1 + pick(6), 1 + pick(200)); break;
      case 4: b.vx(Op::kVred, pick(64) * 8, pick(64) * 8, 0, 1 + pick(9), 1 + pick(400)); break;
      case 5: b.cfg(pick(2) ? Unit::kMm : Unit::kVx); break;
      case 6: b.sync(kTakers[pick(5)]); break;
      case 7: b.ldr(); break;
      default: b.set(); break;
    }
    const auto at = std::find(kTakers.begin(), kTakers.end(), b.last().unit);
    const uint32_t unit = static_cast<uint32_t>(at - kTakers.begin());
    const uint32_t from = 5 * pick(5) + unit, to = 5 * unit + pick(5);
    if (posted[from] > 0 && pick(2) == 0) {
      const uint32_t count = 1 + pick(posted[from]);
      b.wait(static_cast<uint8_t>(from), static_cast<uint8_t>(count));
      posted[from] -= count;
    }
    if (pick(3) == 0 && posted[to] < 8) {
      const uint32_t count = 1 + pick(2);
      b.post(static_cast<uint8_t>(to), static_cast<uint8_t>(count));
      posted[to] += count;
    }
    b.pc(0);  // fetched with the first instruction
  }
  b.halt().pc(0);
  return trace;
}

void expect_agreement(uint64_t programs) {
  const program::Program program;
  for (uint64_t seed = 1; seed <= programs; ++seed) {
    std::mt19937_64 rng(seed);
    const chip::Chip chip = wide_chip(1 + static_cast<int>(rng() % 8));
    Trace trace = random_program(rng, 150);
    // What the first fetch takes: CTL's first instruction, alone.
    Trace first;
    Builder(first.cores.emplace_back()).set();
    Machine fetch(chip, program, first, nullptr);
    fetch.run();

    Machine machine(chip, program, trace, nullptr);
    machine.run();
    Stepped stepped(chip, trace.cores[0], fetch.retired(0)[0].complete - 1);
    ASSERT_TRUE(stepped.run()) << "seed " << seed;
    ASSERT_EQ(machine.conflict_cycles(), 0u);
    for (size_t i = 0; i < trace.cores[0].issues.size(); ++i) {
      ASSERT_EQ(machine.retired(0)[i].complete, stepped.complete[i])
          << "seed " << seed << " instruction " << i << " " << isa::name(trace.cores[0].issues[i].op) << " of "
          << isa::name(trace.cores[0].issues[i].unit);
    }
  }
}

TEST(Stepped, ReplayAgreesWithLookingAtEveryCycle) { expect_agreement(300); }

TEST(Stepped, LongReplayAgreesWithLookingAtEveryCycle) {
  if (std::getenv("HADAL_LONG") == nullptr) GTEST_SKIP() << "set HADAL_LONG=1";
  expect_agreement(20000);
}

}  // namespace
}  // namespace hadal::sim::timing
