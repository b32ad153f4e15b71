// A whole model: the tensors that the architecture of its configuration needs must all be there.
#include <array>
#include <filesystem>

#include "base/error.h"
#include "model/gguf.h"
#include "model/model.h"
#include "model/tensors.h"

namespace hadal::model {
namespace {

constexpr int64_t kBlock = 128;
constexpr std::array kPlain = {Dtype::kBf16, Dtype::kF16, Dtype::kF32};
constexpr std::array kMatrix = {Dtype::kBf16, Dtype::kF16, Dtype::kF32, Dtype::kQ80,   Dtype::kQ40,
                                Dtype::kQ41,  Dtype::kQ50, Dtype::kQ51, Dtype::kQ2K,   Dtype::kQ3K,
                                Dtype::kQ4K,  Dtype::kQ5K, Dtype::kQ6K, Dtype::kIq4Nl, Dtype::kIq4Xs};
constexpr std::array kLatents = {Dtype::kHalves};
constexpr std::array kScale = {Dtype::kF32, Dtype::kBf16, Dtype::kE8m0};

int64_t blocks(int64_t n) { return (n + kBlock - 1) / kBlock; }

// An FP8 checkpoint may leave some of its linears in BF16.
void require_linear(const Weights& weights, const ArchitectureTensor& linear, bool fp8) {
  const std::string name = linear.name + ".weight";
  const int64_t shape[] = {linear.n, linear.k}, scale_shape[] = {blocks(linear.n), blocks(linear.k)};
  const Tensor* found = weights.find(name);
  if (found != nullptr && found->dtype == Dtype::kHalves) {
    weights.require(name, kLatents, shape);
    return;
  }
  if (!fp8 || (found != nullptr && found->dtype == Dtype::kBf16)) {
    weights.require(name, kMatrix, shape);
    return;
  }
  weights.require(name, Dtype::kE4m3, shape);
  weights.require(name + "_scale_inv", kScale, scale_shape);
}

void check_tensors(const Model& model) {
  for_each_tensor(model.config, model.has_mtp(), [&](const ArchitectureTensor& t) {
    const int64_t shape[] = {t.n, t.k};
    switch (t.role) {
      case TensorRole::kNorm:
      case TensorRole::kBias:
      case TensorRole::kGateBias: model.weights.require(t.name, kPlain, std::span(shape, 1)); return;
      case TensorRole::kEmbedding:
      case TensorRole::kMatrix: model.weights.require(t.name, kMatrix, shape); return;
      case TensorRole::kLinear: return require_linear(model.weights, t, model.config.fp8);
    }
  });
}

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
    check_tensors(model);
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
  check_tensors(model);
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
