// config.json: every value the compiler relies on is checked here, with the line it stands on.
#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "model/json_file.h"
#include "model/model.h"

namespace hadal::model {
namespace {

using nlohmann::json;

// Typed access to one object of the file: the outermost one, or the one under `section`.
class Fields {
 public:
  Fields(const JsonFile& file, std::string section, const json& object)
      : file_(file), section_(std::move(section)), object_(object) {}

  // Null and absent are the same to the published readers.
  const json* find(std::string_view key) const {
    const auto it = object_.find(key);
    return it == object_.end() || it->is_null() ? nullptr : &*it;
  }

  template <typename... Args>
  [[noreturn]] void fail(std::string_view key, fmt::format_string<Args...> format, Args&&... args) const {
    const std::string where = section_.empty() ? file_.where({key}) : file_.where({section_, key});
    const std::string name = section_.empty() ? std::string(key) : fmt::format("{}.{}", section_, key);
    input_error(where, "{} {}", name, fmt::format(format, std::forward<Args>(args)...));
  }

  const json& require(std::string_view key, std::string_view needed) const {
    const json* value = find(key);
    if (value == nullptr) fail(key, "is missing; {} is needed", needed);
    return *value;
  }

  int64_t integer(std::string_view key, int64_t low, int64_t high) const {
    return as_integer(key, require(key, fmt::format("an integer from {} to {}", low, high)), low, high);
  }
  int64_t integer_or(std::string_view key, int64_t low, int64_t high, int64_t absent) const {
    const json* value = find(key);
    return value == nullptr ? absent : as_integer(key, *value, low, high);
  }
  double positive(std::string_view key) const { return as_positive(key, require(key, "a positive number")); }
  double positive_or(std::string_view key, double absent) const {
    const json* value = find(key);
    return value == nullptr ? absent : as_positive(key, *value);
  }
  double number_or(std::string_view key, double absent) const {
    const json* value = find(key);
    if (value == nullptr) return absent;
    if (!value->is_number()) fail(key, "is {}, a number is needed", kind_name(*value));
    return value->get<double>();
  }
  bool boolean_or(std::string_view key, bool absent) const {
    const json* value = find(key);
    if (value == nullptr) return absent;
    if (!value->is_boolean()) fail(key, "is {}, true or false is needed", kind_name(*value));
    return value->get<bool>();
  }
  std::string text_or(std::string_view key, std::string_view absent) const {
    const json* value = find(key);
    if (value == nullptr) return std::string(absent);
    if (!value->is_string()) fail(key, "is {}, a string is needed", kind_name(*value));
    return value->get<std::string>();
  }

  // The key, when given, must have the only value this reader supports.
  void expect(std::string_view key, const json& only) const {
    const json* value = find(key);
    if (value != nullptr && *value != only) {
      fail(key, "is {}; only {} is supported", printable(value->dump()), only.dump());
    }
  }

  std::optional<Fields> object(const std::string& key) const {
    const json* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_object()) fail(key, "is {}, an object is needed", kind_name(*value));
    return Fields(file_, key, *value);
  }

 private:
  int64_t as_integer(std::string_view key, const json& value, int64_t low, int64_t high) const {
    if (!value.is_number_integer()) fail(key, "is {}, an integer is needed", kind_name(value));
    const bool huge = value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
    const int64_t number = huge ? INT64_MAX : value.get<int64_t>();
    if (huge || number < low || number > high) {
      fail(key, "is {}; it must be from {} to {}", value.dump(), low, high);
    }
    return number;
  }
  double as_positive(std::string_view key, const json& value) const {
    if (!value.is_number()) fail(key, "is {}, a number is needed", kind_name(value));
    const double number = value.get<double>();
    if (!(number > 0) || !std::isfinite(number)) fail(key, "is {}; it must be a positive number", value.dump());
    return number;
  }

