// Drafts by the layer for multi-token prediction: what they say, and that the text does not depend on them.
#include "runtime/speculate.h"
#include "base/temporary_directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <random>

#include "base/error.h"
#include "model/safetensors_writer.h"
#include "runtime/layer_program.h"
#include "runtime/reference.h"

namespace hadal::runtime {
namespace {

class Speculate : public ::testing::Test {
 protected:
  Speculate() {
    model::Config c = model::small_config();
    c.hidden_size = c.intermediate_size = 256;
    c.moe_intermediate_size = c.qk_nope_head_dim = c.v_head_dim = 128;
    c.qk_rope_head_dim = 64;
    c.num_nextn_predict_layers = 1;
    model::write_random_checkpoint(directory_.path(), c, {.seed = 6, .power_of_two_scales = true});
    model_ = model::Model::load(directory_.path());
  }

  SessionOptions options(bool mtp, int sequences = 2, std::vector<int> buckets = {1, 4, 16}) const {
    SessionOptions result;
    result.compile.mtp = mtp;
    result.compile.sequences = sequences;
    result.compile.context = 96;
    result.compile.row_buckets = std::move(buckets);
    result.compile.kv_format = kernels::KvFormat::kBf16;
    return result;
  }
  std::vector<int32_t> prompt(size_t length, unsigned seed) const {
    std::mt19937 random(seed);
    std::vector<int32_t> tokens(length);
    for (int32_t& token : tokens) token = static_cast<int32_t>(2 + random() % 318);
    return tokens;
  }

  TemporaryDirectory directory_;
  model::Model model_;
  const chip::Chip chip_ = testing::small_chip(3);
};

TEST_F(Speculate, DraftsAreThoseOfTheReference) {
  ASSERT_TRUE(model_.has_mtp());
  const std::vector<int32_t> tokens = prompt(41, 1);
  const std::vector<float> expected = Reference(model_).draft_logits(tokens);
  const size_t width = expected.size() / (tokens.size() - 1);
  double deviation = 0;
  for (const float x : expected) deviation += static_cast<double>(x) * x / static_cast<double>(expected.size());
  Session session(model_, chip_, options(true));
  std::vector<double> errors;
  for (size_t first = 0; first < tokens.size() - 1; first += 16) {
    std::vector<Row> rows, drafts;
    std::vector<size_t> states;
    for (size_t i = first; i < std::min(tokens.size() - 1, first + 16); ++i) {
      rows.push_back({tokens[i], 1, static_cast<int64_t>(i)});
      drafts.push_back({tokens[i + 1], 1, static_cast<int64_t>(i)});
      states.push_back(i - first);
    }
    session.step(rows);
    session.draft(drafts, states);
    for (size_t r = 0; r < rows.size(); ++r) {
      const std::vector<float> found = session.logits(r);
      double worst = 0;
      for (size_t i = 0; i < width; ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(found[i]) - expected[(first + r) * width + i]));
      }
      errors.push_back(worst / std::sqrt(deviation));
    }
  }
  // A tie between experts sends a token another way; all but a few must agree.
  std::sort(errors.begin(), errors.end());
  EXPECT_LE(errors[errors.size() * 8 / 10], 0.05);
}

TEST_F(Speculate, TheTextIsThatWithoutDrafts) {
  const std::vector<std::vector<int32_t>> prompts = {prompt(19, 2), prompt(3, 3)};
  for (const double temperature : {0.0, 0.8}) {
    const SamplerOptions sampling{temperature, 0.95, 7};
    Session plain(model_, chip_, options(false)), drafting(model_, chip_, options(true));
    const auto expected = generate(plain, prompts, 30, sampling);
    Speculation counts;
    size_t called = 0;
    const auto found = speculate(drafting, prompts, 30, sampling, counts, [&](size_t, int32_t) { ++called; });
    ASSERT_EQ(found.size(), expected.size());
    size_t all = 0;
    for (size_t s = 0; s < found.size(); ++s) {
      EXPECT_EQ(found[s].tokens, expected[s].tokens) << "sequence " << s << " at temperature " << temperature;
      EXPECT_EQ(found[s].stopped, expected[s].stopped);
      all += found[s].tokens.size();
    }
    EXPECT_EQ(called, all);
    EXPECT_GT(counts.drafted, 0u);
    EXPECT_LE(counts.accepted, counts.drafted);
  }
}

