// hadal verify: the RTL against the simulators.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "chip/chip.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/program_file.h"
#include "report/document.h"
#include "report/units.h"
#include "runtime/session.h"
#include "sim/timing.h"
#include "verify/file_lock.h"
#include "verify/kernels.h"
#include "verify/lockstep.h"
#include "verify/mutants.h"
#include "verify/packages.h"
#include "verify/random_program.h"
#include "verify/rtl_model.h"

namespace hadal::cli {
namespace {

struct Options {
  std::string chip = "hadal-rtl", packages, rtl = HADAL_SOURCE_DIR "/rtl", build = "build/rtl", waveform, model, json,
              mutations;
  std::vector<std::string> programs;
  std::optional<uint64_t> seed;
  bool missing = false, kernels = false;
  int tokens = 4, random = 0, instructions = 60;
};

// How far the timing simulator may be off on the kernels.
constexpr double kMeanLimitPct = 3, kWorstLimitPct = 8;

// What a run of several programs and tokens adds up to.
struct Report {
  uint64_t lines = 0;
  std::vector<std::string> differences;
  std::optional<bool> tokens_equal;
  nlohmann::ordered_json kernels = nlohmann::ordered_json::array(), random;
  double error_sum_pct = 0, error_max_pct = 0;
  std::string too_far_off;  // set when kernels pass the limits

