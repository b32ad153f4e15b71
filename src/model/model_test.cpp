// Whole models: random checkpoints of odd shapes load, and what is missing or misshapen is named.
#include "model/model.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "model/testing/random_checkpoint.h"
#include "model/testing/safetensors_writer.h"

namespace hadal::model {
namespace {

using testing::CheckpointOptions;
using testing::TemporaryDirectory;

TEST(Model, LoadsARandomCheckpoint) {
  TemporaryDirectory directory;
  testing::write_random_checkpoint(directory.path(), testing::small_config());
  const Model model = Model::load(directory.path());
  EXPECT_EQ(model.config.hidden_size, 192);
  EXPECT_EQ(model.tokenizer.decode(model.tokenizer.encode("the cat 1234")), "the cat 1234");
  const Fp8Linear kv = fp8_linear(model, "model.layers.1.self_attn.kv_a_proj_with_mqa");
  EXPECT_EQ(kv.n, 160);
  EXPECT_EQ(kv.k, 192);
  EXPECT_GT(kv.scale_at(1, 1), 0);
}

TEST(Model, ShardsAndUnalignedDataGiveTheSameWeights) {
  TemporaryDirectory single, sharded;
  testing::write_random_checkpoint(single.path(), testing::small_config(), {.seed = 7});
  testing::write_random_checkpoint(sharded.path(), testing::small_config(), {.seed = 7, .shards = 3, .padding = 3});
  const Model a = Model::load(single.path()), b = Model::load(sharded.path());
  ASSERT_EQ(a.weights.tensors().size(), b.weights.tensors().size());
  for (const Tensor& tensor : a.weights.tensors()) {
    const Tensor* other = b.weights.find(tensor.name);
    ASSERT_NE(other, nullptr) << tensor.name;
    EXPECT_EQ(tensor.dtype, other->dtype);
    EXPECT_EQ(tensor.shape, other->shape);
    EXPECT_TRUE(std::equal(tensor.data.begin(), tensor.data.end(), other->data.begin(), other->data.end())) << tensor.name;
  }
  const Fp8Linear x = fp8_linear(a, "model.layers.0.mlp.down_proj"), y = fp8_linear(b, "model.layers.0.mlp.down_proj");
  for (int64_t n = 0; n < 2; ++n) {
    for (int64_t k = 0; k < 3; ++k) EXPECT_EQ(x.scale_at(n, k), y.scale_at(n, k));
  }
}

}  // namespace
}  // namespace hadal::model
