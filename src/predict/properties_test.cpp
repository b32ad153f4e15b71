// What must hold of any sane prediction, on every chip that ships: random cases, seeds printed.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <random>

#include "base/error.h"
#include "predict/test_util.h"

namespace hadal::predict {
namespace {

using testing::chip_named;
using testing::constants;
using testing::decode_v3;
using testing::prefill_v3;
using testing::shape_named;

constexpr double kSlack = 1 + 1e-9;

std::vector<std::string> all_chips() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(HADAL_SOURCE_DIR) + "/chips")) {
    const std::string name = entry.path().stem().string();
    if (!name.starts_with("hadal-rtl")) names.push_back(name);  // small cores without links
  }
  std::sort(names.begin(), names.end());
  return names;
}

class Property : public ::testing::TestWithParam<std::string> {
 protected:
  const chip::Chip chip_ = chip_named(GetParam());
  const Constants constants_ = constants();
  const model::Architecture v3_ = shape_named("DeepSeek-V3");
  std::mt19937_64 random_{20261125};

  double uniform(double low, double high) { return std::uniform_real_distribution<double>(low, high)(random_); }
  // From 1 up, every magnitude as likely as any other.
  int64_t size(double most) { return static_cast<int64_t>(std::exp(uniform(0, std::log(most)))); }
  graph::GemmTask gemm() {
    graph::GemmTask t;
    t.m = static_cast<double>(size(16384));
    t.n = 16 * size(1024);
    t.k = 128 * size(128);
    t.groups = static_cast<double>(size(32));
    t.activation = t.weight = size(8) > 2 ? graph::Format::kFp8 : graph::Format::kBf16;
    t.block_scaled = t.weight == graph::Format::kFp8;
    return t;
  }
  Device device() const { return {chip_, constants_}; }
  double step(const SystemOptions& o) const { return predict(chip_, constants_, v3_, o).step_s; }
  double rate(const SystemOptions& o) const { return predict(chip_, constants_, v3_, o).tokens_per_s_per_chip; }
  // Runs `check` on random cases, each with a name for messages.
  void cases(int count, const std::function<void()>& check) {
    for (int i = 0; i < count && !HasFailure(); ++i) {
      SCOPED_TRACE(GetParam() + ", seed 20261125, case " + std::to_string(i));
      check();
    }
  }
};

TEST_P(Property, TimesAreAtLeastWhatThePeaksAllow) {
  cases(200, [&] {
    const graph::GemmTask t = gemm();
    const Device d = device();
    const double macs = t.m * t.groups * double(t.n) * double(t.k);
    const double bytes = t.groups * double(t.n) * double(t.k) * graph::format_bytes(t.weight);
    const double s = estimate(d, t).seconds;
    EXPECT_GE(s * kSlack, macs / (d.mac_per_cycle(t.weight) * d.cores * chip_.clock_hz));
    EXPECT_GE(s * kSlack, bytes / (chip_.performance.memory_bytes_per_s / chip_.performance.devices));
  });
}

TEST_P(Property, MoreMemoryBandwidthIsNeverSlower) {
  cases(100, [&] {
    const graph::GemmTask t = gemm();
    Device slow = device(), fast = device();
    fast.memory_bytes_per_s *= uniform(1, 4);
    fast.chip.memory_bytes_per_s *= fast.memory_bytes_per_s / slow.memory_bytes_per_s;
    EXPECT_LE(estimate(fast, t).seconds, estimate(slow, t).seconds * kSlack);
    const graph::VectorTask v{uniform(1, 1e9), uniform(1, 1e9), 0, 0};
    EXPECT_LE(estimate(fast, v).seconds, estimate(slow, v).seconds * kSlack);
  });
}

TEST_P(Property, AFasterMatrixUnitIsNeverSlower) {
  cases(100, [&] {
    const graph::GemmTask t = gemm();
    Device slow = device(), fast = device();
    const double factor = uniform(1, 4);
    for (double chip::Performance::*rate : {&chip::Performance::bf16_mac, &chip::Performance::fp8_mac,
                                            &chip::Performance::int8_mac, &chip::Performance::fp4_mac}) {
      fast.chip.*rate *= factor;
    }
    EXPECT_LE(estimate(fast, t).seconds, estimate(slow, t).seconds * kSlack);
  });
}

TEST_P(Property, AShorterKernelStartIsNeverSlower) {
  cases(20, [&] {
    chip::Chip quick = chip_;
    quick.performance.kernel_start_s *= uniform(0, 1);
    const SystemOptions o = decode_v3(double(size(256)), double(size(65536)), 32);
    EXPECT_LE(predict(quick, constants_, v3_, o).step_s, step(o) * kSlack);
  });
}

TEST_P(Property, FasterLinksAreNeverSlower) {
  cases(20, [&] {
    chip::Chip wide = chip_;
    wide.links.scale_up.bytes_per_s *= uniform(1, 4);
    wide.links.scale_out.bytes_per_s *= uniform(1, 4);
    const SystemOptions o = decode_v3(double(size(256)), 4096, int64_t{1} << size(8));
    EXPECT_LE(predict(wide, constants_, v3_, o).step_s, step(o) * kSlack);
  });
}

