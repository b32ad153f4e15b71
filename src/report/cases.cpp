// The table of published facts.
#include <fmt/format.h>

#include <algorithm>

#include "report/document.h"
#include "report/plan.h"
#include "report/table.h"

namespace hadal::report {

std::string to_text(const std::vector<plan::Case>& cases) {
  Table table({{"fact", Align::kLeft},
               {"predicted"},
               {"published"},
               {"unit", Align::kLeft},
               {"error"},
               {"conf."},
               {"source", Align::kLeft},
               {"read as", Align::kLeft}});
  for (const plan::Case& c : cases) {
    table.add({c.name, fmt::format("{:.4g}", c.predicted), fmt::format("{:.4g}", c.published), c.unit,
               c.fit ? "fit" : fmt::format("{:+.0f} %", 100 * c.error()), c.confidence, c.source, c.reading});
  }
  const auto fits = std::count_if(cases.begin(), cases.end(), [](const plan::Case& c) { return c.fit; });
  std::string out = table.text();
  out += fmt::format("\n{} facts, {} more that set a parameter; median error {:.1f} %\n",
                     cases.size() - static_cast<size_t>(fits), fits, 100 * plan::median_error(cases));
  for (const plan::GroupError& g : plan::errors_by_group(cases)) {
    out += fmt::format("  {}: {} facts, median error {:.1f} %\n", g.group, g.facts, 100 * g.median);
  }
  return out;
}

nlohmann::ordered_json to_json(const std::vector<plan::Case>& cases) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const plan::Case& c : cases) {
    rows.push_back({{"name", c.name},
                    {"predicted", c.predicted},
                    {"published", c.published},
                    {"unit", c.unit},
                    {"error_pct", 100 * c.error()},
                    {"fit", c.fit},
                    {"reading", c.reading},
                    {"source", c.source},
                    {"confidence", c.confidence}});
  }
  return document("cases", {{"cases", rows}, {"median_abs_error_pct", 100 * plan::median_error(cases)}});
}

}  // namespace hadal::report
