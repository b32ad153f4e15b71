// hadal predict: time of a model's step on any described chip.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/app.h"

namespace hadal::cli {
void add_predict(CLI::App& app, Action& action) { (void)app; (void)action; }
}  // namespace hadal::cli
