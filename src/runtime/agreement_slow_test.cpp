// How often the chip's likeliest token is another than the FP32 reference's, on the tiny random models of families.json
// and more tokens than the goldens have: as often as noise of the size of the logits' error would have it. And what an
// FP8 cache costs there, which no finer scale would spare. HADAL_LONG: six times as many tokens.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <random>

#include "runtime/evaluate.h"
#include "runtime/family_cases.h"
#include "runtime/reference.h"
#include "runtime/sampler.h"

namespace hadal::runtime {
namespace {

constexpr size_t kTokens = 500;  // of a sequence
constexpr int kDraws = 20;       // of noise, a row

size_t sequences() { return std::getenv("HADAL_LONG") != nullptr ? 6 : 1; }

struct Sums {
  size_t rows = 0, agreeing = 0;
  double noisy = 0;            // share of rows that agree with noise instead, summed
  double variance = 0;         // of that count
  double error = 0, size = 0;  // squares: of the logits' error, of their deviations
  double nats = 0, exact_nats = 0;

  void row(std::span<const float> chip, std::span<const float> exact, int32_t target, std::mt19937_64& random) {
    const size_t n = exact.size();
    double mean = 0, squares = 0, deviations = 0;
    for (const float x : exact) mean += static_cast<double>(x) / static_cast<double>(n);
    for (size_t i = 0; i < n; ++i) {
      squares += std::pow(static_cast<double>(chip[i]) - static_cast<double>(exact[i]), 2);
      deviations += std::pow(static_cast<double>(exact[i]) - mean, 2);
    }
    const int32_t best = argmax(exact);
    ++rows;
    agreeing += argmax(chip) == best ? 1 : 0;
    error += squares / static_cast<double>(n);
    size += deviations / static_cast<double>(n);
    nats += negative_log_likelihood(chip, target);
    exact_nats += negative_log_likelihood(exact, target);
    std::normal_distribution<double> noise(0, std::sqrt(squares / static_cast<double>(n)));
    int same = 0;
    std::vector<float> noisy_row(n);
    for (int d = 0; d < kDraws; ++d) {
      for (size_t i = 0; i < n; ++i) noisy_row[i] = static_cast<float>(static_cast<double>(exact[i]) + noise(random));
      same += argmax(noisy_row) == best ? 1 : 0;
    }
    const double share = static_cast<double>(same) / kDraws;
    noisy += share;
    variance += share * (1 - share);
  }
};

Sums measure(const model::Model& model, kernels::KvFormat kv) {
  const chip::Chip chip = chip::load(testing::source_path("chips/hadal-1.yaml"));
  SessionOptions options;
  options.compile.sequences = static_cast<int>(sequences());
  options.compile.context = kTokens;
  options.compile.row_buckets = {16};
  options.compile.kv_format = kv;
  options.functional.threads = 2;
  Session session(model, chip, options);
  const Reference reference(model);
  const auto vocabulary = static_cast<size_t>(model.config.vocab_size);
  std::mt19937_64 random(11);
  Sums sums;
  for (size_t s = 0; s < sequences(); ++s) {
    std::vector<int32_t> tokens;
    for (size_t i = 0; i < kTokens; ++i) tokens.push_back(static_cast<int32_t>(random() % vocabulary));
    const std::vector<float> exact = reference.logits(tokens);
    for (size_t at = 0; at < kTokens; at += 16) {
      std::vector<Row> rows;
      for (size_t i = at; i < std::min(kTokens, at + 16); ++i) {
        rows.push_back({tokens[i], static_cast<int>(s), static_cast<int64_t>(i)});
      }
      session.step(rows);
      for (size_t r = 0; r < rows.size(); ++r) {
        sums.row(session.logits(r), std::span(exact).subspan((at + r) * vocabulary, vocabulary),
                 tokens[(at + r + 1) % kTokens], random);
      }
    }
  }
  return sums;
}

class SlowAgreement : public ::testing::TestWithParam<const char*> {};

TEST_P(SlowAgreement, IsThatOfNoiseOfItsSize) {
  ASSERT_FALSE(testing::families().is_discarded());
  const auto& cases = testing::families()["cases"];
  const auto golden = std::find_if(cases.begin(), cases.end(), [](const auto& c) { return c["name"] == GetParam(); });
  ASSERT_NE(golden, cases.end());
  const testing::FamilyCase c(*golden);
  for (const auto& [kv, kv_name] : {std::pair{kernels::KvFormat::kBf16, "BF16"}, {kernels::KvFormat::kFp8, "FP8"}}) {
    const Sums sums = measure(c.model, kv);
    const auto rows = static_cast<double>(sums.rows);
    const double agreeing = static_cast<double>(sums.agreeing) / rows, noisy = sums.noisy / rows;
    const double deviation = std::sqrt(sums.variance) / rows;
    GTEST_LOG_(INFO) << fmt::format(
        "{}, {} cache, {} tokens: likeliest token the same at {:.2f} %, {:.2f} +- {:.2f} % with noise instead; logits "
        "off by {:.4f} deviations; cross-entropy {:+.3f} %",
        GetParam(), kv_name, sums.rows, 100 * agreeing, 100 * noisy, 100 * deviation, std::sqrt(sums.error / sums.size),
        100 * (sums.nats / sums.exact_nats - 1));
    EXPECT_NEAR(agreeing, noisy, 4 * deviation + 0.002);
    if (kv == kernels::KvFormat::kBf16) {
      EXPECT_GE(agreeing, sequences() > 1 ? 0.98 : 0.97);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, SlowAgreement, ::testing::Values("qwen2", "deepseek_v2_lite", "deepseek_v3"),
                         [](const auto& given) { return std::string(given.param); });

// Root mean square of the error of one E4M3 digit with a power of two for `group` values, over that of the values.
double digit_error(const std::vector<float>& values, size_t group) {
  double error = 0, size = 0;
  for (size_t first = 0; first < values.size(); first += group) {
    float amax = 0;
    for (size_t i = first; i < first + group; ++i) amax = std::max(amax, std::abs(values[i]));
    const int e = num::quantise_exponent(amax, -126);
    for (size_t i = first; i < first + group; ++i) {
      const float code = num::e4m3_to_float(num::e4m3_from_float(std::ldexp(values[i], -e)));
      const double x = values[i], off = static_cast<double>(std::ldexp(code, e)) - x;
      error += off * off;
      size += x * x;
    }
  }
  return std::sqrt(error / size);
}

// E4M3 is a floating format: three bits of mantissa are off by 2.6 % wherever the scale puts them.
TEST(Fp8Cache, NoFinerScaleWouldHelp) {
  std::mt19937_64 random(3);
  std::normal_distribution<float> normal;
  for (const bool outliers : {false, true}) {
    std::vector<float> latents(size_t{512} * 2000);
    for (float& x : latents) x = normal(random) * (outliers && random() % 256 == 0 ? 50.0f : 1.0f);
    const double by_row = digit_error(latents, 512), by_128 = digit_error(latents, 128);
    const double by_32 = digit_error(latents, 32), by_8 = digit_error(latents, 8);
    GTEST_LOG_(INFO) << fmt::format(
        "{}: one digit is off by {:.3f} % with a scale for 512, {:.3f} % for 128, {:.3f} % for 32, {:.3f} % for 8 "
        "values",
        outliers ? "one value in 256 fifty times as large" : "normal", 100 * by_row, 100 * by_128, 100 * by_32,
        100 * by_8);
    EXPECT_GT(by_8, 0.95 * by_128);
    EXPECT_LT(by_row, 1.05 * by_128);
    EXPECT_NEAR(by_128, 0.026, 0.002);
  }
}

}  // namespace
}  // namespace hadal::runtime
