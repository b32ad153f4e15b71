// Die and package cost.
#include "plan/cost.h"

#include <cmath>
#include <filesystem>
#include <limits>

namespace hadal::plan {
Package load_package(const std::string& path, Ledger& ledger) {
  Package p;
  with_yaml_file(path, [&](const YAML::Node& node) {
    const chip::Section top(node, path, "",
                            {"name", "availability", "interposer_price", "interposer_growth", "largest", "attach_yield",
                             "final_yield", "die_test", "unit_test", "other"});
    const std::string stem = std::filesystem::path(path).stem().string();
    p.file = path;
    p.name = top.text("name");
    p.availability = read_availability(top, ledger.sources());
    const auto usd = [&](std::string_view key) { return ledger.read(top, stem, key, Dimension::kUsd, 0, 1e6); };
    p.interposer_price = ledger.read(top, stem, "interposer_price", Dimension::kUsdPerMm2, 0, 1000);
    p.interposer_growth = ledger.read(top, stem, "interposer_growth", Dimension::kNone, 1, 100);
    p.largest = ledger.read(top, stem, "largest", Dimension::kArea, 1, 1e6);
    p.attach_yield = ledger.read(top, stem, "attach_yield", Dimension::kPercent, 0.01, 1);
    p.final_yield = ledger.read(top, stem, "final_yield", Dimension::kPercent, 0.01, 1);
    p.die_test = usd("die_test");
    p.unit_test = usd("unit_test");
    p.other = usd("other");
  });
  return p;
}

DieCost die_cost(double area_mm2, double yield, const Process& process, double die_test_usd) {
  DieCost c;
  c.area_mm2 = area_mm2;
  c.dies_per_wafer = dies_per_wafer(area_mm2, process.wafer_diameter.value);
  c.yield = yield;
  const double good = c.dies_per_wafer * c.yield;
  c.usd =
      good > 0 ? process.wafer_price.value / good + die_test_usd / c.yield : std::numeric_limits<double>::infinity();
  return c;
}

DieCost die_cost(const HarvestedDie& die, const Process& process, YieldModel model, double die_test_usd) {
  const double yield = harvested_yield(model, die, process.defect_density.value, process.clustering.value);
  return die_cost(die.area_mm2, process.systematic_yield.value * yield, process, die_test_usd);
}

UnitCost unit_cost(const HarvestedDie& die, int dies, const Process& process, YieldModel model, const Memory& memory,
                   int stacks, const Package& package) {
  return unit_cost(die_cost(die, process, model, package.die_test.value), dies, memory, stacks, package);
}

UnitCost unit_cost(const DieCost& die, int dies, const Memory& memory, int stacks, const Package& package) {
  UnitCost u;
  u.die = die;
  u.dies = dies;
  u.stacks = stacks;
  u.logic_usd = dies * u.die.usd;
  u.memory_usd = stacks * memory.price.value;
  const bool stacked = memory.is_stacked();
  const double silicon_mm2 = dies * die.area_mm2 + (stacked ? stacks * memory.footprint.value : 0);
  u.interposer_mm2 = silicon_mm2 * package.interposer_growth.value;
  u.interposer_usd = u.interposer_mm2 * package.interposer_price.value;
  u.test_usd = package.unit_test.value;
  u.other_usd = package.other.value;
  const int attached = dies + (stacked ? stacks : 0);
  u.assembly_yield = std::pow(package.attach_yield.value, attached) * package.final_yield.value;
  const double lost_with_unit = u.logic_usd + (stacked ? u.memory_usd : 0) + u.interposer_usd + u.test_usd;
  u.yield_loss_usd = lost_with_unit * (1 / u.assembly_yield - 1);
  u.total_usd = u.logic_usd + u.memory_usd + u.interposer_usd + u.test_usd + u.yield_loss_usd + u.other_usd;
  return u;
}

Process with(const Process& process, const FigureValue& value) {
  Process p = process;
  for (Figure* f : {&p.wafer_price, &p.defect_density}) f->value = value(*f);
  return p;
}

Memory with(const Memory& memory, const FigureValue& value) {
  Memory m = memory;
  m.price.value = value(m.price);
  return m;
}

Package with(const Package& package, const FigureValue& value) {
  Package p = package;
  for (Figure* f : {&p.interposer_price, &p.interposer_growth, &p.attach_yield, &p.final_yield, &p.die_test,
                    &p.unit_test, &p.other}) {
    f->value = value(*f);
  }
  return p;
}

}  // namespace hadal::plan
