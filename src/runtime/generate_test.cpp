// Generation on a small random model and a small chip: the same bits however a sequence is cut into steps.
#include "runtime/generate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/error.h"
#include "runtime/layer_program.h"

namespace hadal::runtime {
namespace {

constexpr int64_t kContext = 96;

class Generate : public ::testing::Test {
 protected:
  SessionOptions options(int sequences, kernels::KvFormat kv = kernels::KvFormat::kFp8) const {
    SessionOptions result;
    result.compile.sequences = sequences;
    result.compile.context = kContext;
    result.compile.row_buckets = {1, 4, 16};
    result.compile.kv_format = kv;
    return result;
  }
  std::vector<int32_t> prompt(size_t length, unsigned seed) const {
    std::mt19937 random(seed);
    std::vector<int32_t> tokens(length);
    for (int32_t& token : tokens) {
      token = static_cast<int32_t>(random() % static_cast<unsigned>(small_.model.config.vocab_size));
    }
    return tokens;
  }

  testing::SmallModel small_{3};
  const chip::Chip chip_ = testing::small_chip(2);
};

TEST_F(Generate, PrefillAndDecodeWriteTheSameCacheAndLogits) {
  for (const auto kv : {kernels::KvFormat::kFp8, kernels::KvFormat::kBf16}) {
    Session whole(small_.model, chip_, options(2, kv)), single(small_.model, chip_, options(2, kv));
    const std::vector<int32_t> tokens = prompt(37, 5);
    std::vector<std::vector<float>> expected, found;
    score(whole, tokens, [&](size_t, std::span<const float> row) { expected.emplace_back(row.begin(), row.end()); });
    for (size_t i = 0; i < tokens.size(); ++i) {
      single.step(std::vector{Row{tokens[i], 1, static_cast<int64_t>(i)}});
      found.push_back(single.logits(0));
    }
    ASSERT_EQ(expected.size(), tokens.size());
    for (size_t i = 0; i < tokens.size(); ++i) EXPECT_EQ(found[i], expected[i]) << "position " << i;
    for (int layer = 0; layer < small_.model.config.num_hidden_layers; ++layer) {
      for (size_t i = 0; i < tokens.size(); ++i) {
        const auto position = static_cast<int64_t>(i);
        EXPECT_EQ(single.kv_row(layer, 1, position), whole.kv_row(layer, 0, position))
            << "layer " << layer << " position " << i;
      }
    }
  }
}

// A step in which nobody asks for logits takes fewer cycles, and those asked for later do not change.
TEST_F(Generate, LogitsThatNobodyAsksForAreLeftOut) {
  SessionOptions timed = options(2);
  timed.timing = true;
  Session whole(small_.model, chip_, timed), part(small_.model, chip_, timed);
  const std::vector<int32_t> tokens = prompt(36, 6);
  std::vector<float> expected;
  score(whole, tokens, [&](size_t, std::span<const float> row) { expected.assign(row.begin(), row.end()); });
  for (size_t first = 0; first < tokens.size(); first += 16) {
    std::vector<Row> rows;
    for (size_t i = first; i < std::min<size_t>(first + 16, tokens.size()); ++i)
      rows.push_back({tokens[i], 0, static_cast<int64_t>(i), i + 1 == tokens.size()});
    part.step(rows);
    if (first == 0) {
      EXPECT_THROW(part.logits(15), Error);
    }
  }
  EXPECT_EQ(part.logits(3), expected);
  for (int layer = 0; layer < small_.model.config.num_hidden_layers; ++layer) {
    for (int64_t i = 0; i < 36; ++i) EXPECT_EQ(part.kv_row(layer, 0, i), whole.kv_row(layer, 0, i));
  }
  const auto &with = whole.timing().each, &without = part.timing().each;
  ASSERT_EQ(with.size(), 3u);
  EXPECT_LT(without[0].cycles, with[0].cycles);
  EXPECT_LT(without[1].cycles, with[1].cycles);
  EXPECT_EQ(without[2].cycles, with[2].cycles);
}

TEST_F(Generate, ABatchGivesWhatEachSequenceGivesAlone) {
  constexpr int kBatch = 5, kTokens = 6;
  std::vector<std::vector<int32_t>> prompts;
  for (unsigned s = 0; s < kBatch; ++s) prompts.push_back(prompt(3 + 5 * s, s));
  Session together(small_.model, chip_, options(kBatch));
  const auto batch = generate(together, prompts, kTokens, {.temperature = 0.8, .top_p = 0.9, .seed = 40});
  for (size_t s = 0; s < kBatch; ++s) {
    Session alone(small_.model, chip_, options(1));
    const auto one =
        generate(alone, std::span(prompts).subspan(s, 1), kTokens, {.temperature = 0.8, .top_p = 0.9, .seed = 40 + s});
    EXPECT_EQ(batch[s].tokens, one[0].tokens) << "sequence " << s;
  }
}

TEST_F(Generate, CallsBackInOrder) {
  Session session(small_.model, chip_, options(2));
  const std::vector<std::vector<int32_t>> prompts{prompt(4, 1), prompt(20, 2)};
  std::vector<std::vector<int32_t>> seen(2);
  int prefilled = 0;
  size_t before = 0;
  const auto result = generate(
      session, prompts, 3, {}, [&](size_t s, int32_t token) { seen[s].push_back(token); },
      [&] {
        ++prefilled;
        before = seen[0].size() + seen[1].size();
      });
  EXPECT_EQ(prefilled, 1);
  EXPECT_EQ(before, 2u);
  for (size_t s = 0; s < 2; ++s) {
    EXPECT_EQ(seen[s], result[s].tokens);
    EXPECT_EQ(seen[s].size(), 3u);
    EXPECT_FALSE(result[s].stopped);
  }
}

TEST_F(Generate, StopsAtTheEndTokenWithoutIt) {
  const std::vector<std::vector<int32_t>> prompts{prompt(6, 9)};
  Session first(small_.model, chip_, options(1));
  const auto free = generate(first, prompts, 8, {.temperature = 1, .top_p = 1, .seed = 2})[0].tokens;
  ASSERT_EQ(free.size(), 8u);
  // The first token that has not occurred before, other than the first, now ends the text.
  size_t end = 1;
  while (std::find(free.begin(), free.begin() + static_cast<std::ptrdiff_t>(end), free[end]) !=
         free.begin() + static_cast<std::ptrdiff_t>(end))
    ++end;
  ASSERT_LT(end, free.size());
  small_.model.config.eos_token_id = free[end];
  Session second(small_.model, chip_, options(1));
  const auto ended = generate(second, prompts, 8, {.temperature = 1, .top_p = 1, .seed = 2})[0];
  EXPECT_TRUE(ended.stopped);
  EXPECT_EQ(ended.tokens, std::vector<int32_t>(free.begin(), free.begin() + static_cast<std::ptrdiff_t>(end)));
}

TEST_F(Generate, StopsWhereTheContextEnds) {
  Session session(small_.model, chip_, options(1));
  const std::vector<std::vector<int32_t>> prompts{prompt(static_cast<size_t>(session.context()) - 2, 4)};
  const auto result = generate(session, prompts, 50, {});
  // One token from the prompt's last row and one for each position that was left.
  EXPECT_EQ(result[0].tokens.size(), 3u);
}

TEST_F(Generate, TimingIsCountedByPhase) {
  SessionOptions timed = options(1);
  timed.timing = true;
  Session session(small_.model, chip_, timed);
  TimingTotals prefill;
  const std::vector<std::vector<int32_t>> prompts{prompt(20, 1)};
  generate(session, prompts, 4, {}, {}, [&] { prefill = session.take_timing(); });
  const TimingTotals decode = session.take_timing();
  EXPECT_EQ(prefill.steps, 2u);  // 16 rows and 4
  EXPECT_EQ(decode.steps, 3u);
  EXPECT_EQ(session.timing().steps, 0u);
  for (const TimingTotals* phase : std::initializer_list<const TimingTotals*>{&prefill, &decode}) {
    uint64_t cycles = 0;
    for (const sim::OperatorTime& op : phase->sum.operators) cycles += op.cycles;
    EXPECT_EQ(cycles, phase->sum.cycles);
    EXPECT_GT(phase->sum.energy.total(), 0);
  }
}

TEST_F(Generate, RefusesWhatTheSessionCannotHold) {
  Session session(small_.model, chip_, options(1));
  EXPECT_THROW(session.logits(0), Error);
  const auto broken = [&](const std::vector<Row>& rows) {
    try {
      session.step(rows);
      return false;
    } catch (const Error& error) {
      return error.kind() == ErrorKind::kInternal;
    }
  };
  EXPECT_TRUE(broken({}));
  EXPECT_TRUE(broken({{-1, 0, 0}}));
  EXPECT_TRUE(broken({{static_cast<int32_t>(small_.model.config.vocab_size), 0, 0}}));
  EXPECT_TRUE(broken({{0, 2, 0}}));
  EXPECT_TRUE(broken({{0, 0, session.context()}}));
  EXPECT_TRUE(broken(std::vector<Row>(17)));
}

}  // namespace
}  // namespace hadal::runtime
