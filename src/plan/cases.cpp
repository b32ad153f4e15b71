// One function a kind of fact; the parameters of each case are in its entry.
#include "plan/cases.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/nearest.h"
#include "plan/scenario.h"

namespace hadal::plan {
namespace {

constexpr int kRuns = 20000;
constexpr uint64_t kSeed = 1;
constexpr double kTransistorsPerBit = 6, kMostArea = 1e5;
constexpr double kWaferMm = 300, kWaferEdgeMm = 3;  // of interposers; the rim that is not used
constexpr double kCacheEfficiency = 0.40;  // bit cells over area of a large cache with its tags: V-Cache of 2023

struct Kind {
  Dimension dimension;
  const char* unit;
  double scale;  // shown unit over base unit
  std::vector<std::string_view> keys;
  std::function<double(const chip::Section&, Facts&, const Scenario&)> predict;
};

double area(const chip::Section& s, std::string_view key) { return s.quantity(key, Dimension::kArea, 0, kMostArea); }

HarvestedDie die_of(const chip::Section& s) {
  HarvestedDie die{area(s, "area"), area(s, "core"), static_cast<int>(s.count("cores", 1, 10000)), 0};
  die.spare = static_cast<int>(s.count("spare", 0, die.cores));
  if (die.cores * die.core_mm2 > die.area_mm2) s.refuse("core", "the cores are larger than the die");
  return die;
}

UnitCost unit_of(const chip::Section& s, Facts& facts) {
  return unit_cost(die_of(s), static_cast<int>(s.count("dies", 1, 64)), facts.process(s, "process"),
                   YieldModel::kNegativeBinomial, facts.memory(s, "memory"), static_cast<int>(s.count("stacks", 0, 64)),
                   facts.package(s, "package"));
}

// mm2 of memory: that of caches that cores share, and that in the cores.
double sram_area(const chip::Section& s, Facts& facts) {
  const Process& p = facts.process(s, "process");
  const double shared = 8 * s.quantity("sram", Dimension::kBytes, 0, 1e15);
  const double own = 8 * s.quantity("core_sram", Dimension::kBytes, 0, 1e15);
  return p.sram_bitcell.value * (shared / kCacheEfficiency + own / facts.areas().sram_efficiency.value);
}

// Transistors of SRAM at the density of its bit cells, in caches or in the banks of cores; the rest at the
// library's density times utilisation.
double area_from_transistors(const chip::Section& s, Facts& facts) {
  const Process& p = facts.process(s, "process");
  const double shared = 8 * s.quantity("sram", Dimension::kBytes, 0, 1e15);
  const double own = 8 * s.quantity("core_sram", Dimension::kBytes, 0, 1e15);
  const double transistors = s.quantity("transistors", Dimension::kTransistors, 1, 1e15);
  const double logic = (transistors - (shared + own) * kTransistorsPerBit) / 1e6;
  return logic / (p.logic_density.value * facts.areas().utilisation.value) + sram_area(s, facts);
}

// Interposers of a package that are whole on a wafer.
double interposers(const chip::Section& s, Facts& facts) {
  const Outline o =
      interposer_outline(area(s, "area"), 0, static_cast<int>(s.count("dies", 1, 64)), facts.memory(s, "memory"),
                         static_cast<int>(s.count("stacks", 0, 64)), facts.package(s, "package"));
  return rectangles_per_wafer(o.length_mm, o.width_mm, kWaferMm, kWaferEdgeMm);
}

// Good dies of `chiplets` small ones over one large one.
double die_cost_ratio(const chip::Section& s, Facts& facts) {
  const Process& p = facts.process(s, "process");
  const auto usd = [&](std::string_view key) {
    return die_cost({area(s, key), 0, 0, 0}, p, YieldModel::kNegativeBinomial, 0).usd;
  };
  return static_cast<double>(s.count("chiplets", 2, 64)) * usd("chiplet") / usd("area");
}

double months(const chip::Section& s, Facts& facts) {
  const Programme& programme = facts.programme(s, "programme");
  const Forecast f = forecast(programme, facts.process(s, "process"), kRuns, kSeed);
  return f.stages[programme.stage(s.text("end"))].end_months.p50 -
         f.stages[programme.stage(s.text("begin"))].start_months.p50;
}

double hour(const chip::Section& s, Facts& facts, const Scenario& scenario) {
  const Hardware& h = facts.hardware(s, "hardware");
  FleetMember m;
  m.purchase_usd = h.price.value + h.server.value;
  m.power_w = h.power.value + h.host_power.value;
  const HourlyCost c = hourly_cost(m, economics_of(scenario, [](const Figure& f) { return f.value; }));
  return c.installed + c.working;
}

const std::map<std::string, Kind, std::less<>>& kinds() {
  using S = const chip::Section&;
  const std::vector<std::string_view> unit{"process", "package", "memory", "area",  "core",
                                           "cores",   "spare",   "dies",   "stacks"};
  static const std::map<std::string, Kind, std::less<>> kKinds{
      {"dies_per_wafer",
       {Dimension::kNone,
        "dies",
        1,
        {"process", "area"},
        [](S s, Facts& f, const Scenario&) {
          return dies_per_wafer(area(s, "area"), f.process(s, "process").wafer_diameter.value);
        }}},
      {"area",
       {Dimension::kArea,
        "mm2",
        1,
        {"process", "transistors", "sram", "core_sram"},
        [](S s, Facts& f, const Scenario&) { return area_from_transistors(s, f); }}},
      {"sram_area",
       {Dimension::kArea,
        "mm2",
        1,
        {"process", "sram", "core_sram"},
        [](S s, Facts& f, const Scenario&) { return sram_area(s, f); }}},
      {"yield",
       {Dimension::kPercent,
        "%",
        100,
        {"process", "area", "core", "cores", "spare"},
        [](S s, Facts& f, const Scenario&) {
          return die_cost(die_of(s), f.process(s, "process"), YieldModel::kNegativeBinomial, 0).yield;
        }}},
      {"interposers_per_wafer",
       {Dimension::kNone,
        "packages",
        1,
        {"package", "memory", "area", "dies", "stacks"},
        [](S s, Facts& f, const Scenario&) { return interposers(s, f); }}},
      {"die_cost_ratio",
       {Dimension::kNone,
        "",
        1,
        {"process", "area", "chiplet", "chiplets"},
        [](S s, Facts& f, const Scenario&) { return die_cost_ratio(s, f); }}},
      {"unit_logic",
       {Dimension::kUsd, "USD", 1, unit, [](S s, Facts& f, const Scenario&) { return unit_of(s, f).logic_usd; }}},
      {"unit_memory",
       {Dimension::kUsd, "USD", 1, unit, [](S s, Facts& f, const Scenario&) { return unit_of(s, f).memory_usd; }}},
      {"unit_interposer",
       {Dimension::kUsd, "USD", 1, unit, [](S s, Facts& f, const Scenario&) { return unit_of(s, f).interposer_usd; }}},
      {"unit_loss",
       {Dimension::kUsd, "USD", 1, unit, [](S s, Facts& f, const Scenario&) { return unit_of(s, f).yield_loss_usd; }}},
      {"unit_total",
       {Dimension::kUsd, "USD", 1, unit, [](S s, Facts& f, const Scenario&) { return unit_of(s, f).total_usd; }}},
      {"months",
       {Dimension::kMonths,
        "months",
        1,
        {"programme", "process", "begin", "end"},
        [](S s, Facts& f, const Scenario&) { return months(s, f); }}},
      {"nre",
       {Dimension::kUsd,
        "MUSD",
        1e-6,
        {"programme", "process"},
        [](S s, Facts& f, const Scenario&) {
          return forecast(f.programme(s, "programme"), f.process(s, "process"), kRuns, kSeed).nre_usd.p50;
        }}},
      {"nre_without_software",
       {Dimension::kUsd,
        "MUSD",
        1e-6,
        {"programme", "process"},
        [](S s, Facts& f, const Scenario&) {
          return forecast(f.programme(s, "programme"), f.process(s, "process"), kRuns, kSeed).hardware_nre_usd.p50;
        }}},
      {"hour", {Dimension::kUsdPerHour, "USD/h", 1, {"hardware"}, hour}}};
  return kKinds;
}

const std::vector<std::string_view>& parameters() {
  static const std::vector<std::string_view> kAll{"process", "package",   "memory",   "area",     "core",
                                                  "cores",   "spare",     "dies",     "stacks",   "transistors",
                                                  "sram",    "core_sram", "chiplet",  "chiplets", "programme",
                                                  "begin",   "end",       "hardware", "reading",  "fit"};
  return kAll;
}

Case run_case(const chip::Section& s, Facts& facts, const Scenario& scenario) {
  Case c;
  c.name = s.text("name");
  c.kind = s.text("kind");
  const auto found = kinds().find(c.kind);
  if (found == kinds().end()) {
    std::vector<std::string_view> known;
    for (const auto& [name, unused] : kinds()) known.push_back(name);
    s.refuse("kind", fmt::format("'{}' is unknown; {}", c.kind, suggestion(c.kind, known)));
  }
  const Kind& kind = found->second;
  for (const std::string_view key : kind.keys) {
    if (!s.has(key)) s.refuse("kind", fmt::format("a case of kind {} needs '{}'", c.kind, key));
  }
  const Figure published = facts.ledger().read(s, "economics", "published", kind.dimension, 1e-12, 1e15);
  c.reading = s.has("reading") ? s.text("reading") : "";
  c.fit = s.has("fit") && s.text("fit") == "yes";
  c.unit = kind.unit;
  c.published = published.value * kind.scale;
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

std::vector<GroupError> errors_by_group(const std::vector<Case>& cases) {
  std::vector<Case> areas, others;
  for (const Case& c : cases) {
    if (!c.fit) (c.kind == "area" ? areas : others).push_back(c);
  }
  return {{"areas from transistor counts", areas.size(), median_error(areas)},
          {"everything else", others.size(), median_error(others)}};
}

double median_error(const std::vector<Case>& cases) {
  std::vector<double> errors;
  for (const Case& c : cases) {
    if (!c.fit) errors.push_back(std::abs(c.error()));
  }
  return quantiles(std::move(errors)).p50;
}

}  // namespace hadal::plan
