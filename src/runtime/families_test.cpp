// Every family against Hugging Face transformers, on tiny random checkpoints (tools/goldens/families_golden.py): the
// FP32 reference almost to the last bit, the chip within the bounds of its numbers.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>

#include "base/temporary_directory.h"
#include "model/byte_level.h"
#include "model/random_checkpoint.h"
#include "model/safetensors_writer.h"
#include "model/testing/gguf_writer.h"
#include "numerics/numerics.h"
#include "runtime/evaluate.h"
#include "runtime/family_cases.h"
#include "runtime/sampler.h"

namespace hadal::runtime {
namespace {

using nlohmann::json;
using testing::families;
using testing::kFamilies;
using Case = testing::FamilyCase;

// Logits of these models deviate by 3; random models have many near ties, and which way they fall is no error.
constexpr double kNearTie = 0.15;

// Logits of the case's tokens, row by row.
struct Comparison {
  double nats = 0, logit_error = 0;
  size_t agreeing = 0;
  size_t misses = 0;  // another likeliest token, though in transformers there is no near tie

  void row(const Case& c, size_t position, std::span<const float> logits) {
    nats += negative_log_likelihood(logits, c.targets[position]);
    agreeing += argmax(logits) == c.best[position] ? 1 : 0;
    misses += argmax(logits) != c.best[position] && c.margins[position] > kNearTie ? 1 : 0;
    logit_error = std::max(logit_error, c.logit_error(position, logits));
  }
};

// The case as a GGUF file: converters give tensors other names, stack experts, and for llama bring the two halves of
// every query and key head together, element by element.
class GgufCase {
 public:
  explicit GgufCase(const Case& given) : c_(given), config_(given.model.config) {
    const std::string type = config_.model_type, arch = type == "qwen3_moe" ? "qwen3moe" : type;
    writer_.add_text("general.architecture", arch);
    const auto number = [&](const char* key, int64_t value) {
      writer_.add_u32(arch + "." + key, static_cast<uint32_t>(value));
    };
    number("block_count", config_.num_hidden_layers);
    number("context_length", config_.max_position_embeddings);
    number("embedding_length", config_.hidden_size);
    number("feed_forward_length", config_.intermediate_size);
    number("attention.head_count", config_.num_attention_heads);
    number("attention.head_count_kv", config_.num_key_value_heads);
    number("attention.key_length", config_.head_dim);
    writer_.add_f32(arch + ".attention.layer_norm_rms_epsilon", static_cast<float>(config_.rms_norm_eps));
    writer_.add_f32(arch + ".rope.freq_base", static_cast<float>(config_.rope_theta));
    if (config_.has_experts()) {
      number("expert_count", config_.n_routed_experts);
      number("expert_used_count", config_.num_experts_per_tok);
      number("expert_feed_forward_length", config_.moe_intermediate_size);
    }
    vocabulary();
    tensor("model.embed_tokens.weight", "token_embd.weight");
    tensor("model.norm.weight", "output_norm.weight");
    if (!config_.tie_word_embeddings) tensor("lm_head.weight", "output.weight");
    for (int64_t l = 0; l < config_.num_hidden_layers; ++l)
      layer(fmt::format("model.layers.{}.", l), fmt::format("blk.{}.", l));
  }
  std::string bytes() const { return writer_.bytes(); }

 private:
  void vocabulary() {
    writer_.add_text("tokenizer.ggml.model", "gpt2");
    writer_.add_text("tokenizer.ggml.pre", "gpt-2");
    std::vector<std::string> tokens;
    for (int64_t id = 0; id < config_.vocab_size; ++id) {
      tokens.push_back(id < 256 ? model::byte_characters()[static_cast<size_t>(id)] : fmt::format("<{}>", id));
    }
    writer_.add_texts("tokenizer.ggml.tokens", tokens);
    writer_.add_texts("tokenizer.ggml.merges", {});
  }

