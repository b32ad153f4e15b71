// Parts of `hadal chat` that need no model on the chip.
#pragma once

#include <string>

namespace hadal::cli {

// Prints the prompt of every conversation in `file` (one JSON object a line: messages, tools, extra,
// add_generation_prompt) as a JSON string, or {"error": TEXT} where the template of `model` refuses it.
void render_conversations(const std::string& model, const std::string& file);

}  // namespace hadal::cli
