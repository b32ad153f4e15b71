// Designs, spaces and stores as JSON.
#include "report/explore.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "report/columns.h"
#include "report/document.h"

namespace hadal::report {
namespace {

using Json = nlohmann::ordered_json;

// What a figure is called and measured in; what is better where it matters.
Json figure(const char* name, const char* label, const char* unit, const char* better) {
  return {{"name", name}, {"label", label}, {"unit", unit}, {"better", better}};
}

}  // namespace

Json to_json(const plan::Design& d, const plan::Evaluation& e) {
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

Json description(const plan::Scenario& scenario, const plan::DesignSpace& space, const std::string& argument,
                 const std::string& space_argument) {
  Json supplies = Json::array();
  for (const plan::DesignSpace::Supply& s : space.supplies)
    supplies.push_back(fmt::format("{}, {}, {}", s.process->name, s.memory->name, s.package->name));
  const auto axis = [](const char* name, const char* label, const char* unit, Json values) {
    return Json{{"name", name}, {"label", label}, {"unit", unit}, {"values", std::move(values)}};
  };
  return {
      {"scenario", scenario.name},
      {"argument", argument},
      {"space", space_argument},
      {"about", scenario.description},
      {"points_in_space", space.size()},
      {"axes",
       {axis("supply", "Process, memory, package", "", supplies), axis("cores", "Cores", "", space.cores),
        axis("rows", "Matrix rows", "", space.rows), axis("columns", "Matrix columns", "", space.columns),
        axis("stacks", "Memory devices", "", space.stacks), axis("spare_cores", "Spare cores", "", space.spare_cores),
        axis("scratchpad_bytes", "Scratchpad", "B", space.spm_bytes),
        axis("link_bytes_per_s", "Links", "B/s", space.link_bytes_per_s),
        axis("clock_ratio", "Clock over the nominal", "", space.clock), axis("dies", "Dies", "", space.dies)}},
      {"figures",
       {figure("usd_per_mtoken", "Cost", "USD/Mtoken", "less"),
        figure("tokens_per_j", "Efficiency", "tokens/J", "more"), figure("nre_usd", "NRE", "USD", "less"),
        figure("volume_months", "Time to volume", "months", "less"),
        figure("usd_per_mtoken_out", "Cost of output", "USD/Mtoken", ""), figure("die_mm2", "Die", "mm2", ""),
        figure("yield", "Yield", "", ""), figure("unit_usd", "Unit", "USD", ""), figure("power_w", "Power", "W", ""),
        figure("tpp", "TPP", "", ""), figure("prefill_tokens_per_s", "Prefill", "tokens/s", ""),
        figure("decode_tokens_per_s", "Decode", "tokens/s", "")}}};
}

Json to_json(const explore::Store& store, const std::string& file) {
  const std::string text = store.description();
  if (text.empty()) {
    input_error(file, "does not say what its points are; run `hadal explore` on it once more with this version");
  }
  const Json about = Json::parse(text, nullptr, false);
  if (about.is_discarded()) input_error(file, "has a description that is no JSON; it was written by something else");
  const std::vector<plan::Evaluation> points = store.possible();
  std::vector<double> ids, on_front;
  std::set<uint64_t> front;
  for (const plan::Evaluation& e : plan::pareto_front(points)) front.insert(e.id);
  for (const plan::Evaluation& e : points) {
    ids.push_back(static_cast<double>(e.id));
    on_front.push_back(front.contains(e.id) ? 1 : 0);
  }
  Json columns{{"id", column(ids, true)}, {"front", column(on_front, true)}};
  for (const auto& [name, member] : explore::Store::columns()) {
    std::vector<double> values;
    for (const plan::Evaluation& e : points) values.push_back(e.*member);
    columns[name] = column(values, false);
  }
  Json refused = Json::object();
  for (const auto& [reason, count] : store.refused()) refused[reason] = count;
  Json out = document("explore", about);
  out.update({{"points", store.count()},
              {"points_possible", points.size()},
              {"points_front", front.size()},
              {"refused", refused},
              {"columns", columns}});
  return out;
}

}  // namespace hadal::report
