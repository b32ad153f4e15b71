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
// every query and key head together, element by element. Newer ones hold the keys and values of latents apart.
class GgufCase {
 public:
  GgufCase(const Case& given, bool newer, bool softmax_groups = true)
      : c_(given), config_(given.model.config), newer_(newer) {
    groups_ = config_.n_group > 1 && (softmax_groups || config_.gate == model::Gate::kSigmoid);
    const std::string type = config_.model_type;
    arch_ = latent() ? "deepseek2" : type == "qwen3_moe" ? "qwen3moe" : type;
    writer_.add_text("general.architecture", arch_);
    number("block_count", config_.num_hidden_layers);
    number("context_length", config_.max_position_embeddings);
    number("embedding_length", config_.hidden_size);
    number("feed_forward_length", config_.intermediate_size);
    number("attention.head_count", config_.num_attention_heads);
    if (latent()) {
      latent_attention();
    } else {
      number("attention.head_count_kv", config_.num_key_value_heads);
      number("attention.key_length", config_.head_dim);
    }
    fraction("attention.layer_norm_rms_epsilon", config_.rms_norm_eps);
    fraction("rope.freq_base", config_.rope_theta);
    scaling();
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
  bool latent() const { return config_.attention == model::Attention::kLatent; }
  void number(const std::string& key, int64_t value) {
    writer_.add_u32(arch_ + "." + key, static_cast<uint32_t>(value));
  }
  void fraction(const std::string& key, double value) { writer_.add_f32(arch_ + "." + key, static_cast<float>(value)); }

  void latent_attention() {
    const int64_t key = config_.qk_nope_head_dim + config_.qk_rope_head_dim;
    if (config_.q_lora_rank > 0) number("attention.q_lora_rank", config_.q_lora_rank);
    number("attention.kv_lora_rank", config_.kv_lora_rank);
    number("rope.dimension_count", config_.qk_rope_head_dim);
    number("attention.head_count_kv", newer_ ? 1 : config_.num_attention_heads);
    number("attention.key_length", newer_ ? config_.kv_lora_rank + config_.qk_rope_head_dim : key);
    number("attention.value_length", newer_ ? config_.kv_lora_rank : config_.v_head_dim);
    if (newer_) number("attention.key_length_mla", key);
    if (newer_) number("attention.value_length_mla", config_.v_head_dim);
    number("leading_dense_block_count", config_.first_k_dense_replace);
    number("expert_shared_count", config_.n_shared_experts);
    fraction("expert_weights_scale", config_.routed_scaling_factor);
    writer_.add_bool(arch_ + ".expert_weights_norm", config_.norm_topk_prob);
    const bool sigmoid = config_.gate == model::Gate::kSigmoid;
    if (newer_ || sigmoid) number("expert_gating_func", sigmoid ? 2 : 1);
    if (groups_) number("expert_group_count", config_.n_group);
    if (groups_) number("expert_group_used_count", config_.topk_group);
  }

  void scaling() {
    if (config_.llama3) {  // by what each frequency is divided
      model::Config plain = config_;
      plain.llama3.reset();
      const auto base = model::rope_inverse_frequencies(plain), scaled = model::rope_inverse_frequencies(config_);
      std::vector<float> divisors;
      for (size_t i = 0; i < base.size(); ++i) divisors.push_back(static_cast<float>(base[i] / scaled[i]));
      const auto bytes = std::as_bytes(std::span(divisors));
      writer_.add_tensor("rope_freqs.weight", 0, {static_cast<int64_t>(divisors.size())}, {bytes.begin(), bytes.end()});
    }
    if (config_.rope_linear_factor != 1) {
      writer_.add_text(arch_ + ".rope.scaling.type", "linear");
      fraction("rope.scaling.factor", config_.rope_linear_factor);
    }
    if (!config_.yarn) return;
    writer_.add_text(arch_ + ".rope.scaling.type", "yarn");
    fraction("rope.scaling.factor", config_.yarn->factor);
    number("rope.scaling.original_context_length", config_.yarn->original_max_position_embeddings);
    if (latent()) fraction("rope.scaling.yarn_log_multiplier", 0.1 * config_.yarn->mscale_all_dim);
  }

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
    const std::pair<const char*, const char*> names[] = {{"input_layernorm", "attn_norm"},
                                                         {"post_attention_layernorm", "ffn_norm"},
                                                         {"self_attn.v_proj", "attn_v"},
                                                         {"self_attn.o_proj", "attn_output"},
                                                         {"self_attn.q_norm", "attn_q_norm"},
                                                         {"self_attn.k_norm", "attn_k_norm"},
                                                         {"mlp.gate_proj", "ffn_gate"},
                                                         {"mlp.up_proj", "ffn_up"},
                                                         {"mlp.down_proj", "ffn_down"},
                                                         {"mlp.gate", "ffn_gate_inp"},
                                                         {"self_attn.q_a_proj", "attn_q_a"},
                                                         {"self_attn.q_a_layernorm", "attn_q_a_norm"},
                                                         {"self_attn.q_b_proj", "attn_q_b"},
                                                         {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
                                                         {"self_attn.kv_a_layernorm", "attn_kv_a_norm"},
                                                         {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
                                                         {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
                                                         {"mlp.shared_experts.down_proj", "ffn_down_shexp"}};
    for (const auto& [old_name, name] : names)
      tensor(from + old_name + ".weight", fmt::format("{}{}.weight", to, name));
    const bool halves = config_.model_type == "llama";
    tensor(from + "self_attn.q_proj.weight", to + "attn_q.weight", halves);
    tensor(from + "self_attn.k_proj.weight", to + "attn_k.weight", halves);
    for (const char* name : {"q", "k", "v"})
      tensor(fmt::format("{}self_attn.{}_proj.bias", from, name), fmt::format("{}attn_{}.bias", to, name));
    if (latent()) newer_ ? apart(from, to) : tensor(from + "self_attn.kv_b_proj.weight", to + "attn_kv_b.weight");
    tensor(from + "mlp.gate.e_score_correction_bias", to + "exp_probs_b.bias");
    if (c_.model.weights.find(from + "mlp.experts.0.gate_proj.weight") == nullptr) return;
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

  // Keys of a head turned, so that a row of them is what one rank adds to all elements.
  void apart(const std::string& from, const std::string& to) {
    const model::Tensor& both = *c_.model.weights.find(from + "self_attn.kv_b_proj.weight");
    const auto heads = static_cast<size_t>(config_.num_attention_heads), rank = static_cast<size_t>(both.shape[1]);
    const auto keys = static_cast<size_t>(config_.qk_nope_head_dim), values = static_cast<size_t>(config_.v_head_dim);
    const size_t element = both.data.size() / (heads * (keys + values) * rank);
    std::vector<std::byte> k(heads * keys * rank * element), v(heads * values * rank * element);
    for (size_t h = 0; h < heads; ++h) {
      const std::byte* head = both.data.data() + h * (keys + values) * rank * element;
      for (size_t i = 0; i < keys; ++i) {
        for (size_t r = 0; r < rank; ++r)
          std::memcpy(&k[((h * rank + r) * keys + i) * element], head + (i * rank + r) * element, element);
      }
      std::memcpy(&v[h * values * rank * element], head + keys * rank * element, values * rank * element);
    }
    const auto dim = [](size_t n) { return static_cast<int64_t>(n); };
    writer_.add_tensor(to + "attn_k_b.weight", type(both), {dim(heads), dim(rank), dim(keys)}, std::move(k));
    writer_.add_tensor(to + "attn_v_b.weight", type(both), {dim(heads), dim(values), dim(rank)}, std::move(v));
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
  const bool newer_;
  bool groups_ = false;
  std::string arch_;
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
  for (const bool newer : {false, true}) {
    if (newer && config.attention != model::Attention::kLatent) continue;
    SCOPED_TRACE(newer ? "keys and values apart" : "keys and values together");
    model::write_file(c.directory.file("model.gguf"), GgufCase(c, newer).bytes());
    const model::Model model = model::Model::load(c.directory.file("model.gguf"));
    const std::vector<float> logits = Reference(model).logits(c.tokens);
    const size_t width = logits.size() / c.tokens.size();
    Comparison found;
    for (size_t r = 0; r < c.tokens.size(); ++r) found.row(c, r, std::span(logits).subspan(r * width, width));
    EXPECT_LE(found.logit_error, 1e-4);
    EXPECT_NEAR(found.nats / c.expected_nats, 1, 1e-5);
    // And the same chip: every byte of its weights.
    const chip::Chip chip = chip::load(testing::source_path("chips/hadal-1.yaml"));
    const kernels::CompileOptions options{.sequences = 1, .context = 64, .row_buckets = {1}};
    const auto expected = kernels::compile(c.model, chip, options), made = kernels::compile(model, chip, options);
    if (config.rope_interleaved != model.config.rope_interleaved) continue;  // of llama
    const auto &as_published = expected.programs[0].segments, &as_gguf = made.programs[0].segments;
    ASSERT_EQ(as_gguf.size(), as_published.size());
    for (size_t s = 0; s < as_gguf.size(); ++s) {
      const program::Segment &a = as_published[s], &b = as_gguf[s];
      if (a.prepare) a.prepare();
      if (b.prepare) b.prepare();
      ASSERT_EQ(a.name, b.name);
      ASSERT_TRUE(a.data.size() == b.data.size() && std::equal(a.data.begin(), a.data.end(), b.data.begin())) << a.name;
    }
  }
}

// Files of the `gguf` package in llama.cpp (tools/goldens/gguf_llama.py) and the same ones here.
TEST(GgufPeer, LlamaCppComputesTheSame) {
  constexpr const char* kGolden = "tests/goldens/gguf_llama.json";
  const json golden = json::parse(testing::read_file(testing::source_path(kGolden)), nullptr, false);
  ASSERT_FALSE(golden.is_discarded()) << "run tools/goldens/gguf_llama.py";
  ASSERT_GE(golden["cases"].size(), 7u);
  for (const json& theirs : golden["cases"]) {
    SCOPED_TRACE(theirs["name"].get<std::string>() + (theirs["newer"] ? ", apart" : ""));
    const auto& all = families()["cases"];
    const auto given = std::find_if(all.begin(), all.end(), [&](const json& c) { return c["name"] == theirs["name"]; });
    ASSERT_NE(given, all.end());
    const Case c(*given);
    model::write_file(c.directory.file("model.gguf"), GgufCase(c, theirs["newer"], false).bytes());
    const model::Model model = model::Model::load(c.directory.file("model.gguf"));
    const std::vector<float> logits = Reference(model).logits(std::span(c.tokens).first(24));
    const size_t width = logits.size() / 24;
    for (const auto& [row, values] : theirs["logits"].items()) {
      const std::vector<double> expected = values;
      ASSERT_EQ(expected.size(), width);
      for (size_t i = 0; i < width; ++i) {  // they deviate by 3
        ASSERT_NEAR(logits[std::stoul(row) * width + i], expected[i], 3e-4) << "row " << row << ", logit " << i;
      }
    }
  }
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
