// A whole model: the tensors that the architecture of its configuration needs must all be there.
#include <array>
#include <filesystem>

#include "base/error.h"
#include "model/gguf.h"
#include "model/model.h"

namespace hadal::model {
namespace {

constexpr int64_t kBlock = 128;
constexpr std::array kPlain = {Dtype::kBf16, Dtype::kF16, Dtype::kF32};
constexpr std::array kMatrix = {Dtype::kBf16, Dtype::kF16, Dtype::kF32, Dtype::kQ80,
                                Dtype::kQ40,  Dtype::kQ41, Dtype::kQ4K, Dtype::kQ6K};
constexpr std::array kScale = {Dtype::kF32, Dtype::kBf16, Dtype::kE8m0};

int64_t blocks(int64_t n) { return (n + kBlock - 1) / kBlock; }

class Checker {
 public:
  explicit Checker(const Model& model) : weights_(model.weights), c_(model.config), mtp_(model.has_mtp()) {}

  void run() const {
    matrix("model.embed_tokens.weight", c_.vocab_size, c_.hidden_size);
    for (int64_t l = 0; l < c_.num_hidden_layers; ++l) layer(l);
    if (mtp_) next_token(fmt::format("model.layers.{}.", c_.num_hidden_layers));
    vector("model.norm.weight", c_.hidden_size);
    if (!c_.tie_word_embeddings) matrix("lm_head.weight", c_.vocab_size, c_.hidden_size);
  }

 private:
  void layer(int64_t index) const {
    const std::string prefix = fmt::format("model.layers.{}.", index);
    vector(prefix + "input_layernorm.weight", c_.hidden_size);
    if (c_.attention == Attention::kLatent) {
      latent_attention(prefix + "self_attn.");
    } else {
      grouped_attention(prefix + "self_attn.");
    }
    vector(prefix + "post_attention_layernorm.weight", c_.hidden_size);
    if (c_.dense(index)) {
      mlp(prefix + "mlp.", c_.intermediate_size);
    } else {
      experts(prefix + "mlp.");
    }
  }
  // Multi-token prediction: joins the normalised embedding of the next token to the normalised hidden state.
  void next_token(const std::string& prefix) const {
    layer(c_.num_hidden_layers);
    vector(prefix + "enorm.weight", c_.hidden_size);
    vector(prefix + "hnorm.weight", c_.hidden_size);
    linear(prefix + "eh_proj", c_.hidden_size, 2 * c_.hidden_size);
    vector(prefix + "shared_head.norm.weight", c_.hidden_size);
    matrix(prefix + "shared_head.head.weight", c_.vocab_size, c_.hidden_size);
  }
  void vector(const std::string& name, int64_t size) const { weights_.require(name, kPlain, std::span(&size, 1)); }
  // A matrix that FP8 checkpoints leave in BF16.
  void matrix(const std::string& name, int64_t n, int64_t k) const {
    const int64_t shape[] = {n, k};
    weights_.require(name, kMatrix, shape);
  }
  void linear(const std::string& name, int64_t n, int64_t k) const {
    const int64_t shape[] = {n, k};
    const Tensor* found = weights_.find(name + ".weight");
    // An FP8 checkpoint may leave some of its linears in BF16.
    const bool plain = found != nullptr && found->dtype == Dtype::kBf16;
    if (!c_.fp8 || plain) return matrix(name + ".weight", n, k);
    const int64_t scale_shape[] = {blocks(n), blocks(k)};
    weights_.require(name + ".weight", Dtype::kE4m3, shape);
    weights_.require(name + ".weight_scale_inv", kScale, scale_shape);
  }
  void latent_attention(const std::string& prefix) const {
    const int64_t heads = c_.num_attention_heads, queries = heads * (c_.qk_nope_head_dim + c_.qk_rope_head_dim);
    if (c_.q_lora_rank > 0) {
      linear(prefix + "q_a_proj", c_.q_lora_rank, c_.hidden_size);
      vector(prefix + "q_a_layernorm.weight", c_.q_lora_rank);
      linear(prefix + "q_b_proj", queries, c_.q_lora_rank);
    } else {
      linear(prefix + "q_proj", queries, c_.hidden_size);
    }
    linear(prefix + "kv_a_proj_with_mqa", c_.kv_lora_rank + c_.qk_rope_head_dim, c_.hidden_size);
    vector(prefix + "kv_a_layernorm.weight", c_.kv_lora_rank);
    linear(prefix + "kv_b_proj", heads * (c_.qk_nope_head_dim + c_.v_head_dim), c_.kv_lora_rank);
    linear(prefix + "o_proj", c_.hidden_size, heads * c_.v_head_dim);
  }
  void grouped_attention(const std::string& prefix) const {
    const int64_t queries = c_.num_attention_heads * c_.head_dim, keys = c_.num_key_value_heads * c_.head_dim;
    for (const auto& [name, n] : {std::pair{"q_proj", queries}, {"k_proj", keys}, {"v_proj", keys}}) {
      linear(prefix + name, n, c_.hidden_size);
      if (c_.qkv_bias) vector(prefix + name + ".bias", n);
    }
    if (c_.qk_norm) {
      vector(prefix + "q_norm.weight", c_.head_dim);
      vector(prefix + "k_norm.weight", c_.head_dim);
    }
    linear(prefix + "o_proj", c_.hidden_size, queries);
  }
  void mlp(const std::string& prefix, int64_t width) const {
    linear(prefix + "gate_proj", width, c_.hidden_size);
    linear(prefix + "up_proj", width, c_.hidden_size);
    linear(prefix + "down_proj", c_.hidden_size, width);
  }
  void experts(const std::string& prefix) const {
    matrix(prefix + "gate.weight", c_.n_routed_experts, c_.hidden_size);
    if (c_.gate_bias) vector(prefix + "gate.e_score_correction_bias", c_.n_routed_experts);
    for (int64_t e = 0; e < c_.n_routed_experts; ++e)
      mlp(fmt::format("{}experts.{}.", prefix, e), c_.moe_intermediate_size);
    if (c_.n_shared_experts > 0) mlp(prefix + "shared_experts.", c_.moe_intermediate_size * c_.n_shared_experts);
  }

