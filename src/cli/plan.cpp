// hadal plan and processes: which chip, made where, at what cost, by when, and whether it beats the fleet one has.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "plan/plan.h"
#include "plan/predicted.h"
#include "report/plan.h"
#include "report/table.h"

namespace hadal::cli {
namespace {

struct Options {
  std::string scenario, json;
  bool inputs = false, cases = false, scaled = false;
};

void execute(const Options& options) {
  std::optional<OutputFile> json;
  if (!options.json.empty()) json.emplace(options.json);
  plan::Facts facts(data_roots());
  if (options.cases) {
    const plan::PublishedCases cases = plan::published_cases(facts);
    if (json) json->write(report::to_json(cases).dump(2) + "\n");
    if (!json || !json->is_standard_output()) fmt::print("{}", report::to_text(cases));
    return;
  }
  plan::Scenario scenario = plan::load_scenario(find_scenario(options.scenario), facts);
  const plan::PredictedRates predicted(facts, find_shape(scenario.model), find_data("measurements/constants.yaml"));
  const plan::Plan plan = plan::make_plan(std::move(scenario), facts, options.scaled ? nullptr : &predicted);
  if (json) json->write(report::to_json(plan, facts.ledger()).dump(2) + "\n");
  if (json && json->is_standard_output()) return;
  fmt::print("{}", report::to_text(plan, facts.ledger(), options.inputs));
}

}  // namespace

void add_plan(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("plan", "Die, yield, cost, programme, export status, fleet and price a token");
  command->add_option("SCENARIO", o.scenario, "Scenario file, or the name of a file under scenarios/");
  command->add_flag("--inputs", o.inputs, "List every input figure with unit, source and confidence");
  command->add_flag("--scaled", o.scaled,
                    "Rates of chips to be built by ratios of peaks, instead of from the predictor");
  command->add_flag("--cases", o.cases,
                    "Instead: published facts of cost, yield, area, power and schedule against the models");
  command->add_option("--json", o.json, "Write the result as JSON; - writes it to standard output, and nothing else");
  command->footer(
      "Rates of chips that exist are published measurements; rates of a chip that does not are marked with what they\n"
      "rest on. docs/plan.md explains every model.\n\n"
      "Examples:\n"
      "  hadal plan deepseek-day\n"
      "  hadal plan scenarios/reasoning.yaml --json plan.json --inputs\n"
      "  hadal plan --cases");
  command->callback([options, &action] {
    if (options->scenario.empty() && !options->cases) throw CLI::RequiredError("SCENARIO, or --cases,");
    action = [options] { execute(*options); };
  });
}

}  // namespace hadal::cli
