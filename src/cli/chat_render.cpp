// hadal chat --render: prompts of conversations, for comparing templates and for looking at them.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "chat/chat_template.h"
#include "cli/chat.h"
#include "cli/find.h"
#include "cli/output.h"

namespace hadal::cli {
namespace {

using nlohmann::ordered_json;

std::string render(const chat::ChatTemplate& chat_template, const std::string& line, const std::string& where) {
  const ordered_json c = ordered_json::parse(line, nullptr, false);
  if (!c.is_object() || !c.contains("messages") || !c["messages"].is_array()) {
    input_error(where, "holds no conversation; an object with a list \"messages\" is needed");
  }
  try {
    return ordered_json(chat_template.prompt(c["messages"], c.value("tools", ordered_json()),
                                             c.value("extra", ordered_json::object()),
                                             c.value("add_generation_prompt", true)))
        .dump();
  } catch (const Error& error) {
    return ordered_json{{"error", error.what()}}.dump();
  }
}

}  // namespace

void render_conversations(const std::string& model, const std::string& file) {
  const auto chat_template = chat::ChatTemplate::load(model);
  if (!chat_template) {
    input_error(model, "has no chat template; chat_template.jinja or one in tokenizer_config.json is needed");
  }
  const std::string text = read_text(file);
  size_t number = 0;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find('\n', begin), text.size());
    fmt::print("{}\n", render(*chat_template, text.substr(begin, end - begin), fmt::format("{}:{}", file, ++number)));
    begin = end + 1;
  }
}

}  // namespace hadal::cli