  const Weights& weights_;
  const Config& c_;
  const bool mtp_;
};

void check_vocabulary(const Model& model, const std::string& where, const std::string& config) {
  if (model.tokenizer.size() > model.config.vocab_size) {
    input_error(where, "has token ids up to {}, {} has a vocab_size of {}", model.tokenizer.size() - 1, config,
                model.config.vocab_size);
  }
}

}  // namespace

bool Model::has_mtp() const {
  return config.num_nextn_predict_layers > 0 &&
         weights.find(fmt::format("model.layers.{}.eh_proj.weight", config.num_hidden_layers)) != nullptr;
}

Model Model::load(const std::string& path) {
  const std::filesystem::path base(path);
  if (std::filesystem::is_regular_file(base)) {
    Model model = load_gguf(path);
    Checker(model).run();
    check_vocabulary(model, path, "its metadata");
    return model;
  }
  if (!std::filesystem::is_directory(base)) {
    input_error(path, "is not a directory; a model directory or a GGUF file is needed");
  }
  Model model;
  model.directory = path;
  model.config = Config::load((base / "config.json").string());
  model.weights = Weights::open(path);
  Checker(model).run();
  const std::string tokenizer = (base / "tokenizer.json").string();
  const std::filesystem::path pieces = base / "tokenizer.model";
  if (!std::filesystem::exists(tokenizer) && std::filesystem::exists(pieces)) {
    input_error(pieces.string(),
                "is a SentencePiece model, which is not read; tokenizer.json of byte-level BPE is needed");
  }
  model.tokenizer = Tokenizer::load(tokenizer);
  check_vocabulary(model, tokenizer, "config.json");
  return model;
}

}  // namespace hadal::model