TEST_F(Speculate, TheTextIsThatWithoutDraftsWhereRowsOrPositionsRunOut) {
  const std::vector<std::vector<int32_t>> prompts = {prompt(80, 4), prompt(5, 5)};
  Session plain(model_, chip_, options(false, 2, {1})), drafting(model_, chip_, options(true, 2, {1, 2}));
  const auto alone = std::span(prompts).first(1);
  Speculation counts;
  EXPECT_EQ(speculate(drafting, alone, 60, {}, counts)[0].tokens, generate(plain, alone, 60, {})[0].tokens);
  Session batch(model_, chip_, options(false, 2, {4}));
  const auto expected = generate(batch, prompts, 12, {});
  const auto found = speculate(drafting, prompts, 12, {}, counts);
  for (size_t s = 0; s < 2; ++s) EXPECT_EQ(found[s].tokens, expected[s].tokens) << s;
}

// A checkpoint whose layers add almost nothing: the next token follows from the last one alone, and the drafting layer,
// which passes the embedding on, knows it.
TEST_F(Speculate, RightGuessesSaveSteps) {
  model::SafetensorsWriter writer;
  const std::string mtp = fmt::format("model.layers.{}.", model_.config.num_hidden_layers);
  for (const model::Tensor& tensor : model_.weights.tensors()) {
    std::vector<std::byte> data(tensor.data.begin(), tensor.data.end());
    const auto same_as = [&](const char* name) {
      const model::Tensor& other = *model_.weights.find(name);
      data.assign(other.data.begin(), other.data.end());
    };
    if (tensor.name.ends_with("o_proj.weight_scale_inv") || tensor.name.ends_with("down_proj.weight_scale_inv")) {
      const float tiny = 0x1p-60f;
      for (size_t i = 0; i < data.size(); i += 4) std::memcpy(&data[i], &tiny, 4);
    } else if (tensor.name == mtp + "eh_proj.weight") {
      std::fill(data.begin(), data.end(), std::byte{0});
      const uint16_t one = 0x3F80;
      for (size_t n = 0; n < 256; ++n) std::memcpy(&data[2 * (n * 512 + n)], &one, 2);
    } else if (tensor.name == mtp + "shared_head.head.weight") {
      same_as("lm_head.weight");
    } else if (tensor.name == mtp + "shared_head.norm.weight") {
      same_as("model.norm.weight");
    } else if (tensor.name == mtp + "enorm.weight") {
      const uint16_t one = 0x3F80;
      for (size_t i = 0; i < data.size(); i += 2) std::memcpy(&data[i], &one, 2);
    }
    writer.add(tensor.name, tensor.dtype, tensor.shape, std::move(data));
  }
  const TemporaryDirectory directory;
  for (const char* file : {"config.json", "tokenizer.json"}) {
    std::filesystem::copy_file(directory_.file(file), directory.file(file));
  }
  model::write_file(directory.file("model.safetensors"), writer.bytes());
  const model::Model model = model::Model::load(directory.path());
  const std::vector<std::vector<int32_t>> prompts = {prompt(5, 8), prompt(7, 9)};
  Session plain(model, chip_, options(false)), drafting(model, chip_, options(true));
  const auto expected = generate(plain, prompts, 24, {});
  Speculation counts;
  const auto found = speculate(drafting, prompts, 24, {}, counts);
  for (size_t s = 0; s < 2; ++s) EXPECT_EQ(found[s].tokens, expected[s].tokens) << s;
  EXPECT_GE(counts.drafted, 10u);
  EXPECT_GE(counts.accepted * 10, counts.drafted * 8) << counts.accepted << " of " << counts.drafted;
}

TEST_F(Speculate, NeedsTheLayer) {
  const testing::SmallModel without;
  EXPECT_FALSE(without.model.has_mtp());
  try {
    const Session session(without.model, chip_, options(true));
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.kind(), ErrorKind::kInput);
    EXPECT_NE(std::string(e.what()).find("multi-token prediction"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace hadal::runtime