  void layer(const std::string& from, const std::string& to) {
    const std::pair<const char*, const char*> names[] = {
        {"input_layernorm", "attn_norm"},    {"post_attention_layernorm", "ffn_norm"},
        {"self_attn.v_proj", "attn_v"},      {"self_attn.o_proj", "attn_output"},
        {"self_attn.q_norm", "attn_q_norm"}, {"self_attn.k_norm", "attn_k_norm"},
        {"mlp.gate_proj", "ffn_gate"},       {"mlp.up_proj", "ffn_up"},
        {"mlp.down_proj", "ffn_down"},       {"mlp.gate", "ffn_gate_inp"}};
    for (const auto& [old_name, name] : names)
      tensor(from + old_name + ".weight", fmt::format("{}{}.weight", to, name));
    const bool halves = config_.model_type == "llama";
    tensor(from + "self_attn.q_proj.weight", to + "attn_q.weight", halves);
    tensor(from + "self_attn.k_proj.weight", to + "attn_k.weight", halves);
    if (!config_.has_experts()) return;
    for (const char* part : {"gate", "up", "down"}) {
      const auto expert = [&](int64_t e) {
        return c_.model.weights.find(fmt::format("{}mlp.experts.{}.{}_proj.weight", from, e, part));
      };
      std::vector<std::byte> all;
      for (int64_t e = 0; e < config_.n_routed_experts; ++e) {
        all.insert(all.end(), expert(e)->data.begin(), expert(e)->data.end());
      }
      writer_.add_tensor(fmt::format("{}ffn_{}_exps.weight", to, part), type(*expert(0)),
                         {config_.n_routed_experts, expert(0)->shape[0], expert(0)->shape[1]}, std::move(all));
    }
  }

  static uint32_t type(const model::Tensor& tensor) { return tensor.dtype == model::Dtype::kBf16 ? 30 : 0; }

  void tensor(const std::string& from, const std::string& to, bool halves = false) {
    const model::Tensor* found = c_.model.weights.find(from);
    if (found == nullptr) return;
    std::vector<std::byte> data(found->data.begin(), found->data.end());
    const auto dim = static_cast<size_t>(config_.head_dim), row = data.size() / static_cast<size_t>(found->shape[0]);
    for (size_t r = 0; halves && r < static_cast<size_t>(found->shape[0]); ++r) {
      const size_t source = r / dim * dim + r % 2 * (dim / 2) + r % dim / 2;
      std::memcpy(data.data() + r * row, found->data.data() + source * row, row);
    }
    writer_.add_tensor(to, type(*found), found->shape, std::move(data));
  }

  const Case& c_;
  const model::Config& config_;
  model::testing::GgufWriter writer_;
};

class Families : public ::testing::TestWithParam<size_t> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(testing::golden_is_current(kFamilies, "families_golden.py", !families().is_discarded()));
  }
};

TEST_P(Families, ReferenceIsTransformers) {
  const Case c(families()["cases"][GetParam()]);
  const std::vector<float> logits = Reference(c.model).logits(c.tokens);
  const size_t width = logits.size() / c.tokens.size();
  Comparison found;
  for (size_t r = 0; r < c.tokens.size(); ++r) found.row(c, r, std::span(logits).subspan(r * width, width));
  EXPECT_LE(found.logit_error, 1e-4);
  EXPECT_NEAR(found.nats / c.expected_nats, 1, 1e-5);
  EXPECT_EQ(found.agreeing, c.tokens.size());
}

TEST_P(Families, GgufIsTheSameModel) {
  const Case c(families()["cases"][GetParam()]);
  const model::Config& config = c.model.config;
  if (config.attention == model::Attention::kLatent || config.yarn || config.llama3 || config.rope_linear_factor != 1) {
    GTEST_SKIP() << "not written as GGUF here";
  }
  model::write_file(c.directory.file("model.gguf"), GgufCase(c).bytes());
  const model::Model model = model::Model::load(c.directory.file("model.gguf"));
  const std::vector<float> logits = Reference(model).logits(c.tokens);
  Comparison found;
  for (size_t r = 0; r < c.tokens.size(); ++r) {
    found.row(c, r, std::span(logits).subspan(r * logits.size() / c.tokens.size(), logits.size() / c.tokens.size()));
  }
  EXPECT_LE(found.logit_error, 1e-4);
  EXPECT_NEAR(found.nats / c.expected_nats, 1, 1e-5);
}

chip::Chip hadal_1() { return chip::load(testing::source_path("chips/hadal-1.yaml")); }

