// The shape of tokenizer.json that is supported: byte-level BPE behind regular-expression splits, NFC before it.
#include "model/tokenizer_file.h"

#include <algorithm>
#include <initializer_list>
#include <set>

#include "base/error.h"

namespace hadal::model {
namespace {

using nlohmann::json;

constexpr int64_t kMaxTokens = 1 << 24;
constexpr std::string_view kOneDigit = R"(\p{N})", kDigits = R"(\p{N}+)";  // what Rust's is_numeric holds for

class Reader {
 public:
  explicit Reader(const JsonFile& file) : file_(file) {}

  TokenizerFile run() {
    const json& root = file_.root();
    if (!root.is_object()) input_error(file_.path(), "holds {}, an object is needed", kind_name(root));
    known_keys("tokenizer", root,
               {"version", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
                "decoder", "model"});
    expect("truncation", root, "truncation", {nullptr});
    expect("padding", root, "padding", {nullptr});
    check_post_processor(root.value("post_processor", json()));
    read_model(member(root, "model"));
    read_added(root.value("added_tokens", json::array()));
    read_normalizer(root.value("normalizer", json()));
    read_pre_tokenizer(member(root, "pre_tokenizer"));
    check_decoder(member(root, "decoder"));
    return std::move(result_);
  }

 private:
  template <typename... Args>
  [[noreturn]] void fail(std::string_view section, fmt::format_string<Args...> format, Args&&... args) const {
    input_error(file_.where({section}), format, std::forward<Args>(args)...);
  }

  const json& member(const json& object, const char* key) const {
    const auto it = object.find(key);
    if (it == object.end() || !it->is_object()) fail(key, "\"{}\" must be an object", key);
    return *it;
  }

  void known_keys(std::string_view section, const json& object, std::initializer_list<std::string_view> keys) const {
    for (const auto& [key, value] : object.items()) {
      if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
        fail(section == "tokenizer" ? std::string_view(key) : section, "{} holds \"{}\", which is not supported",
             section, printable(key));
      }
    }
  }

  // A key that may be absent or hold one of the values that change nothing.
  void expect(std::string_view section, const json& object, const char* key,
              std::initializer_list<json> allowed) const {
    const auto it = object.find(key);
    if (it == object.end() || std::find(allowed.begin(), allowed.end(), *it) != allowed.end()) return;
    fail(section, "{} has \"{}\" of {}; only {} is supported", section == key ? "the tokenizer" : section, key,
         printable(it->dump()), allowed.begin()->dump());
  }

  bool boolean(std::string_view section, const json& object, const char* key, bool absent) const {
    const auto it = object.find(key);
    if (it == object.end()) return absent;
    if (!it->is_boolean()) fail(section, "{} has \"{}\" of {}; true or false is needed", section, key, kind_name(*it));
    return it->get<bool>();
  }

  // The "type" of a component, which must be one of those supported.
  std::string type_of(std::string_view section, const json& component, std::string_view supported) const {
    if (!component.is_object()) fail(section, "{} holds {}, an object is needed", section, kind_name(component));
    const auto it = component.find("type");
    if (it == component.end() || !it->is_string())
      fail(section, "{} has no \"type\"; {} is supported", section, supported);
    return it->get<std::string>();
  }
  [[noreturn]] void unsupported(std::string_view section, std::string_view type, std::string_view supported) const {
    fail(section, "{} of type \"{}\" is not supported; {} is", section, printable(type), supported);
  }

  int32_t token_id(std::string_view section, std::string_view token, const json& value) const {
    if (!value.is_number_unsigned() || value.get<uint64_t>() >= static_cast<uint64_t>(kMaxTokens)) {
      fail(section, "token \"{}\" has id {}; an integer from 0 to {} is needed", printable(token),
           printable(value.dump()), kMaxTokens - 1);
    }
    return static_cast<int32_t>(value.get<uint64_t>());
  }

  void read_model(const json& model);
  void read_merges(const json& merges);
  void read_added(const json& added);
  void read_normalizer(const json& normalizer);
  void check_post_processor(const json& post_processor) const;
  void read_pre_tokenizer(const json& pre_tokenizer);
  void read_split(const json& step);
  void read_digits(const json& step);
  void read_byte_level(const json& step);
  void check_decoder(const json& decoder) const;

