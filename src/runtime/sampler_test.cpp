// Sampling: greedy choice, the distribution of draws, and what may never be drawn.
#include "runtime/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace hadal::runtime {
namespace {

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInf = std::numeric_limits<float>::infinity();

TEST(Sampler, ArgmaxTakesTheLowestOfEquals) {
  EXPECT_EQ(argmax(std::vector<float>{1, 3, 3, 2}), 1);
  EXPECT_EQ(argmax(std::vector<float>{-kInf, -kInf}), 0);
  EXPECT_EQ(argmax(std::vector<float>{5}), 0);
}

TEST(Sampler, NanNeverWins) {
  EXPECT_EQ(argmax(std::vector<float>{kNan, -7, kNan, -5}), 3);
  Sampler sampler({.temperature = 2, .top_p = 1, .seed = 3});
  for (int i = 0; i < 200; ++i) EXPECT_EQ(sampler.next(std::vector<float>{kNan, 1, kNan}), 1);
}

TEST(Sampler, NegativeLogLikelihoodIsThatOfTheSoftmax) {
  const std::vector<float> logits{0.5f, -2, 3, 1};
  double sum = 0;
  for (const float x : logits) sum += std::exp(static_cast<double>(x));
  for (size_t i = 0; i < logits.size(); ++i) {
    EXPECT_NEAR(negative_log_likelihood(logits, static_cast<int32_t>(i)), std::log(sum) - logits[i], 1e-12);
  }
  // Large logits must not overflow.
  EXPECT_NEAR(negative_log_likelihood(std::vector<float>{3e38f, 3e38f}, 0), std::log(2.0), 1e-9);
}

TEST(Sampler, EqualSeedsDrawEqually) {
  std::mt19937 random(7);
  std::normal_distribution<float> normal;
  std::vector<float> logits(50);
  for (float& x : logits) x = normal(random);
  Sampler a({.temperature = 1, .top_p = 0.9, .seed = 11}), b({.temperature = 1, .top_p = 0.9, .seed = 11});
  Sampler c({.temperature = 1, .top_p = 0.9, .seed = 12});
  int differences = 0;
  for (int i = 0; i < 100; ++i) {
    const int32_t drawn = a.next(logits);
    EXPECT_EQ(drawn, b.next(logits));
    differences += drawn != c.next(logits) ? 1 : 0;
  }
  EXPECT_GT(differences, 20);
}

TEST(Sampler, DrawsFollowTheTemperedSoftmax) {
  const std::vector<float> logits{0, 1, 2, -1};
  const double temperature = 0.7;
  double sum = 0;
  for (const float x : logits) sum += std::exp(x / temperature);
  Sampler sampler({.temperature = temperature, .top_p = 1, .seed = 5});
  constexpr int kDraws = 40000;
  std::vector<int> count(logits.size());
  for (int i = 0; i < kDraws; ++i) ++count[static_cast<size_t>(sampler.next(logits))];
  for (size_t i = 0; i < logits.size(); ++i) {
    const double p = std::exp(logits[i] / temperature) / sum;
    // Five standard deviations of a binomial count.
    EXPECT_NEAR(count[i], kDraws * p, 5 * std::sqrt(kDraws * p * (1 - p))) << i;
  }
}

TEST(Sampler, TopPKeepsTheSmallestSetThatHoldsIt) {
  // Probabilities 0.5, 0.3, 0.15, 0.05.
  const std::vector<float> logits{std::log(0.15f), std::log(0.5f), std::log(0.05f), std::log(0.3f)};
  Sampler sampler({.temperature = 1, .top_p = 0.75, .seed = 1});
  std::vector<int> count(4);
  for (int i = 0; i < 20000; ++i) ++count[static_cast<size_t>(sampler.next(logits))];
  EXPECT_EQ(count[0] + count[2], 0);
  EXPECT_NEAR(count[1] / 20000.0, 0.5 / 0.8, 0.02);
  Sampler greedy({.temperature = 1, .top_p = 0, .seed = 1});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(greedy.next(logits), 1);
}

}  // namespace
}  // namespace hadal::runtime
