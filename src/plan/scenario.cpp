// Reading a scenario; every name it uses must exist, every figure must be possible.
#include "plan/scenario.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <numeric>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/nearest.h"
#include "chip/performance.h"

namespace hadal::plan {
namespace {

constexpr size_t kHours = 24;
constexpr double kMostUsd = 1e9;

std::vector<double> read_curve(const chip::Section& s, const std::string& stem, Ledger& ledger) {
  const chip::Section c = s.section("load_curve", {"hours", "source", "confidence", "note"});
  const std::string source = c.text("source");
  if (source != "assumed" && source != "derived" && !ledger.sources().contains(source)) {
    c.refuse("source", fmt::format("'{}' is not a source of sources.yaml", source));
  }
  std::vector<double> curve;
  for (const std::string& text : c.texts("hours")) {
    const double value = parse_quantity(text, Dimension::kNone, c.place("hours"), c.path() + ".hours");
    if (!(value >= 0 && value <= 1e6)) c.refuse("hours", fmt::format("{} is out of range; loads are 0 or more", text));
    curve.push_back(value);
  }
  if (curve.size() != kHours) {
    c.refuse("hours", fmt::format("{} values; a day has 24 hours, give the relative load of each", curve.size()));
  }
  const double mean = std::accumulate(curve.begin(), curve.end(), 0.0) / kHours;
  if (!(mean > 0)) c.refuse("hours", "the load is 0 at every hour");
  for (double& value : curve) value /= mean;
  Figure listed;
  listed.name = fmt::format("{}.{}", stem, c.path());
  listed.value = *std::max_element(curve.begin(), curve.end());
  listed.low = listed.high = listed.value;
  listed.text = fmt::format("{:.3f} peak/mean", listed.value);
  listed.source = source;
  listed.confidence = c.text("confidence");
  listed.note = c.text("note");
  listed.where = c.place();
  ledger.add(std::move(listed));
  return curve;
}

Build read_build(const chip::Section& s, const std::string& stem, Facts& facts) {
  Build b;
  b.name = s.text("name");
  b.where = s.place();
  b.chip = facts.chip(s, "chip");
  b.process = &facts.process(s, "process");
  b.home = &facts.process_named(b.chip.process);
  b.memory = &facts.memory(s, "memory");
  b.package = &facts.package(s, "package");
  b.programme = &facts.programme(s, "programme");
  b.reference = &facts.hardware(s, "reference");
  b.stacks = static_cast<int>(s.count("stacks", 1, 64));
  b.dies = static_cast<int>(s.count("dies", 1, 16));
  b.spare_cores = static_cast<int>(s.count("spare_cores", 0, b.chip.cores - 1));
  b.link_bytes_per_s = s.quantity("links", Dimension::kBytesPerSecond, 0, 1e14);
  if (s.has("clock")) {  // else that of the description
    b.chip.clock_hz = s.quantity("clock", Dimension::kHertz, 1e6, 1e11);
    b.chip.performance = chip::derive_performance(b.chip);
  }
  b.yield_model = parse_yield_model(s.text("yield_model"), s.place("yield_model") + ": " + s.path() + ".yield_model");
  const auto read = [&](std::string_view key, Dimension dimension, double low, double high) {
    return facts.ledger().read(s, stem, key, dimension, low, high);
  };
  b.volume = read("volume", Dimension::kNone, 1, 1e8);
  if (s.has("team")) b.team = read("team", Dimension::kPeople, 1, 1e5);
  b.server = read("server", Dimension::kUsd, 0, kMostUsd);
  b.host_power = read("host_power", Dimension::kWatt, 0, 1e5);
  b.matrix_activity = read("matrix_activity", Dimension::kPercent, 0, 1);
  b.memory_activity = read("memory_activity", Dimension::kPercent, 0, 1);
  b.vector_activity = read("vector_activity", Dimension::kPercent, 0, 1);
  if (b.stacks % b.dies != 0) s.refuse("stacks", fmt::format("{} do not divide among {} dies", b.stacks, b.dies));
  if (b.spare_cores > 0 && b.dies > 1)
    s.refuse("dies", "spare cores are counted in one die; use dies: 1, or no spares");
  return b;
}

Billing read_billing(const chip::Section& s) {
  const std::string text = s.text("billing");
  for (const Billing billing : {Billing::kRented, Billing::kOwned, Billing::kBought}) {
    if (text == name_of(billing)) return billing;
  }
  s.refuse("billing", fmt::format("'{}' is unknown; use rented, owned or bought", text));
}

FleetEntry read_entry(const chip::Section& s, const std::vector<Build>& builds, Facts& facts) {
  FleetEntry e;
  if (s.has("hardware") == s.has("build"))
    s.refuse(s.has("build") ? "build" : "billing", "give either hardware or build");
  if (s.has("available")) e.available = static_cast<double>(s.count("available", 0, 10'000'000));
  if (s.has("hardware")) {
    e.hardware = &facts.hardware(s, "hardware");
    if (!s.has("billing")) s.refuse("hardware", "needs billing beside it: rented, owned or bought");
    e.billing = read_billing(s);
    if (e.billing == Billing::kRented && !e.hardware->can_be_rented()) {
      s.refuse("billing", fmt::format("{} has no rental price; use owned or bought", e.hardware->name));
    }
    return e;
  }
  e.billing = Billing::kBuilt;
  const std::string name = s.text("build");
  std::vector<std::string_view> known;
  for (; e.build < builds.size(); ++e.build) {
    if (builds[e.build].name == name) return e;
    known.emplace_back(builds[e.build].name);
  }
  s.refuse("build", fmt::format("there is no build '{}' above; {}", name, suggestion(name, known)));
}

void read_workload(const chip::Section& top, const std::string& stem, Facts& facts, Scenario& sc) {
  const chip::Section w =
      top.section("workload", {"model", "input", "cached", "output", "context", "tpot_limit", "load_curve"});
  const auto read = [&](std::string_view key, Dimension dimension, double low, double high) {
    return facts.ledger().read(w, stem, key, dimension, low, high);
  };
  sc.model = w.text("model");
  sc.input = read("input", Dimension::kTokens, 0, 1e18);
  sc.cached = read("cached", Dimension::kTokens, 0, 1e18);
  sc.output = read("output", Dimension::kTokens, 1, 1e18);
  sc.context = read("context", Dimension::kTokens, 1, 1e9);
  sc.tpot_limit = read("tpot_limit", Dimension::kSeconds, 1e-6, 1000);
  if (sc.cached.value > sc.input.value) {
    w.refuse("cached", fmt::format("{} is more than the whole input of {}", sc.cached.text, sc.input.text));
  }
  sc.load_curve = read_curve(w, stem, facts.ledger());
}

void read_economics(const chip::Section& top, const std::string& stem, Facts& facts, Scenario& sc) {
  const chip::Section e =
      top.section("economics", {"electricity", "pue", "depreciation", "residual", "interest", "facility",
                                "facility_life", "upkeep", "idle_power", "reserve", "decline"});
  const auto read = [&](std::string_view key, Dimension dimension, double low, double high) {
    return facts.ledger().read(e, stem, key, dimension, low, high);
  };
  sc.electricity = read("electricity", Dimension::kUsdPerKwh, 0, 10);
  sc.pue = read("pue", Dimension::kNone, 1, 5);
  sc.depreciation = read("depreciation", Dimension::kMonths, 1, 600);
  sc.residual = read("residual", Dimension::kPercent, 0, 0.99);
  sc.interest = read("interest", Dimension::kPercent, 0, 1);
  sc.facility = read("facility", Dimension::kUsdPerWatt, 0, 1000);
  sc.facility_life = read("facility_life", Dimension::kMonths, 1, 1200);
  sc.upkeep = read("upkeep", Dimension::kPercent, 0, 1);
  sc.idle_power = read("idle_power", Dimension::kPercent, 0, 1);
  sc.reserve = read("reserve", Dimension::kPercent, 0, 1);
  sc.decline = read("decline", Dimension::kPercent, 0, 0.99);
}

const std::vector<std::string_view> kSpaceKeys{"build",  "supplies",    "cores",      "rows", "columns",
                                               "stacks", "spare_cores", "scratchpad", "links"};
const std::vector<std::string_view> kMoreSpaceKeys{"dies", "clock", "voltage", "limits"};

void read_limits(const chip::Section& s, const RuleSet& rules, DesignSpace& space) {
  const chip::Section l = s.section("limits", {}, {"power", "not_under"});
  if (l.has("power")) space.most_power_w = l.quantity("power", Dimension::kWatt, 1, 1e6);
  if (!l.has("not_under")) return;
  std::vector<std::string_view> known;
  for (const Rule& rule : rules.rules) known.push_back(rule.name);
  for (const std::string& name : l.texts("not_under")) {
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      l.refuse("not_under", fmt::format("'{}' is no rule of {}; {}", name, rules.name, suggestion(name, known)));
    }
    space.rules_to_avoid.push_back(name);
  }
}

DesignSpace read_space(const chip::Section& s, const std::string& stem, const Scenario& scenario, Facts& facts) {
  const std::vector<Build>& builds = scenario.builds;
  DesignSpace space;
  const std::string name = s.text("build");
  while (space.build < builds.size() && builds[space.build].name != name) ++space.build;
  if (space.build == builds.size()) s.refuse("build", fmt::format("the scenario has no build '{}'", name));
  for (const chip::Section& supply : s.list("supplies", {"process", "memory", "package"})) {
    space.supplies.push_back(
        {&facts.process(supply, "process"), &facts.memory(supply, "memory"), &facts.package(supply, "package")});
  }
  const auto numbers = [&](std::string_view key, Dimension dimension, double low, double high) {
    std::vector<double> all;
    for (const std::string& text : s.texts(key)) {
      all.push_back(parse_quantity(text, dimension, s.place(key), fmt::format("{}.{}", s.path(), key)));
      if (!(all.back() >= low && all.back() <= high)) {
        s.refuse(key, fmt::format("{} is out of range; in base units it must be from {:g} to {:g}", text, low, high));
      }
    }
    if (all.empty()) s.refuse(key, "the list is empty; a search needs a value");
    return all;
  };
  const auto counts = [&](std::string_view key, int low, int high, int step) {
    std::vector<int> all;
    for (const double value : numbers(key, Dimension::kNone, low, high)) {
      all.push_back(static_cast<int>(value));
      if (all.back() != value || all.back() % step != 0) {
        s.refuse(key, fmt::format("{} is not a multiple of {}", value, step));
      }
    }
    return all;
  };
  if (space.supplies.empty()) s.refuse("supplies", "the list is empty; a search needs a process, memory and package");
  space.cores = counts("cores", 1, 16 * kMostCores, 1);
  space.rows = counts("rows", 8, 256, 8);
  space.columns = counts("columns", 32, 256, 32);
  space.stacks = counts("stacks", 1, 64, 1);
  space.spare_cores = counts("spare_cores", 0, 16 * kMostCores - 1, 1);
  space.spm_bytes = numbers("scratchpad", Dimension::kBytes, 1024, 2097152);
  space.link_bytes_per_s = numbers("links", Dimension::kBytesPerSecond, 1e6, 1e14);
  if (s.has("dies")) space.dies = counts("dies", 1, 16, 1);
  if (s.has("clock")) space.clock = numbers("clock", Dimension::kNone, 0.1, 1.5);
  if (s.has("voltage")) space.voltage = read_voltage(s, stem, facts.ledger());
  if (!space.voltage && std::any_of(space.clock.begin(), space.clock.end(), [](double c) { return c != 1; })) {
    s.refuse("clock", "another clock takes another voltage; 'voltage' must say how they hang together");
  }
  if (s.has("limits")) read_limits(s, *scenario.rules, space);
  return space;
}

void read_published(const chip::Section& top, const std::string& stem, Facts& facts, Scenario& sc) {
  if (!top.has("published")) return;
  const chip::Section p =
      top.section("published", {}, {"nodes", "usd_per_day", "usd_per_mtoken_in", "usd_per_mtoken_out"});
  for (const char* key : {"nodes", "usd_per_day", "usd_per_mtoken_in", "usd_per_mtoken_out"}) {
    const Dimension dimension = std::string_view(key) == "nodes" ? Dimension::kNone : Dimension::kUsd;
    if (p.has(key)) sc.published.push_back({key, facts.ledger().read(p, stem, key, dimension, 1e-9, 1e12)});
  }
}

}  // namespace

