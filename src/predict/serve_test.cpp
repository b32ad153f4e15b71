// Serving: queues that can be worked out by hand, what must hold of any, and refusals.
#include "predict/serve.h"
#include "base/temporary_directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include "base/error.h"
#include "model/random_checkpoint.h"
#include "predict/test_util.h"

namespace hadal::predict {
namespace {

using testing::chip_named;
using testing::constants;
using testing::shape_named;

class Serving : public ::testing::Test {
 protected:
  Serving() {
    o_.decode = testing::decode_v3(1, 1, 32);
    o_.prefill = testing::prefill_v3(1, 1, 32);
  }
  ServeResult run(std::vector<Request> requests) { return serve(chip_, constants_, model_, o_, std::move(requests)); }
  const chip::Chip chip_ = chip_named("h800");
  const Constants constants_ = constants();
  const model::Architecture model_ = shape_named("DeepSeek-V3");
  ServeOptions o_;
};

TEST_F(Serving, OneRequestTakesThePredictedSteps) {
  const double prompt = 2048, output = 11;
  SystemOptions p = o_.prefill;
  p.sequences = 1;
  p.queries = p.keys = prompt;
  p.mean_share = 1.0 / 32;  // the prompt lies on one of 32 devices
  const ServeResult r = run({{5, prompt, output, -1, -1}});
  SystemOptions d = o_.decode;
  d.sequences = 1;
  double decode = 0;
  for (int i = 1; i < 11; ++i) {
    d.keys = prompt + i;
    decode += predict(chip_, constants_, model_, d).step_s;
  }
  const double hand = transfer_s(chip_, constants_, model_, prompt, d.cache);
  EXPECT_NEAR(r.tpot_s.p50, (decode + hand) / 10, 1e-9);
  EXPECT_NEAR(r.e2e_s.p50, r.ttft_s.p50 + hand + decode, 1e-9);
  EXPECT_EQ(r.attained, 1);
  EXPECT_NEAR(r.ttft_s.p50, predict(chip_, constants_, model_, p).step_s, 1e-9);
}

TEST_F(Serving, MoreLoadIsNeverPrompter) {
  double ttft = 0, tpot = 0;
  for (const double rate : {1.0, 10.0, 100.0, 400.0}) {
    const ServeResult r = run(poisson_requests(rate, 300, 4000, 200, 0, 7));
    EXPECT_GE(r.ttft_s.p50 * 1.05, ttft) << rate;
    EXPECT_GE(r.tpot_s.p50 * 1.05, tpot) << rate;
    ttft = r.ttft_s.p50;
    tpot = r.tpot_s.p50;
  }
}

TEST_F(Serving, OrderOfPercentilesAndShares) {
  for (const bool apart : {true, false}) {
    o_.disaggregated = apart;
    const ServeResult r = run(poisson_requests(20, 300, 2000, 100, 1, 11));
    for (const Percentiles& p : {r.ttft_s, r.tpot_s, r.e2e_s}) {
      EXPECT_LE(p.p50, p.p90);
      EXPECT_LE(p.p90, p.p99);
    }
    EXPECT_LE(r.goodput_per_s, r.requests_per_s);
    EXPECT_LE(r.prefill_busy, 1 + 1e-9);
    EXPECT_LE(r.decode_busy, 1 + 1e-9);
    EXPECT_GE(r.attained, 0);
  }
}

TEST_F(Serving, PrefillInTheSameStepsHoldsUpDecode) {
  const std::vector<Request> requests = poisson_requests(40, 300, 4000, 200, 0, 3);
  o_.disaggregated = true;
  const double apart = run(requests).tpot_s.p50;
  o_.disaggregated = false;
  EXPECT_GT(run(requests).tpot_s.p50, apart);
}

TEST_F(Serving, CapacityMeetsItsObjectiveAndTwiceItDoesNot) {
  o_.ttft_slo_s = 3;
  o_.tpot_slo_s = 0.05;
  const double rate = capacity(chip_, constants_, model_, o_, 4000, 100, 1, 200, 0.9, 5);
  ASSERT_GT(rate, 0);
  const auto enough = [](double r) { return std::max<size_t>(200, static_cast<size_t>(r * 120)); };
  EXPECT_GE(run(poisson_requests(rate, enough(rate), 4000, 100, 1, 5)).attained, 0.9);
  EXPECT_LT(run(poisson_requests(2 * rate, enough(2 * rate), 4000, 100, 1, 5)).attained, 0.9);
}

TEST(Requests, PoissonHasTheMeansItIsGiven) {
  const std::vector<Request> r = poisson_requests(4, 20000, 1000, 100, 0.5, 1);
  double prompt = 0, output = 0;
  for (const Request& x : r) {
    prompt += x.prompt / 20000;
    output += x.output / 20000;
  }
  EXPECT_NEAR(r.back().arrival_s, 5000, 150);
  EXPECT_NEAR(prompt, 1000, 20);
  EXPECT_NEAR(output, 100, 2);
}

// What ProductionFacts::handed_last says: devices that are each handed the next request when they hold the fewest
// cached tokens, prompts and outputs of exponential length, seed 1.
TEST(Production, ABalancerLeavesWhatWasHandedOutLast) {
  constexpr double kPrompt = 4000, kOutput = 600;
  for (const auto& [devices, sequences] : {std::pair{32, 16}, {32, 64}, {128, 64}}) {
    std::mt19937_64 random(1);
    const auto draw = [&](double mean) { return std::exponential_distribution<double>(1 / mean)(random); };
    struct Running {
      double tokens, left;
    };
    std::vector<std::vector<Running>> held(static_cast<size_t>(devices));
    std::vector<double> tokens(held.size(), 0);
    double waiting = 0, spread = 0;
    int counted = 0;
    for (int step = 0; step < 3000; ++step) {
      for (waiting += devices * sequences / kOutput; waiting >= 1; --waiting) {
        const auto least = std::min_element(tokens.begin(), tokens.end()) - tokens.begin();
        const auto d = static_cast<size_t>(least);
        held[d].push_back({draw(kPrompt), draw(kOutput)});
        tokens[d] += held[d].back().tokens;
      }
      double sum = 0;
      for (size_t d = 0; d < held.size(); ++d) {
        tokens[d] = 0;
        std::erase_if(held[d], [](const Running& r) { return r.left <= 0; });
        for (Running& r : held[d]) {
          ++r.tokens;
          --r.left;
          tokens[d] += r.tokens;
        }
        sum += tokens[d];
      }
      if (step < 1500) continue;
      spread += *std::max_element(tokens.begin(), tokens.end()) * devices / sum - 1;
      ++counted;
    }
    EXPECT_NEAR(spread / counted * sequences / std::log(devices), kProduction.handed_last, 0.25)
        << devices << " devices, " << sequences << " sequences";
  }
}

TEST(Requests, TracesAreReadAndRefused) {
  const TemporaryDirectory directory;
  const auto trace = [&](const char* text) {
    std::ofstream(directory.file("t")) << text;
    return trace_requests(directory.file("t"));
  };
  EXPECT_EQ(trace("# comment\n0 10 20\n1.5 30 40\n").size(), 2u);
  for (const char* bad : {"", "0 10\n", "0 10 20 30\n", "1 1 1\n0 1 1\n", "0 0 1\n", "x 1 1\n"}) {
    EXPECT_THROW(trace(bad), Error) << bad;
  }
}

}  // namespace
}  // namespace hadal::predict
