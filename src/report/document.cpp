// Kinds of documents.
#include "report/document.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/nearest.h"

namespace hadal::report {
namespace {

using Json = nlohmann::ordered_json;

// Of `run`, `exec`, `eval`, `verify`, `predict`, `validate`, `plan` and `explore`.
constexpr std::array<std::string_view, 11> kKinds = {"run",      "launch",     "eval", "verify", "predict", "serving",
                                                     "validate", "step-check", "plan", "cases",  "explore"};

}  // namespace

Json document(std::string_view kind, const Json& keys) {
  check(std::find(kKinds.begin(), kKinds.end(), kind) != kKinds.end(), "no kind of document is called {}", kind);
  Json out{{"kind", kind}, {"schema", kSchema}};
  out.update(keys);
  return out;
}

Json parse_document(const std::string& text, const std::string& file) {
  Json out;
  try {
    out = Json::parse(text);
  } catch (const Json::parse_error& error) {
    const size_t end = std::min(text.size(), error.byte);
    const auto line = 1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), '\n');
    input_error(fmt::format("{}:{}", file, line),
                "is no JSON; what a command wrote with --json is needed, or its store");
  }
  if (!out.is_object() || !out.contains("kind") || !out["kind"].is_string()) {
    input_error(file, "has no 'kind'; what a command of this version wrote with --json is needed");
  }
  const std::string kind = out["kind"];
  if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) {
    const std::string_view close = nearest(kind, kKinds);
    input_error(file, "is of kind '{}', which has no page{}", kind,
                close.empty() ? "" : fmt::format("; did you mean '{}'?", close));
  }
  if (!out.contains("schema") || out["schema"] != kSchema) {
    input_error(file, "follows schema {}; this program reads {}: write it again with this version",
                out.contains("schema") ? out["schema"].dump() : "none", kSchema);
  }
  return out;
}

}  // namespace hadal::report
