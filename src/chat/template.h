// A chat template: the part of Jinja that published checkpoints use, as transformers renders it.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace hadal::chat {

class Template {
 public:
  // Input errors name `where` and the line in the template.
  static Template parse(std::string_view source, const std::string& where);
  // `variables` is an object: messages, add_generation_prompt, bos_token, tools and so on. What the template itself
  // refuses (raise_exception) is an input error too.
  std::string render(const nlohmann::ordered_json& variables) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

}  // namespace hadal::chat
