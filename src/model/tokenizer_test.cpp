// The tokenizer against the `tokenizers` package (tools/goldens/tokenizer_goldens.py), and corrupted tokenizer files.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "base/error.h"
#include "model/model.h"
#include "model/random_checkpoint.h"

namespace hadal::model {
namespace {

using nlohmann::json;

constexpr char kHadalTiny[] = HADAL_SOURCE_DIR "/models/hadal-tiny/tokenizer.json";

TEST(Tokenizer, EqualsTheTokenizersPackage) {
  const Tokenizer tokenizer = Tokenizer::load(kHadalTiny);
  std::ifstream stream(HADAL_SOURCE_DIR "/tests/goldens/tokenizer_hadal_tiny.json");
  const json rows = json::parse(stream);
  ASSERT_GE(rows.size(), 2000u);
  for (const json& row : rows) {
    const auto& text = row.at(0).get_ref<const std::string&>();
    const auto ids = row.at(1).get<std::vector<int32_t>>();
    EXPECT_EQ(tokenizer.encode(text), ids) << row.dump();
    EXPECT_EQ(tokenizer.encode(text, false), row.back().get<std::vector<int32_t>>()) << row.dump();
    EXPECT_EQ(tokenizer.decode(ids, false), text);
  }
}

TEST(Tokenizer, AnyBytesSurviveAsRepairedText) {
  const Tokenizer tokenizer = Tokenizer::load(kHadalTiny);
  EXPECT_EQ(tokenizer.decode(tokenizer.encode("a\xFF\xE2\x82z")), "a\xEF\xBF\xBD\xEF\xBF\xBDz");
  for (int byte = 0; byte < 0x80; ++byte) {
    const std::string text = std::string("x") + static_cast<char>(byte) + "y";
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
  }
}

TEST(Tokenizer, SpecialTokensAreMatchedOrText) {
  const Tokenizer tokenizer = Tokenizer::parse(small_tokenizer_json(300), "t.json");
  EXPECT_EQ(tokenizer.size(), 300);
  EXPECT_EQ(tokenizer.encode("<bos>a<eos>"), (std::vector<int32_t>{0, 2 + 'a', 1}));
  EXPECT_EQ(tokenizer.encode("<bos>", false).size(), 5u);
  const std::vector<int32_t> ids = {0, 2 + 'a', 1, -1, 300, 1 << 30};
  EXPECT_EQ(tokenizer.decode(ids), "a");
  EXPECT_EQ(tokenizer.decode(ids, false), "<bos>a<eos>");
  EXPECT_EQ(tokenizer.token_bytes(0), "<bos>");
  EXPECT_EQ(tokenizer.token_bytes(2 + 0xFF), "\xFF");
  EXPECT_EQ(tokenizer.token_bytes(300), "");
  EXPECT_EQ(tokenizer.token_bytes(-1), "");
}

TEST(Tokenizer, LongestAddedTokenWinsAndIdsMayHaveHoles) {
  json file = json::parse(small_tokenizer_json(300));
  const auto add = [&](int id, const char* content, bool normalized) {
    file["added_tokens"].push_back({{"id", id}, {"content", content}, {"normalized", normalized}, {"special", false}});
  };
  add(400, "<t", false);
  add(401, "<tool>", false);
  add(402, "ool", true);
  const Tokenizer tokenizer = Tokenizer::parse(file.dump(), "t.json");
  EXPECT_EQ(tokenizer.size(), 403);
  EXPECT_EQ(tokenizer.encode("<tool>"), (std::vector<int32_t>{401}));
  EXPECT_EQ(tokenizer.encode("<tool"), (std::vector<int32_t>{400, 402}));
  EXPECT_EQ(tokenizer.encode("<tool", false), (std::vector<int32_t>{400, 402}));
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{401, 350, 402}), "<tool>ool");
}

// Tokens that are not normalised are looked for first, in the whole text.
TEST(Tokenizer, RawAddedTokensComeBeforeNormalizedOnes) {
  json file = json::parse(small_tokenizer_json(258));
  file["added_tokens"].push_back({{"id", 258}, {"content", "bc"}, {"normalized", false}});
  file["added_tokens"].push_back({{"id", 259}, {"content", "ab"}, {"normalized", true}});
  const Tokenizer tokenizer = Tokenizer::parse(file.dump(), "t.json");
  EXPECT_EQ(tokenizer.encode("abc"), (std::vector<int32_t>{2 + 'a', 258}));
  EXPECT_EQ(tokenizer.encode("abab"), (std::vector<int32_t>{259, 259}));
}