Scenario parse_scenario(std::string_view text, const std::string& file, Facts& facts) {
  Scenario sc;
  with_yaml(text, file, [&](const YAML::Node& node) {
    const chip::Section top(
        node, file, "",
        {"name", "description", "buyer", "date", "rules", "workload", "economics", "forecast", "builds", "options"},
        {"published", "explore"});
    const std::string stem = std::filesystem::path(file).stem().string();
    sc.file = file;
    sc.name = top.text("name");
    sc.description = top.text("description");
    sc.buyer = top.text("buyer");
    if (sc.buyer != "prc-designer" && sc.buyer != "us-designer") {
      top.refuse("buyer", fmt::format("'{}' is unknown; use prc-designer or us-designer", sc.buyer));
    }
    sc.date = read_date(top, "date");
    sc.rules = &facts.rules(top, "rules");
    read_workload(top, stem, facts, sc);
    read_economics(top, stem, facts, sc);
    const chip::Section f = top.section("forecast", {"runs", "seed"});
    sc.runs = static_cast<int>(f.count("runs", 100, 10'000'000));
    sc.seed = static_cast<uint64_t>(f.count("seed", 0, 1'000'000'000));
    for (const chip::Section& s :
         top.list("builds",
                  {"name", "chip", "process", "memory", "stacks", "package", "dies", "spare_cores", "links",
                   "yield_model", "programme", "reference", "volume", "server", "host_power", "matrix_activity",
                   "memory_activity", "vector_activity"},
                  {"clock", "team"})) {
      sc.builds.push_back(read_build(s, stem, facts));
    }
    for (const chip::Section& s : top.list("options", {"name", "fleet"})) {
      Option option{s.text("name"), {}};
      for (const chip::Section& entry : s.list("fleet", {}, {"hardware", "build", "billing", "available"})) {
        option.fleet.push_back(read_entry(entry, sc.builds, facts));
      }
      if (option.fleet.empty()) s.refuse("fleet", "the list is empty; a fleet needs a kind of chip");
      sc.options.push_back(std::move(option));
    }
    if (sc.options.empty()) top.refuse("options", "the list is empty; a scenario compares at least one fleet");
    read_published(top, stem, facts, sc);
    if (top.has("explore")) sc.space = read_space(top.section("explore", kSpaceKeys, kMoreSpaceKeys), stem, sc, facts);
  });
  return sc;
}

Scenario load_scenario(const std::string& path, Facts& facts) {
  return parse_scenario(MappedFile::open(path).text(), path, facts);
}

DesignSpace load_space(const std::string& path, const Scenario& scenario, Facts& facts) {
  DesignSpace space;
  with_yaml(MappedFile::open(path).text(), path, [&](const YAML::Node& node) {
    space = read_space(chip::Section(node, path, "", kSpaceKeys, kMoreSpaceKeys),
                       std::filesystem::path(path).stem().string(), scenario, facts);
  });
  return space;
}

Workload workload_of(const Scenario& sc) {
  return {sc.model,         sc.input.value,      sc.cached.value, sc.output.value,
          sc.context.value, sc.tpot_limit.value, sc.load_curve};
}

Economics economics_of(const Scenario& sc, const FigureValue& value) {
  Economics e;
  e.electricity_usd_per_kwh = value(sc.electricity);
  e.pue = value(sc.pue);
  e.depreciation_months = value(sc.depreciation);
  e.residual = value(sc.residual);
  e.interest = value(sc.interest);
  e.facility_usd_per_w = value(sc.facility);
  e.facility_months = value(sc.facility_life);
  e.upkeep = value(sc.upkeep);
  e.idle_power = value(sc.idle_power);
  e.reserve = value(sc.reserve);
  return e;
}

}  // namespace hadal::plan