TEST_P(Property, MoreRowsNeverTakeLess) {
  cases(100, [&] {
    graph::GemmTask small = gemm(), large = small;
    large.m += double(size(4096));
    // A larger problem may choose a tile that fits it better, but not by more than one tile's padding.
    EXPECT_GE(estimate(device(), large).seconds * 1.05, estimate(device(), small).seconds);
  });
}

// And a little more where the cache no longer holds an operand, which is fetched again, or the results, which then
// leave at the memory's rate.
TEST_P(Property, TwiceTheColumnsTakeAtMostTwice) {
  cases(100, [&] {
    graph::GemmTask one = gemm(), two = one;
    two.n *= 2;
    const double stored = two.m * two.groups * double(two.n) * two.output_bytes / device().memory_bytes_per_s;
    EXPECT_LE(estimate(device(), two).seconds, 2.25 * estimate(device(), one).seconds + stored);
    EXPECT_GE(estimate(device(), two).seconds * 1.05, estimate(device(), one).seconds);
  });
}

TEST_P(Property, TwiceTheDepthTakesMore) {
  cases(100, [&] {
    graph::GemmTask one = gemm(), two = one;
    two.k *= 2;
    EXPECT_GE(estimate(device(), two).seconds * kSlack, estimate(device(), one).seconds);
  });
}

TEST_P(Property, LongerContextIsNeverFaster) {
  for (const char* name : {"DeepSeek-V3", "DeepSeek-V3.2", "DeepSeek-V4-Flash", "DeepSeek-V4-Pro", "Qwen3-235B-A22B"}) {
    const model::Architecture a = shape_named(name);
    double before = 0;
    for (double context = 512; context <= 131072; context *= 2) {
      const double now = predict(chip_, constants_, a, decode_v3(32, context, 32)).step_s;
      EXPECT_GE(now * 1.001, before) << name << " at " << context;
      before = now;
    }
  }
}

TEST_P(Property, LargerBatchIsNeverFasterAndNeverLowersThroughput) {
  double step_before = 0, rate_before = 0;
  for (double batch = 2; batch <= 512; batch *= 2) {
    const Prediction p = predict(chip_, constants_, v3_, decode_v3(batch, 4096, 32));
    EXPECT_GE(p.step_s * 1.01, step_before) << batch;
    // Below saturation throughput rises; beyond it, it may only stay.
    EXPECT_GE(p.tokens_per_s_per_chip * 1.02, rate_before) << batch;
    step_before = p.step_s;
    rate_before = p.tokens_per_s_per_chip;
  }
}

TEST_P(Property, ExchangesTakeLongerWithMoreDevices) {
  const Device d = device();
  for (const bool bulk : {false, true}) {
    double before = 0;
    for (int64_t ep = 2; ep <= 512; ep *= 2) {
      graph::ExchangeTask t;
      t.tokens = bulk ? 4096 : 128;
      t.token_bytes = 7168;
      t.choices = 8;
      t.devices = ep;
      t.bulk = bulk;
      const double now = estimate(d, t).seconds;
      EXPECT_GE(now * kSlack, before) << (bulk ? "bulk " : "low latency ") << ep;
      before = now;
    }
  }
}

TEST_P(Property, ExchangesTakeLongerWithMoreTokens) {
  cases(100, [&] {
    graph::ExchangeTask t;
    t.tokens = double(size(8192));
    t.token_bytes = double(size(16384));
    t.choices = size(16);
    t.devices = 2 * size(256);
    t.bulk = size(4) > 1;
    graph::ExchangeTask more = t;
    more.tokens *= uniform(1, 4);
    EXPECT_GE(estimate(device(), more).seconds * kSlack, estimate(device(), t).seconds);
  });
}

TEST_P(Property, SkewedExpertsAreNeverFaster) {
  SystemOptions even = decode_v3(128, 4096, 64), skewed = even;
  skewed.load.kind = LoadKind::kPowerLaw;
  double before = step(even);
  for (const double alpha : {0.4, 0.8, 1.2}) {
    skewed.load.alpha = alpha;
    const double now = step(skewed);
    EXPECT_GE(now * 1.02, before) << alpha;
    before = now;
  }
}

TEST_P(Property, ProductionIsNeverFasterThanProfile) {
  for (SystemOptions o : {decode_v3(64, 4096, 32), prefill_v3(4, 4096, 32)}) {
    if (GetParam() == "tpu-v5e" || GetParam() == "tpu-v6e" || GetParam() == "tpu-v7") o.comm_cores = 0;
    if (chip_.cores / chip_.performance.devices <= 24) o.comm_cores = 0;
    o.host = false;  // of a benchmark it is another than of production
    const double profile = rate(o);
    o.mode = Mode::kProduction;
    EXPECT_LT(rate(o), profile);
  }
}

