// Reading shapes from config.json, and the totals that follow from them.
#include "model/architecture.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/nearest.h"
#include "model/json_file.h"

namespace hadal::model {
namespace {

using nlohmann::json;

constexpr int64_t kMaxSize = 1 << 24;
constexpr std::string_view kFamilies[] = {"deepseek_v3", "deepseek_v32", "deepseek_v4", "qwen3", "qwen3_moe", "llama"};

class Shape {
 public:
  explicit Shape(const JsonFile& file) : file_(file) {
    if (!file.root().is_object()) input_error(file.path(), "an object of config.json is needed");
  }
  bool has(std::string_view key) const {
    const auto it = file_.root().find(key);
    return it != file_.root().end() && !it->is_null();
  }
  int64_t integer(std::string_view key, int64_t low = 1, int64_t high = kMaxSize) const {
    if (!has(key)) input_error(file_.path(), "{} is missing; an integer from {} to {} is needed", key, low, high);
    return checked(key, *file_.root().find(key), low, high);
  }
  int64_t integer_or(std::string_view key, int64_t absent, int64_t low = 0) const {
    return has(key) ? integer(key, low) : absent;
  }
  bool flag(std::string_view key) const {
    if (!has(key)) return false;
    const json& value = *file_.root().find(key);
    if (!value.is_boolean())
      input_error(file_.where({key}), "{} is {}, true or false is needed", key, kind_name(value));
    return value.get<bool>();
  }
  std::string text_or(std::string_view key, std::string absent) const {
    if (!has(key)) return absent;
    const json& value = *file_.root().find(key);
    if (!value.is_string()) input_error(file_.where({key}), "{} is {}, a string is needed", key, kind_name(value));
    return value.get<std::string>();
  }
  std::vector<int64_t> integers(std::string_view key) const {
    if (!has(key)) input_error(file_.path(), "{} is missing; a list of integers is needed", key);
    const json& value = *file_.root().find(key);
    if (!value.is_array()) input_error(file_.where({key}), "{} is {}, a list is needed", key, kind_name(value));
    std::vector<int64_t> out;
    for (const json& entry : value) out.push_back(checked(key, entry, 0, kMaxSize));
    return out;
  }
  bool fp8() const {
    if (!has("quantization_config")) return false;
    const json& q = *file_.root().find("quantization_config");
    return q.is_object() && q.value("quant_method", json()) == "fp8";
  }
  template <typename... Args>
  [[noreturn]] void fail(std::string_view key, fmt::format_string<Args...> format, Args&&... args) const {
    input_error(file_.where({key}), "{} {}", key, fmt::format(format, std::forward<Args>(args)...));
  }

