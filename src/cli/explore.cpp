// hadal explore: every chip of a scenario's design space, and the ones that no other beats.
#include <fmt/format.h>
#include <unistd.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <tuple>

#include "base/error.h"
#include "base/mapped_file.h"
#include "cli/app.h"
#include "cli/find.h"
#include "cli/output.h"
#include "cli/terminal.h"
#include "explore/search.h"
#include "report/document.h"
#include "report/explore.h"
#include "report/plan.h"
#include "report/table.h"
#include "report/units.h"

namespace hadal::cli {
namespace {

using report::Align;

struct Options {
  std::string scenario, space, store = ":memory:", json;
  std::optional<uint64_t> point;
  std::shared_ptr<explore::Ranks> ranks;  // outlives the message of an error, which its end may cut off
  int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
};

void show(StatusLine& status, const explore::Progress& p, double seconds) {
  const double rate = static_cast<double>(p.evaluated) / std::max(seconds, 1e-9);
  const double share = static_cast<double>(p.done) / static_cast<double>(p.total);
  constexpr size_t kText = 48;  // about what stands behind the bar
  const size_t columns = terminal_width(STDERR_FILENO);
  const int width = static_cast<int>(std::clamp<size_t>(columns > kText ? columns - kText : 0, 8, 40));
  const int filled = static_cast<int>(share * width);
  status.show(fmt::format("[{:#<{}}{: <{}}] {:.0f} %, {:.0f} points/s, {:.0f} s left", "", filled, "", width - filled,
                          100 * share, rate, static_cast<double>(p.total - p.done) / std::max(rate, 1e-9)));
}

void print_front(const plan::DesignSpace& space, std::vector<plan::Evaluation> front) {
  std::sort(front.begin(), front.end(), [](const auto& a, const auto& b) {
    return std::tie(a.usd_per_mtoken, a.id) < std::tie(b.usd_per_mtoken, b.id);
  });
  report::Table table({{"USD/Mtoken"},
                       {"out"},
                       {"tokens/J"},
                       {"NRE"},
                       {"months"},
                       {"process", Align::kLeft},
                       {"memory", Align::kLeft},
                       {"cores"},
                       {"grid"},
                       {"SPM"},
                       {"links"},
                       {"clock"},
                       {"die mm2"},
                       {"yield"},
                       {"unit"},
                       {"prefill"},
                       {"decode"}});
  for (const plan::Evaluation& e : front) {
    const plan::Design d = plan::design_of(space, e.id);
    table.add({fmt::format("{:.4f}", e.usd_per_mtoken), fmt::format("{:.3f}", e.usd_per_mtoken_out),
               fmt::format("{:.3f}", e.tokens_per_j), report::usd(e.nre_usd), fmt::format("{:.1f}", e.volume_months),
               d.supply.process->name, fmt::format("{} x {}", d.stacks, d.supply.memory->name),
               fmt::format("{} - {}", d.cores, d.spare_cores), fmt::format("{} x {}", d.rows, d.columns),
               report::binary_bytes(static_cast<uint64_t>(d.spm_bytes)), report::si(d.link_bytes_per_s, "B/s"),
               fmt::format("{:.2f}", d.clock),
               fmt::format("{}{:.0f}", d.dies > 1 ? fmt::format("{} x ", d.dies) : "", e.die_mm2),
               report::percent(e.yield), report::usd(e.unit_usd), fmt::format("{:.0f}", e.prefill_tokens_per_s),
               fmt::format("{:.0f}", e.decode_tokens_per_s)});
  }
  fmt::print("{}", table.text());
}

// One design, evaluated anew: the figures that a search has for it, bit for bit.
void show_point(const Options& options, const plan::DesignEvaluator& evaluator, const plan::DesignSpace& space,
                const plan::Scenario& scenario, const nlohmann::ordered_json& about,
                const std::optional<OutputFile>& json) {
  const uint64_t id = *options.point;
  if (id >= space.size()) {
    input_error("--point", "{} is outside the space of {}; its points are 0 to {}", id, scenario.name,
                space.size() - 1);
  }
  const plan::Evaluation e = evaluator.evaluate(id);
  const plan::Design d = plan::design_of(space, id);
  nlohmann::ordered_json point = report::to_json(d, e);
  if (!e.refused.empty()) point["refused"] = e.refused;
  if (json) {
    nlohmann::ordered_json out = report::document("explore", about);
    out["point"] = point;
    json->write(out.dump(2) + "\n");
    if (json->is_standard_output()) return;
  }
  report::Table table({{"", Align::kLeft}, {"", Align::kLeft}});
  for (const auto& [key, value] : point.items()) {
    table.add({key, value.is_number_float() ? fmt::format("{:.6g}", value.get<double>())
                    : value.is_string()     ? value.get<std::string>()
                                            : value.dump()});
  }
  fmt::print("{}: point {} of {}\n\n{}", scenario.name, id, report::grouped(space.size()), table.text());
}

void execute(Options& options) {
  std::optional<OutputFile> json;
  if (!options.json.empty()) json.emplace(options.json);
  const std::string file = find_scenario(options.scenario);
  plan::Facts facts(data_roots());
  plan::Scenario scenario = plan::load_scenario(file, facts);
  std::string text(MappedFile::open(file).text());
  if (!options.space.empty()) {
    const std::string path = find_space(options.space);
    scenario.space = plan::load_space(path, scenario, facts);
    text += MappedFile::open(path).text();
  }
  if (!scenario.space) input_error(file, "has no 'explore' section; write one as in deepseek-day.yaml, or use --space");
  const plan::DesignSpace& space = *scenario.space;
  const plan::PredictedRates rates(facts, find_shape(scenario.model), find_data("measurements/constants.yaml"));
  const plan::DesignEvaluator evaluator(scenario, space, facts, rates);
  const nlohmann::ordered_json about = report::description(scenario, space, options.scenario, options.space);
  if (options.point) return show_point(options, evaluator, space, scenario, about, json);
  options.ranks = std::make_shared<explore::Ranks>();
  std::optional<explore::Store> opened;
  const auto open = [&]() -> explore::Store& {
    opened.emplace(options.store, explore::fingerprint(text, facts.ledger()));
    opened->describe(about.dump());
    return *opened;
  };
  StatusLine status;
  const Stopwatch watch;
  const std::optional<uint64_t> all =
      explore::search(*options.ranks, evaluator, space.size(), open, options.threads,
                      [&](const explore::Progress& p) { show(status, p, watch.seconds()); });
  status.clear();
  if (!all) return;  // the first rank reports
  const uint64_t evaluated = *all;
  const explore::Store& store = *opened;
  const double seconds = watch.seconds();
  const std::vector<plan::Evaluation> possible = store.possible();
  const std::vector<plan::Evaluation> front = plan::pareto_front(possible);
  const double rate = static_cast<double>(evaluated) / std::max(seconds, 1e-9);
  if (json) {
    nlohmann::ordered_json rows = nlohmann::ordered_json::array();
    for (const plan::Evaluation& e : front) rows.push_back(report::to_json(plan::design_of(space, e.id), e));
    nlohmann::ordered_json refused = nlohmann::ordered_json::object();
    for (const auto& [reason, count] : store.refused()) refused[reason] = count;
    nlohmann::ordered_json out = report::document("explore", about);
    out.update({{"points", store.count()},
                {"points_evaluated", evaluated},
                {"points_possible", possible.size()},
                {"points_front", front.size()},
                {"points_per_s", rate},
                {"processes", options.ranks->size()},
                {"refused", refused},
                {"front", rows}});
    json->write(out.dump(2) + "\n");
    if (json->is_standard_output()) return;
  }
  fmt::print(
      "{}: {} points, {} evaluated now in {:.1f} s ({:.0f} a second), {} possible, {} that no other beats in cost, "
      "tokens/J, NRE and date together\n\n",
      scenario.name, report::grouped(store.count()), report::grouped(evaluated), seconds, rate,
      report::grouped(possible.size()), front.size());
  print_front(space, front);
}

}  // namespace

void add_explore(CLI::App& app, Action& action) {
  const auto options = std::make_shared<Options>();
  Options& o = *options;
  CLI::App* command = app.add_subcommand("explore", "Search a scenario's design space for chips that no other beats");
  command->add_option("SCENARIO", o.scenario, "Scenario file, or the name of a file under scenarios/")->required();
  command->add_option("--space", o.space,
                      "File with another space than the scenario's own, or the name of a file under spaces/");
  command->add_option("--store", o.store, "SQLite file that keeps every point; a search goes on where it was stopped")
      ->capture_default_str();
  command->add_option("--threads", o.threads, "Designs worked on at once, by each process of mpirun")
      ->check(CLI::Range(1, 1024));
  command->add_option("--point", o.point, "Instead: this one design, by its number, with all its figures");
  command->add_option("--json", o.json, "Write the result as JSON; - writes it to standard output, and nothing else");
  command->footer(
      "Examples:\n"
      "  hadal explore deepseek-day --store day.sqlite\n"
      "  hadal explore deepseek-day --point 12345\n"
      "  mpirun -n 4 hadal explore deepseek-day --space smic-fine --store day.sqlite");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
