// The table of published facts.
#include <fmt/format.h>

#include <algorithm>

#include "report/document.h"
#include "report/plan.h"
#include "report/table.h"

namespace hadal::report {
namespace {

std::string verdict(const plan::Case& c) {
  if (c.fit) return "fit";
  if (!c.bound.empty()) return c.holds() ? "holds" : "violated";
  return fmt::format("{:+.0f} %{}", 100 * c.error(), !c.has_range() ? "" : c.in_range() ? ", inside" : ", outside");
}

// "BELOW 400": what is published, with the range of its source.
std::string published(const plan::Case& c) {
  if (!c.bound.empty()) return fmt::format("{} {:.4g}", c.bound, c.published);
  return c.has_range() ? fmt::format("{:.4g} ({:.4g} to {:.4g})", c.published, c.low, c.high)
                       : fmt::format("{:.4g}", c.published);
}

}  // namespace

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
    table.add({c.name, fmt::format("{:.4g}", c.predicted), published(c), c.unit, verdict(c), c.confidence, c.source,
               c.reading});
  }
  const auto count = [&](const auto& what) { return std::count_if(cases.begin(), cases.end(), what); };
  const auto is_bound = [](const plan::Case& c) { return !c.bound.empty(); };
  std::string out = table.text();
  out += fmt::format("\n{} facts, {} more that set a parameter; median error {:.1f} %\n",
                     count([](const plan::Case& c) { return c.counts(); }),
                     count([](const plan::Case& c) { return c.fit; }), 100 * plan::median_error(cases));
  for (const plan::GroupError& g : plan::errors_by_group(cases)) {
    out += fmt::format("  {}: {} facts, median error {:.1f} %\n", g.group, g.facts, 100 * g.median);
  }
  std::vector<plan::Case> rest;
  std::copy_if(cases.begin(), cases.end(), std::back_inserter(rest),
               [](const plan::Case& c) { return c.counts() && c.group != plan::kPowerGroup; });
  out += fmt::format("without {}: {} facts, median error {:.1f} %\n", plan::kPowerGroup, rest.size(),
                     100 * plan::median_error(rest));
  out += fmt::format("bounds, in no median: {} of {} hold\n",
                     count([&](const plan::Case& c) { return is_bound(c) && c.holds(); }), count(is_bound));
  const auto has_range = [](const plan::Case& c) { return c.counts() && c.has_range(); };
  out += fmt::format("ranges, counted to their middle: {} of {} predicted inside\n",
                     count([&](const plan::Case& c) { return has_range(c) && c.in_range(); }), count(has_range));
  return out;
}

nlohmann::ordered_json to_json(const std::vector<plan::Case>& cases) {
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const plan::Case& c : cases) {
    rows.push_back({{"name", c.name},
                    {"group", c.group},
                    {"predicted", c.predicted},
                    {"published", c.published},
                    {"unit", c.unit},
                    {"error_pct", 100 * c.error()},
                    {"fit", c.fit},
                    {"bound", c.bound},
                    {"reading", c.reading},
                    {"source", c.source},
                    {"confidence", c.confidence}});
    if (!c.bound.empty()) rows.back()["holds"] = c.holds();
    if (c.has_range()) rows.back().update({{"low", c.low}, {"high", c.high}, {"inside", c.in_range()}});
  }
  return document("cases", {{"cases", rows}, {"median_abs_error_pct", 100 * plan::median_error(cases)}});
}

}  // namespace hadal::report
