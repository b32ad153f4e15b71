// Published widths: random weights in the shapes of published models, layers cut to a few, on both chips, with every
// check of the simulator on, against the FP32 reference. HADAL_LONG: more shapes, and the whole vocabulary of some.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <random>

#include "base/mapped_file.h"
#include "base/temporary_directory.h"
#include "model/random_shape.h"
#include "runtime/evaluate.h"
#include "runtime/golden_files.h"
#include "runtime/reference.h"
#include "runtime/sampler.h"
#include "runtime/session.h"

namespace hadal::runtime {
namespace {

struct Shape {
  const char* name;
  const char* config;
  model::ShapeOptions cut;
  size_t tokens;
  // Root mean square of the logits' error over that of the logits: of the row in the middle, and of the worst, where an
  // expert may have lost a near tie.
  double typical, worst;
  bool always = false;  // not only with HADAL_LONG
  bool whole = false;   // with HADAL_LONG: the whole vocabulary
};

constexpr int64_t kVocabulary = 4096;

const char* kQwen2Small = "tests/shapes/DeepSeek-R1-Distill-Qwen-1.5B.json";
const char* kQwen2 = "tests/shapes/DeepSeek-R1-Distill-Qwen-7B.json";
const char* kV2Lite = "tests/shapes/DeepSeek-V2-Lite.json";
const char* kV3 = "models/configs/DeepSeek-V3.json";

// Measured: 0.0010 to 0.0011 with BF16 weights and grouped attention, 0.0020 to 0.0024 with latents.
const Shape kShapes[] = {
    {"qwen2_1_5b", kQwen2Small, {.layers = 2}, 144, 0.0015, 0.003, true, true},
    {"qwen2_7b", kQwen2, {.layers = 1}, 24, 0.0015, 0.003, true, true},
    {"llama_8b", "models/configs/Meta-Llama-3.1-8B.json", {.layers = 1}, 24, 0.0015, 0.003, false, true},
    {"llama_70b", "models/configs/Meta-Llama-3.1-70B.json", {.layers = 1}, 12, 0.0015, 0.003},
    {"qwen3_8b", "models/configs/Qwen3-8B.json", {.layers = 1}, 24, 0.0015, 0.003, false, true},
    {"qwen3_32b", "models/configs/Qwen3-32B.json", {.layers = 1}, 12, 0.0015, 0.003},
    {"qwen3_30b_a3b", "models/configs/Qwen3-30B-A3B.json", {.layers = 1}, 24, 0.0015, 0.2, true},
    {"deepseek_v2_lite", kV2Lite, {.layers = 2}, 24, 0.004, 0.2, true},
    {"deepseek_v3_dense", kV3, {.layers = 1, .dense_layers = 1}, 12, 0.004, 0.006},
    {"deepseek_v3_experts", kV3, {.layers = 1, .dense_layers = 0, .experts = 16}, 12, 0.004, 0.2, true},
};

bool everything() { return std::getenv("HADAL_LONG") != nullptr; }

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// The model with the last kVocabulary tokens only, over the same files: the reference keeps all weights as FP32.
model::Model last_tokens(const model::Model& model) {
  model::Model out;
  out.directory = model.directory;
  out.config = model.config;
  out.config.vocab_size = kVocabulary;
  std::vector<model::Tensor> tensors = model.weights.tensors();
  for (model::Tensor& tensor : tensors) {
    if (tensor.name != "model.embed_tokens.weight" && tensor.name != "lm_head.weight") continue;
    tensor.data = tensor.data.last(static_cast<size_t>(kVocabulary * tensor.shape[1]) * 2);
    tensor.shape[0] = kVocabulary;
  }
  out.weights = model::Weights(std::move(tensors), model.directory, nullptr);
  return out;
}

using Logits = std::vector<std::vector<float>>;

struct Outcome {
  Logits logits;  // of the last kVocabulary tokens
  int rows = 0;   // of the largest step
  double seconds = 0;
};

// All checks on; the first `tokens` of the sequence, at most `most` rows a step (0: as many as fit the chip).
Outcome run_on(const model::Model& model, const char* chip_name, std::span<const int32_t> tokens, int most) {
  const auto start = std::chrono::steady_clock::now();
  const chip::Chip chip = chip::load(testing::source_path(fmt::format("chips/{}.yaml", chip_name)));
  SessionOptions options;
  options.compile.sequences = 1;
  options.compile.context = 160;
  options.compile.kv_format = kernels::KvFormat::kBf16;
  if (most > 0) options.compile.row_buckets = {most};
  options.functional.threads = 2;
  Session session(model, chip, options);
  Outcome out;
  out.rows = session.max_rows();
  for (size_t at = 0; at < tokens.size(); at += static_cast<size_t>(out.rows)) {
    std::vector<Row> rows;
    for (size_t i = at; i < std::min(tokens.size(), at + static_cast<size_t>(out.rows)); ++i) {
      rows.push_back({tokens[i], 0, static_cast<int64_t>(i)});
    }
    session.step(rows);
    for (size_t r = 0; r < rows.size(); ++r) {
      const std::vector<float> all = session.logits(r);
      out.logits.emplace_back(all.end() - kVocabulary, all.end());
    }
  }
  out.seconds = seconds_since(start);
  return out;
}

class PublishedShape : public ::testing::TestWithParam<Shape> {};

TEST_P(PublishedShape, RunsAndIsTheReferences) {
  const Shape& shape = GetParam();
  if (!shape.always && !everything()) GTEST_SKIP() << "set HADAL_LONG=1 for this shape";
  const TemporaryDirectory directory;
  const std::string folder = directory.file("model"), file = testing::source_path(shape.config);
  model::ShapeOptions cut = shape.cut;
  if (!shape.whole || !everything()) cut.vocabulary = kVocabulary;
  const model::WrittenShape written = model::write_random_shape(folder, testing::read_file(file), file, cut);
  const model::Model model = model::Model::load(folder);
  const int64_t vocabulary = model.config.vocab_size;
  std::mt19937_64 random(7);
  std::vector<int32_t> tokens, near;  // of all tokens, and counted from the first of the last kVocabulary
  for (size_t i = 0; i < shape.tokens; ++i) {
    near.push_back(static_cast<int32_t>(random() % kVocabulary));
    tokens.push_back(static_cast<int32_t>(vocabulary - kVocabulary + near.back()));
  }
  const auto start = std::chrono::steady_clock::now();
  const std::vector<float> exact = Reference(last_tokens(model)).logits(near);
  const double reference_s = seconds_since(start);

  const Outcome chip = run_on(model, "hadal-1", tokens, 0);
  // Step by step and in steps of other sizes, on another chip: the same bits.
  constexpr size_t kAgain = 5;
  const std::span<const int32_t> first = std::span(tokens).first(kAgain);
  const Logits beginning(chip.logits.begin(), chip.logits.begin() + kAgain);
  EXPECT_EQ(run_on(model, "hadal-1", first, 1).logits, beginning);
  const Outcome other = run_on(model, "hadal-n2", tokens, 0);
  EXPECT_EQ(other.logits, chip.logits);

  std::vector<double> errors;
  double nats = 0, exact_nats = 0;
  size_t agreeing = 0;
  for (size_t t = 0; t < tokens.size(); ++t) {
    const std::span<const float> want = std::span(exact).subspan(t * kVocabulary, kVocabulary);
    double squares = 0, error = 0;
    for (size_t v = 0; v < want.size(); ++v) {
      squares += static_cast<double>(want[v]) * want[v];
      error += std::pow(static_cast<double>(chip.logits[t][v]) - static_cast<double>(want[v]), 2);
    }
    errors.push_back(std::sqrt(error / squares));
    const int32_t target = near[(t + 1) % near.size()];
    nats += negative_log_likelihood(chip.logits[t], target);
    exact_nats += negative_log_likelihood(want, target);
    agreeing += argmax(chip.logits[t]) == argmax(want) ? 1 : 0;
  }
  std::sort(errors.begin(), errors.end());
  const auto usual = std::upper_bound(errors.begin(), errors.end(), 2 * shape.typical);
  GTEST_LOG_(INFO) << fmt::format(
      "{}: {:.2f} G parameters of {} tokens; logits off by {:.5f} of their size, at worst {:.5f}, {} beyond {:.4f}; "
      "cross-entropy "
      "{:+.4f} %, likeliest token the same at {} of {}; steps of up to {} and {} rows; reference {:.1f} s, chips "
      "{:.1f} and {:.1f} s",
      shape.name, static_cast<double>(written.parameters) / 1e9, vocabulary, errors[errors.size() / 2], errors.back(),
      errors.end() - usual, 2 * shape.typical, 100 * (nats / exact_nats - 1), agreeing, tokens.size(), chip.rows,
      other.rows, reference_s, chip.seconds, other.seconds);
  EXPECT_LT(errors[errors.size() / 2], shape.typical);
  EXPECT_LT(errors.back(), shape.worst);
  EXPECT_LE(errors.end() - usual, model.config.has_experts() ? static_cast<int>(errors.size() / 12) : 0);
  EXPECT_LT(std::abs(nats / exact_nats - 1), 0.005);
}

INSTANTIATE_TEST_SUITE_P(Slow, PublishedShape, ::testing::ValuesIn(kShapes),
                         [](const auto& given) { return std::string(given.param.name); });

}  // namespace
}  // namespace hadal::runtime
