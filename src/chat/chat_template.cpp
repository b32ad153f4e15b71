// Where checkpoints keep their template, and which variables transformers gives it.
#include "chat/chat_template.h"

#include <filesystem>

#include "base/error.h"
#include "base/mapped_file.h"
#include "model/json_file.h"

namespace hadal::chat {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* kTokens[] = {"bos_token", "eos_token", "unk_token", "sep_token",
                                   "pad_token", "cls_token", "mask_token"};
// Names under which a message may carry its reasoning.
constexpr const char* kReasoning[] = {"reasoning_content", "thinking", "reasoning"};

// A token is given as its text or as an object with it.
SpecialTokens special_tokens(const json& config) {
  SpecialTokens out = ordered_json::object();
  for (const char* name : kTokens) {
    const auto it = config.find(name);
    if (it == config.end()) continue;
    if (it->is_string()) out[name] = it->get<std::string>();
    if (it->is_object() && it->contains("content") && (*it)["content"].is_string()) out[name] = (*it)["content"];
  }
  return out;
}

// transformers lets a template read a message's reasoning under the newest name, and under one that some know.
void add_reasoning_names(ordered_json& message) {
  if (!message.is_object()) return;
  for (const char* name : kReasoning) {
    if (!message.contains(name) || message[name].is_null()) continue;
    const ordered_json reasoning = message[name];
    message["reasoning_content"] = reasoning;
    if (!message.contains("thinking")) message["thinking"] = reasoning;
    return;
  }
}

// One template, or a list of {"name", "template"} of which "default" is taken.
std::optional<std::string> source_in(const json& config, const std::string& where) {
  const auto it = config.find("chat_template");
  if (it == config.end() || it->is_null()) return std::nullopt;
  if (it->is_string()) return it->get<std::string>();
  if (it->is_array()) {
    for (const json& entry : *it) {
      if (entry.is_object() && entry.value("name", json()) == "default" && entry.contains("template") &&
          entry["template"].is_string()) {
        return entry["template"].get<std::string>();
      }
    }
  }
  input_error(where, "\"chat_template\" holds {}; text, or a list with a template named \"default\" is needed",
              model::kind_name(*it));
}

}  // namespace

std::optional<ChatTemplate> ChatTemplate::load(const std::string& directory) {
  namespace fs = std::filesystem;
  const std::string config_path = directory + "/tokenizer_config.json", jinja_path = directory + "/chat_template.jinja";
  SpecialTokens special = ordered_json::object();
  std::optional<std::string> source;
  std::string where = jinja_path;
  if (fs::exists(config_path)) {
    const model::JsonFile file = model::JsonFile::load(config_path);
    if (!file.root().is_object())
      input_error(config_path, "holds {}; an object is needed", model::kind_name(file.root()));
    special = special_tokens(file.root());
    where = config_path + ": chat_template";
    source = source_in(file.root(), file.where({"chat_template"}));
  }
  if (fs::exists(jinja_path)) {
    where = jinja_path;
    source = std::string(MappedFile::open(jinja_path).text());
  }
  if (!source) return std::nullopt;
  return parse(*source, special, where);
}

ChatTemplate ChatTemplate::parse(std::string_view source, const SpecialTokens& special, const std::string& where) {
  ChatTemplate result;
  result.template_ = Template::parse(source, where);
  result.special_ = special;
  return result;
}

std::string ChatTemplate::prompt(const ordered_json& messages, const ordered_json& tools, const ordered_json& extra,
                                 bool add_generation_prompt) const {
  ordered_json variables = special_;
  variables["messages"] = messages;
  for (ordered_json& message : variables["messages"]) add_reasoning_names(message);
  variables["tools"] = tools;
  variables["documents"] = nullptr;
  variables["add_generation_prompt"] = add_generation_prompt;
  for (const auto& [name, value] : extra.items()) variables[name] = value;
  return template_.render(variables);
}

}  // namespace hadal::chat
