// One function a kind of fact; the parameters of each case are in its entry.
#include "plan/case_kinds.h"

#include <cmath>
#include <functional>

#include "plan/cases.h"

namespace hadal::plan {
namespace {

constexpr const char* kAreas = "areas from transistor counts";
constexpr const char* kBlocks = "memories and blocks";
constexpr const char* kDies = "dies, yield and packages";
constexpr const char* kTime = "time and cost of programmes";
constexpr const char* kHours = "prices of an hour";
constexpr int kRuns = 20000;
constexpr uint64_t kSeed = 1;
constexpr double kTransistorsPerBit = 6, kMostArea = 1e5;
constexpr double kWaferMm = 300, kWaferEdgeMm = 3;  // of interposers; the rim that is not used
constexpr double kBankBytes = 16384;                // of memory in cores where no bank is published: as in the GC200

double area(const chip::Section& s, std::string_view key) { return s.quantity(key, Dimension::kArea, 0, kMostArea); }

HarvestedDie die_of(const chip::Section& s) {
  HarvestedDie die{area(s, "area"), area(s, "core"), static_cast<int>(s.count("cores", 1, 10000)), 0};
  die.spare = static_cast<int>(s.count("spare", 0, die.cores));
  if (s.has("tolerant")) die.empty_mm2 = area(s, "tolerant");
  if (die.cores * die.core_mm2 + die.empty_mm2 > die.area_mm2) s.refuse("core", "the cores are larger than the die");
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
  const double bank = s.has("bank") ? s.quantity("bank", Dimension::kBytes, 1, 1e9) : kBankBytes;
  const AreaData& data = facts.areas();
  return p.sram_bitcell.value * (shared / data.cache_efficiency.value + own / sram_efficiency(data, bank));
}

// Transistors of SRAM at the density of its bit cells, in caches or in the banks of cores; the rest at the library's
// density times utilisation; then what stands on the edge, and the overhead of a die, as chip_area has them.
double area_from_transistors(const chip::Section& s, Facts& facts) {
  const Process& p = facts.process(s, "process");
  const AreaData& data = facts.areas();
  const double shared = 8 * s.quantity("sram", Dimension::kBytes, 0, 1e15);
  const double own = 8 * s.quantity("core_sram", Dimension::kBytes, 0, 1e15);
  const double transistors = s.quantity("transistors", Dimension::kTransistors, 1, 1e15);
  const double logic = (transistors - (shared + own) * kTransistorsPerBit) / 1e6;
  const int stacks = s.has("stacks") ? static_cast<int>(s.count("stacks", 0, 64)) : 0;
  const double edge =
      edge_mm2(data, stacks > 0 ? facts.memory(s, "memory") : Memory{}, stacks,
               s.quantity("links", Dimension::kBytesPerSecond, 0, 1e15), static_cast<int>(s.count("hosts", 0, 64)));
  const double content = logic / (p.logic_density.value * utilisation(data, p).value) + sram_area(s, facts) + edge;
  const double fill = s.has("fill") ? s.quantity("fill", Dimension::kPercent, 0.1, 1) : 1;
  return content * (1 + data.die_overhead.value) / fill;
}

// Placed mm2 of the matrix units of `chip`'s kind that give `products` a cycle.
double matrix_area(const chip::Section& s, Facts& facts) {
  const chip::Chip chip = facts.chip(s, "chip");
  const AreaData& data = facts.areas();
  const Process& process = facts.process(s, "process");
  const double own = double(chip.matrix.rows) * chip.matrix.cols * chip.matrix.depth;
  return core_cells(chip, data).matrix * static_cast<double>(s.count("products", 1, 1 << 30)) / own *
         process.relative_area.value / utilisation(data, process).value;
}

// The cores of `chip`, as many as give `ops` a second on `process`, with everything busy.
Power full_power(const chip::Section& s, Facts& facts, double ops, const Memory& memory, int stacks, int dies) {
  chip::Chip chip = facts.chip(s, "chip");
  const double core = fp8_flops(chip, chip.clock_hz) / chip.cores;
  chip.cores = static_cast<int>(std::ceil(ops / core));
  const double clock = ops / fp8_flops(chip, 1);
  return chip_power(chip, facts.areas(), facts.process(s, "process"), memory, stacks, dies, clock, Activity{});
}

double power(const chip::Section& s, Facts& facts) {
  const int stacks = static_cast<int>(s.count("stacks", 0, 64));
  Memory memory = facts.memory(s, "memory");
  const double bandwidth = s.quantity("bandwidth", Dimension::kBytesPerSecond, 0, 1e15);
  memory.bandwidth.value = stacks > 0 ? bandwidth / stacks : 0;
  return full_power(s, facts, s.quantity("ops", Dimension::kOpsPerSecond, 1e9, 1e18), memory, stacks,
                    static_cast<int>(s.count("dies", 1, 64)))
      .total_w();
}

// pJ of a product with the memory on the chip that feeds it.
double product_energy(const chip::Section& s, Facts& facts) {
  constexpr double kOps = 1e14, kPico = 1e-12;  // any rate: both parts go with it
  const Power p = full_power(s, facts, kOps, {}, 0, 1);
  return (p.matrix_w + p.sram_w) / (kOps / 2) / kPico;
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

// Packages in which every die and stack is placed well, before the final test.
double assembled(const chip::Section& s, Facts& facts) {
  const auto placed = static_cast<double>(s.count("dies", 1, 64) + s.count("stacks", 0, 64));
  return std::pow(facts.package(s, "package").attach_yield.value, placed);
}

Forecast forecast_of(const chip::Section& s, Facts& facts) {
  std::optional<Figure> team;
  if (s.has("team")) team = facts.ledger().read(s, "economics", "team", Dimension::kPeople, 1, 1e5);
  return forecast(facts.programme(s, "programme"), facts.process(s, "process"), kRuns, kSeed, team, Influences::kNone);
}

double months(const chip::Section& s, Facts& facts) {
  const Programme& programme = facts.programme(s, "programme");
  const Forecast f = forecast_of(s, facts);
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

using S = const chip::Section&;
using Run = std::function<double(S, Facts&, const Scenario&)>;

// One that asks for no scenario.
Run alone(double (*run)(S, Facts&)) {
  return [run](S s, Facts& facts, const Scenario&) { return run(s, facts); };
}
Run part_of_unit(double UnitCost::*part) {
  return [part](S s, Facts& facts, const Scenario&) { return unit_of(s, facts).*part; };
}

}  // namespace

const std::map<std::string, CaseKind, std::less<>>& case_kinds() {
  const std::vector<std::string_view> unit{"process", "package", "memory", "area",  "core",
                                           "cores",   "spare",   "dies",   "stacks"};
  static const std::map<std::string, CaseKind, std::less<>> kKinds{
      {"dies_per_wafer",
       {kDies,
        Dimension::kNone,
        "dies",
        1,
        {"process", "area"},
        [](S s, Facts& f, const Scenario&) {
          return dies_per_wafer(area(s, "area"), f.process(s, "process").wafer_diameter.value);
        }}},
      {"area",
       {kAreas,
        Dimension::kArea,
        "mm2",
        1,
        {"process", "transistors", "sram", "core_sram", "links", "hosts"},
        alone(area_from_transistors)}},
      {"sram_area", {kBlocks, Dimension::kArea, "mm2", 1, {"process", "sram", "core_sram"}, alone(sram_area)}},
      {"yield",
       {kDies,
        Dimension::kPercent,
        "%",
        100,
        {"process", "area", "core", "cores", "spare"},
        [](S s, Facts& f, const Scenario&) {
          return die_cost(die_of(s), f.process(s, "process"), YieldModel::kNegativeBinomial, 0).yield;
        }}},
      {"good_dies",
       {kDies,
        Dimension::kNone,
        "dies",
        1,
        {"process", "area", "core", "cores", "spare"},
        [](S s, Facts& f, const Scenario&) {
          const DieCost d = die_cost(die_of(s), f.process(s, "process"), YieldModel::kNegativeBinomial, 0);
          return d.dies_per_wafer * d.yield;
        }}},
      {"interposers_per_wafer",
       {kDies, Dimension::kNone, "packages", 1, {"package", "memory", "area", "dies", "stacks"}, alone(interposers)}},
      {"matrix_area", {kBlocks, Dimension::kArea, "mm2", 1, {"process", "chip", "products"}, alone(matrix_area)}},
      {"power",
       {std::string(kPowerGroup),
        Dimension::kWatt,
        "W",
        1,
        {"process", "chip", "ops", "memory", "stacks", "bandwidth", "dies"},
        alone(power)}},
      {"product_energy",
       {std::string(kPowerGroup), Dimension::kPicojoule, "pJ", 1, {"process", "chip"}, alone(product_energy)}},
      {"die_usd",
       {kDies,
        Dimension::kUsd,
        "USD",
        1,
        {"process", "area"},
        [](S s, Facts& f, const Scenario&) {
          return die_cost({area(s, "area"), 0, 0, 0}, f.process(s, "process"), YieldModel::kNegativeBinomial, 0).usd;
        }}},
      {"die_cost_ratio",
       {kDies, Dimension::kNone, "", 1, {"process", "area", "chiplet", "chiplets"}, alone(die_cost_ratio)}},
      {"stack_usd",
       {kDies,
        Dimension::kUsd,
        "USD",
        1,
        {"memory"},
        [](S s, Facts& f, const Scenario&) { return f.memory(s, "memory").price.value; }}},
      {"assembled", {kDies, Dimension::kPercent, "%", 100, {"package", "dies", "stacks"}, alone(assembled)}},
      {"unit_logic", {kDies, Dimension::kUsd, "USD", 1, unit, part_of_unit(&UnitCost::logic_usd)}},
      {"unit_memory", {kDies, Dimension::kUsd, "USD", 1, unit, part_of_unit(&UnitCost::memory_usd)}},
      {"unit_interposer", {kDies, Dimension::kUsd, "USD", 1, unit, part_of_unit(&UnitCost::interposer_usd)}},
      {"unit_loss", {kDies, Dimension::kUsd, "USD", 1, unit, part_of_unit(&UnitCost::yield_loss_usd)}},
      {"unit_total", {kDies, Dimension::kUsd, "USD", 1, unit, part_of_unit(&UnitCost::total_usd)}},
      {"months", {kTime, Dimension::kMonths, "months", 1, {"programme", "process", "begin", "end"}, alone(months)}},
      {"nre",
       {kTime,
        Dimension::kUsd,
        "MUSD",
        1e-6,
        {"programme", "process"},
        [](S s, Facts& f, const Scenario&) { return forecast_of(s, f).nre_usd.p50; }}},
      {"spent",
       {kTime,
        Dimension::kUsd,
        "MUSD",
        1e-6,
        {"programme", "process", "end"},
        [](S s, Facts& f, const Scenario&) {
          const size_t end = f.programme(s, "programme").stage(s.text("end"));
          return forecast_of(s, f).stages[end].spent_usd.p50;
        }}},
      {"nre_without_software",
       {kTime,
        Dimension::kUsd,
        "MUSD",
        1e-6,
        {"programme", "process"},
        [](S s, Facts& f, const Scenario&) { return forecast_of(s, f).hardware_nre_usd.p50; }}},
      {"hour", {kHours, Dimension::kUsdPerHour, "USD/h", 1, {"hardware"}, hour}}};
  return kKinds;
}

}  // namespace hadal::plan