  void kernel(const std::string& name, uint64_t rtl, uint64_t sim) {
    const double error = 100 * (static_cast<double>(sim) / static_cast<double>(rtl) - 1);
    kernels.push_back({{"name", name}, {"cycles_rtl", rtl}, {"cycles_sim", sim}, {"error_pct", error}});
    error_sum_pct += std::abs(error);
    error_max_pct = std::max(error_max_pct, std::abs(error));
    fmt::print("{:<32} {:>12} {:>12} {:>+8.2f} %\n", name, report::grouped(rtl), report::grouped(sim), error);
    std::fflush(stdout);  // long runs show how far they are
  }
};

void add(Report& report, const verify::LockstepResult& result) {
  report.lines += result.lines;
  if (result.difference.empty()) return;
  report.differences.push_back(result.difference);
  fmt::print("  {}\n", result.difference);
}

void run_program(const std::string& path, const chip::Chip& chip, verify::RtlModel& model,
                 const verify::LockstepOptions& how, Report& report) {
  const program::Program program = load_program(path);
  verify::Lockstep lockstep(chip, model, how);
  sim::FunctionalOptions functional;
  functional.observer = lockstep.observer();
  sim::Functional machine(chip, program, functional);
  sim::Trace trace;
  machine.launch(&trace);
  if (lockstep.result().difference.empty())
    report.kernel(path, lockstep.result().cycles, sim::simulate_timing(chip, program, trace).cycles);
  add(report, lockstep.result());
}

int32_t likeliest(const std::vector<float>& logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

// Decodes greedily from the beginning-of-text token; each next token is what the RTL's logits say.
void run_tokens(const Options& options, const chip::Chip& chip, verify::RtlModel& rtl,
                const verify::LockstepOptions& how, Report& report) {
  const model::Model model = model::Model::load(find_model(options.model));
  verify::Lockstep lockstep(chip, rtl, how);
  runtime::SessionOptions session_options;
  session_options.functional.observer = lockstep.observer();
  session_options.timing = true;
  runtime::Session session(model, chip, session_options);
  auto token = static_cast<int32_t>(model.config.bos_token_id);
  bool equal = true;
  uint64_t before = 0;
  for (int i = 0; i < options.tokens && lockstep.result().difference.empty(); ++i) {
    const runtime::Row row{token, 0, i};
    session.step({&row, 1});
    if (!lockstep.result().difference.empty()) break;
    std::vector<float> logits(static_cast<size_t>(model.config.vocab_size));
    lockstep.read_dram(session.compiled().layout.logits, std::as_writable_bytes(std::span(logits)));
    token = likeliest(logits);
    equal = equal && token == likeliest(session.logits(0));
    report.kernel(fmt::format("step {} -> token {}", i, token), lockstep.result().cycles - before,
                  session.take_timing().sum.cycles);
    before = lockstep.result().cycles;
  }
  report.tokens_equal = equal && lockstep.result().difference.empty();
  add(report, lockstep.result());
}

// Small programs of which only the repeated part counts.
void run_kernels(const Options& options, const chip::Chip& chip, verify::RtlModel& model, Report& report) {
  uint64_t rtl_fill = 0, sim_fill = 0;
  for (const verify::Kernel& kernel : verify::kernels(chip)) {
    verify::Lockstep lockstep(chip, model, {{}, options.waveform});
    sim::FunctionalOptions functional;
    functional.observer = lockstep.observer();
    functional.check_races = false;  // repetitions of some kernels run over each other
    sim::Trace trace;
    sim::Functional(chip, kernel.program, functional).launch(&trace);
    const uint64_t rtl = lockstep.result().cycles, sim = sim::simulate_timing(chip, kernel.program, trace).cycles;
    if (kernel.name == "fill") {
      rtl_fill = rtl;
      sim_fill = sim;
    } else if (lockstep.result().difference.empty()) {
      report.kernel(kernel.name, rtl - rtl_fill, sim - sim_fill);
    }
    add(report, lockstep.result());
  }
  const double mean = report.error_sum_pct / static_cast<double>(std::max<size_t>(1, report.kernels.size()));
  const std::string summary =
      fmt::format("{} programs: mean absolute error of the cycles {:.2f} % (limit {} %), worst {:.2f} % (limit {} %)",
                  report.kernels.size(), mean, kMeanLimitPct, report.error_max_pct, kWorstLimitPct);
  fmt::print("{}\n", summary);
  if (mean > kMeanLimitPct || report.error_max_pct > kWorstLimitPct) report.too_far_off = summary;
}

// Random programs, each with random memory latencies; a failing one is named by its seed.
void run_random(const Options& options, const chip::Chip& chip, verify::RtlModel& model, Report& report) {
  const uint64_t first = options.seed.value_or(1);
  verify::Coverage coverage;
  uint64_t instructions = 0, cycles = 0;
  for (int i = 0; i < options.random; ++i) {
    const uint64_t seed = first + static_cast<uint64_t>(i);
    const verify::RandomProgram random = verify::random_program(chip, seed, options.instructions);
    verify::Lockstep lockstep(chip, model, {{seed}, options.waveform});
    sim::FunctionalOptions functional;
    functional.observer = lockstep.observer();
    sim::Functional(chip, random.program, functional).launch();
    coverage.add(random.covered);
    if (!lockstep.result().difference.empty()) fmt::print("random program {}:\n", seed);
    add(report, lockstep.result());
    instructions += lockstep.result().instructions;
    cycles += lockstep.result().cycles;
  }
  fmt::print("{} random programs from seed {}: {} instructions of units, {} cycles\n", options.random, first,
             report::grouped(instructions), report::grouped(cycles));
  fmt::print("{} of {} crosses\n", coverage.hit(), coverage.total());
  report.random = {{"programs", options.random}, {"first_seed", first},           {"instructions", instructions},
                   {"cycles", cycles},           {"crosses_hit", coverage.hit()}, {"crosses", coverage.total()}};
  if (options.missing) {
    for (const std::string& name : coverage.missing()) fmt::print("  not covered: {}\n", name);
  }
}

// Plants the faults of a list one by one; random programs must show each.
void run_mutations(const Options& options, const chip::Chip& chip) {
  const std::vector<verify::Mutation> mutations = verify::load_mutations(options.mutations);
  std::string built;
  {
    const verify::FileLock lock(options.build + "/mutants.lock");
    const std::string copy = options.build + "/mutants";
    verify::write_mutants(options.rtl, mutations, copy);
    built = verify::build_rtl(chip, {copy, HADAL_SOURCE_DIR "/src", options.build, false});
  }
  const uint64_t first = options.seed.value_or(1);
  std::vector<verify::RandomProgram> programs;
  for (int i = 0; i < std::max(1, options.random); ++i)
    programs.push_back(verify::random_program(chip, first + static_cast<uint64_t>(i), options.instructions));
  size_t caught = 0;
  std::string survivors;
  for (size_t m = 0; m <= mutations.size(); ++m) {  // 0: none is planted, and nothing may differ
    verify::RtlModel model(built);
    model.mutate(static_cast<int>(m));
    std::string difference;
    size_t used = 0;
    for (; used < programs.size() && difference.empty(); ++used) {
      verify::Lockstep lockstep(chip, model, {{first + used}, ""});
      sim::FunctionalOptions functional;
      functional.observer = lockstep.observer();
      sim::Functional(chip, programs[used].program, functional).launch();
      difference = lockstep.result().difference;
    }
    if (m == 0) {
      check(difference.empty(), "without a planted fault: {}", difference);
      continue;
    }
    const std::string& name = mutations[m - 1].name;
    caught += !difference.empty();
    if (difference.empty()) survivors += " " + name;
    fmt::print("{:<22} {}\n", name,
               difference.empty() ? "SURVIVES"
                                  : fmt::format("program {}, {}", used, difference.substr(0, difference.find('\n'))));
    std::fflush(stdout);
  }
  fmt::print("{} of {} planted faults caught by {} random programs\n", caught, mutations.size(), programs.size());
  if (!survivors.empty()) throw Error(ErrorKind::kInternal, "not caught:" + survivors);
}

void execute(const Options& options) {
  const chip::Chip chip = chip::load(find_chip(options.chip));
  if (!options.packages.empty()) return verify::write_packages(chip, options.packages);
  if (!options.mutations.empty()) return run_mutations(options, chip);
  std::optional<OutputFile> json;
  if (!options.json.empty()) json.emplace(options.json);
  const verify::BuildOptions build{options.rtl, HADAL_SOURCE_DIR "/src", options.build, !options.waveform.empty()};
  verify::RtlModel model(verify::build_rtl(chip, build));
  const verify::LockstepOptions how{{options.seed}, options.waveform};
  Report report;
  for (const std::string& path : options.programs) run_program(path, chip, model, how, report);
  if (options.kernels) run_kernels(options, chip, model, report);
  if (options.random > 0) run_random(options, chip, model, report);
  if (!options.model.empty()) run_tokens(options, chip, model, how, report);
  fmt::print("{} lines compared, {} differences\n", report::grouped(report.lines), report.differences.size());
  if (json) {
    nlohmann::ordered_json out{{"chip", chip.name},
                               {"lines_compared", report.lines},
                               {"differences", report.differences.size()},
                               {"differences_each", report.differences}};
    if (report.tokens_equal) out["tokens_equal"] = *report.tokens_equal;
    out["kernels"] = report.kernels;
    const auto count = static_cast<double>(std::max<size_t>(1, report.kernels.size()));
    out["cycle_error_mean_pct"] = report.error_sum_pct / count;
    out["cycle_error_max_pct"] = report.error_max_pct;
    if (!report.random.is_null()) out["random"] = report.random;
    json->write(report::document("verify", out).dump(2) + "\n");
  }
  if (!report.differences.empty()) throw Error(ErrorKind::kInternal, report.differences.front());
  if (!report.too_far_off.empty()) throw Error(ErrorKind::kInternal, report.too_far_off);
}

}  // namespace

void add_verify(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("verify", "Run the RTL in lockstep with the functional simulator");
  command->add_option("--chip", o.chip, "Chip description or name");
  command->add_option("--write-packages", o.packages, "Only write the SystemVerilog packages into this directory");
  command->add_option("--program", o.programs, "Program files to run");
  command->add_option("--model", o.model, "Model directory or name: decode tokens with it");
  command->add_option("--tokens", o.tokens, "Tokens to decode");
  command->add_option("--seed", o.seed, "Random memory latencies and refusals");
  command->add_flag("--kernels", o.kernels, "Small programs: cycles of the RTL and of the timing simulator");
  command->add_option("--random", o.random, "Random programs to run, from --seed on");
  command->add_option("--instructions", o.instructions, "Instructions drawn for each");
  command->add_option("--mutations", o.mutations,
                      "Plant the faults of this list one by one; --random programs must catch each");
  command->add_flag("--missing", o.missing, "Name the crosses that no random program had");
  command->add_option("--rtl", o.rtl, "Where the RTL lies");
  command->add_option("--build", o.build, "Where the RTL is built");
  command->add_option("--fst", o.waveform, "Write a waveform");
  command->add_option("--json", o.json, "Write the result as JSON");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
