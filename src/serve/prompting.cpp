// End tokens stand in three files of a checkpoint, and chat models often name theirs in only one of them.
#include "serve/prompting.h"

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "model/json_file.h"

namespace hadal::serve {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

void add(std::vector<int32_t>& tokens, int64_t token) {
  if (token < 0 || std::find(tokens.begin(), tokens.end(), token) != tokens.end()) return;
  tokens.push_back(static_cast<int32_t>(token));
}

std::vector<int32_t> stop_tokens_of(const model::Model& model) {
  std::vector<int32_t> tokens;
  add(tokens, model.config.eos_token_id);
  for (const int64_t token : model.config.eos_token_ids) add(tokens, token);
  const std::string generation = model.directory + "/generation_config.json";
  if (std::filesystem::exists(generation)) {
    const model::JsonFile file = model::JsonFile::load(generation);
    const json ids = file.root().is_object() ? file.root().value("eos_token_id", json()) : json();
    for (const json& id : ids.is_array() ? ids : json::array({ids})) {
      if (id.is_number_integer()) add(tokens, id.get<int64_t>());
    }
  }
  const std::string tokenizer = model.directory + "/tokenizer_config.json";
  if (std::filesystem::exists(tokenizer)) {
    const model::JsonFile file = model::JsonFile::load(tokenizer);
    json eos = file.root().is_object() ? file.root().value("eos_token", json()) : json();
    if (eos.is_object()) eos = eos.value("content", json());
    if (eos.is_string()) {
      const std::vector<int32_t> ids = model.tokenizer.encode(eos.get<std::string>());
      if (ids.size() == 1) add(tokens, ids[0]);
    }
  }
  return tokens;
}

// A GGUF file carries its template itself.
std::optional<chat::ChatTemplate> template_of(const model::Model& model) {
  if (model.chat_template.empty()) return chat::ChatTemplate::load(model.directory);
  chat::SpecialTokens special = chat::SpecialTokens::object();
  const auto name = [&](const char* key, int64_t token) {
    if (token >= 0) special[key] = model.tokenizer.token_bytes(static_cast<int32_t>(token));
  };
  name("bos_token", model.config.bos_token_id);
  name("eos_token", model.config.eos_token_id);
  return chat::ChatTemplate::parse(model.chat_template, special, model.directory);
}

std::string speaker(const std::string& role) {
  if (role == "assistant") return "Assistant";
  return role == "system" ? "System" : "User";
}

}  // namespace

Prompting::Prompting(const model::Model& model)
    : Prompting(model.tokenizer, template_of(model),
                model.config.prepend_bos ? static_cast<int32_t>(model.config.bos_token_id) : -1,
                stop_tokens_of(model)) {}

Prompting::Prompting(const model::Tokenizer& tokenizer, std::optional<chat::ChatTemplate> chat_template, int32_t bos,
                     std::vector<int32_t> stop_tokens)
    : tokenizer_(tokenizer), template_(std::move(chat_template)), bos_(bos), stop_tokens_(std::move(stop_tokens)) {}

std::vector<int32_t> Prompting::plain(const std::string& text) const {
  std::vector<int32_t> tokens = tokenizer_.encode(text);
  if (bos_ >= 0 && (tokens.empty() || tokens.front() != bos_)) tokens.insert(tokens.begin(), bos_);
  return tokens;
}

std::vector<int32_t> Prompting::conversation(const ordered_json& messages, const ordered_json& tools,
                                             const ordered_json& extra) const {
  if (template_) return tokenizer_.encode(template_->prompt(messages, tools, extra));
  std::string text;
  for (const ordered_json& message : messages) {
    const ordered_json content = message.value("content", ordered_json());
    text +=
        speaker(message.value("role", "user")) + ": " + (content.is_string() ? content.get<std::string>() : "") + "\n";
  }
  return plain(text + "Assistant:");
}

std::vector<std::string> Prompting::conversation_stops() const {
  return template_ ? std::vector<std::string>{} : std::vector<std::string>{"\nUser:", "\nSystem:"};
}

}  // namespace hadal::serve
