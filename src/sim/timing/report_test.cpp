// What simulate_timing reports: operators, bounds, utilisation, energy, and the trace it streams.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <random>
#include <sstream>

#include "sim/timing.h"
#include "sim/timing/constants.h"
#include "sim/timing/trace_builder.h"

namespace hadal::sim::timing {
namespace {

using isa::Unit;
using testing::Builder;
using testing::gemm_trace;
using testing::test_chip;

// Random work on all units of all cores. Posts come before their waits in program order and a semaphore has one posting
// and one waiting unit, so it cannot deadlock.
Trace random_trace(uint64_t seed, int cores, int instructions) {
  std::mt19937_64 rng(seed);
  auto pick = [&](uint64_t n) { return static_cast<uint32_t>(rng() % n); };
  Trace trace;
  for (int c = 0; c < cores; ++c) {
    Builder b(trace.cores.emplace_back());
    std::array<int, 32> posted{};  // by 5 x posting + waiting unit
    for (int i = 0; i < instructions; ++i) {
      b.op(static_cast<uint32_t>(i * 5 / instructions));
      switch (pick(9)) {
        case 0: b.ld(pick(8192), pick(1 << 20), 1 + pick(300)); break;
        case 1: b.st(pick(1 << 20), pick(8192), 1 + pick(100)); break;
        case 2: b.ld2(pick(8192), pick(1 << 20), 1 + pick(20), 1 + pick(12), 40); break;
        case 3: b.mma(1 + pick(64), 32 * (1 + pick(8)), 1 + pick(4)); break;
        case 4: b.mul(pick(4000), pick(4000), pick(4000), 1 + pick(30), 1 + pick(500)); break;
        case 5: b.vx(isa::Op::kVred, pick(4000), pick(4000), 0, 1 + pick(30), 1 + pick(500)); break;
        case 6: b.snd(1 + pick((1u << cores) - 1), 1 + pick(64)); break;
        case 7: b.cfg(Unit::kVx); break;
        default: b.set(); break;
      }
      if (b.last().unit == Unit::kCtl || b.last().op == isa::Op::kSnd) continue;
      const uint32_t unit = static_cast<uint32_t>(b.last().unit) - 1;
      const uint32_t from = 5 * pick(5) + unit, to = 5 * unit + pick(5);
      if (posted[from] > 0) {
        b.wait(static_cast<uint8_t>(from));
        --posted[from];
      }
      if (pick(2) == 0) {
        b.post(static_cast<uint8_t>(to));
        ++posted[to];
      }
    }
    b.halt();
  }
  return trace;
}

program::Program five_operators() {
  program::Program p;
  p.operators = {"embed", "L0.\"q\"", "L0.attn", "L0.ffn", "head"};
  return p;
}

std::string summary(const TimingResult& r) {
  std::string text = fmt::format("{} {} {} {} {} {}", r.cycles, r.instructions, r.dram_read_bytes, r.dram_row_hits,
                                 r.spm_conflict_cycles, r.noc_stall_cycles);
  for (const OperatorTime& op : r.operators) text += fmt::format(" {}:{}:{}", op.name, op.cycles, op.bound_by);
  return text + fmt::format(" {:.17g}", r.energy.total());
}

TEST(Report, OperatorCyclesSumToTotal) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    const chip::Chip chip = test_chip(4);
    const TimingResult r = simulate_timing(chip, five_operators(), random_trace(seed, 4, 300));
    uint64_t sum = 0;
    for (const OperatorTime& op : r.operators) sum += op.cycles;
    EXPECT_EQ(sum, r.cycles) << "seed " << seed;
    EXPECT_EQ(r.operators.size(), 5u);
    for (const double u : r.utilisation) {
      EXPECT_GT(u, 0) << "seed " << seed;
      EXPECT_LE(u, 1) << "seed " << seed;
    }
  }
}

TEST(Report, SameTraceSameResult) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Trace trace = random_trace(seed, 6, 300);
    const chip::Chip chip = test_chip(6);
    EXPECT_EQ(summary(simulate_timing(chip, five_operators(), trace)),
              summary(simulate_timing(chip, five_operators(), trace)));
    std::ostringstream json;
    EXPECT_EQ(summary(simulate_timing(chip, five_operators(), trace, {.chrome_trace = &json})),
              summary(simulate_timing(chip, five_operators(), trace)))
        << "tracing changed the result";
  }
}

