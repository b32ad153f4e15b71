// hadal exec: runs a program file on the functional simulator and shows memory.
#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/app.h"
#include "cli/dump.h"
#include "cli/output.h"
#include "cli/program_file.h"
#include "report/document.h"
#include "report/run.h"
#include "report/units.h"
#include "sim/functional.h"
#include "sim/timing.h"

namespace hadal::cli {
namespace {

struct Options {
  std::string program, chip, trace, json;
  std::vector<std::string> dumps;
  std::optional<uint64_t> seed;
  bool timing = false, no_checks = false;
};

std::string stats_text(const sim::FunctionalStats& stats) {
  return fmt::format(
      "{} instructions, {} multiply-accumulates, {} vector elements; DRAM {} B read, {} B written; network {} B\n",
      report::grouped(stats.instructions), report::grouped(stats.macs), report::grouped(stats.vector_elements),
      report::grouped(stats.dram_read_bytes), report::grouped(stats.dram_written_bytes),
      report::grouped(stats.noc_bytes));
}

nlohmann::ordered_json stats_json(const sim::FunctionalStats& stats) {
  return {{"instructions", stats.instructions},
          {"macs", stats.macs},
          {"vector_elements", stats.vector_elements},
          {"dram_read_bytes", stats.dram_read_bytes},
          {"dram_written_bytes", stats.dram_written_bytes},
          {"noc_bytes", stats.noc_bytes}};
}

void execute(const Options& options) {
  const program::Program program = load_program(options.program);
  const chip::Chip chip = chip_for(program, options.program, options.chip);
  std::vector<Dump> dumps;
  for (const std::string& text : options.dumps) dumps.push_back(parse_dump(text, chip, program));
  std::optional<OutputFile> json, trace_file;
  if (!options.json.empty()) json.emplace(options.json);
  if (!options.trace.empty()) trace_file.emplace(options.trace);
  const bool timed = options.timing || trace_file;

  sim::FunctionalOptions functional;
  functional.check_races = functional.check_initialised = !options.no_checks;
  functional.interleave_seed = options.seed;
  sim::Functional machine(chip, program, functional);
  sim::Trace trace;
  trace.cores.resize(static_cast<size_t>(chip.cores));
  machine.launch(timed ? &trace : nullptr);

  std::optional<sim::TimingResult> timing;
  if (trace_file) {
    trace_file->write([&](std::ostream& out) {
      sim::TimingOptions with_trace;
      with_trace.chrome_trace = &out;
      timing = sim::simulate_timing(chip, program, trace, with_trace);
    });
  } else if (timed) {
    timing = sim::simulate_timing(chip, program, trace);
  }

  if (json) {
    nlohmann::ordered_json out = report::document(
        "launch", {{"program", options.program}, {"chip", chip.name}, {"work", stats_json(machine.stats())}});
    out["machine"] = report::to_json(chip);
    if (timing) out.update(report::to_json(*timing, chip));
    for (const Dump& dump : dumps) out["dumps"].push_back({{"at", dump.text}, {"hex", hex(dump.read(machine))}});
    json->write(out.dump(2) + "\n");
    if (json->is_standard_output()) return;
  }
  for (const Dump& dump : dumps) fmt::print("{}", dump.show(machine));
  fmt::print("{}", stats_text(machine.stats()));
  if (!timing) return;
  fmt::print("{} cycles, {}\n\n{}", report::grouped(timing->cycles),
             report::si(report::simulated_s(*timing, chip), "s"), report::to_text(*timing, chip, 1, "launch"));
}

}  // namespace

void add_exec(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("exec", "Execute a program file on the functional simulator");
  command->add_option("PROG", o.program, "Program, .hprog or .hasm")->required();
  command->add_option("--chip", o.chip, "Chip description or name, in place of the one the program names");
  command->add_option("--dump", o.dumps,
                      "Memory to show afterwards: spm:CORE:LINE:LINES, acc:CORE:LINE:LINES or\n"
                      "dram:LINE:LINES, and :f32, :u32, :bf16 or :u8 for the type of its values");
  command->add_option("--seed", o.seed, "Run the units in a random order: the result must not change")
      ->check(CLI::NonNegativeNumber);
  command->add_flag("--timing", o.timing, "Also run the timing simulator: cycles, utilisation, energy");
  command->add_option("--trace", o.trace, "Write a Perfetto trace (ui.perfetto.dev)");
  command->add_option("--json", o.json, "Write the result as JSON; - writes it to standard output, and nothing else");
  command->add_flag("--no-checks", o.no_checks, "Leave out the checks for races and unwritten memory");
  command->footer("Example:\n  hadal exec double.hasm --dump dram:0x200:1:f32 --dump spm:0:0:1 --timing");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