 private:
  int64_t checked(std::string_view key, const json& value, int64_t low, int64_t high) const {
    if (!value.is_number_integer()) {
      input_error(file_.where({key}), "{} is {}, an integer is needed", key, kind_name(value));
    }
    const bool huge = value.is_number_unsigned() && value.get<uint64_t>() > static_cast<uint64_t>(INT64_MAX);
    const int64_t number = huge ? INT64_MAX : value.get<int64_t>();
    if (number < low || number > high) fail(key, "is {}; it must be from {} to {}", value.dump(), low, high);
    return number;
  }
  const JsonFile& file_;
};

void read_mla(const Shape& s, Architecture& a) {
  a.attention = AttentionKind::kMla;
  a.q_lora = s.integer("q_lora_rank");
  a.kv_lora = s.integer("kv_lora_rank");
  a.nope_dim = s.integer("qk_nope_head_dim");
  a.rope_dim = s.integer("qk_rope_head_dim");
  a.v_dim = s.integer("v_head_dim");
  a.head_dim = a.nope_dim + a.rope_dim;
  a.kv_heads = 1;
}

void read_latent(const Shape& s, Architecture& a) {
  a.attention = AttentionKind::kLatent;
  a.head_dim = s.integer("head_dim");
  a.q_lora = s.integer("q_lora_rank");
  a.rope_dim = s.integer("qk_rope_head_dim");
  a.v_dim = a.head_dim;
  a.kv_heads = 1;
  a.o_groups = s.integer("o_groups");
  a.o_lora = s.integer("o_lora_rank");
  a.window = s.integer("sliding_window");
  a.compress_ratios = s.integers("compress_ratios");
  if (static_cast<int64_t>(a.compress_ratios.size()) < a.layers) {
    s.fail("compress_ratios", "has {} entries for {} layers", a.compress_ratios.size(), a.layers);
  }
  if (a.heads % a.o_groups != 0) s.fail("o_groups", "is {}; it must divide the {} heads", a.o_groups, a.heads);
  a.hyper_connections = s.integer_or("hc_mult", 0);
}

void read_gqa(const Shape& s, Architecture& a) {
  a.kv_heads = s.integer("num_key_value_heads");
  if (a.heads % a.kv_heads != 0) {
    s.fail("num_key_value_heads", "is {}; it must divide the {} attention heads", a.kv_heads, a.heads);
  }
  if (!s.has("head_dim") && a.hidden % a.heads != 0) {
    s.fail("num_attention_heads", "is {}; it must divide hidden_size where head_dim is not given", a.heads);
  }
  a.head_dim = s.integer_or("head_dim", a.hidden / a.heads, 1);
  a.v_dim = a.head_dim;
  a.rope_dim = a.head_dim;
}

void read_experts(const Shape& s, Architecture& a) {
  const char* count = s.has("num_experts") ? "num_experts" : "n_routed_experts";
  a.experts = s.integer(count);
  a.experts_per_token = s.integer("num_experts_per_tok");
  a.moe_inter = s.integer("moe_intermediate_size");
  a.shared_experts = s.integer_or("n_shared_experts", 0);
  a.groups = s.integer_or("n_group", 1, 1);
  a.group_limit = s.integer_or("topk_group", a.groups, 1);
  if (a.experts_per_token > a.experts) {
    s.fail("num_experts_per_tok", "is {}, more than the {} experts", a.experts_per_token, a.experts);
  }
  if (a.experts % a.groups != 0) s.fail("n_group", "is {}; it must divide the {} experts", a.groups, a.experts);
}

Architecture read(const JsonFile& file) {
  const Shape s(file);
  Architecture a;
  a.family = s.text_or("model_type", "");
  if (std::find(std::begin(kFamilies), std::end(kFamilies), a.family) == std::end(kFamilies)) {
    const std::string where = s.has("model_type") ? file.where({"model_type"}) : file.path();
    input_error(where, "model_type '{}' is not known; {}", printable(a.family), suggestion(a.family, kFamilies));
  }
  a.vocab = s.integer("vocab_size");
  a.hidden = s.integer("hidden_size");
  a.layers = s.integer("num_hidden_layers", 1, 4096);
  a.heads = s.integer("num_attention_heads", 1, 4096);
  a.tied_embeddings = s.flag("tie_word_embeddings");
  a.mtp_layers = s.integer_or("num_nextn_predict_layers", 0);
  if (a.family == "deepseek_v3" || a.family == "deepseek_v32") {
    read_mla(s, a);
  } else if (a.family == "deepseek_v4") {
    read_latent(s, a);
  } else {
    read_gqa(s, a);
  }
  if (a.family == "deepseek_v32" || a.family == "deepseek_v4") {
    a.index_heads = s.integer("index_n_heads");
    a.index_dim = s.integer("index_head_dim");
    a.index_topk = s.integer("index_topk");
  }
  const bool moe = a.family != "qwen3" && a.family != "llama";
  if (moe) read_experts(s, a);
  a.dense_layers = moe ? s.integer_or("first_k_dense_replace", 0) : a.layers;
  if (a.dense_layers > a.layers) s.fail("first_k_dense_replace", "is more than the {} layers", a.layers);
  a.dense_inter = a.dense_layers > 0 ? s.integer("intermediate_size") : 0;
  a.linear_weights = s.fp8() ? WeightFormat::kFp8 : WeightFormat::kBf16;
  a.expert_weights = s.text_or("expert_dtype", "") == "fp4" ? WeightFormat::kFp4 : a.linear_weights;
  const std::filesystem::path path(file.path());
  a.name = path.stem() == "config" ? path.parent_path().filename().string() : path.stem().string();
  return a;
}

double attention_parameters(const Architecture& a) {
  const auto d = static_cast<double>(a.hidden), h = static_cast<double>(a.heads);
  if (a.attention == AttentionKind::kMla) {
    const double qk = static_cast<double>(a.nope_dim + a.rope_dim), r = static_cast<double>(a.kv_lora);
    const auto q = static_cast<double>(a.q_lora), v = static_cast<double>(a.v_dim);
    return d * q + q * h * qk + d * (r + static_cast<double>(a.rope_dim)) +
           r * h * (static_cast<double>(a.nope_dim) + v) + h * v * d;
  }
  const auto hd = static_cast<double>(a.head_dim);
  if (a.attention == AttentionKind::kLatent) {
    const auto q = static_cast<double>(a.q_lora), o = static_cast<double>(a.o_lora),
               g = static_cast<double>(a.o_groups);
    return d * q + q * h * hd + d * hd + h * hd * o + g * o * d;
  }
  return d * hd * (h + 2 * static_cast<double>(a.kv_heads)) + h * hd * d;
}

// What a layer of V3.2 or V4 has beside the projections: the index, and the compressors of V4.
double extra_parameters(const Architecture& a, int64_t layer) {
  const auto d = static_cast<double>(a.hidden), hd = static_cast<double>(a.head_dim);
  const double index = static_cast<double>(a.index_heads * a.index_dim);
  const double ranked = static_cast<double>(a.q_lora) * index + d * static_cast<double>(a.index_heads);
  if (a.attention == AttentionKind::kMla) return a.index_topk > 0 ? ranked + d * static_cast<double>(a.index_dim) : 0;
  if (a.attention != AttentionKind::kLatent) return 0;
  const int64_t ratio = a.compress_ratios[static_cast<size_t>(layer)];
  if (ratio == 0) return 0;
  const double halves = ratio == 4 ? 2 : 1;  // two overlapping windows
  const double compressor = 2 * d * hd * halves;
  return ratio == 4 ? compressor + ranked + 2 * d * static_cast<double>(a.index_dim) * halves : compressor;
}

}  // namespace

double weight_bytes(WeightFormat format) {
  return format == WeightFormat::kBf16 ? 2 : format == WeightFormat::kFp8 ? 1 : 0.5;
}

ParameterCount count_parameters(const Architecture& a) {
  ParameterCount p;
  const auto d = static_cast<double>(a.hidden);
  p.embedding = static_cast<double>(a.vocab) * d;
  p.attention_layer = attention_parameters(a);
  p.expert = 3 * d * static_cast<double>(a.moe_inter);
  const double head = a.tied_embeddings ? 0 : p.embedding;
  double common = p.attention_layer * static_cast<double>(a.layers);
  for (int64_t layer = 0; layer < a.layers; ++layer) common += extra_parameters(a, layer);
  common += 3 * d * static_cast<double>(a.dense_inter * a.dense_layers);
  const auto moe = static_cast<double>(a.moe_layers());
  common += moe * (d * static_cast<double>(a.experts) + p.expert * static_cast<double>(a.shared_experts));
  p.total = p.embedding + head + common + moe * p.expert * static_cast<double>(a.experts);
  p.active = p.embedding + head + common + moe * p.expert * static_cast<double>(a.experts_per_token);
  return p;
}

double kv_bytes(const Architecture& a, double context, double element_bytes) {
  const auto layers = static_cast<double>(a.layers);
  if (a.attention == AttentionKind::kMla) {
    const double index = static_cast<double>(a.index_topk > 0 ? a.index_dim : 0);  // one FP8 key a token
    return layers * context * (static_cast<double>(a.kv_lora + a.rope_dim) * element_bytes + index);
  }
  if (a.attention == AttentionKind::kGqa) {
    return layers * context * 2 * static_cast<double>(a.kv_heads * a.head_dim) * element_bytes;
  }
  // V4: 448 FP8 dims and 64 BF16 ones with a byte of scale for 64; index entries of ratio-4 layers in FP4.
  const double entry = element_bytes > 1 ? static_cast<double>(a.head_dim) * element_bytes
                                         : static_cast<double>(a.head_dim - a.rope_dim) * (1 + 1.0 / 64) +
                                               2 * static_cast<double>(a.rope_dim);
  double bytes = 0;
  for (int64_t layer = 0; layer < a.layers; ++layer) {
    const auto ratio = static_cast<double>(a.compress_ratios[static_cast<size_t>(layer)]);
    bytes += std::min(context, static_cast<double>(a.window)) * entry;
    if (ratio > 0) bytes += context / ratio * entry;
    if (ratio == 4) bytes += context / ratio * static_cast<double>(a.index_dim) * 0.5;
  }
  return bytes;
}

Architecture Architecture::parse(std::string_view text, const std::string& file) {
  return read(JsonFile::parse(text, file));
}

Architecture Architecture::load(const std::string& file) { return read(JsonFile::load(file)); }

}  // namespace hadal::model
