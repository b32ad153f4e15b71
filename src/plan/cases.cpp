// Reads the published facts, asks the models for each, and sums up the errors.
#include "plan/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/nearest.h"
#include "plan/case_kinds.h"

namespace hadal::plan {
namespace {

const std::vector<std::string_view>& parameters() {
  static const std::vector<std::string_view> kAll{
      "process",   "package",   "memory", "area",  "core",     "cores",   "spare",    "dies",  "stacks",      "chiplet",
      "chiplets",  "programme", "begin",  "end",   "hardware", "reading", "fit",      "bound", "transistors", "sram",
      "core_sram", "bank",      "links",  "hosts", "fill",     "chip",    "products", "ops",   "bandwidth"};
  return kAll;
}

Case run_case(const chip::Section& s, Facts& facts, const Scenario& scenario) {
  Case c;
  c.name = s.text("name");
  c.kind = s.text("kind");
  const auto found = case_kinds().find(c.kind);
  if (found == case_kinds().end()) {
    std::vector<std::string_view> known;
    for (const auto& [name, unused] : case_kinds()) known.push_back(name);
    s.refuse("kind", fmt::format("'{}' is unknown; {}", c.kind, suggestion(c.kind, known)));
  }
  const CaseKind& kind = found->second;
  for (const std::string_view key : kind.keys) {
    if (!s.has(key)) s.refuse("kind", fmt::format("a case of kind {} needs '{}'", c.kind, key));
  }
  const Figure published = facts.ledger().read(s, "economics", "published", kind.dimension, 1e-12, 1e15);
  c.group = kind.group;
  c.reading = s.has("reading") ? s.text("reading") : "";
  c.fit = s.has("fit") && s.text("fit") == "yes";
  if (s.has("bound")) {
    c.bound = s.text("bound");
    if (c.bound != "below" && c.bound != "above")
      s.refuse("bound", fmt::format("'{}' is unknown; use below or above", c.bound));
    if (published.has_range()) s.refuse("bound", "a bound has no range; give the value alone");
    if (c.fit) s.refuse("bound", "a bound cannot set a parameter; leave out 'fit'");
  }
  c.unit = kind.unit;
  c.published = published.value * kind.scale;
  c.low = published.low * kind.scale;
  c.high = published.high * kind.scale;
  c.predicted = kind.predict(s, facts, scenario) * kind.scale;
  c.source = published.source;
  c.confidence = published.confidence;
  return c;
}

}  // namespace

std::vector<Case> run_cases(std::string_view text, const std::string& file, Facts& facts) {
  std::vector<Case> cases;
  with_yaml(text, file, [&](const YAML::Node& node) {
    const chip::Section top(node, file, "", {"name", "scenario", "cases"});
    const Scenario scenario = load_scenario(facts.path("scenarios", top.text("scenario"), top, "scenario"), facts);
    for (const chip::Section& s : top.list("cases", {"name", "kind", "published"}, parameters())) {
      cases.push_back(run_case(s, facts, scenario));
    }
  });
  return cases;
}

std::vector<Case> run_cases(const std::string& path, Facts& facts) {
  return run_cases(MappedFile::open(path).text(), path, facts);
}

std::vector<Case> published_cases(Facts& facts) {
  std::vector<Case> all;
  for (const char* file : {"measurements/economics.yaml", "measurements/silicon.yaml"}) {
    for (Case& c : run_cases(facts.file(file), facts)) all.push_back(std::move(c));
  }
  return all;
}

std::vector<GroupError> errors_by_group(const std::vector<Case>& cases) {
  std::vector<GroupError> groups;
  for (const Case& c : cases) {
    const auto same = [&](const auto& other) { return other.group == c.group; };
    if (!c.counts() || std::any_of(groups.begin(), groups.end(), same)) continue;
    std::vector<Case> members;
    std::copy_if(cases.begin(), cases.end(), std::back_inserter(members),
                 [&](const Case& other) { return other.counts() && same(other); });
    groups.push_back({c.group, members.size(), median_error(members)});
  }
  return groups;
}

double median_error(const std::vector<Case>& cases) {
  std::vector<double> errors;
  for (const Case& c : cases) {
    if (c.counts()) errors.push_back(std::abs(c.error()));
  }
  return quantiles(std::move(errors)).p50;
}

}  // namespace hadal::plan
