// Shapes of the published models: totals against the figures their authors give, and refusals.
#include "model/architecture.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/mapped_file.h"

namespace hadal::model {
namespace {

std::string shipped(const std::string& name) {
  return std::string(HADAL_SOURCE_DIR) + "/models/configs/" + name + ".json";
}
Architecture shape(const std::string& name) { return Architecture::load(shipped(name)); }

struct Total {
  const char* name;
  double total, active, attention_layer, expert;  // 0: not published
};

// DeepSeek-V3: 671.03 B, active 37.55 B with the embedding (its report and config); V4: model cards, 284.3 B and 1573 B
// with 13.3 B and 48.9 B active without the embedding of 0.53 and 0.93 B; Qwen3 and Llama: their names.
constexpr Total kTotals[] = {{"DeepSeek-V3", 671.03e9, 37.55e9, 187.1e6, 44.04e6},
                             {"DeepSeek-R1", 671.03e9, 37.55e9, 187.1e6, 44.04e6},
                             {"DeepSeek-V4-Flash", 284.3e9, 13.83e9, 107e6, 25.17e6},
                             {"DeepSeek-V4-Pro", 1573e9, 49.83e9, 300e6, 66.06e6},
                             {"Qwen3-235B-A22B", 235.1e9, 22.2e9, 0, 0},
                             {"Qwen3-30B-A3B", 30.5e9, 3.3e9, 0, 0},
                             {"Qwen3-32B", 32.8e9, 0, 0, 0},
                             {"Qwen3-8B", 8.2e9, 0, 0, 0},
                             {"Qwen3-0.6B", 0.6e9, 0, 0, 0},
                             {"Meta-Llama-3.1-8B", 8.03e9, 0, 0, 0},
                             {"Meta-Llama-3.1-70B", 70.6e9, 0, 0, 0},
                             {"Meta-Llama-3.1-405B", 405.9e9, 0, 0, 0}};

TEST(Architecture, ParametersAreThosePublished) {
  for (const Total& t : kTotals) {
    SCOPED_TRACE(t.name);
    const ParameterCount p = count_parameters(shape(t.name));
    EXPECT_NEAR(p.total / t.total, 1, 0.01);
    const std::pair<double, double> parts[] = {
        {p.active, t.active}, {p.attention_layer, t.attention_layer}, {p.expert, t.expert}};
    for (const auto& [counted, published] : parts) {
      if (published > 0) {
        EXPECT_NEAR(counted / published, 1, 0.02);
      }
    }
  }
}

TEST(Architecture, CacheBytesAreThosePublished) {
  // 61 layers x 576 x 2 B; Llama-3.1-405B in the same table of DeepSeek's ISCA paper.
  EXPECT_EQ(kv_bytes(shape("DeepSeek-V3"), 1, 2), 70272);
  EXPECT_EQ(kv_bytes(shape("Meta-Llama-3.1-405B"), 1, 2), 516096);
  EXPECT_NEAR(kv_bytes(shape("DeepSeek-V3"), 131072, 2) / 1e9, 9.2, 0.03);
  // V3.2 keeps one FP8 index key of 128 beside it.
  EXPECT_EQ(kv_bytes(shape("DeepSeek-V3.2"), 1, 2), 70272 + 61 * 128);
  // V4: about 3.5 kB and 5.0 kB a token beyond the window, and about 75 kB a layer for the window of 128.
  for (const auto& [name, per_token] : {std::pair{"DeepSeek-V4-Flash", 3.5e3}, {"DeepSeek-V4-Pro", 5.0e3}}) {
    const Architecture a = shape(name);
    EXPECT_NEAR((kv_bytes(a, 200000, 1) - kv_bytes(a, 100000, 1)) / 1e5 / per_token, 1, 0.05) << name;
  }
}

TEST(Architecture, EveryShippedShapeLoads) {
  int models = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(HADAL_SOURCE_DIR) + "/models/configs")) {
    SCOPED_TRACE(entry.path().string());
    EXPECT_EQ(Architecture::load(entry.path().string()).name, entry.path().stem().string());
    ++models;
  }
  EXPECT_EQ(models, 14);
  EXPECT_EQ(Architecture::load(std::string(HADAL_SOURCE_DIR) + "/models/hadal-tiny/config.json").name, "hadal-tiny");
}

std::string refusal(const std::string& name, const std::string& from, const std::string& to) {
  std::string text(MappedFile::open(shipped(name)).text());
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  try {
    Architecture::parse(text, "config.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "";
}

TEST(Architecture, RefusesWhatItCannotUse) {
  EXPECT_NE(refusal("DeepSeek-V3", "\"deepseek_v3\"", "\"deepseek_v9\"").find("model_type 'deepseek_v9' is not known"),
            std::string::npos);
  EXPECT_NE(refusal("DeepSeek-V3", "\"kv_lora_rank\": 512", "\"kv_lora_rank\": 0").find("it must be from 1"),
            std::string::npos);
  EXPECT_NE(refusal("DeepSeek-V3", "\"kv_lora_rank\": 512,", "").find("kv_lora_rank is missing"), std::string::npos);
  EXPECT_NE(refusal("Qwen3-8B", "\"num_key_value_heads\": 8", "\"num_key_value_heads\": 7").find("it must divide"),
            std::string::npos);
  EXPECT_NE(refusal("DeepSeek-V4-Pro", "\"o_groups\": 16", "\"o_groups\": 15").find("it must divide"),
            std::string::npos);
  EXPECT_NE(
      refusal("Qwen3-30B-A3B", "\"num_experts_per_tok\": 8", "\"num_experts_per_tok\": 900").find("more than the"),
      std::string::npos);
  EXPECT_NE(refusal("Qwen3-8B", "\"vocab_size\": 151936", "\"vocab_size\": \"many\"").find("an integer is needed"),
            std::string::npos);
}

}  // namespace
}  // namespace hadal::model
