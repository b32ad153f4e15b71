// The engine on a stand-in for the chip whose next token is a hash of what the slot's cache holds: any mix-up of slots,
// positions or order changes the text.
#include "serve/engine.h"

#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "base/error.h"
#include "serve/testing/fake_chip.h"

namespace hadal::serve {
namespace {

using testing::expected_text;
using testing::FakeChip;
using testing::kVocabulary;
using testing::next_token;
using testing::tokenizer;

struct Result {
  std::string text, error;
  std::optional<Ending> ending;
  Usage usage;
  int updates = 0, admitted = 0;
  uint64_t ended_at = 0;  // step
};

Listener record(Result& result, const FakeChip& chip) {
  return [&](const Update& update) {
    EXPECT_FALSE(result.ending.has_value()) << "an update after the last";
    result.text += update.text;
    ++result.updates;
    result.admitted += update.admitted ? 1 : 0;
    if (!update.ending) return;
    result.ending = update.ending;
    result.usage = update.usage;
    result.error = update.error;
    result.ended_at = chip.steps;
  };
}

Request ask(std::vector<int32_t> prompt, int max_tokens, std::vector<std::string> stop = {}, double timeout_s = 600) {
  Request request;
  request.prompt = std::move(prompt);
  request.max_tokens = max_tokens;
  request.stop = std::move(stop);
  request.timeout_s = timeout_s;
  return request;
}

std::vector<int32_t> random_prompt(std::mt19937_64& random, size_t most) {
  std::vector<int32_t> prompt(1 + random() % most);
  for (int32_t& token : prompt) token = static_cast<int32_t>(random() % kVocabulary);
  return prompt;
}

TEST(Engine, BatchingChangesNoText) {
  const uint64_t seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (const auto& [rows, slots] : {std::pair{1, 1}, {4, 3}, {8, 16}, {32, 8}}) {
    FakeChip chip(rows, slots, 200);
    Engine engine(chip, tokenizer(), {.queue = 100, .stop_tokens = {}});
    std::vector<Request> requests;
    std::vector<Result> results(60);
    for (size_t i = 0; i < results.size(); ++i) {
      Request request;
      request.prompt = random_prompt(random, 90);
      if (i > 0 && random() % 3 == 0) {  // the same beginning as an earlier one
        request.prompt = requests[random() % i].prompt;
        request.prompt.push_back(5);
      }
      request.max_tokens = 1 + static_cast<int>(random() % 40);
      requests.push_back(request);
      ASSERT_TRUE(engine.submit(request, record(results[i], chip))) << i;
      for (uint64_t n = random() % 4; n > 0; --n) engine.step();
    }
    while (engine.step()) {}
    size_t tokens = 0;
    for (size_t i = 0; i < results.size(); ++i) {
      EXPECT_EQ(results[i].text, expected_text(requests[i].prompt, requests[i].max_tokens)) << i;
      EXPECT_EQ(results[i].ending, Ending::kLength);
      EXPECT_EQ(results[i].admitted, 1);
      EXPECT_EQ(results[i].usage.prompt_tokens, requests[i].prompt.size());
      EXPECT_EQ(results[i].usage.completion_tokens, static_cast<size_t>(requests[i].max_tokens));
      EXPECT_GT(results[i].usage.simulated_energy_j, 0);
      tokens += results[i].usage.completion_tokens;
    }
    const EngineCounters counters = engine.counters();
    EXPECT_EQ(counters.completion_tokens, tokens);
    EXPECT_EQ(counters.steps, chip.steps);
    EXPECT_EQ(counters.cycles, chip.steps * 1000);
    EXPECT_EQ(counters.active + counters.waiting, 0u);
    EXPECT_LE(chip.widest, static_cast<size_t>(rows));
  }
}

TEST(Engine, EnergyAndRowsAddUp) {
  FakeChip chip(8, 4, 100);
  Engine engine(chip, tokenizer(), {});
  std::vector<Result> results(4);
  for (size_t i = 0; i < results.size(); ++i) {
    engine.submit(ask(std::vector<int32_t>(5 + 3 * i, static_cast<int32_t>(20 + i)), 10), record(results[i], chip));
  }
  while (engine.step()) {}
  double energy_j = 0;
  for (const Result& r : results) energy_j += r.usage.simulated_energy_j;
  EXPECT_NEAR(energy_j, engine.counters().energy_j, 1e-12);
  EXPECT_EQ(engine.counters().prompt_tokens, 5u + 8 + 11 + 14);
}

// A prompt of 2,000 tokens does not keep another request from its first token.
TEST(Engine, LongPromptStarvesNobody) {
  FakeChip chip(8, 4, 3000);
  Engine engine(chip, tokenizer(), {});
  Result decoding, longest, brief;
  engine.submit(ask({5}, 1000), record(decoding, chip));
  engine.step();
  engine.submit(ask(std::vector<int32_t>(2000, 7), 1), record(longest, chip));
  engine.step();
  engine.submit(ask(std::vector<int32_t>(6, 9), 1), record(brief, chip));
  while (engine.step()) {}
  EXPECT_LE(brief.ended_at, 6u);
  EXPECT_GE(longest.ended_at, 2000u / 7);
  EXPECT_EQ(decoding.usage.steps, 1000u);  // a row in every step
}

// More sequences than rows take turns.
TEST(Engine, DecodingTakesTurns) {
  FakeChip chip(4, 16, 100);
  Engine engine(chip, tokenizer(), {});
  std::vector<Result> results(16);
  for (Result& r : results) engine.submit(ask({5}, 40), record(r, chip));
  while (engine.step()) {}
  const auto [first, last] = std::minmax_element(
      results.begin(), results.end(), [](const Result& a, const Result& b) { return a.ended_at < b.ended_at; });
  EXPECT_LT(last->ended_at - first->ended_at, 60u);
  for (const Result& r : results) EXPECT_EQ(r.text, expected_text({5}, 40));
}

TEST(Engine, PrefixesAreReused) {
  FakeChip chip(4, 2, 100);
  Engine engine(chip, tokenizer(), {});
  std::vector<int32_t> prompt(20, 7);
  Result first, second, third;
  engine.submit(ask(prompt, 3), record(first, chip));
  while (engine.step()) {}
  engine.submit(ask(prompt, 3), record(second, chip));
  while (engine.step()) {}
  EXPECT_EQ(first.usage.cached_tokens, 0u);
  EXPECT_EQ(second.usage.cached_tokens, 19u);
  EXPECT_EQ(second.text, first.text);
  prompt[10] = 8;
  engine.submit(ask(prompt, 3), record(third, chip));
  while (engine.step()) {}
  EXPECT_EQ(third.text, expected_text(prompt, 3));
  EXPECT_LE(third.usage.cached_tokens, 10u);
}

TEST(Engine, StopsAtTokensAndTexts) {
  FakeChip chip(4, 2, 100);
  const std::string text = expected_text({5}, 60);
  const int32_t first = next_token({5});
  {
    Engine engine(chip, tokenizer(), {.queue = 4, .stop_tokens = {first}});
    Result r;
    engine.submit(ask({5}, 60), record(r, chip));
    while (engine.step()) {}
    EXPECT_EQ(r.text, "");
    EXPECT_EQ(r.ending, Ending::kStop);
    EXPECT_EQ(r.usage.completion_tokens, 0u);
  }
  Engine engine(chip, tokenizer(), {});
  for (size_t at = 3; at + 3 < text.size(); at += 7) {
    const std::string stop = text.substr(at, 3);
    if (!model::is_valid_utf8(stop)) continue;
    Result r;
    engine.submit(ask({5}, 60, {"never seen", stop}), record(r, chip));
    while (engine.step()) {}
    EXPECT_EQ(r.text, text.substr(0, text.find(stop)));
    EXPECT_EQ(r.ending, Ending::kStop);
  }
}

TEST(Engine, CancelTimeoutAndFullQueue) {
  FakeChip chip(4, 1, 100);
  Engine engine(chip, tokenizer(), {.queue = 2, .stop_tokens = {}});
  Result a, b, c, d;
  const auto id = engine.submit(ask({5}, 50), record(a, chip));
  engine.step();
  const auto waiting = engine.submit(ask({5}, 50), record(b, chip));
  engine.submit(ask({6}, 50, {}, 0), record(c, chip));
  EXPECT_FALSE(engine.submit(ask({5}, 50), record(d, chip)));
  engine.cancel(*waiting);
  engine.cancel(12345);
  engine.step();
  EXPECT_EQ(b.ending, Ending::kCancelled);
  EXPECT_EQ(b.admitted, 0);
  EXPECT_EQ(c.ending, Ending::kTimeout);
  EXPECT_FALSE(a.ending.has_value());
  engine.cancel(*id);
  EXPECT_FALSE(engine.step());
  EXPECT_EQ(a.ending, Ending::kCancelled);
  EXPECT_EQ(d.updates, 0);
  EXPECT_TRUE(engine.submit(ask({5}, 1), record(d, chip)));
  while (engine.step()) {}
  EXPECT_EQ(d.ending, Ending::kLength);
}

TEST(Engine, FaultEndsEverything) {
  FakeChip chip(4, 2, 100);
  chip.fail_at = 3;
  Engine engine(chip, tokenizer(), {});
  std::vector<Result> results(5);
  for (Result& r : results) engine.submit(ask({5, 6}, 50), record(r, chip));
  while (engine.step()) {}
  for (const Result& r : results) {
    EXPECT_EQ(r.ending, Ending::kFailed);
    EXPECT_EQ(r.error, "core 3: race");
  }
  EXPECT_EQ(engine.failure(), "core 3: race");
  EXPECT_FALSE(engine.submit(ask({5}, 1), {}));
}

TEST(Engine, ThreadsSubmitAndCancel) {
  FakeChip chip(8, 4, 100);
  Engine engine(chip, tokenizer(), {.queue = 1000, .stop_tokens = {}});
  constexpr int kThreads = 4, kEach = 50;
  std::atomic<int> ended = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        const auto id = engine.submit(ask({5 + t, i}, 10),
                                      [&](const Update& update) { ended += update.ending.has_value() ? 1 : 0; });
        if (i % 3 == 0) engine.cancel(*id);
      }
    });
  }
  while (ended < kThreads * kEach) {
    if (!engine.step()) engine.wait(std::chrono::milliseconds(10));
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ended, kThreads * kEach);
}

TEST(TextStream, HoldsBackWhatMayBeAStop) {
  TextStream stream({"END", "\n\n"});
  EXPECT_EQ(stream.push("aE"), "a");
  EXPECT_EQ(stream.push("N"), "");
  EXPECT_EQ(stream.push("X\n"), "ENX");
  EXPECT_EQ(stream.push("b\xC3"), "\nb");
  EXPECT_EQ(stream.push("\xA9 EN"), "\xC3\xA9 ");
  EXPECT_EQ(stream.push("D more"), "");
  EXPECT_TRUE(stream.stopped());
  EXPECT_EQ(stream.finish(), "");
  TextStream other({"END"});
  EXPECT_EQ(other.push("xEN\xC3"), "x");
  EXPECT_EQ(other.finish(), "EN\xEF\xBF\xBD");
}

}  // namespace
}  // namespace hadal::serve