TEST_P(Property, OnlyBenchmarksOfLibraryKernelsWaitForTheHost) {
  SystemOptions o = decode_v3(64, 4096, 32);
  const Prediction profile = predict(chip_, constants_, v3_, o);
  EXPECT_EQ(profile.host_s, chip_.runs_programs ? 0 : kBenchmarkHostS);
  o.host = false;
  const Prediction device = predict(chip_, constants_, v3_, o);
  EXPECT_EQ(device.host_s, 0);
  EXPECT_NEAR(profile.step_s - device.step_s, profile.host_s, 1e-12);
  o.host = true;
  o.mode = Mode::kProduction;
  EXPECT_EQ(predict(chip_, constants_, v3_, o).host_s, kProduction.host_s);
}

// Exchanges in the middle of attention cost time and save none: the work is the same.
TEST_P(Property, HeadsSharedOutOverDevicesAreNeverFaster) {
  SystemOptions o = prefill_v3(4, 4096, 32);
  o.comm_cores = 0;
  double before = step(o);
  for (const int64_t devices : {2, 8, 32}) {
    o.plan.heads_over = devices;
    const double now = step(o);
    EXPECT_GT(now, before) << devices;
    before = now;
  }
  o.plan.heads_over = 3;
  EXPECT_THROW(step(o), Error);
  o.plan.heads_over = 64;
  EXPECT_THROW(step(o), Error);
}

TEST_P(Property, UnitsThatMeetInTheCacheAreNeverFaster) {
  cases(100, [&] {
    graph::AttentionTask t;
    t.sequences = double(size(64));
    t.expanded = size(4) > 1;
    t.queries = t.expanded ? double(size(8192)) : 1;
    t.keys = double(size(16384));
    t.heads = 128;
    t.kv_heads = t.expanded ? 128 : 1;
    t.qk_dim = t.expanded ? 192 : 576;
    t.v_dim = t.expanded ? 128 : 512;
    t.shared_value = !t.expanded;
    t.kv_token_bytes = t.expanded ? 640 : 1152;
    Device slow = device(), fast = slow;
    slow.unit_exchange_bytes_per_s = 1e12 * uniform(1, 10);
    fast.unit_exchange_bytes_per_s = slow.unit_exchange_bytes_per_s * uniform(1, 10);
    EXPECT_GE(estimate(slow, t).seconds * kSlack, estimate(fast, t).seconds);
  });
}

TEST_P(Property, OverlapIsNeverSlowerThanTakingTurnsAndNeverHidesComputing) {
  cases(10, [&] {
    SystemOptions o = decode_v3(double(2 * size(128)), double(size(16384)), 64);
    o.host = false;
    const Prediction p = predict(chip_, constants_, v3_, o);
    EXPECT_LE(p.step_s, (p.compute_s + p.exchange_s) * kSlack);
    EXPECT_GE(p.step_s * kSlack, p.compute_s);
    EXPECT_GE(p.step_s * kSlack, p.exchange_s);
  });
}

TEST_P(Property, PrefixHitsSaveTime) {
  SystemOptions o = prefill_v3(4, 8192, 32);
  o.comm_cores = 0;
  double before = step(o);
  for (const double hit : {0.25, 0.5, 0.9}) {
    o.prefix_hit = hit;
    const double now = step(o);
    EXPECT_LT(now, before) << hit;
    before = now;
  }
}

TEST_P(Property, AcceptedDraftsRaiseThroughput) {
  SystemOptions o = decode_v3(32, 4096, 32);
  o.mtp = 1;
  double before = 0;
  for (const double acceptance : {0.0, 0.5, 0.9}) {
    o.acceptance = acceptance;
    EXPECT_GT(rate(o), before);
    before = rate(o);
  }
}

TEST_P(Property, FewerCoresAreNeverFaster) {
  cases(50, [&] {
    const graph::GemmTask t = gemm();
    EXPECT_GE(estimate(device().with_cores(uniform(0.3, 0.95)), t).seconds * 1.06, estimate(device(), t).seconds);
  });
}

TEST_P(Property, TheLargestBatchWithinATargetMeetsIt) {
  SystemOptions o = decode_v3(1, 4096, 64);
  const double fastest = predict(chip_, constants_, v3_, o).tpot_s;
  o.tpot_target_s = 2 * fastest;
  const Prediction p = predict(chip_, constants_, v3_, o);
  EXPECT_LE(p.tpot_s, o.tpot_target_s * kSlack);
  o.sequences = p.sequences + 2;
  o.tpot_target_s = 0;
  EXPECT_GT(predict(chip_, constants_, v3_, o).tpot_s, 2 * fastest * 0.99);
}

INSTANTIATE_TEST_SUITE_P(Chips, Property, ::testing::ValuesIn(all_chips()), [](const auto& test) {
  std::string name = test.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

}  // namespace
}  // namespace hadal::predict
