// From a conversation to the text a checkpoint was trained to answer.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "chat/template.h"

namespace hadal::chat {

// Variables of every rendering: "bos_token" and the like, those that the checkpoint has.
using SpecialTokens = nlohmann::ordered_json;

class ChatTemplate {
 public:
  // chat_template.jinja beside it, or "chat_template" of tokenizer_config.json; nothing where there is neither.
  static std::optional<ChatTemplate> load(const std::string& directory);
  // For containers that hold the template themselves. `where` names it in errors.
  static ChatTemplate parse(std::string_view source, const SpecialTokens& special, const std::string& where);

  // `messages` is a list of objects with "role" and "content", as OpenAI's; `tools` a list or null; `extra` holds
  // further variables for the template, such as "enable_thinking". An input error where the template refuses it.
  std::string prompt(const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools = nullptr,
                     const nlohmann::ordered_json& extra = nlohmann::ordered_json::object(),
                     bool add_generation_prompt = true) const;

 private:
  Template template_;
  SpecialTokens special_;
};

}  // namespace hadal::chat
