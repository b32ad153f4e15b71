// The bundled model on the product chip against an independent implementation of the chip's rules
// (tools/goldens/chip_rules.py), and against itself in other batches and other steps.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "runtime/golden_files.h"
#include "runtime/sampler.h"

namespace hadal::runtime {
namespace {

using nlohmann::json;
using testing::crc32_of;

class Golden : public testing::ChipRules {};

TEST_F(Golden, TokenizerGivesThePrompts) {
  for (const Case& c : cases_) {
    std::vector<int32_t> prompt{static_cast<int32_t>(model_.config.bos_token_id)};
    const std::vector<int32_t> rest = model_.tokenizer.encode(c.text, false);
    prompt.insert(prompt.end(), rest.begin(), rest.end());
    EXPECT_EQ(prompt, c.prompt) << c.text;
  }
}

// Largest difference to the kept logits over the row's largest magnitude.
double difference(const std::vector<float>& row, const json& kept, size_t stride) {
  double magnitude = 0;
  for (const float x : row) magnitude = std::max(magnitude, std::abs(static_cast<double>(x)));
  double largest = std::abs(magnitude - kept[1].get<double>());
  const json& chosen = kept[2];
  EXPECT_EQ(chosen.size(), (row.size() + stride - 1) / stride);
  for (size_t i = 0; i < chosen.size(); ++i)
    largest = std::max(largest, std::abs(static_cast<double>(row[i * stride]) - chosen[i].get<double>()));
  return largest / magnitude;
}

TEST_F(Golden, SixteenPromptsTogether) {
  Session session(model_, chip_, options(16, 128, {16, 32}));
  const size_t stride = golden_["stride"], count = cases_[0].tokens.size();
  size_t same_token = 0, same_bits = 0, total = 0, kept = 0;
  double largest = 0;
  auto accept = [&](size_t s, size_t generated, const std::vector<float>& logits) {
    const Case& c = cases_[s];
    ++total;
    same_token += argmax(logits) == c.tokens[generated] ? 1 : 0;
    same_bits += crc32_of(logits) == c.crc32[generated] ? 1 : 0;
    EXPECT_EQ(argmax(logits), c.tokens[generated]) << "prompt " << s << ", token " << generated;
    for (const json& row : c.logits) {
      if (row[0] != generated) continue;
      largest = std::max(largest, difference(logits, row, stride));
      ++kept;
    }
  };
  for (size_t s = 0; s < cases_.size(); ++s) {
    const std::vector<int32_t>& prompt = cases_[s].prompt;
    run(session, static_cast<int>(s), prompt, 0, prompt.size(), 32, [&](size_t position, const auto& logits) {
      if (position + 1 == prompt.size()) accept(s, 0, logits);
    });
  }
  for (size_t generated = 1; generated < count; ++generated) {
    std::vector<Row> rows;
    for (size_t s = 0; s < cases_.size(); ++s) {
      const size_t position = cases_[s].prompt.size() + generated - 1;
      // The golden's own token, so that one difference does not bring on others.
      rows.push_back({cases_[s].tokens[generated - 1], static_cast<int>(s), static_cast<int64_t>(position)});
    }
    session.step(rows);
    for (size_t s = 0; s < cases_.size(); ++s) accept(s, generated, session.logits(s));
  }
  EXPECT_EQ(total, 16u * 64);
  EXPECT_EQ(kept, 16u * 4);
  EXPECT_LE(largest, 1e-4);
  EXPECT_EQ(same_bits, total);
  GTEST_LOG_(INFO) << same_token << " of " << total << " greedy tokens as the independent implementation; " << same_bits
                   << " rows of logits equal in every bit; largest relative difference of a logit: " << largest;
}

TEST_F(Golden, OnePromptAlone) {
  Session session(model_, chip_, options(1, 128, {1}));
  for (const size_t s : {size_t{1}, size_t{8}}) {
    const Case& c = cases_[s];
    std::vector<int32_t> sequence = c.prompt;
    sequence.insert(sequence.end(), c.tokens.begin(), c.tokens.end());
    run(session, 0, sequence, 0, sequence.size() - 1, 1, [&](size_t position, const std::vector<float>& logits) {
      if (position + 1 < c.prompt.size()) return;
      const size_t generated = position + 1 - c.prompt.size();
      ASSERT_EQ(argmax(logits), c.tokens[generated]) << "prompt " << s << ", token " << generated;
      ASSERT_EQ(crc32_of(logits), c.crc32[generated]) << "prompt " << s << ", token " << generated;
    });
  }
}

TEST_F(Golden, PrefillInAnySteps) {
  constexpr size_t kLength = 45;
  const std::vector<int32_t> tokens = heldout(kLength);
  Session session(model_, chip_, options(3, 128, {1, 16, 32}));
  std::vector<std::vector<uint32_t>> checksums;
  std::vector<std::vector<std::byte>> caches;
  for (const size_t size : {size_t{1}, size_t{32}, size_t{11}}) {
    const auto slot = static_cast<int>(caches.size());
    std::vector<uint32_t>& rows = checksums.emplace_back();
    run(session, slot, tokens, 0, kLength, size, [&](size_t, const auto& logits) { rows.push_back(crc32_of(logits)); });
    caches.push_back(cache(session, slot, kLength));
  }
  for (size_t i = 1; i < caches.size(); ++i) {
    EXPECT_EQ(checksums[i], checksums[0]);
    EXPECT_TRUE(caches[i] == caches[0]);
  }
}

}  // namespace
}  // namespace hadal::runtime
