// Every family's way of splitting, normalising and adding tokens against the `tokenizers` package: 20,000 strings each
// (tools/goldens/tokenizer_families.py).
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/model.h"
#include "model/testing/random_text.h"
#include "model/utf8.h"

namespace hadal::model {
namespace {

const std::string kFolder = HADAL_SOURCE_DIR "/tests/goldens/tokenizers/";
constexpr uint64_t kBlock = 25, kStrings = 20000, kSeed = 1;

class Hash {
 public:
  template <typename Values>
  void add_all(const Values& values) {
    for (const auto value : values) add(static_cast<uint64_t>(value));
    add(~uint64_t{0} >> 1);
  }
  std::string text() const { return fmt::format("{:016x}", hash_); }

 private:
  void add(uint64_t value) { hash_ = (hash_ ^ (value + 1)) * 0x100000001B3u; }
  uint64_t hash_ = 0xCBF29CE484222325u;
};

std::string hash_of_block(const Tokenizer& tokenizer, const testing::RandomText& texts, uint64_t first) {
  Hash hash;
  for (uint64_t i = first; i < first + kBlock; ++i) {
    const uint64_t seed = kSeed << 32 | i;
    const std::string text = texts.string(seed);
    hash.add_all(tokenizer.encode(text));
    hash.add_all(tokenizer.encode(text, false));
    const std::string decoded = tokenizer.decode(testing::RandomText::ids(seed, tokenizer.size()), i % 2 == 0);
    std::vector<uint8_t> bytes;
    for (const char c : repair_utf8(decoded)) bytes.push_back(static_cast<uint8_t>(c));
    hash.add_all(bytes);
  }
  return hash.text();
}

TEST(Families, EqualTheTokenizersPackage) {
  std::ifstream stream(kFolder + "goldens.json");
  const auto goldens = nlohmann::json::parse(stream);
  ASSERT_EQ(goldens.size(), 9u);
  const testing::RandomText texts(kFolder + "strings.json", HADAL_SOURCE_DIR "/models/hadal-tiny/heldout.txt");
  for (const auto& [name, blocks] : goldens.items()) {
    const Tokenizer tokenizer = Tokenizer::load(kFolder + name + ".json");
    ASSERT_EQ(blocks.size() * kBlock, kStrings) << name;
    for (uint64_t b = 0; b < blocks.size(); ++b) {
      EXPECT_EQ(hash_of_block(tokenizer, texts, b * kBlock), blocks[b]) << name << ", strings from " << b * kBlock;
    }
  }
}

TEST(Families, GgufNamesTheSameSplits) {
  const testing::RandomText texts(kFolder + "strings.json", HADAL_SOURCE_DIR "/models/hadal-tiny/heldout.txt");
  const std::pair<const char*, const char*> families[] = {{"deepseek_v3", "deepseek-v3"},
                                                          {"qwen", "qwen2"},
                                                          {"qwen", "deepseek-r1-qwen"},
                                                          {"llama3", "llama-bpe"},
                                                          {"gpt2", "gpt-2"},
                                                          {"smollm2", "smollm"},
                                                          {"deepseek_llm", "deepseek-llm"},
                                                          {"deepseek_coder", "deepseek-coder"}};
  for (const auto& [family, name] : families) {
    const Tokenizer whole = Tokenizer::load(kFolder + family + ".json");
    std::ifstream stream(kFolder + family + ".json");
    const auto file = nlohmann::json::parse(stream);
    TokenizerParts parts;
    parts.pre_tokenizer = name;
    for (int32_t id = 0; id < whole.size(); ++id) {  // holes, if any, need a name of their own
      parts.tokens.push_back(fmt::format("<unused {}>", id));
      parts.types.push_back(TokenizerParts::kUnused);
    }
    for (const auto& [token, id] : file["model"]["vocab"].items()) {
      parts.tokens[id.get<size_t>()] = token;
      parts.types[id.get<size_t>()] = TokenizerParts::kNormal;
    }
    for (const auto& token : file["added_tokens"]) {
      parts.tokens[token["id"].get<size_t>()] = token["content"];
      parts.types[token["id"].get<size_t>()] =
          token["special"].get<bool>() ? TokenizerParts::kControl : TokenizerParts::kUserDefined;
    }
    for (const auto& merge : file["model"]["merges"]) {
      parts.merges.push_back(merge[0].get<std::string>() + " " + merge[1].get<std::string>());
    }
    const Tokenizer built = Tokenizer::from_parts(parts, "m.gguf");
    for (uint64_t i = 0; i < 2000; ++i) {
      const std::string text = texts.string(kSeed << 32 | i);
      ASSERT_EQ(built.encode(text), whole.encode(text)) << name << ": " << text;
    }
  }
}

}  // namespace
}  // namespace hadal::model
