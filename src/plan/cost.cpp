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
                            {"name", "availability", "interposer_price", "gap", "rim", "stack_edge", "largest",
                             "attach_yield", "final_yield", "die_test", "unit_test", "other"});
    const std::string stem = std::filesystem::path(path).stem().string();
    p.file = path;
    p.name = top.text("name");
    p.availability = read_availability(top, ledger.sources());
    const auto usd = [&](std::string_view key) { return ledger.read(top, stem, key, Dimension::kUsd, 0, 1e6); };
    p.interposer_price = ledger.read(top, stem, "interposer_price", Dimension::kUsdPerMm2, 0, 1000);
    const auto millimetre = [&](std::string_view key) {
      return ledger.read(top, stem, key, Dimension::kMillimetre, 0, 100);
    };
    p.gap = millimetre("gap");
    p.rim = millimetre("rim");
    p.stack_edge = millimetre("stack_edge");
    if (!(p.stack_edge.value > 0)) top.refuse("stack_edge", "a stack takes some of the edge; give its length");
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
  DieCost c = die_cost(die.area_mm2, process.systematic_yield.value * yield, process, die_test_usd);
  c.height_mm = die.height_mm;
  return c;
}

Outline interposer_outline(double die_mm2, double die_height_mm, int dies, const Memory& memory, int stacks,
                           const Package& package) {
  const double gap = package.gap.value, rim = package.rim.value, edge = package.stack_edge.value;
  const int own = memory.is_stacked() ? (stacks + dies - 1) / dies : 0;  // stacks of a die
  const int on_side = (own + 1) / 2;
  const double along = on_side * edge;  // of its stacks on one side
  const double height = std::max(die_height_mm > 0 ? die_height_mm : std::sqrt(die_mm2), along);
  const double depth = memory.is_stacked() ? memory.footprint.value / edge : 0;
  return {dies * height + (dies - 1) * gap + 2 * rim, die_mm2 / height + std::min(own, 2) * (depth + gap) + 2 * rim};
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
  u.interposer_mm2 = interposer_outline(die.area_mm2, die.height_mm, dies, memory, stacks, package).area_mm2();
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
  for (Figure* f :
       {&p.interposer_price, &p.gap, &p.rim, &p.attach_yield, &p.final_yield, &p.die_test, &p.unit_test, &p.other}) {
    f->value = value(*f);
  }
  return p;
}

}  // namespace hadal::plan
