// The bundled model against independent implementations, the long part: held-out text against Hugging Face
// transformers in FP32, a long sequence and other compile options against the chip's rules.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <thread>

#include "runtime/evaluate.h"
#include "runtime/golden_files.h"
#include "runtime/sampler.h"

namespace hadal::runtime {
namespace {

using nlohmann::json;
using testing::crc32_of;
using testing::source_path;

int threads() { return std::max(1, static_cast<int>(std::thread::hardware_concurrency())); }

// tests/goldens/transformers_hadal_tiny.bin; its layout is described in the script that writes it.
struct Transformers {
  static constexpr const char* kFile = "tests/goldens/transformers_hadal_tiny.bin";
  uint32_t model_crc32 = 0, tokens_crc32 = 0, length = 0, windows = 0;
  std::vector<uint16_t> best;
  std::vector<float> nats;

  static Transformers load() {
    Transformers t;
    const std::string data = testing::read_file(source_path(kFile));
    constexpr size_t kHeader = 24;
    if (data.size() < kHeader || data.compare(0, 8, "HADALREF") != 0) return t;
    std::memcpy(&t.model_crc32, data.data() + 8, 4);
    std::memcpy(&t.tokens_crc32, data.data() + 12, 4);
    std::memcpy(&t.length, data.data() + 16, 4);
    std::memcpy(&t.windows, data.data() + 20, 4);
    const size_t count = static_cast<size_t>(t.length - 1) * t.windows;
    if (data.size() != kHeader + 6 * count) return {};
    t.best.resize(count);
    t.nats.resize(count);
    std::memcpy(t.best.data(), data.data() + kHeader, 2 * count);
    std::memcpy(t.nats.data(), data.data() + kHeader + 2 * count, 4 * count);
    return t;
  }
};

TEST(GoldenHeldout, CrossEntropyAndLikeliestTokensOfTransformers) {
  const Transformers golden = Transformers::load();
  ASSERT_TRUE(testing::golden_is_current(Transformers::kFile, "transformers_golden.py",
                                         !golden.best.empty() && golden.model_crc32 == testing::crc32_of_model()));
  const model::Model model = model::Model::load(source_path("models/hadal-tiny"));
  const chip::Chip chip = chip::load(source_path("chips/hadal-1.yaml"));
  size_t count = golden.best.size();
  ASSERT_GE(count, 20000u);
  std::vector<int32_t> text =
      model.tokenizer.encode(testing::read_file(source_path("models/hadal-tiny/heldout.txt")), false);
  ASSERT_GE(text.size(), count);
  text.resize(count);
  ASSERT_EQ(crc32_of(std::vector<uint16_t>(text.begin(), text.end())), golden.tokens_crc32) << "other tokens";
#ifdef __SANITIZE_ADDRESS__
  count /= 10;  // for time
  text.resize(count);
#endif

  SessionOptions options;
  options.compile.sequences = 1;
  options.compile.context = golden.length;
  options.compile.row_buckets = {32};
  options.functional.threads = threads();
  Session session(model, chip, options);
  const auto bos = static_cast<int32_t>(model.config.bos_token_id);
  double nats = 0, expected = 0;
  size_t position = 0, same = 0;
  for (const std::vector<int32_t>& window : cut_windows(text, bos, golden.length)) {
    const WindowScore score = score_window(session, window);
    nats += score.nats;
    for (const int32_t best : score.best) {
      expected += static_cast<double>(golden.nats[position]);
      same += best == golden.best[position++] ? 1 : 0;
    }
  }
  ASSERT_EQ(position, count);
  const auto n = static_cast<double>(count);
  const double difference = nats / expected - 1, agreement = static_cast<double>(same) / n;
  GTEST_LOG_(INFO) << fmt::format(
      "{} held-out tokens: cross-entropy {:.4f} nats on the chip, {:.4f} in transformers FP32 ({:+.4f} %); likeliest "
      "token the same at {:.2f} %",
      count, nats / n, expected / n, 100 * difference, 100 * agreement);
  EXPECT_LE(std::abs(difference), 0.005);
  EXPECT_GE(agreement, 0.98);
}

class GoldenLong : public testing::ChipRules {};

// Near the model's limit, across many tiles of attention; and prefill in steps of another size.
TEST_F(GoldenLong, SequenceNearTheLimit) {
  const json& golden = golden_["long"];
  const size_t whole = golden["length"];
  std::vector<int32_t> tokens = heldout(whole);
  ASSERT_EQ(crc32_of(tokens), golden["tokens_crc32"]) << "other tokens";
  std::map<size_t, uint32_t> expected;
  for (const json& row : golden["rows"]) expected[row[0]] = row[1];
  const std::vector<int32_t> generated = golden["generated"];
  const std::vector<uint32_t> checksums = golden["generated_crc32"];
  for (size_t i = 0; i < checksums.size(); ++i) expected[whole + i] = checksums[i];
  tokens.insert(tokens.end(), generated.begin(), generated.end());
  size_t length = whole;
#ifdef __SANITIZE_ADDRESS__
  length = 300;  // for time; nothing is generated then
  tokens.resize(length + 1);
  expected.erase(expected.lower_bound(length), expected.end());
#endif

  SessionOptions choice = options(2, 2048, {1, 16, 32});
  choice.functional.threads = threads();
  Session session(model_, chip_, choice);
  std::vector<std::vector<uint32_t>> rows(2);
  for (int slot = 0; slot < 2; ++slot) {
    const auto s = static_cast<size_t>(slot);
    auto on_row = [&](size_t position, const std::vector<float>& logits) {
      rows[s].push_back(crc32_of(logits));
      if (position + 1 >= whole) {
        EXPECT_EQ(argmax(logits), tokens[position + 1]) << position;
      }
    };
    run(session, slot, tokens, 0, length, slot == 0 ? 32 : 13, on_row);
    run(session, slot, tokens, length, tokens.size() - 1, 1, on_row);
  }
  size_t same = 0;
  for (const auto& [position, checksum] : expected) same += rows[0][position] == checksum ? 1 : 0;
  EXPECT_EQ(same, expected.size());
  EXPECT_EQ(rows[1], rows[0]);
  EXPECT_TRUE(cache(session, 1, tokens.size() - 1) == cache(session, 0, tokens.size() - 1));
  GTEST_LOG_(INFO) << length << " tokens prefilled, " << tokens.size() - length << " generated: " << same << " of "
                   << expected.size() << " rows of logits equal in every bit";
}

class GoldenVariant : public testing::ChipRules {
 protected:
  void compare(const std::string& name, const chip::Chip& chip, const SessionOptions& choice, int tile) {
    const json& variants = golden_["variants"];
    const auto variant =
        std::find_if(variants.begin(), variants.end(), [&](const json& v) { return v["name"] == name; });
    ASSERT_NE(variant, variants.end());
    Session session(model_, chip, choice);
    ASSERT_EQ(session.compiled().layout.kv_tile, tile);
    const auto tokens = (*variant)["tokens"].get<std::vector<std::vector<int32_t>>>();
    const auto checksums = (*variant)["crc32"].get<std::vector<std::vector<uint32_t>>>();
    const auto most = static_cast<size_t>(session.max_rows());
    size_t same = 0, total = 0;
    for (size_t s = 0; s < tokens.size(); ++s) {
      std::vector<int32_t> sequence = cases_[s].prompt;
      const size_t first = sequence.size() - 1;
      sequence.insert(sequence.end(), tokens[s].begin(), tokens[s].end());
      run(session, 0, sequence, 0, sequence.size() - 1, most, [&](size_t position, const std::vector<float>& logits) {
        if (position < first) return;
        EXPECT_EQ(argmax(logits), sequence[position + 1]) << "prompt " << s << ", position " << position;
        same += crc32_of(logits) == checksums[s][position - first] ? 1 : 0;
        ++total;
      });
    }
    EXPECT_EQ(total, 64u);
    EXPECT_EQ(same, total);
    GTEST_LOG_(INFO) << name << ": " << same << " of " << total << " rows of logits equal in every bit";
  }
};

TEST_F(GoldenVariant, OneActivationDigit) {
  SessionOptions choice = options(1, 128, {4});
  choice.compile.activation_digits = 1;
  compare("one digit", chip_, choice, 128);
}

TEST_F(GoldenVariant, Bf16Cache) {
  SessionOptions choice = options(1, 128, {4});
  choice.compile.kv_format = kernels::KvFormat::kBf16;
  compare("BF16 cache", chip_, choice, 64);
}

TEST_F(GoldenVariant, SmallChip) {
  compare("tiles of 32", chip::load(source_path("chips/hadal-rtl.yaml")), options(1, 128, {1}), 32);
}

}  // namespace
}  // namespace hadal::runtime
