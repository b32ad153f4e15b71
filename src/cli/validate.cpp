// hadal validate: predicted against measured, row by row and by group; --fit fits the constants anew.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "base/error.h"
#include "base/temporary_directory.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "model/random_checkpoint.h"
#include "predict/cross_layer.h"
#include "predict/layer.h"
#include "predict/validate.h"
#include "report/document.h"
#include "report/table.h"

namespace hadal::cli {
namespace {

using Json = nlohmann::ordered_json;
using report::Align;

struct Options {
  std::string measurements, constants, json, fit, simulator, layer, chip = "chips/hadal-1.yaml";
  bool rows = false;
  int rounds = 12, batch = 1;
  int64_t context = 64;
  int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
};

// The predictor against the timing simulator, for one decode step of a model with weights.
void execute_simulator(const Options& options) {
  const chip::Chip chip = chip::load(find_chip(options.chip));
  std::optional<OutputFile> json;
  if (!options.json.empty()) json.emplace(options.json);
  const model::Model model = model::Model::load(find_model(options.simulator));
  const predict::StepCheck step = predict::check_step(model, chip, options.batch, options.context);
  const auto error = [](double predicted, double simulated) {
    return simulated > 0 ? 100 * (predicted / simulated - 1) : 0;
  };
  Json rows = Json::array();
  report::Table table({{"operator", Align::kLeft}, {"simulated"}, {"predicted"}, {"error"}});
  std::vector<double> sizes;
  for (const predict::OperatorCheck& o : step.operators) {
    // What the simulator charges to a neighbour has no error of its own.
    if (o.simulated_cycles < 0.005 * step.simulated_cycles) continue;
    const double e = error(o.predicted_cycles, o.simulated_cycles);
    sizes.push_back(std::abs(e));
    rows.push_back({{"name", o.name},
                    {"cycles_simulated", o.simulated_cycles},
                    {"cycles_predicted", o.predicted_cycles},
                    {"error_pct", e}});
    table.add({o.name, fmt::format("{:.0f}", o.simulated_cycles), fmt::format("{:.0f}", o.predicted_cycles),
               fmt::format("{:+.1f} %", e)});
  }
  std::sort(sizes.begin(), sizes.end());
  const double median = sizes.empty() ? 0 : sizes[sizes.size() / 2];
  const double whole = error(step.predicted_cycles, step.simulated_cycles);
  if (json) {
    const Json out{{"model", options.simulator},
                   {"chip", chip.name},
                   {"batch", step.batch},
                   {"context", step.context},
                   {"cycles_simulated", step.simulated_cycles},
                   {"cycles_predicted", step.predicted_cycles},
                   {"step_error_pct", whole},
                   {"operator_median_abs_pct", median},
                   {"operators", rows}};
    json->write(report::document("step-check", out).dump(2) + "\n");
    if (json->is_standard_output()) return;
  }
  fmt::print("{} on {}, decode, {} sequences, context {}: cycles\n\n{}\n", options.simulator, chip.name, step.batch,
             step.context, table.text());
  fmt::print("whole step {:.0f} simulated, {:.0f} predicted: {:+.1f} %; median over operators {:.1f} %\n",
             step.simulated_cycles, step.predicted_cycles, whole, median);
}

// One layer of a published model on the compiler and the timing simulator.
void execute_layer(const Options& options) {
  const std::string constants =
      options.constants.empty() ? find_data("measurements/constants.yaml") : options.constants;
  const chip::Chip chip = chip::load_any(find_chip(options.chip));
  if (!chip.runs_programs)
    input_error(chip.file, "is described by its performance only; a layer runs on chips like hadal-1");
  std::optional<OutputFile> json;
  if (!options.json.empty()) json.emplace(options.json);
  const TemporaryDirectory directory;
  const predict::LayerCheck layer =
      predict::check_layer(find_shape(options.layer), chip, predict::load_constants(constants), options.batch,
                           options.context, directory.path(), options.threads);
  report::Table table({{"operator", Align::kLeft}, {"cycles"}, {"us"}, {"by the chains of small models"}});
  Json rows = Json::array();
  for (const predict::OperatorCheck& o : layer.step.operators) {
    table.add({o.name, fmt::format("{:.0f}", o.simulated_cycles),
               fmt::format("{:.1f}", o.simulated_cycles / chip.clock_hz * 1e6),
               fmt::format("{:.0f}", o.predicted_cycles)});
    rows.push_back(
        {{"name", o.name}, {"cycles_simulated", o.simulated_cycles}, {"cycles_predicted", o.predicted_cycles}});
  }
  const double weights = layer.weight_bytes / (chip.dram.channels * chip.dram.channel_bytes_per_s);
  if (json) {
    const Json out{{"model", options.layer},
                   {"chip", chip.name},
                   {"batch", options.batch},
                   {"context", options.context},
                   {"chips", layer.chips},
                   {"simulated_us", layer.simulated_s * 1e6},
                   {"simulated_attention_us", layer.simulated_attention_s * 1e6},
                   {"predicted_us", layer.predicted_s * 1e6},
                   {"predicted_attention_us", layer.predicted_attention_s * 1e6},
                   {"weights_us", weights * 1e6},
                   {"operators", rows}};
    json->write(out.dump(2) + "\n");
    if (json->is_standard_output()) return;
  }
  fmt::print(
      "One layer of {} on {}, one of {} chips that share its experts: {} sequences, context {}, one digit an "
      "activation; exchanges between chips left out\n\n{}\n",
      options.layer, chip.name, layer.chips, options.batch, options.context, table.text());
  const auto line = [&](const char* what, double simulated, double predicted) {
    fmt::print("{:<28} {:8.1f} us timed {:8.1f} us predicted {:+7.1f} %\n", what, simulated * 1e6, predicted * 1e6,
               100 * (predicted / simulated - 1));
  };
  line("up to attention's output", layer.simulated_attention_s, layer.predicted_attention_s);
  line("router, experts, sum", layer.simulated_s - layer.simulated_attention_s,
       layer.predicted_s - layer.predicted_attention_s);
  line("layer", layer.simulated_s, layer.predicted_s);
  fmt::print("{:<28} {:8.1f} us at the memory's peak\n", "weights alone", weights * 1e6);
}

void execute(const Options& options) {
  if (!options.layer.empty()) return execute_layer(options);
  if (!options.simulator.empty()) return execute_simulator(options);
  const std::string table =
      options.measurements.empty() ? find_data("measurements/published.csv") : options.measurements;
  const std::string file = options.constants.empty() ? find_data("measurements/constants.yaml") : options.constants;
  std::optional<OutputFile> json, fitted;
  if (!options.json.empty()) json.emplace(options.json);
  if (!options.fit.empty()) fitted.emplace(options.fit);
  predict::Constants constants = predict::load_constants(file);
  const std::vector<predict::Measurement> rows = predict::load_measurements(table);
  predict::Library library(find_chip, find_shape);
  if (fitted) {
    const predict::FitResult fit = predict::fit(rows, library, constants, options.rounds);
    constants = fit.constants;
    fitted->write(predict::constants_file(fit));
  }
  const std::vector<predict::RowResult> results = predict::validate(rows, library, constants);
  const std::vector<predict::GroupResult> groups = predict::summarise(results);
  if (json) {
    Json out{{"measurements", table}, {"constants", file}, {"rows", Json::array()}, {"groups", Json::array()}};
    for (const predict::RowResult& r : results) {
      out["rows"].push_back({{"id", r.row->id},
                             {"group", r.row->group},
                             {"chip", r.row->chip},
                             {"model", r.row->model},
                             {"operator", r.row->operation},
                             {"metric", r.row->metric},
                             {"config", r.row->config},
                             {"source", r.row->source},
                             {"confidence", r.row->confidence},
                             {"predicted", r.predicted},
                             {"measured", r.row->value},
                             {"unit", r.row->unit},
                             {"error_pct", r.error_pct},
                             {"mark", r.row->mark}});
    }
    for (const predict::GroupResult& g : groups) {
      out["groups"].push_back({{"name", g.name},
                               {"n", g.n},
                               {"median_abs_pct", g.median_abs_pct},
                               {"p90_abs_pct", g.p90_abs_pct},
                               {"bias_pct", g.bias_pct}});
    }
    json->write(report::document("validate", out).dump(2) + "\n");
    if (json->is_standard_output()) return;
  }
  report::Table list({{"row", Align::kLeft},
                      {"chip", Align::kLeft},
                      {"operator", Align::kLeft},
                      {"measured"},
                      {"predicted"},
                      {"", Align::kLeft},
                      {"error"},
                      {"mark", Align::kLeft}});
  for (const predict::RowResult& r : results) {
    const bool system = r.row->operation == "prefill" || r.row->operation == "decode";
    if (!options.rows && !system) continue;
    list.add({r.row->id, r.row->chip, r.row->operation, fmt::format("{:.4g}", r.row->value),
              fmt::format("{:.4g}", r.predicted), r.row->unit, fmt::format("{:+.1f} %", r.error_pct), r.row->mark});
  }
  report::Table sums({{"rows not fitted on", Align::kLeft}, {"n"}, {"median"}, {"P90"}, {"bias"}});
  for (const predict::GroupResult& g : groups) {
    sums.add({g.name, fmt::format("{}", g.n), fmt::format("{:.1f} %", g.median_abs_pct),
              fmt::format("{:.1f} %", g.p90_abs_pct), fmt::format("{:+.1f} %", g.bias_pct)});
  }
  fmt::print("{}: {} rows, constants of {}\n\n{}\n{}\n", table, results.size(), fitted ? options.fit : file,
             options.rows ? list.text() : "Systems:\n" + list.text(), sums.text());
  fmt::print("error: predicted / measured - 1; median and P90 of its size, bias: median with its sign.\n");
}

}  // namespace

void add_validate(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("validate", "Predicted against measured time on published silicon");
  command->add_option("--measurements", o.measurements, "Measurement table; measurements/published.csv if not given");
  command->add_option("--constants", o.constants, "Constants of the model; measurements/constants.yaml if not given");
  command->add_flag("--rows", o.rows, "Show every row, not only those of whole systems");
  command->add_option("--fit", o.fit, "Fit the constants on rows marked fit first, and write them to this file");
  command->add_option("--rounds", o.rounds, "Rounds of the fit")->check(CLI::Range(1, 1000))->capture_default_str();
  command->add_option("--simulator", o.simulator,
                      "Instead: the predictor against the timing simulator, a decode step of this model directory");
  command->add_option("--layer", o.layer,
                      "Instead: one layer of this published model, a chip's share of its experts, compiled with random "
                      "weights and timed");
  command->add_option("--chip", o.chip, "With --simulator or --layer: the chip")->capture_default_str();
  command->add_option("--threads", o.threads, "With --layer: host threads")->check(CLI::Range(1, 256));
  command->add_option("--batch", o.batch, "With --simulator or --layer: sequences")
      ->check(CLI::Range(1, 256))
      ->capture_default_str();
  command->add_option("--context", o.context, "With --simulator or --layer: tokens of each, the step's own included")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  command->add_option("--json", o.json, "Write the result as JSON; - writes it to standard output, and nothing else");
  command->footer(
      "docs/predict.md describes the table and the model.\n\n"
      "Examples:\n"
      "  hadal validate\n"
      "  hadal validate --rows --measurements mine.csv\n"
      "  hadal validate --fit measurements/constants.yaml\n"
      "  hadal validate --simulator hadal-tiny --batch 16");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
