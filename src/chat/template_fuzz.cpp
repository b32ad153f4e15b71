// Any text as a template over a small conversation: renders, or is an input error of one line.
#include <cstdlib>

#include "base/error.h"
#include "chat/template.h"
#include "model/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const nlohmann::ordered_json kVariables = {
      {"messages",
       {{{"role", "system"}, {"content", " a "}},
        {{"role", "user"}, {"content", "b\nc"}},
        {{"role", "assistant"}, {"content", nullptr}, {"tool_calls", {{{"name", "f"}, {"arguments", {{"x", 1}}}}}}}}},
      {"add_generation_prompt", true},
      {"bos_token", "<s>"}};
  const std::string source = hadal::model::repair_utf8({reinterpret_cast<const char*>(data), size});
  try {
    hadal::chat::Template::parse(source, "f").render(kVariables);
  } catch (const hadal::Error& e) {
    if (e.kind() != hadal::ErrorKind::kInput || std::string_view(e.what()).find('\n') != std::string_view::npos) {
      std::abort();
    }
  }
  return 0;
}