TEST(Report, WallTimeBelongsToTheOldestUnfinishedOperator) {
  Trace trace;
  Builder b(trace.cores.emplace_back());
  b.op(1).mma(32, 64, 50).op(2).mma(32, 64, 25).op(3).mul(0, 1024, 2048, 1, 128).halt();
  const TimingResult r = simulate_timing(test_chip(), five_operators(), trace);
  ASSERT_EQ(r.operators.size(), 3u);
  EXPECT_EQ(r.operators[0].name, "L0.\"q\"");
  EXPECT_EQ(r.operators[1].name, "L0.attn");
  EXPECT_EQ(r.operators[1].cycles, 419u);  // 25 groups of 16, each with three lines of scales
  EXPECT_EQ(r.operators[2].cycles, 0u);    // over long before
  EXPECT_EQ(r.operators[2].busy_cycles[static_cast<int>(Unit::kVx)], 3u);
}

TEST(Report, BoundNamesTheBusiestResource) {
  auto bound = [](auto&& emit) {
    Trace trace;
    trace.cores.resize(2);
    Builder b(trace.cores[0]), other(trace.cores[1]);
    emit(b, other);
    b.halt();
    other.halt();
    return simulate_timing(test_chip(2), {}, trace).operators[0].bound_by;
  };
  EXPECT_EQ(bound([](Builder& b, Builder&) { b.ld(0, 0, 8000).mma(32, 32, 10); }), "dram");
  EXPECT_EQ(bound([](Builder& b, Builder&) { b.ld(0, 0, 10).mma(64, 256, 60); }), "matrix");
  EXPECT_EQ(bound([](Builder& b, Builder&) { b.mul(0, 1024, 2048, 1000, 128).mma(1, 32, 1); }), "vector");
  EXPECT_EQ(bound([](Builder& b, Builder&) { b.snd(2, 4000); }), "noc");
  EXPECT_EQ(bound([](Builder& b, Builder&) {
              for (int i = 0; i < 3000; ++i) b.ldr();
            }),
            "control");
  EXPECT_EQ(bound([](Builder& b, Builder& other) {
              for (int i = 0; i < 50; ++i) {  // a token to and fro
                b.sync(Unit::kNx).remote(2).post(1).sync(Unit::kNx).wait(2);
                other.sync(Unit::kNx).wait(1).sync(Unit::kNx).remote(1).post(2);
              }
            }),
            "sync");
}

TEST(Report, EnergyCountsEachComponent) {
  chip::Chip chip = test_chip(8);
  Trace trace;
  trace.cores.resize(8);
  for (CoreTrace& core : trace.cores) Builder(core).halt();
  trace.cores[0].issues.clear();
  Builder(trace.cores[0])
      .ld(0, 0, 8)
      .mma(32, 64, 2, isa::flag::kClr | isa::flag::kDa)
      .mul(0, 1024, 2048, 2, 128)
      .snd(4, 4)
      .halt();
  const TimingResult r = simulate_timing(chip, {}, trace);
  const double pj = 1e-12;
  EXPECT_DOUBLE_EQ(r.energy.matrix, pj * (2.0 * 32 * 64 * 256 + 32 * 64 * 2));
  EXPECT_DOUBLE_EQ(r.energy.vector, pj * 256);
  EXPECT_DOUBLE_EQ(r.energy.acc, pj * (32 * 64 * 2 * 8 - 32 * 64 * 4));
  EXPECT_DOUBLE_EQ(r.energy.noc, pj * 2 * 256);
  EXPECT_DOUBLE_EQ(r.energy.dram, pj * (8 * 64 + 8 * 256));  // data and a burst of instructions a core
  EXPECT_DOUBLE_EQ(r.energy.control, pj * 12);
  EXPECT_DOUBLE_EQ(r.energy.leakage, static_cast<double>(r.cycles) * 1e-9);
  // LD write, A (two digits) and B and scales of MMA, three operands of VALU, SND read and write.
  const double mma = 2 * 32 * 256 + 64 * 256 + 32 * 2 * 2 * 4;
  EXPECT_DOUBLE_EQ(r.energy.spm, pj * (8 * 64 + mma + 3 * 1024 + 2 * 256));
}

