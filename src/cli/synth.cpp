// hadal synth: area, clock and energy of the RTL's blocks on a cell library.
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "chip/chip.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "report/units.h"
#include "synth/blocks.h"
#include "synth/liberty.h"
#include "synth/netlist.h"
#include "synth/record.h"
#include "synth/synthesis.h"
#include "synth/tools.h"
#include "verify/rtl_model.h"

namespace hadal::cli {
namespace {

struct Options {
  std::string chip = "hadal-rtl", liberty, rtl = HADAL_SOURCE_DIR "/rtl", build = "build/synth";
  std::vector<std::string> blocks;
  std::string record, json;
  bool netlist = false, activity = false, list = false;
  int programs = 10, faults = 20;
  uint64_t seed = 1;
};

constexpr const char* kDebianLiberty = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

// The gates of some blocks, and the RTL with monitors for them.
struct Beside {
  std::vector<synth::Synthesis> blocks;
  std::string rtl;  // shared object
};

Beside beside_rtl(const Options& o, const chip::Chip& chip, std::vector<synth::Synthesis> blocks,
                  const std::string& directory) {
  if (blocks.empty()) input_error("--block", "names no block; `hadal synth --list` does");
  const std::string copy = directory + "/netlist_rtl";
  synth::write_watched_rtl(o.rtl, blocks, copy);
  uint64_t gates = 0;
  for (const synth::Synthesis& s : blocks)
    gates += static_cast<uint64_t>(s.count.cells) * static_cast<uint64_t>(s.block.count);
  fmt::print("{} gates beside the RTL\n", report::grouped(gates));
  std::fflush(stdout);
  const std::string built = verify::build_rtl(chip, {copy, HADAL_SOURCE_DIR "/src", directory + "/lockstep", false});
  return {std::move(blocks), built};
}

// Those of --block; without it those that `usual` accepts.
template <typename Usual>
std::vector<synth::Synthesis> chosen(const Options& o, const synth::Design& design, const synth::Liberty& liberty,
                                     const std::map<std::string, synth::Cell>& models, const std::string& cells,
                                     const std::string& directory, const Usual& usual) {
  std::vector<synth::Synthesis> blocks;
  StatusLine status;
  for (const synth::Block& block : design.blocks) {
    const bool named = std::find(o.blocks.begin(), o.blocks.end(), block.name) != o.blocks.end();
    if (o.blocks.empty() ? !usual(block) : !named) continue;
    if (!block.clocked) input_error(block.name, "has no clock; only blocks with one are watched");
    status.show(fmt::format("synthesis of {}", block.name));
    blocks.push_back(synth::synthesize(block, liberty, models, cells, directory));
  }
  status.clear();
  return blocks;
}

void throw_difference(const synth::NetlistCheck& result) {
  std::string first = result.difference.empty() ? "" : "the RTL differs: " + result.difference;
  for (const synth::BlockCheck& b : result.blocks) {
    if (first.empty() && !b.difference.empty()) first = fmt::format("the gates of {} differ: {}", b.name, b.difference);
  }
  if (!first.empty()) throw Error(ErrorKind::kInternal, first);
}

// The gates of blocks beside their RTL, which runs in lockstep with the functional simulator.
void check_netlist(const Options& o, const chip::Chip& chip, const std::vector<synth::Synthesis>& chosen,
                   const std::map<std::string, synth::Cell>& models, const std::string& directory) {
  for (const synth::Synthesis& s : chosen) {
    if (!s.activity) continue;
    const synth::FaultCheck check =
        synth::check_faults(s.block.name, synth::read_file(s.netlist), s.netlist, models, o.seed, o.faults);
    fmt::print("{} alone: {} results right; {} of {} inverted gates noticed\n", s.block.name,
               report::grouped(s.activity->checked), check.planted - static_cast<int>(check.unnoticed.size()),
               check.planted);
  }
  const auto [blocks, built] = beside_rtl(o, chip, chosen, directory);
  const synth::NetlistCheck result = synth::check_netlist(
      chip, built, blocks, models, synth::random_programs(chip, o.programs, o.seed), o.faults, o.seed);
  fmt::print(
      "{} random programs from seed {}: {} instructions of units, {} cycles, {} lines compared, {} differences\n",
      o.programs, o.seed, report::grouped(result.instructions), report::grouped(result.cycles),
      report::grouped(result.lines), result.difference.empty() ? 0 : 1);
  fmt::print("{:<24} {:>5} {:>10} {:>16} {:>12} {:>9} {:>8}\n", "block", "count", "cycles", "bits compared",
             "differences", "inverted", "noticed");
  for (const synth::BlockCheck& b : result.blocks) {
    fmt::print("{:<24} {:>5} {:>10} {:>16} {:>12} {:>9} {:>8}\n", b.name, b.instances, report::grouped(b.cycles),
               report::grouped(b.compared), b.difference.empty() ? 0 : 1, b.planted, b.noticed);
  }
  throw_difference(result);
}

// What changes in the blocks while kernels keep the units busy, and what clock gates would leave of their clock.
void measure_activity(const Options& o, const chip::Chip& chip, const std::vector<synth::Synthesis>& chosen,
                      const std::map<std::string, synth::Cell>& models, const std::string& directory) {
  const std::string record = o.record.empty() ? "" : synth::read_file(o.record);
  if (!o.record.empty() && record.empty())
    input_error(o.record,
                "has no rows that shares could be added to; `hadal synth --write` without --activity makes it");
  const auto [blocks, built] = beside_rtl(o, chip, chosen, directory);
  const synth::NetlistCheck result =
      synth::check_netlist(chip, built, blocks, models, synth::busy_kernels(chip), 0, o.seed);
  fmt::print("{} cycles of kernels that keep one unit busy each, {} lines compared, {} differences\n",
             report::grouped(result.cycles), report::grouped(result.lines), result.difference.empty() ? 0 : 1);
  fmt::print("{:<24} {:>5} {:>10} {:>9} {:>10} {:>8} {:>10} {:>10} {:>8}\n", "block", "count", "at work", "% change",
             "registers", "% gated", "% clocked", "% at rest", "equal");
  for (const synth::BlockCheck& b : result.blocks) {
    const synth::Clocking& c = b.clocking;
    fmt::print("{:<24} {:>5} {:>10} {:>9.1f} {:>10} {:>8.1f} {:>10.1f} {:>10.1f} {:>8}\n", b.name, b.instances,
               report::grouped(b.at_work), 100 * b.transitions, report::grouped(c.registers),
               100.0 * static_cast<double>(c.gated) / static_cast<double>(std::max<size_t>(1, c.registers)),
               100 * c.at_work, 100 * c.at_rest, b.difference.empty() ? "all" : "not all");
  }
  for (const synth::BlockCheck& b : result.blocks) {
    if (!b.difference.empty()) fmt::print("{}: {}\n", b.name, b.difference);
  }
  if (!result.difference.empty()) throw Error(ErrorKind::kInternal, "the RTL differs: " + result.difference);
  if (!o.record.empty()) {
    OutputFile file(o.record);
    file.write(synth::with_gating(record, result.blocks));
  }
}

// Every chosen block, one after the other, with a line each.
std::vector<synth::Synthesis> run(const Options& o, const synth::Design& design, const synth::Liberty& liberty,
                                  const std::map<std::string, synth::Cell>& models, const std::string& cells,
                                  const std::string& directory) {
  std::vector<synth::Block> chosen;
  for (const synth::Block& block : design.blocks) {
    if (o.blocks.empty() || std::find(o.blocks.begin(), o.blocks.end(), block.name) != o.blocks.end())
      chosen.push_back(block);
  }
  for (const std::string& name : o.blocks) {
    if (std::none_of(chosen.begin(), chosen.end(), [&](const synth::Block& b) { return b.name == name; }))
      input_error(name, "is no block; `hadal synth --list` names them");
  }
  fmt::print("{:<24} {:>5} {:>9} {:>12} {:>8} {:>10} {:>10}  {}\n", "block", "count", "cells", "um2 of one", "path ps",
             "pJ clock", "pJ data", "path");
  std::vector<synth::Synthesis> results;
  StatusLine status;
  for (const synth::Block& block : chosen) {
    status.show(fmt::format("{} of {}: {}", results.size() + 1, chosen.size(), block.name));
    results.push_back(synth::synthesize(block, liberty, models, cells, directory));
    const synth::Synthesis& s = results.back();
    const double idle = s.timing.idle_w * synth::kPeriodSeconds * 1e12;
    const double active = s.timing.active_w * synth::kPeriodSeconds * 1e12;
    status.clear();
    fmt::print(
        "{:<24} {:>5} {:>9} {:>12.1f} {:>8.0f} {:>10.3f} {:>10.3f}  {}\n", block.name, block.count,
        report::grouped(static_cast<uint64_t>(s.count.cells)), s.count.area_um2, s.timing.longest_s * 1e12, idle,
        active - idle,
        s.timing.from.substr(0, s.timing.from.find('$')) + " to " + s.timing.to.substr(0, s.timing.to.find('$')));
    if (s.activity)
      fmt::print("  {:.1f} % of its nets change a cycle: {}; {} results right\n", 100 * s.activity->transitions,
                 s.activity->what, report::grouped(s.activity->checked));
    std::fflush(stdout);
  }
  return results;
}

// Area by group, and the slowest block.
void print_sum(const std::vector<synth::Synthesis>& results, const synth::Design& design) {
  std::map<std::string, double> groups;
  double total = 0;
  const synth::Synthesis* slowest = nullptr;
  for (const synth::Synthesis& s : results) {
    const double um2 = s.count.area_um2 * s.block.count;
    groups[s.block.group] += um2;
    total += um2;
    if (slowest == nullptr || s.timing.longest_s > slowest->timing.longest_s) slowest = &s;
  }
  for (const auto& [group, um2] : groups) fmt::print("{:<24} {:>28.0f} um2\n", group, um2);
  fmt::print("{:<24} {:>28.0f} um2, and {} bits of memory\n", "all", total, report::grouped(design.memory_bits));
  if (slowest != nullptr)
    fmt::print("slowest: {} with {:.0f} ps, {:.2f} GHz before layout\n", slowest->block.name,
               slowest->timing.longest_s * 1e12, 1e-9 / slowest->timing.longest_s);
}

nlohmann::ordered_json as_json(const std::vector<synth::Synthesis>& results, const synth::Liberty& liberty,
                               const synth::Design& design) {
  nlohmann::ordered_json out{{"liberty", liberty.name}, {"memory_bits", design.memory_bits}};
  out["blocks"] = nlohmann::ordered_json::array();
  for (const synth::Synthesis& s : results) {
    out["blocks"].push_back({{"name", s.block.name},
                             {"group", s.block.group},
                             {"count", s.block.count},
                             {"cells", s.count.cells},
                             {"area_um2", s.count.area_um2},
                             {"critical_path_ns", s.timing.longest_s * 1e9},
                             {"clock_pj", s.timing.idle_w * synth::kPeriodSeconds * 1e12},
                             {"energy_pj", s.timing.active_w * synth::kPeriodSeconds * 1e12},
                             {"activity", s.activity ? s.activity->transitions : synth::kDataActivity},
                             {"activity_measured", s.activity.has_value()}});
  }
  return out;
}

void execute(const Options& o) {
  const chip::Chip chip = chip::load(find_chip(o.chip));
  const std::string given = o.liberty.empty() ? kDebianLiberty : o.liberty;
  if (o.liberty.empty() && !std::filesystem::exists(given))
    input_error(given, "is not there; run tools/setup.sh synth, or give --liberty FILE");
  const std::string text = synth::load_liberty_text(given);
  const synth::Liberty liberty = synth::parse_liberty(text, given);
  const std::map<std::string, synth::Cell> models = synth::parse_cells(text, given);
  synth::require_program("sta", "opensta");
  const std::string directory = std::filesystem::absolute(o.build + "/" + liberty.name).string();
  std::filesystem::create_directories(directory);
  const std::string cells = directory + "/cells.lib";
  synth::write_file(cells, synth::for_mapping(text));
  fmt::print("{}: {} cells, {} V\n", liberty.name, liberty.cells, liberty.voltage_v);
  const synth::Design design = synth::elaborate(chip, o.rtl, directory);
  if (o.list) {
    for (const synth::Block& b : design.blocks)
      fmt::print("{:<24} {:>5}  {}: {}; {}\n", b.name, b.count, b.group, b.what, synth::key_of(b));
    return;
  }
  if (o.netlist) {
    const auto matrix = [](const synth::Block& block) { return block.group == "matrix"; };
    return check_netlist(o, chip, chosen(o, design, liberty, models, cells, directory, matrix), models, directory);
  }
  if (o.activity) {
    const auto all = [&](const synth::Block& block) {
      return block.clocked && !synth::module_file(o.rtl, block.name).empty();
    };
    return measure_activity(o, chip, chosen(o, design, liberty, models, cells, directory, all), models, directory);
  }
  const std::string former = o.record.empty() ? "" : synth::read_file(o.record);
  std::optional<OutputFile> record;
  if (!o.record.empty()) record.emplace(o.record);
  std::optional<OutputFile> json;
  if (!o.json.empty()) json.emplace(o.json);
  const std::vector<synth::Synthesis> results = run(o, design, liberty, models, cells, directory);
  print_sum(results, design);
  if (json) json->write(as_json(results, liberty, design).dump(2) + "\n");
  if (record) {
    const std::string library = std::filesystem::path(given).filename().string();
    const std::string rows = synth::record(chip, liberty, results,
                                           fmt::format("hadal synth --chip {} --liberty {} --write {}", chip.name,
                                                       library, std::filesystem::path(o.record).filename().string()),
                                           fmt::format("{:%F}", fmt::gmtime(std::time(nullptr))));
    record->write(synth::with_former_rows(rows, former, design.blocks));
  }
}

}  // namespace

void add_synth(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("synth", "Area, clock and energy of the RTL's blocks on a cell library");
  command->add_option("--chip", o.chip, "Chip description or name");
  command->add_option("--liberty", o.liberty, "Cell library (.lib or .lib.gz)");
  command->add_option("--block", o.blocks, "Only these blocks");
  command->add_flag("--list", o.list, "Name the blocks");
  command->add_option("--write", o.record,
                      "Write the data file of the planner (areas/*.yaml); rows of other blocks of the same RTL stay");
  command->add_option("--json", o.json, "Write the result as JSON");
  command->add_flag("--check-netlist", o.netlist, "Run gates beside the RTL: of the matrix unit, or of each --block");
  command->add_flag("--activity", o.activity,
                    "What changes in the gates while kernels run beside them, and what clock gates would save; with "
                    "--write into that file");
  command->add_option("--random", o.programs, "Random programs for that")->check(CLI::Range(1, 10000));
  command->add_option("--faults", o.faults, "Gates of each block to invert, one at a time")->check(CLI::Range(0, 255));
  command->add_option("--seed", o.seed, "First random program, and which gates");
  command->add_option("--rtl", o.rtl, "Where the RTL lies");
  command->add_option("--build", o.build, "Where results lie");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
