// From what a client sends to tokens: plain prompts and conversations, and the tokens that end an answer.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "chat/chat_template.h"
#include "model/model.h"

namespace hadal::serve {

class Prompting {
 public:
  // Reads the chat template, and the end tokens of config.json, generation_config.json and tokenizer_config.json.
  explicit Prompting(const model::Model& model);
  Prompting(const model::Tokenizer& tokenizer, std::optional<chat::ChatTemplate> chat_template, int32_t bos,
            std::vector<int32_t> stop_tokens);

  // The beginning-of-text token and the text.
  std::vector<int32_t> plain(const std::string& text) const;
  // The conversation as the checkpoint's template writes it. Without one: "User: ...", "Assistant: ..." line by line.
  std::vector<int32_t> conversation(const nlohmann::ordered_json& messages, const nlohmann::ordered_json& tools,
                                    const nlohmann::ordered_json& extra) const;
  bool has_template() const { return template_.has_value(); }
  // What else ends an answer: without a template, the next speaker.
  std::vector<std::string> conversation_stops() const;
  const std::vector<int32_t>& stop_tokens() const { return stop_tokens_; }
  const model::Tokenizer& tokenizer() const { return tokenizer_; }

 private:
  const model::Tokenizer& tokenizer_;
  std::optional<chat::ChatTemplate> template_;
  int32_t bos_;
  std::vector<int32_t> stop_tokens_;
};

}  // namespace hadal::serve