TEST(Report, GemmReachesItsBound) {
  const chip::Chip chip = chip::load(HADAL_SOURCE_DIR "/chips/hadal-1.yaml");
  const TimingResult r = simulate_timing(chip, {}, gemm_trace(48, 8, 1024, 1024, 1024));
  // Blocks of 176 rows (171 in six tiles) and 128 columns: 6 x 4 x 8 groups of 8 cycles of matrix work.
  EXPECT_GT(r.cycles, 6u * 4 * 8 * 8);
  // Each core loads 171 KiB of A and 128 KiB of B and stores 85 KiB of C through ports of 64 B a cycle.
  EXPECT_GT(r.cycles, 171u * 1024 / 64);
  EXPECT_LT(r.cycles, 12000u);
}

// Every blocked wait is the end of one arrow that begins in a slice which posts on the same semaphore, and the counters
// add up to what the memory moved.
TEST(ChromeTraceFile, ArrowsAndCountersFollowTheTraceFormat) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  const chip::Chip chip = test_chip(3);
  const Trace trace = random_trace(seed, 3, 300);
  std::ostringstream out;
  const TimingResult r = simulate_timing(chip, five_operators(), trace, {.chrome_trace = &out});
  const auto json = nlohmann::json::parse(out.str());
  struct Slice {
    double begin, end;
    nlohmann::json args;
  };
  std::map<std::pair<int, int>, std::vector<Slice>> slices;
  std::map<uint64_t, std::pair<nlohmann::json, nlohmann::json>> arrows;
  std::map<int, std::string> processes;
  std::map<std::string, std::vector<std::pair<double, double>>> counters;
  size_t named_threads = 0;
  for (const auto& e : json["traceEvents"]) {
    const std::string phase = e["ph"];
    ASSERT_TRUE(e["pid"].is_number_integer()) << e;
    if (phase != "M") {
      ASSERT_GE(e["ts"].get<double>(), 0) << e;
      ASSERT_TRUE(processes.contains(e["pid"])) << "a track without a name: " << e;
    }
    if (phase == "M") {
      if (e["name"] == "process_name") processes[e["pid"]] = e["args"]["name"];
      named_threads += e["name"] == "thread_name";
    } else if (phase == "X") {
      slices[{e["pid"], e["tid"]}].push_back({e["ts"], e["ts"].get<double>() + e["dur"].get<double>(), e["args"]});
    } else if (phase == "s") {
      ASSERT_TRUE(arrows[e["id"]].first.is_null()) << e;
      arrows[e["id"]].first = e;
    } else if (phase == "f") {
      ASSERT_TRUE(arrows[e["id"]].second.is_null()) << e;
      EXPECT_EQ(e["bp"], "e");
      arrows[e["id"]].second = e;
    } else {
      ASSERT_EQ(phase, "C") << e;
      counters[e["name"]].emplace_back(e["ts"], e["args"]["GB/s"]);
    }
  }
  EXPECT_EQ(processes.size(), 4u);
  EXPECT_EQ(processes[3], "DRAM");
  EXPECT_EQ(named_threads, 3u * isa::kUnits);

  // The slice around an end of an arrow, with the semaphore that it posts on or waits for.
  const auto holds = [&](const nlohmann::json& end, const char* what, const std::string& semaphore) {
    const double at = end["ts"];
    const auto& track = slices[{end["pid"], end["tid"]}];
    return std::any_of(track.begin(), track.end(), [&](const Slice& s) {
      return s.begin - 1e-6 <= at && at <= s.end + 1e-6 && s.args.contains(what) &&
             s.args[what].get<std::string>().starts_with(semaphore);
    });
  };
  EXPECT_GT(arrows.size(), 10u);
  for (const auto& [id, ends] : arrows) {
    const auto& [from, to] = ends;
    ASSERT_FALSE(from.is_null() || to.is_null()) << id;
    EXPECT_LE(from["ts"].get<double>(), to["ts"].get<double>());
    bool matched = false;
    for (int s = 0; s < isa::kSemaphores; ++s) {
      const std::string name = fmt::format("S{}:", s);
      matched |= holds(from, "post", name) && holds(to, "wait", name);
    }
    EXPECT_TRUE(matched) << from << to;
  }
  for (const auto& [name, bytes] :
       {std::pair("DRAM read", r.dram_read_bytes), {"DRAM written", r.dram_written_bytes}}) {
    const auto& points = counters[name];
    double sum = 0;  // GB/s x us = kB
    for (size_t i = 1; i < points.size(); ++i) {
      ASSERT_LT(points[i - 1].first, points[i].first);
      sum += points[i - 1].second * (points[i].first - points[i - 1].first) * 1e3;
    }
    EXPECT_EQ(points.back().second, 0);
    EXPECT_NEAR(sum, static_cast<double>(bytes), 0.01 * static_cast<double>(bytes)) << name;
  }
}

