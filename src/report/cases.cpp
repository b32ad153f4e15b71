// The table of published facts.
#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "report/document.h"
#include "report/plan.h"
#include "report/table.h"

namespace hadal::report {
namespace {

std::string verdict(const plan::Case& c) {
  if (!c.bound.empty()) return c.holds() ? "holds" : "violated";
  return fmt::format("{:+.0f} %{}", 100 * c.error(), !c.has_range() ? "" : c.in_range() ? ", inside" : ", outside");
}

// "BELOW 400": what is published, with the range of its source.
std::string published(const plan::Case& c) {
  if (!c.bound.empty()) return fmt::format("{} {:.4g}", c.bound, c.published);
  return c.has_range() ? fmt::format("{:.4g} ({:.4g} to {:.4g})", c.published, c.low, c.high)
                       : fmt::format("{:.4g}", c.published);
}

// A factor on a constant as a value in the unit its file uses: "108 %".
std::string times(const plan::Constant& c, double factor) {
  const std::string& written = c.figure.text;
  const size_t unit = std::min(written.find(' '), written.size());
  return fmt::format("{:.3g}{}", std::stod(written) * factor, std::string_view(written).substr(unit));
}

}  // namespace

std::string to_text(const plan::PublishedCases& published_cases) {
  const std::vector<plan::Case>& cases = published_cases.cases;
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
  Table constants({{"constant, the median of facts", Align::kLeft},
                   {"as its file has it"},
                   {"facts"},
                   {"voices"},
                   {"median"},
                   {"smallest"},
                   {"largest"},
                   {"figures", Align::kLeft}});
  for (const plan::Constant& c : published_cases.constants) {
    constants.add({c.name, c.figure.text, fmt::format("{}", c.votes.size()), fmt::format("{}", c.voices()),
                   times(c, c.median()), times(c, c.lowest()), times(c, c.highest()),
                   fmt::format("{}", fmt::join(c.figures, ", "))});
  }
  out += "\n" + constants.text();
  out +=
      "voices: facts; publishers, where authors estimate; makers of\n"
      "chips, where it is how they design; a fact is asked with the\n"
      "median of the other voices, never with one about the same chip\n";
  out += fmt::format("\n{} facts; median error {:.1f} %\n", count([](const plan::Case& c) { return c.counts(); }),
                     100 * plan::median_error(cases));
  for (const plan::GroupError& g : plan::errors_by_group(cases)) {
    out += fmt::format("  {}: {} facts, median error {:.1f} %\n", g.group, g.facts, 100 * g.median);
  }
  std::vector<plan::Case> rest;
  std::copy_if(cases.begin(), cases.end(), std::back_inserter(rest),
               [](const plan::Case& c) { return c.counts() && c.group != plan::kPowerGroup; });
  out += fmt::format("without {}: {} facts, median error {:.1f} %\n", plan::kPowerGroup, rest.size(),
                     100 * plan::median_error(rest));
  const plan::GroupError once = plan::error_by_voice(rest, published_cases.constants);
  out += fmt::format("  a voice on a constant once: {} facts, median error {:.1f} %\n", once.facts, 100 * once.median);
  out += fmt::format("bounds, in no median: {} of {} hold\n",
                     count([&](const plan::Case& c) { return is_bound(c) && c.holds(); }), count(is_bound));
  const auto has_range = [](const plan::Case& c) { return c.counts() && c.has_range(); };
  out += fmt::format("ranges, counted to their middle: {} of {} predicted inside\n",
                     count([&](const plan::Case& c) { return has_range(c) && c.in_range(); }), count(has_range));
  return out;
}

nlohmann::ordered_json to_json(const plan::PublishedCases& published_cases) {
  const std::vector<plan::Case>& cases = published_cases.cases;
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const plan::Case& c : cases) {
    rows.push_back({{"name", c.name},
                    {"group", c.group},
                    {"predicted", c.predicted},
                    {"published", c.published},
                    {"unit", c.unit},
                    {"error_pct", 100 * c.error()},
                    {"sets", c.sets},
                    {"bound", c.bound},
                    {"reading", c.reading},
                    {"source", c.source},
                    {"confidence", c.confidence}});
    if (!c.bound.empty()) rows.back()["holds"] = c.holds();
    if (c.has_range()) rows.back().update({{"low", c.low}, {"high", c.high}, {"inside", c.in_range()}});
  }
  nlohmann::ordered_json constants = nlohmann::ordered_json::array();
  for (const plan::Constant& c : published_cases.constants) {
    nlohmann::ordered_json votes = nlohmann::ordered_json::array();
    for (const plan::Vote& v : c.votes) {
      votes.push_back(
          {{"fact", v.from}, {"source", v.source}, {"voice", v.voice}, {"value", c.figure.value * v.factor}});
    }
    constants.push_back({{"name", c.name},
                         {"figures", c.figures},
                         {"value", c.figure.value},
                         {"median", c.figure.value * c.median()},
                         {"facts", votes}});
  }
  return document(
      "cases", {{"cases", rows}, {"constants", constants}, {"median_abs_error_pct", 100 * plan::median_error(cases)}});
}

}  // namespace hadal::report
