// hadal validate: predicted against measured, row by row and by group; --fit fits the constants anew.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "predict/validate.h"
#include "report/table.h"

namespace hadal::cli {
namespace {

using Json = nlohmann::ordered_json;
using report::Align;

struct Options {
  std::string measurements, constants, json, fit;
  bool rows = false;
  int rounds = 12;
};

void execute(const Options& options) {
  const std::string table = options.measurements.empty() ? find_data("measurements/published.csv") : options.measurements;
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
    json->write(out.dump(2) + "\n");
    if (json->is_standard_output()) return;
  }
  report::Table list({{"row", Align::kLeft}, {"chip", Align::kLeft}, {"operator", Align::kLeft}, {"measured"},
                      {"predicted"}, {"", Align::kLeft}, {"error"}, {"mark", Align::kLeft}});
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
  command->add_option("--json", o.json, "Write the result as JSON; - writes it to standard output, and nothing else");
  command->footer(
      "docs/predict.md describes the table and the model.\n\n"
      "Examples:\n"
      "  hadal validate\n"
      "  hadal validate --rows --measurements mine.csv\n"
      "  hadal validate --fit measurements/constants.yaml");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