TEST(Timeline, AddsUpToTheTotalsInEveryWidth) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(fmt::format("seed {}", seed));
  const chip::Chip chip = test_chip(3);
  const Trace trace = random_trace(seed, 3, 300);
  for (const size_t bins : {1, 7, 64, 512}) {
    Timeline timeline;
    const TimingResult r =
        simulate_timing(chip, five_operators(), trace, {.timeline = &timeline, .timeline_bins = bins});
    EXPECT_LE(timeline.dram_read_bytes.size(), bins);
    EXPECT_GE(timeline.dram_read_bytes.size() * timeline.bin_cycles, r.cycles - r.cycles / 8);
    const auto sum = [](const std::vector<uint64_t>& v) { return std::accumulate(v.begin(), v.end(), uint64_t{0}); };
    EXPECT_EQ(sum(timeline.dram_read_bytes), r.dram_read_bytes);
    EXPECT_EQ(sum(timeline.dram_written_bytes), r.dram_written_bytes);
    uint64_t macs = 0, read = 0, written = 0;
    for (const OperatorTime& op : r.operators) {
      macs += op.macs;
      read += op.dram_read_bytes;
      written += op.dram_written_bytes;
    }
    EXPECT_EQ(macs, r.macs);
    EXPECT_EQ(written, r.dram_written_bytes);
    EXPECT_LE(read, r.dram_read_bytes);  // the rest is instructions
    for (int u = 1; u < isa::kUnits; ++u) {
      uint64_t busy = 0;
      for (const OperatorTime& op : r.operators) busy += op.busy_cycles[u];
      EXPECT_EQ(sum(timeline.busy_cycles[u]), busy) << "unit " << u;
    }
  }
}

TEST(ChromeTraceFile, IsJsonWithOneTrackAUnitAndNoOverlaps) {
  const chip::Chip chip = test_chip(3);
  const Trace trace = random_trace(3, 3, 200);
  std::ostringstream out;
  const TimingResult r = simulate_timing(chip, five_operators(), trace, {.chrome_trace = &out});
  const auto json = nlohmann::json::parse(out.str());
  std::map<std::pair<int, int>, std::vector<std::pair<double, double>>> tracks;
  uint64_t complete = 0;
  for (const auto& event : json["traceEvents"]) {
    if (event["ph"] != "X") continue;
    ++complete;
    const double begin = event["ts"], length = event["dur"];
    EXPECT_GE(length, 0);
    auto& track = tracks[{event["pid"], event["tid"]}];
    // CFG passes beside the instruction that runs.
    if (!event["name"].get<std::string>().ends_with("CFG")) track.emplace_back(begin, begin + length);
    EXPECT_LE(event["args"]["visible"].get<uint64_t>(), r.cycles);
  }
  EXPECT_EQ(complete, r.instructions);
  EXPECT_EQ(tracks.size(), 3u * isa::kUnits);
  for (auto& [track, events] : tracks) {
    std::sort(events.begin(), events.end());
    for (size_t i = 1; i < events.size(); ++i) {
      EXPECT_LE(events[i - 1].second, events[i].first + 1e-9) << "core " << track.first << " unit " << track.second;
    }
  }
  const auto named = std::find_if(json["traceEvents"].begin(), json["traceEvents"].end(),
                                  [](const auto& e) { return e["name"] == "L0.\"q\" MMA"; });
  EXPECT_NE(named, json["traceEvents"].end());
}

}  // namespace
}  // namespace hadal::sim::timing
