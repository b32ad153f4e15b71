// hadal synth: area, clock and energy of the RTL's blocks on a cell library.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "chip/chip.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "report/units.h"
#include "synth/blocks.h"
#include "synth/liberty.h"
#include "synth/synthesis.h"
#include "synth/tools.h"

namespace hadal::cli {
namespace {

struct Options {
  std::string chip = "hadal-rtl", liberty, rtl = HADAL_SOURCE_DIR "/rtl", build = "build/synth";
  std::vector<std::string> blocks;
};

constexpr const char* kDebianLiberty = "/usr/share/qflow/tech/osu018/osu018_stdcells.lib";

void execute(const Options& o) {
  const chip::Chip chip = chip::load(find_chip(o.chip));
  const std::string given = o.liberty.empty() ? kDebianLiberty : o.liberty;
  if (o.liberty.empty() && !std::filesystem::exists(given))
    input_error(given, "is not there; run tools/setup.sh synth, or give --liberty FILE");
  const std::string text = synth::load_liberty_text(given);
  const synth::Liberty liberty = synth::parse_liberty(text, given);
  synth::require_program("sta", "opensta");
  const std::string directory = std::filesystem::absolute(o.build + "/" + liberty.name).string();
  std::filesystem::create_directories(directory);
  const std::string cells = directory + "/cells.lib";
  synth::write_file(cells, text);
  fmt::print("{}: {} cells, {} V\n", liberty.name, liberty.cells, liberty.voltage_v);
  const synth::Design design = synth::elaborate(chip, o.rtl, directory);
  fmt::print("{:<28} {:>5} {:>9} {:>11} {:>8} {:>8} {:>9} {:>9}\n", "block", "count", "cells", "um2 each", "ps",
             "ps reg", "pJ clock", "pJ 10 %");
  double total_um2 = 0;
  for (const synth::Block& block : design.blocks) {
    if (!o.blocks.empty() && std::find(o.blocks.begin(), o.blocks.end(), block.name) == o.blocks.end()) continue;
    const synth::Synthesis s = synth::synthesize(block, liberty, cells, directory);
    total_um2 += s.count.area_um2 * block.count;
    fmt::print("{:<28} {:>5} {:>9} {:>11.1f} {:>8.0f} {:>8.0f} {:>9.3f} {:>9.3f}  {} -> {} {:.0f} s\n", block.name,
               block.count, s.count.cells, s.count.area_um2, s.timing.longest_s * 1e12, s.timing.register_s * 1e12,
               s.timing.idle_w * synth::kPeriodSeconds * 1e12, s.timing.active_w * synth::kPeriodSeconds * 1e12,
               s.timing.from, s.timing.to, s.wall_s);
    std::fflush(stdout);
  }
  fmt::print("{:.0f} um2 of cells, {} bits of memory\n", total_um2, design.memory_bits);
}

}  // namespace

void add_synth(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("synth", "Area, clock and energy of the RTL's blocks on a cell library");
  command->add_option("--chip", o.chip, "Chip description or name");
  command->add_option("--liberty", o.liberty, "Cell library (.lib or .lib.gz)");
  command->add_option("--block", o.blocks, "Only these blocks");
  command->add_option("--rtl", o.rtl, "Where the RTL lies");
  command->add_option("--build", o.build, "Where results lie");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