// Runs the first `count` tokens in steps of `size` in the second of two slots.
std::vector<std::vector<float>> run_in_steps(const Case& c, size_t count, size_t size,
                                             kernels::CompileOptions compile = {}, const chip::Chip& chip = hadal_1()) {
  SessionOptions options;
  options.compile = std::move(compile);
  options.compile.sequences = 2;
  options.compile.context = 64;
  options.compile.row_buckets = {static_cast<int>(size)};
  Session session(c.model, chip, options);
  EXPECT_EQ(program::defect(session.compiled().programs[0]), "");
  std::vector<std::vector<float>> logits;
  for (size_t first = 0; first < count; first += size) {
    std::vector<Row> rows;
    for (size_t r = first; r < std::min(count, first + size); ++r)
      rows.push_back({c.tokens[r], 1, static_cast<int64_t>(r)});
    session.step(rows);
    for (size_t r = 0; r < rows.size(); ++r) logits.push_back(session.logits(r));
  }
  return logits;
}

TEST_P(Families, StepsAndAddressesChangeNoBit) {
  const Case c(families()["cases"][GetParam()]);
  const auto expected = run_in_steps(c, 20, 4);
  EXPECT_EQ(run_in_steps(c, 20, 1), expected);
  // Everything across the 16 GiB that an offset reaches, and beyond.
  EXPECT_EQ(run_in_steps(c, 20, 4, {.first_line = (uint64_t{1} << 28) - 5000}), expected);
}

TEST_P(Families, OwnersOfRowsChangeNoBit) {
  const Case c(families()["cases"][GetParam()]);
  const auto expected = run_in_steps(c, 20, 4, {.owners_from = INT64_MAX});
  EXPECT_EQ(run_in_steps(c, 20, 4, {.owners_from = 0}), expected);
  EXPECT_EQ(run_in_steps(c, 20, 16, {.owners_from = 0}), expected);
  // A core owns four rows.
  chip::Chip small = hadal_1();
  small.cores = 4;
  small.noc.columns = 2;
  EXPECT_EQ(run_in_steps(c, 20, 16, {.owners_from = 0}, small), expected);
}

TEST_P(Families, ChipIsWithinItsBounds) {
  const Case c(families()["cases"][GetParam()]);
  const chip::Chip chip = chip::load(testing::source_path("chips/hadal-1.yaml"));
  SessionOptions options;
  options.compile.sequences = 1;
  options.compile.context = static_cast<int64_t>(c.tokens.size());
  options.compile.row_buckets = {16};
  options.functional.threads = 2;
  options.compile.kv_format =
      kernels::KvFormat::kBf16;  // FP8 latents are DeepSeek's choice of accuracy, not the chip's
  Session session(c.model, chip, options);
  Comparison found;
  for (size_t first = 0; first < c.tokens.size(); first += 16) {
    std::vector<Row> rows;
    for (size_t r = first; r < std::min(c.tokens.size(), first + 16); ++r) {
      rows.push_back({c.tokens[r], 0, static_cast<int64_t>(r)});
    }
    session.step(rows);
    for (size_t r = 0; r < rows.size(); ++r) found.row(c, first + r, session.logits(r));
  }
  const double difference = found.nats / c.expected_nats - 1;
  const double agreement = static_cast<double>(found.agreeing) / static_cast<double>(c.tokens.size());
  GTEST_LOG_(INFO) << fmt::format(
      "{}: cross-entropy {:+.4f} % of transformers in FP32, likeliest token the same at {:.1f} % ({} without a "
      "near tie), logits within {:.4f} deviations",
      c.golden["name"].get<std::string>(), 100 * difference, 100 * agreement, found.misses, found.logit_error);
  EXPECT_LE(std::abs(difference), 0.005);
  // Experts may tie as well, and then a token goes another way.
  EXPECT_LE(found.misses, c.model.config.has_experts() ? c.tokens.size() / 50 : 0u);
}

size_t cases() { return families().is_discarded() ? 1 : families()["cases"].size(); }

std::string case_name(const ::testing::TestParamInfo<size_t>& given) {
  return families().is_discarded() ? "missing" : families()["cases"][given.param]["name"].get<std::string>();
}

INSTANTIATE_TEST_SUITE_P(All, Families, ::testing::Range(size_t{0}, cases()), case_name);

}  // namespace
}  // namespace hadal::runtime