// U+16D40 is a letter since Unicode 16, so a space before it belongs to its word and may merge.
TEST(Tokenizer, NewLettersAreLetters) {
  json file = json::parse(small_tokenizer_json(258));
  const std::string space = "\xC4\xA0", f0 = "\xC3\xB0";
  file["model"]["vocab"][space + f0] = 258;
  file["model"]["merges"].push_back(space + " " + f0);
  const Tokenizer tokenizer = Tokenizer::parse(file.dump(), "t.json");
  EXPECT_EQ(tokenizer.encode(" \xF0\x96\xB5\x80"), (std::vector<int32_t>{258, 2 + 0x96, 2 + 0xB5, 2 + 0x80}));
  EXPECT_EQ(tokenizer.encode(" \xF0\x9F\xBF\xBF").size(), 5u);  // not assigned: no letter
}

TEST(Tokenizer, IgnoreMergesTakesWholeWords) {
  json file = json::parse(small_tokenizer_json(258));
  file["model"]["vocab"]["abc"] = 258;
  EXPECT_EQ(Tokenizer::parse(file.dump(), "t.json").encode("abc").size(), 3u);
  file["model"]["ignore_merges"] = true;
  EXPECT_EQ(Tokenizer::parse(file.dump(), "t.json").encode("abc"), (std::vector<int32_t>{258}));
  EXPECT_EQ(Tokenizer::parse(file.dump(), "t.json").encode("abcd").size(), 4u);
}

// As the published vocabulary of SmolLM2 does: what it has no token for is left out.
TEST(Tokenizer, BytesWithoutToken) {
  json file = json::parse(small_tokenizer_json(258));
  file["model"]["vocab"].erase("q");
  EXPECT_EQ(Tokenizer::parse(file.dump(), "t.json").encode("qaqqb"), (std::vector<int32_t>{2 + 'a', 2 + 'b'}));
  file["model"]["unk_token"] = "<eos>";
  EXPECT_EQ(Tokenizer::parse(file.dump(), "t.json").encode("aqqb"), (std::vector<int32_t>{2 + 'a', 1, 1, 2 + 'b'}));
  file["model"]["fuse_unk"] = true;
  EXPECT_EQ(Tokenizer::parse(file.dump(), "t.json").encode("aqqb"), (std::vector<int32_t>{2 + 'a', 1, 2 + 'b'}));
  EXPECT_EQ(Tokenizer::parse(file.dump(), "t.json").encode("q"), (std::vector<int32_t>{1}));
  file["model"]["unk_token"] = nullptr;
  file["model"]["byte_fallback"] = true;
  file["model"]["vocab"]["<0x71>"] = 400;
  EXPECT_EQ(Tokenizer::parse(file.dump(), "t.json").encode("aqqb"), (std::vector<int32_t>{2 + 'a', 400, 400, 2 + 'b'}));
}

TEST(Tokenizer, PartsOfAGgufFile) {
  const json file = json::parse(small_tokenizer_json(300));
  TokenizerParts parts;
  parts.tokens.resize(300);
  parts.types.assign(300, TokenizerParts::kNormal);
  for (const auto& [token, id] : file["model"]["vocab"].items()) parts.tokens[id.get<size_t>()] = token;
  parts.types[0] = TokenizerParts::kControl;
  parts.types[1] = TokenizerParts::kUserDefined;
  for (const json& merge : file["model"]["merges"]) parts.merges.push_back(merge);
  parts.pre_tokenizer = "gpt-2";
  const Tokenizer tokenizer = Tokenizer::from_parts(parts, "m.gguf");
  EXPECT_EQ(tokenizer.encode("<bos>the tea<eos>", false), [&] {
    std::vector<int32_t> ids = tokenizer.encode("<bos>", false);
    EXPECT_EQ(ids.size(), 5u);
    for (const int32_t id : Tokenizer::parse(file.dump(), "t.json").encode("the tea")) ids.push_back(id);
    ids.push_back(1);
    return ids;
  }());
  EXPECT_EQ(tokenizer.encode("<bos>").size(), 1u);
  EXPECT_EQ(tokenizer.decode(std::vector<int32_t>{0, 1}), "<eos>");
  parts.pre_tokenizer = "qwen9";
  EXPECT_THROW(Tokenizer::from_parts(parts, "m.gguf"), Error);
  parts.pre_tokenizer = "qwen2";
  parts.types.pop_back();
  EXPECT_THROW(Tokenizer::from_parts(parts, "m.gguf"), Error);
  parts.types.clear();
  parts.merges[0] = "ab";
  EXPECT_THROW(Tokenizer::from_parts(parts, "m.gguf"), Error);
}

