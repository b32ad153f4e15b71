// hadal verify: the RTL against the simulators.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "chip/chip.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/program_file.h"
#include "report/units.h"
#include "sim/timing.h"
#include "verify/lockstep.h"
#include "verify/packages.h"
#include "verify/rtl_model.h"

namespace hadal::cli {
namespace {

struct Options {
  std::string chip = "hadal-rtl", packages, build = "build/rtl", waveform;
  std::vector<std::string> programs;
  std::optional<uint64_t> seed;
};

void execute(const Options& options) {
  const chip::Chip chip = chip::load(find_chip(options.chip));
  if (!options.packages.empty()) return verify::write_packages(chip, options.packages);
  verify::BuildOptions build{HADAL_SOURCE_DIR "/rtl", options.build, !options.waveform.empty(), 0};
  verify::RtlModel model(verify::build_rtl(chip, build));
  for (const std::string& path : options.programs) {
    const program::Program program = load_program(path);
    verify::Lockstep lockstep(chip, model, {{options.seed}, 0, options.waveform});
    sim::FunctionalOptions functional;
    functional.observer = lockstep.observer();
    sim::Functional machine(chip, program, functional);
    sim::Trace trace;
    const verify::LockstepResult result = lockstep.launch(program, machine, &trace);
    const sim::TimingResult timing = sim::simulate_timing(chip, program, trace);
    fmt::print("{}: {} lines, {} instructions, {} cycles ({} in the timing simulator){}{}\n", path, result.lines,
               result.instructions, result.cycles, timing.cycles, result.difference.empty() ? "" : "\n  ",
               result.difference);
  }
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("verify", "Run the RTL in lockstep with the functional simulator");
  command->add_option("--chip", o.chip, "Chip description or name");
  command->add_option("--write-packages", o.packages, "Only write the SystemVerilog packages into this directory");
  command->add_option("--program", o.programs, "Program files to run");
  command->add_option("--seed", o.seed, "Random memory latencies and refusals");
  command->add_option("--build", o.build, "Where the RTL is built");
  command->add_option("--fst", o.waveform, "Write a waveform");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