  const JsonFile& file_;
  std::string section_;
  const json& object_;
};

constexpr int64_t kMaxDim = 1 << 20;  // keeps every product of two sizes far from 64 bits
constexpr int64_t kMaxCount = 1 << 16;

void check_architecture(const Fields& fields, Config& config) {
  config.model_type =
      fields.require("model_type", "\"deepseek_v3\"").is_string() ? fields.text_or("model_type", "") : "";
  if (config.model_type != "deepseek_v3") {
    fields.fail("model_type", "is {}; the architecture supported is \"deepseek_v3\"",
                printable(fields.find("model_type")->dump()));
  }
  if (const json* architectures = fields.find("architectures")) {
    const json known = "DeepseekV3ForCausalLM";
    if (!architectures->is_array() ||
        std::find(architectures->begin(), architectures->end(), known) == architectures->end()) {
      fields.fail("architectures", "is {}; it must list {}", printable(architectures->dump()), known.dump());
    }
  }
  if (fields.find("q_lora_rank") == nullptr) {
    fields.fail("q_lora_rank",
                "is null or missing: models without query compression (the V2-Lite style) are not "
                "supported yet; a positive integer is needed");
  }
  // Spellings of the mathematics that the kernels implement.
  fields.expect("hidden_act", "silu");
  fields.expect("scoring_func", "sigmoid");
  fields.expect("topk_method", "noaux_tc");
  fields.expect("attention_bias", false);
  fields.expect("tie_word_embeddings", false);
  fields.expect("moe_layer_freq", 1);
  fields.expect("rope_interleave", true);
}

void read_sizes(const Fields& fields, Config& c) {
  c.vocab_size = fields.integer("vocab_size", 1, 1 << 24);
  c.hidden_size = fields.integer("hidden_size", 1, kMaxDim);
  c.num_hidden_layers = fields.integer("num_hidden_layers", 1, kMaxCount);
  c.first_k_dense_replace = fields.integer("first_k_dense_replace", 0, c.num_hidden_layers);
  c.intermediate_size = fields.integer("intermediate_size", 1, kMaxDim);
  c.moe_intermediate_size = fields.integer("moe_intermediate_size", 1, kMaxDim);
  c.num_attention_heads = fields.integer("num_attention_heads", 1, kMaxCount);
  c.q_lora_rank = fields.integer("q_lora_rank", 1, kMaxDim);
  c.kv_lora_rank = fields.integer("kv_lora_rank", 1, kMaxDim);
  c.qk_nope_head_dim = fields.integer("qk_nope_head_dim", 1, kMaxDim);
  c.qk_rope_head_dim = fields.integer("qk_rope_head_dim", 2, kMaxDim);
  c.v_head_dim = fields.integer("v_head_dim", 1, kMaxDim);
  c.max_position_embeddings = fields.integer("max_position_embeddings", 1, int64_t{1} << 40);
  c.rms_norm_eps = fields.positive("rms_norm_eps");
  if (c.qk_rope_head_dim % 2 != 0) {
    fields.fail("qk_rope_head_dim", "is {}; it must be even, rotation works on pairs", c.qk_rope_head_dim);
  }
  const int64_t kv_heads = fields.integer_or("num_key_value_heads", 1, kMaxCount, c.num_attention_heads);
  if (kv_heads != c.num_attention_heads) {
    fields.fail("num_key_value_heads", "is {}; it must equal num_attention_heads, which is {}", kv_heads,
                c.num_attention_heads);
  }
}

void read_experts(const Fields& fields, Config& c) {
  c.n_routed_experts = fields.integer("n_routed_experts", 1, kMaxCount);
  c.n_shared_experts = fields.integer("n_shared_experts", 1, kMaxCount);
  c.num_experts_per_tok = fields.integer("num_experts_per_tok", 1, kMaxCount);
  c.n_group = fields.integer("n_group", 1, kMaxCount);
  c.topk_group = fields.integer("topk_group", 1, kMaxCount);
  c.norm_topk_prob = fields.boolean_or("norm_topk_prob", true);
  c.routed_scaling_factor = fields.positive("routed_scaling_factor");
  if (c.num_experts_per_tok > c.n_routed_experts) {
    fields.fail("num_experts_per_tok", "is {}, more than the {} of n_routed_experts", c.num_experts_per_tok,
                c.n_routed_experts);
  }
  if (c.n_routed_experts % c.n_group != 0) {
    fields.fail("n_group", "is {}; it must divide n_routed_experts, which is {}", c.n_group, c.n_routed_experts);
  }
  const int64_t in_group = c.n_routed_experts / c.n_group;
  if (in_group < 2) {
    fields.fail("n_group", "is {} for {} experts; a group is ranked by its two best experts and needs at least two",
                c.n_group, c.n_routed_experts);
  }
  if (c.topk_group > c.n_group) {
    fields.fail("topk_group", "is {}, more than the {} of n_group", c.topk_group, c.n_group);
  }
  if (c.num_experts_per_tok > c.topk_group * in_group) {
    fields.fail("num_experts_per_tok", "is {}; {} groups of {} experts offer only {}", c.num_experts_per_tok,
                c.topk_group, in_group, c.topk_group * in_group);
  }
}

double mscale(double factor, double scale) { return factor <= 1 ? 1.0 : 0.1 * scale * std::log(factor) + 1.0; }

// `rope` is rope_scaling, or rope_parameters of newer files, which also holds rope_theta.
void read_rope(const Fields& rope, Config& c) {
  const std::string old_name = rope.text_or("type", ""), new_name = rope.text_or("rope_type", "");
  if (!old_name.empty() && !new_name.empty() && old_name != new_name) {
    rope.fail("rope_type", "is \"{}\" and type is \"{}\"; they must agree", printable(new_name), printable(old_name));
  }
  const std::string type = !new_name.empty() ? new_name : old_name;
  const char* key = !new_name.empty() ? "rope_type" : "type";
  rope.expect("partial_rotary_factor", 1);
  if (type == "default" || (type.empty() && rope.find("factor") == nullptr)) return;
  if (type != "yarn") rope.fail(key, "is \"{}\"; \"yarn\" or \"default\" is supported", printable(type));

  Yarn yarn;
  yarn.factor = rope.positive("factor");
  if (yarn.factor < 1) rope.fail("factor", "is {}; it must be at least 1", yarn.factor);
  yarn.original_max_position_embeddings =
      rope.integer_or("original_max_position_embeddings", 1, int64_t{1} << 40, c.max_position_embeddings);
  yarn.beta_fast = rope.positive_or("beta_fast", 32);
  yarn.beta_slow = rope.positive_or("beta_slow", 1);
  if (yarn.beta_fast < yarn.beta_slow) {
    rope.fail("beta_fast", "is {}, below beta_slow, which is {}", yarn.beta_fast, yarn.beta_slow);
  }
  rope.expect("truncate", true);
  const json* given = rope.find("mscale");
  yarn.mscale = rope.number_or("mscale", 1);
  yarn.mscale_all_dim = rope.number_or("mscale_all_dim", 0);
  if (yarn.mscale < 0) rope.fail("mscale", "is {}; it must not be negative", yarn.mscale);
  if (yarn.mscale_all_dim < 0) rope.fail("mscale_all_dim", "is {}; it must not be negative", yarn.mscale_all_dim);
  // The machine's rotation has no amplitude of its own, so the factor on cos and sin must come out as one.
  double amplitude = mscale(yarn.factor, 1);
  if (rope.find("attention_factor") != nullptr) {
    amplitude = rope.positive("attention_factor");
  } else if (given != nullptr && yarn.mscale != 0 && yarn.mscale_all_dim != 0) {
    amplitude = mscale(yarn.factor, yarn.mscale) / mscale(yarn.factor, yarn.mscale_all_dim);
  }
  if (amplitude != 1) {
    rope.fail(rope.find("attention_factor") != nullptr ? "attention_factor" : "mscale",
              "scales cos and sin by {:.6g}; only 1 is supported: mscale equal to mscale_all_dim", amplitude);
  }
  c.yarn = yarn;
}

void read_rotation(const Fields& fields, Config& c) {
  const auto scaling = fields.object("rope_scaling");
  const auto parameters = fields.object("rope_parameters");
  if (scaling && parameters) {
    fields.fail("rope_parameters", "and rope_scaling are both given; one of them is needed");
  }
  const bool nested_theta = parameters && parameters->find("rope_theta") != nullptr;
  c.rope_theta = nested_theta ? parameters->positive("rope_theta") : fields.positive_or("rope_theta", 10000);
  if (c.rope_theta <= 1) fields.fail("rope_theta", "is {}; it must be above 1", c.rope_theta);
  if (scaling) read_rope(*scaling, c);
  if (parameters) read_rope(*parameters, c);
}

void check_quantisation(const Fields& fields, Config& c) {
  const auto quantisation = fields.object("quantization_config");
  if (!quantisation) {
    fields.fail("quantization_config",
                "is missing; FP8 weights (quant_method fp8, fmt e4m3, weight_block_size "
                "[128, 128]) are needed");
  }
  quantisation->require("quant_method", "\"fp8\"");
  quantisation->expect("quant_method", "fp8");
  quantisation->expect("fmt", "e4m3");
  quantisation->expect("activation_scheme", "dynamic");
  quantisation->require("weight_block_size", "[128, 128]");
  quantisation->expect("weight_block_size", json::array({128, 128}));
  const std::string scale_format = quantisation->text_or("scale_fmt", "float");
  if (scale_format != "float" && scale_format != "ue8m0") {
    quantisation->fail("scale_fmt", "is \"{}\"; \"ue8m0\", \"float\" or none is supported", printable(scale_format));
  }
  c.weight_block_size = 128;
}

int64_t read_token(const Fields& fields, const char* key, int64_t vocab_size) {
  const json* value = fields.find(key);
  if (value != nullptr && value->is_array()) fields.fail(key, "is a list; a single token id is supported");
  return fields.integer_or(key, 0, vocab_size - 1, -1);
}

Config read_config(const JsonFile& file) {
  if (!file.root().is_object()) input_error(file.path(), "holds {}, an object is needed", kind_name(file.root()));
  const Fields fields(file, "", file.root());
  Config config;
  check_architecture(fields, config);
  read_sizes(fields, config);
  read_experts(fields, config);
  read_rotation(fields, config);
  check_quantisation(fields, config);
  config.bos_token_id = read_token(fields, "bos_token_id", config.vocab_size);
  config.eos_token_id = read_token(fields, "eos_token_id", config.vocab_size);
  return config;
}

}  // namespace

Config Config::load(const std::string& file) { return read_config(JsonFile::load(file)); }

Config Config::parse(std::string_view json_text, const std::string& file) {
  return read_config(JsonFile::parse(json_text, file));
}

}  // namespace hadal::model
