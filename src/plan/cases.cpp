// Reads the published facts, asks the models for each, and sums up the errors.
#include "plan/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/nearest.h"
#include "plan/case_kinds.h"

namespace hadal::plan {
namespace {

const std::vector<std::string_view>& parameters() {
  static const std::vector<std::string_view> kAll{
      "process",     "package",   "memory",    "area",     "core",  "cores",    "spare",   "dies", "stacks",
      "chiplet",     "chiplets",  "programme", "begin",    "end",   "hardware", "reading", "sets", "bound",
      "transistors", "sram",      "core_sram", "bank",     "links", "hosts",    "fill",    "chip", "products",
      "ops",         "bandwidth", "subject",   "tolerant", "team",  "maker"};
  return kAll;
}

// A fact before the model is asked: everything but the prediction.
struct Fact {
  chip::Section section;
  std::shared_ptr<const Scenario> scenario;
  const CaseKind* kind;
  Case c;
  std::string subject, maker;
  std::vector<Figure> figures;  // of the data files that the prediction rests on

  double predict(Facts& facts) const { return kind->predict(section, facts, *scenario) * kind->scale; }
  Asker asker() const { return {c.name, subject, c.source, maker}; }
};

Fact read_fact(const chip::Section& s, Facts& facts, std::shared_ptr<const Scenario> scenario) {
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
  const auto text = [&](std::string_view key) { return s.has(key) ? s.text(key) : std::string(); };
  c.reading = text("reading");
  c.sets = text("sets");
  if (s.has("bound")) {
    c.bound = s.text("bound");
    if (c.bound != "below" && c.bound != "above")
      s.refuse("bound", fmt::format("'{}' is unknown; use below or above", c.bound));
    if (published.has_range()) s.refuse("bound", "a bound has no range; give the value alone");
    if (!c.sets.empty()) s.refuse("bound", "a bound has no vote on a constant; leave out 'sets'");
  }
  c.unit = kind.unit;
  c.published = published.value * kind.scale;
  c.low = published.low * kind.scale;
  c.high = published.high * kind.scale;
  c.source = published.source;
  c.confidence = published.confidence;
  Fact fact{s, std::move(scenario), &kind, std::move(c), text("subject"), text("maker"), {}};
  Facts own = facts.adjusted({});
  fact.c.predicted = fact.predict(own);
  fact.figures = own.ledger().figures();
  return fact;
}

std::vector<Fact> read_facts(std::string_view text, const std::string& file, Facts& facts) {
  std::vector<Fact> all;
  with_yaml(text, file, [&](const YAML::Node& node) {
    const chip::Section top(node, file, "", {"name", "scenario", "cases"});
    const auto scenario = std::make_shared<const Scenario>(
        load_scenario(facts.path("scenarios", top.text("scenario"), top, "scenario"), facts));
    for (const chip::Section& s : top.list("cases", {"name", "kind", "published"}, parameters())) {
      all.push_back(read_fact(s, facts, scenario));
    }
  });
  return all;
}

}  // namespace

std::vector<Case> run_cases(std::string_view text, const std::string& file, Facts& facts) {
  std::vector<Case> cases;
  for (Fact& fact : read_facts(text, file, facts)) cases.push_back(std::move(fact.c));
  return cases;
}

PublishedCases published_cases(Facts& facts) {
  std::vector<Fact> all;
  for (const char* name : {"measurements/economics.yaml", "measurements/silicon.yaml"}) {
    const std::string file = facts.file(name);
    for (Fact& fact : read_facts(MappedFile::open(file).text(), file, facts)) all.push_back(std::move(fact));
  }
  std::vector<Figure> figures;
  for (const Fact& fact : all) figures.insert(figures.end(), fact.figures.begin(), fact.figures.end());
  Calibration calibration(facts.file("measurements/calibration.yaml"), figures, facts.ledger().sources());
  for (const Fact& fact : all) {
    if (fact.c.sets.empty()) continue;
    if (!calibration.has(fact.c.sets)) {
      const std::vector<std::string> names = calibration.names();
      const std::vector<std::string_view> known(names.begin(), names.end());
      fact.section.refuse("sets",
                          fmt::format("there is no constant '{}'; {}", fact.c.sets, suggestion(fact.c.sets, known)));
    }
    calibration.vote(fact.c.sets, fact.asker(), fact.section.place(), [&](const Adjustments& adjustments) {
      Facts other = facts.adjusted(adjustments);
      return fact.predict(other) / fact.c.published;
    });
  }
  PublishedCases published;
  for (Fact& fact : all) {
    const Adjustments adjustments = calibration.without(fact.asker());
    if (std::any_of(fact.figures.begin(), fact.figures.end(),
                    [&](const Figure& f) { return adjustments.contains(f.name); })) {
      Facts others = facts.adjusted(adjustments);
      fact.c.predicted = fact.predict(others);
    }
    published.cases.push_back(std::move(fact.c));
  }
  published.constants = calibration.constants();
  return published;
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

GroupError error_by_voice(const std::vector<Case>& cases, const std::vector<Constant>& constants) {
  std::map<std::string, std::string> spoken_by;  // by name of the fact
  for (const Constant& c : constants) {
    for (const Vote& v : c.votes) spoken_by[v.from] = fmt::format("{} on {}", v.voice, c.name);
  }
  std::map<std::string, std::vector<Case>> voices;
  for (const Case& c : cases) {
    const auto found = spoken_by.find(c.name);
    if (c.counts()) voices[found == spoken_by.end() ? c.name : found->second].push_back(c);
  }
  std::vector<double> errors;
  for (const auto& [unused, own] : voices) errors.push_back(median_error(own));
  GroupError all;
  all.facts = voices.size();
  all.median = quantiles(std::move(errors)).p50;
  return all;
}

double median_error(const std::vector<Case>& cases) {
  std::vector<double> errors;
  for (const Case& c : cases) {
    if (c.counts()) errors.push_back(std::abs(c.error()));
  }
  return quantiles(std::move(errors)).p50;
}

}  // namespace hadal::plan