TEST(Tokenizer, BothSpellingsOfMerges) {
  json file = json::parse(small_tokenizer_json(300));
  const std::vector<int32_t> ids = Tokenizer::parse(file.dump(), "t.json").encode("the tea");
  for (json& merge : file["model"]["merges"]) {
    const std::string text = merge;
    const size_t space = text.find(' ');
    merge = {text.substr(0, space), text.substr(space + 1)};
  }
  EXPECT_EQ(Tokenizer::parse(file.dump(), "t.json").encode("the tea"), ids);
  EXPECT_LT(ids.size(), 7u);
}

TEST(Tokenizer, ThreadsAgree) {
  const Tokenizer tokenizer = Tokenizer::load(kHadalTiny);
  std::ifstream stream(HADAL_SOURCE_DIR "/models/hadal-tiny/heldout.txt");
  const std::string text = (std::stringstream() << stream.rdbuf()).str().substr(0, 20000);
  const auto ids = tokenizer.encode(text);
  std::vector<std::thread> threads;
  std::vector<int> bad(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) bad[t] += tokenizer.encode(text) != ids;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(bad, std::vector<int>(4));
}

struct Case {
  const char* pointer;  // JSON pointer to what is replaced
  const char* value;    // its new JSON value; empty: removed
  const char* needle;
};

void expect_refused(const Case& c) {
  const auto [pointer, value, needle] = c;
  SCOPED_TRACE(fmt::format("{} = {}", pointer, value));
  json file = json::parse(small_tokenizer_json(300));
  const json::json_pointer at(pointer);
  if (std::string(value).empty()) {
    file[at.parent_pointer()].erase(at.back());
  } else {
    file[at] = json::parse(value);
  }
  try {
    Tokenizer::parse(file.dump(1), "tokenizer.json");
    FAIL() << "accepted; expected: " << needle;
  } catch (const Error& e) {
    const std::string what = e.what();
    EXPECT_EQ(e.kind(), ErrorKind::kInput) << what;
    EXPECT_TRUE(what.starts_with("tokenizer.json:")) << what;
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
    EXPECT_NE(what.find(needle), std::string::npos) << what << "\n  expected: " << needle;
  }
}

