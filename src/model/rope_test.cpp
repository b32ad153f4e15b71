// Frequencies and softmax scales against those of transformers (tools/goldens/rope_goldens.py).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "model/model.h"

namespace hadal::model {
namespace {

TEST(Rope, EqualsTransformers) {
  std::ifstream stream(HADAL_SOURCE_DIR "/tests/goldens/rope_deepseek_v3.json");
  const auto rows = nlohmann::json::parse(stream);
  ASSERT_GE(rows.size(), 9u);
  for (const auto& row : rows) {
    SCOPED_TRACE(row.at("rope_scaling").dump());
    Config config;
    config.qk_nope_head_dim = row.at("qk_nope_head_dim");
    config.qk_rope_head_dim = row.at("qk_rope_head_dim");
    config.rope_theta = row.at("rope_theta");
    if (const auto& scaling = row.at("rope_scaling"); !scaling.is_null()) {
      config.yarn = Yarn{.factor = scaling.at("factor"),
                         .beta_fast = scaling.at("beta_fast"),
                         .beta_slow = scaling.at("beta_slow"),
                         .mscale = scaling.at("mscale"),
                         .mscale_all_dim = scaling.at("mscale_all_dim"),
                         .original_max_position_embeddings = scaling.at("original_max_position_embeddings")};
    }
    const auto expected = row.at("inv_freq").get<std::vector<double>>();
    const auto got = rope_inverse_frequencies(config);
    ASSERT_EQ(got.size(), expected.size());
    // transformers' vectorised pow is not correctly rounded: outside DeepSeek-V3's base it may be a unit off.
    const float unit = config.rope_theta == 10000 ? 0 : 0x1p-23f;
    for (size_t i = 0; i < got.size(); ++i) EXPECT_NEAR(got[i], expected[i], unit * expected[i]) << "frequency " << i;
    const double scale = row.at("scale");
    EXPECT_NEAR(attention_scale(config), scale, 1e-15 * scale);
  }
}

}  // namespace
}  // namespace hadal::model