  const JsonFile& file_;
  TokenizerFile result_;
  std::set<std::string> contents_;  // of the added tokens
};

void Reader::read_model(const json& model) {
  if (const auto type = type_of("model", model, "BPE"); type != "BPE") unsupported("model", type, "BPE");
  known_keys("model", model,
             {"type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk",
              "byte_fallback", "ignore_merges", "vocab", "merges"});
  expect("model", model, "dropout", {nullptr});
  expect("model", model, "continuing_subword_prefix", {nullptr, ""});
  expect("model", model, "end_of_word_suffix", {nullptr, ""});
  const json unknown = model.value("unk_token", json());
  if (!unknown.is_null() && !unknown.is_string()) {
    fail("model", "model has \"unk_token\" of {}; text or null is needed", kind_name(unknown));
  }
  if (unknown.is_string()) result_.unknown_token = unknown.get<std::string>();
  result_.byte_fallback = boolean("model", model, "byte_fallback", false);
  // Together they would change the order of tokens.
  if (result_.byte_fallback && unknown.is_string())
    fail("model", "\"byte_fallback\" beside \"unk_token\" is not supported");
  result_.fuse_unknown = boolean("model", model, "fuse_unk", false);
  result_.ignore_merges = boolean("model", model, "ignore_merges", false);
  const auto vocab = model.find("vocab");
  if (vocab == model.end() || !vocab->is_object()) fail("model", "model.vocab must be an object from tokens to ids");
  for (const auto& [token, id] : vocab->items()) result_.vocab.emplace_back(token, token_id("model", token, id));
  const auto merges = model.find("merges");
  if (merges == model.end() || !merges->is_array()) fail("model", "model.merges must be a list");
  read_merges(*merges);
}

// Either ["a b", ...] or [["a", "b"], ...].
void Reader::read_merges(const json& merges) {
  size_t index = 0;
  for (const json& merge : merges) {
    const size_t here = index++;
    if (merge.is_string()) {
      const auto& text = merge.get_ref<const std::string&>();
      if (text.starts_with("#version")) continue;
      const size_t space = text.find(' ');
      if (space == text.npos || space == 0 || space + 1 == text.size() || text.find(' ', space + 1) != text.npos) {
        fail("model", "merge {} is \"{}\"; two tokens and one space between them are needed", here, printable(text));
      }
      result_.merges.emplace_back(text.substr(0, space), text.substr(space + 1));
    } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      result_.merges.emplace_back(merge[0].get<std::string>(), merge[1].get<std::string>());
    } else {
      fail("model", "merge {} is {}; \"LEFT RIGHT\" or [LEFT, RIGHT] is needed", here, printable(merge.dump()));
    }
  }
}

void Reader::read_added(const json& added) {
  if (!added.is_array()) fail("added_tokens", "added_tokens holds {}, a list is needed", kind_name(added));
  for (const json& entry : added) {
    if (!entry.is_object()) fail("added_tokens", "added_tokens holds {}, objects are needed", kind_name(entry));
    known_keys("added_tokens", entry, {"id", "content", "single_word", "lstrip", "rstrip", "normalized", "special"});
    const auto content = entry.find("content");
    if (content == entry.end() || !content->is_string() || content->get_ref<const std::string&>().empty()) {
      fail("added_tokens", "an added token has no \"content\"; text that is not empty is needed");
    }
    AddedToken token;
    token.content = content->get<std::string>();
    token.id = token_id("added_tokens", token.content, entry.value("id", json()));
    if (boolean("added_tokens", entry, "single_word", false)) {
      fail("added_tokens", "added token \"{}\" sets \"single_word\", which is not supported", printable(token.content));
    }
    token.lstrip = boolean("added_tokens", entry, "lstrip", false);
    token.rstrip = boolean("added_tokens", entry, "rstrip", false);
    if (!contents_.insert(token.content).second) {
      fail("added_tokens", "added token \"{}\" is there twice", printable(token.content));
    }
    token.normalized = boolean("added_tokens", entry, "normalized", true);
    token.special = boolean("added_tokens", entry, "special", false);
    result_.added.push_back(std::move(token));
  }
}