const Case kBadTokenizers[] = {
    Case{"/surprise", "1", "tokenizer holds \"surprise\", which is not supported"},
    Case{"/truncation", "{\"max_length\": 5}", "the tokenizer has \"truncation\" of"},
    Case{"/model", "", "\"model\" must be an object"},
    Case{"/model/type", "\"Unigram\"", "model of type \"Unigram\" is not supported; BPE is"},
    Case{"/model/type", "", "model has no \"type\""},
    Case{"/model/dropout", "0.1", "model has \"dropout\" of 0.1; only null"},
    Case{"/model/unk_token", "\"<unk>\"", "unknown token \"<unk>\" is not in the vocabulary"},
    Case{"/model/unk_token", "1", "\"unk_token\" of an integer"},
    Case{"/model/byte_fallback", "1", "\"byte_fallback\" of an integer"},
    Case{"/model/end_of_word_suffix", "\"</w>\"", "\"end_of_word_suffix\""},
    Case{"/model/scores", "[]", "model holds \"scores\""},
    Case{"/model/vocab", "[]", "model.vocab must be an object"},
    Case{"/model/vocab/a", "-1", "token \"a\" has id -1"},
    Case{"/model/vocab/a", "1.5", "token \"a\" has id 1.5"},
    Case{"/model/vocab/a", "4294967296", "token \"a\" has id 4294967296"},
    Case{"/model/vocab/a", "0", "two tokens have the id 0"},
    Case{"/model/merges", "{}", "model.merges must be a list"},
    Case{"/model/merges/1", "\"ab\"", "merge 1 is \"ab\"; two tokens and one space"},
    Case{"/model/merges/1", "\"a b c\"", "merge 1 is \"a b c\""},
    Case{"/model/merges/1", "[\"a\"]", "merge 1 is [\"a\"]"},
    Case{"/model/merges/0", "\"zz a\"", "needs the token \"zz\", which is not in the vocabulary"},
    Case{"/model/merges/0", "\"q q\"", "needs the token \"qq\""},
    Case{"/model/ignore_merges", "1", "\"ignore_merges\" of an integer"},
    Case{"/added_tokens", "{}", "added_tokens holds an object, a list is needed"},
    Case{"/added_tokens/0", "3", "added_tokens holds an integer"},
    Case{"/added_tokens/0/content", "\"\"", "has no \"content\""},
    Case{"/added_tokens/0/id", "", "token \"<bos>\" has id null"},
    Case{"/added_tokens/0/id", "7", "added token \"<bos>\" has id 7, the vocabulary says 0"},
    Case{"/added_tokens/0/content", "\"<eos>\"", "added token \"<eos>\" is there twice"},
    Case{"/added_tokens/0/content", "\"<new>\"", "two tokens have the id 0"},
    Case{"/added_tokens/0/single_word", "true", "sets \"single_word\", which is not supported"},
    Case{"/added_tokens/0/color", "true", "added_tokens holds \"color\""},
    Case{"/normalizer", "{\"type\": \"NFKC\"}", "normalizer of type \"NFKC\" is not supported"},
    Case{"/normalizer", "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Lowercase\"}]}",
         "null, NFC or a Sequence of NFC is"},
    Case{"/pre_tokenizer", "null", "\"pre_tokenizer\" must be an object"},
    Case{"/pre_tokenizer/type", "\"Whitespace\"", "pre_tokenizer of type \"Whitespace\""},
    Case{"/pre_tokenizer/pretokenizers", "[]", "pre_tokenizer has no \"pretokenizers\""},
    Case{"/pre_tokenizer/pretokenizers/0/type", "\"Digits\"", "pre_tokenizer holds \"behavior\""},
    Case{"/pre_tokenizer/pretokenizers/0/type", "\"Punctuation\"", "pre_tokenizer of type \"Punctuation\""},
    Case{"/pre_tokenizer/pretokenizers/2/type", "\"Split\"", "pre_tokenizer of type \"Split\" is not supported"},
    Case{"/pre_tokenizer/pretokenizers/2/use_regex", "1", "\"use_regex\" of an integer"},
    Case{"/pre_tokenizer/pretokenizers/2/add_prefix_space", "", "ByteLevel with \"add_prefix_space\""},
    Case{"/pre_tokenizer/pretokenizers/0/behavior", "\"Removed\"", "\"behavior\" of \"Removed\"; only \"Isolated\""},
    Case{"/pre_tokenizer/pretokenizers/0/invert", "true", "\"invert\" of true"},
    Case{"/pre_tokenizer/pretokenizers/0/pattern", "{\"String\": \"a\"}", "a Split needs {\"Regex\": TEXT}"},
    Case{"/pre_tokenizer/pretokenizers/0/pattern/Regex", "\"\\\\w\"", "an escape (\"\\w\" at byte 0)"},
    Case{"/pre_tokenizer/pretokenizers/0/pattern/Regex", "\"(\"", "malformed expression"},
    Case{"/post_processor", "{\"type\": \"RobertaProcessing\"}", "post_processor of type \"RobertaProcessing\""},
    Case{"/decoder", "{\"type\": \"Metaspace\"}", "decoder of type \"Metaspace\" is not supported; ByteLevel is"},
    Case{"/decoder", "null", "\"decoder\" must be an object"}};

TEST(Tokenizer, CorruptionsAreRefused) {
  for (const Case& c : kBadTokenizers) expect_refused(c);
}

TEST(Tokenizer, RepeatedVocabularyEntry) {
  std::string text = small_tokenizer_json(300);
  text.replace(text.find("\"b\":"), 4, "\"a\":");
  EXPECT_THROW(Tokenizer::parse(text, "tokenizer.json"), Error);
}

}  // namespace
}  // namespace hadal::model
