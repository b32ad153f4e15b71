// hadal explore: every chip of a scenario's design space, and the ones that no other beats.
#include <fmt/format.h>
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
#include "report/plan.h"
#include "report/table.h"
#include "report/units.h"

namespace hadal::cli {
namespace {

using report::Align;

struct Options {
  std::string scenario, space, store = ":memory:", json;
  std::shared_ptr<explore::Ranks> ranks;  // outlives the message of an error, which its end may cut off
  int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
};

void show(StatusLine& status, const explore::Progress& p, double seconds) {
  const double rate = static_cast<double>(p.evaluated) / std::max(seconds, 1e-9);
  const double share = static_cast<double>(p.done) / static_cast<double>(p.total);
  constexpr int kWidth = 30;
  const int filled = static_cast<int>(share * kWidth);
  status.show(fmt::format("[{:#<{}}{: <{}}] {:.0f} %, {:.0f} points/s, {:.0f} s left", "", filled, "", kWidth - filled,
                          100 * share, rate, static_cast<double>(p.total - p.done) / std::max(rate, 1e-9)));
}

nlohmann::ordered_json to_json(const plan::Design& d, const plan::Evaluation& e) {
  return {{"id", e.id},
          {"process", d.supply.process->name},
          {"memory", d.supply.memory->name},
          {"package", d.supply.package->name},
          {"cores", d.cores},
          {"spare_cores", d.spare_cores},
          {"rows", d.rows},
          {"columns", d.columns},
          {"stacks", d.stacks},
          {"scratchpad_bytes", d.spm_bytes},
          {"link_bytes_per_s", d.link_bytes_per_s},
          {"clock_ratio", d.clock},
          {"dies", d.dies},
          {"usd_per_mtoken", e.usd_per_mtoken},
          {"usd_per_mtoken_out", e.usd_per_mtoken_out},
          {"tokens_per_j", e.tokens_per_j},
          {"nre_usd", e.nre_usd},
          {"volume_months", e.volume_months},
          {"die_area_mm2", e.die_mm2},
          {"die_yield", e.yield},
          {"unit_usd", e.unit_usd},
          {"power_w", e.power_w},
          {"tpp", e.tpp},
          {"prefill_tokens_per_s", e.prefill_tokens_per_s},
          {"decode_tokens_per_s", e.decode_tokens_per_s}};
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
  options.ranks = std::make_shared<explore::Ranks>();
  std::optional<explore::Store> opened;
  const auto open = [&]() -> explore::Store& {
    return opened.emplace(options.store, explore::fingerprint(text, facts.ledger()));
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
    for (const plan::Evaluation& e : front) rows.push_back(to_json(plan::design_of(space, e.id), e));
    const nlohmann::ordered_json out{{"scenario", scenario.name},
                                     {"points", store.count()},
                                     {"points_evaluated", evaluated},
                                     {"points_possible", possible.size()},
                                     {"points_per_s", rate},
                                     {"processes", options.ranks->size()},
                                     {"front", rows}};
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
  command->add_option("--json", o.json, "Write the result as JSON; - writes it to standard output, and nothing else");
  command->footer(
      "Example:\n  hadal explore deepseek-day --store day.sqlite\n"
      "  mpirun -n 4 hadal explore deepseek-day --space smic-fine --store day.sqlite");
  command->callback([options, &action] { action = [options] { execute(*options); }; });
}

}  // namespace hadal::cli