void Reader::read_normalizer(const json& normalizer) {
  constexpr std::string_view kSupported = "null, NFC or a Sequence of NFC";
  if (normalizer.is_null()) return;
  const auto type = type_of("normalizer", normalizer, kSupported);
  if (type == "NFC") {
    known_keys("normalizer", normalizer, {"type"});
    result_.nfc = true;
    return;
  }
  const auto list = normalizer.find("normalizers");
  if (type != "Sequence" || list == normalizer.end() || !list->is_array()) unsupported("normalizer", type, kSupported);
  known_keys("normalizer", normalizer, {"type", "normalizers"});
  for (const json& step : *list) read_normalizer(step);
}

// These only mark offsets or put special tokens around the text, which is the caller's choice here.
void Reader::check_post_processor(const json& post_processor) const {
  if (post_processor.is_null()) return;
  constexpr std::string_view kSupported = "ByteLevel, TemplateProcessing or a Sequence of them";
  const auto type = type_of("post_processor", post_processor, kSupported);
  if (type == "ByteLevel" || type == "TemplateProcessing") return;
  const auto list = post_processor.find("processors");
  if (type != "Sequence" || list == post_processor.end() || !list->is_array()) {
    unsupported("post_processor", type, kSupported);
  }
  for (const json& step : *list) check_post_processor(step);
}

// ByteLevel must come last: what follows it would see its alphabet instead of the text.
void Reader::read_pre_tokenizer(const json& pre_tokenizer) {
  constexpr char kSection[] = "pre_tokenizer";
  constexpr char kSupported[] = "ByteLevel or a Sequence of Split, Digits and, last, ByteLevel";
  const auto type = type_of(kSection, pre_tokenizer, kSupported);
  if (type == "ByteLevel") return read_byte_level(pre_tokenizer);
  if (type != "Sequence") unsupported(kSection, type, kSupported);
  known_keys(kSection, pre_tokenizer, {"type", "pretokenizers"});
  const auto list = pre_tokenizer.find("pretokenizers");
  if (list == pre_tokenizer.end() || !list->is_array() || list->empty()) {
    fail(kSection, "pre_tokenizer has no \"pretokenizers\"; {} is needed", kSupported);
  }
  for (size_t i = 0; i < list->size(); ++i) {
    const json& step = (*list)[i];
    const auto step_type = type_of(kSection, step, kSupported);
    const bool last = i + 1 == list->size();
    if (last && step_type == "ByteLevel") {
      read_byte_level(step);
    } else if (!last && step_type == "Split") {
      read_split(step);
    } else if (!last && step_type == "Digits") {
      read_digits(step);
    } else {
      unsupported(kSection, step_type, kSupported);
    }
  }
}

void Reader::read_split(const json& step) {
  constexpr char kSection[] = "pre_tokenizer";
  known_keys(kSection, step, {"type", "pattern", "behavior", "invert"});
  expect(kSection, step, "behavior", {"Isolated"});
  expect(kSection, step, "invert", {false});
  const auto pattern = step.find("pattern");
  if (pattern == step.end() || !pattern->is_object() || pattern->size() != 1 || !pattern->contains("Regex") ||
      !(*pattern)["Regex"].is_string() || !step.contains("behavior")) {
    fail(kSection, "a Split needs {{\"Regex\": TEXT}} as its pattern and \"Isolated\" as its behavior");
  }
  result_.split_patterns.push_back((*pattern)["Regex"].get<std::string>());
}

void Reader::read_digits(const json& step) {
  constexpr char kSection[] = "pre_tokenizer";
  known_keys(kSection, step, {"type", "individual_digits"});
  result_.split_patterns.emplace_back(boolean(kSection, step, "individual_digits", false) ? kOneDigit : kDigits);
}

void Reader::read_byte_level(const json& step) {
  constexpr char kSection[] = "pre_tokenizer";
  known_keys(kSection, step, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
  // Absent, both are true.
  if (boolean(kSection, step, "add_prefix_space", true)) {
    fail(kSection, "ByteLevel with \"add_prefix_space\" is not supported; false is");
  }
  if (boolean(kSection, step, "use_regex", true)) result_.split_patterns.emplace_back(kByteLevelPattern);
}

void Reader::check_decoder(const json& decoder) const {
  const auto type = type_of("decoder", decoder, "ByteLevel");
  if (type != "ByteLevel") unsupported("decoder", type, "ByteLevel");
  known_keys("decoder", decoder, {"type", "add_prefix_space", "trim_offsets", "use_regex"});
}

}  // namespace

TokenizerFile read_tokenizer_file(const JsonFile& file) { return Reader(file).run(); }

}  // namespace hadal::model
