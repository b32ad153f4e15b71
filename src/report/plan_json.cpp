// A plan as JSON; keys carry their unit.
#include <algorithm>
#include <cmath>

#include "report/blocks.h"
#include "report/document.h"
#include "report/plan.h"

namespace hadal::report {
namespace {

using Json = nlohmann::ordered_json;

Json quantiles(const plan::Quantiles& q) { return {{"p10", q.p10}, {"p50", q.p50}, {"p90", q.p90}, {"mean", q.mean}}; }

Json rules(const std::vector<plan::RuleStatus>& all) {
  Json out = Json::array();
  for (const plan::RuleStatus& r : all) {
    out.push_back({{"rule", r.rule},
                   {"effective", r.effective},
                   {"in_force", r.in_force},
                   {"applies", r.applies},
                   {"effect", r.effect},
                   {"arithmetic", r.arithmetic},
                   {"source", r.source}});
  }
  return out;
}

Json influence(const std::vector<plan::Influence>& all) {
  Json out = Json::array();
  for (size_t i = 0; i < all.size() && i < 10; ++i) {
    out.push_back({{"input", all[i].input}, {"share_of_rank_variance", all[i].share}, {"sign", all[i].sign}});
  }
  return out;
}

Json activity(const plan::Activity& a) { return {{"matrix", a.matrix}, {"memory", a.memory}, {"vector", a.vector}}; }

Json unit(const plan::UnitCost& u) {
  return {{"total_usd", u.total_usd},           {"die_usd", u.die.usd},
          {"logic_usd", u.logic_usd},           {"memory_usd", u.memory_usd},
          {"interposer_usd", u.interposer_usd}, {"test_usd", u.test_usd},
          {"other_usd", u.other_usd},           {"yield_loss_usd", u.yield_loss_usd},
          {"assembly_yield", u.assembly_yield}, {"interposer_mm2", u.interposer_mm2}};
}

Json build(const plan::BuildReport& b) {
  Json parts = Json::array(), stages = Json::array(), points = Json::array();
  for (const plan::AreaPart& p : b.area.parts) {
    parts.push_back({{"name", p.name},
                     {"count", p.count},
                     {"each_mm2", p.each_mm2},
                     {"total_mm2", p.total_mm2()},
                     {"in_core", p.in_core},
                     {"does", what_it_does(p.name)}});
  }
  for (const plan::StageForecast& s : b.forecast.stages) {
    stages.push_back({{"name", s.name},
                      {"gate", s.gate},
                      {"start_months", quantiles(s.start_months)},
                      {"end_months", quantiles(s.end_months)},
                      {"cost_usd", quantiles(s.usd)},
                      {"probability_reached", s.reached},
                      {"probability_passed", s.passed}});
  }
  for (const plan::ServingPoint& p : b.points) {
    points.push_back({{"phase", plan::name_of(p.phase)},
                      {"tokens_per_s", p.tokens_per_s},
                      {"low_tokens_per_s", p.low},
                      {"high_tokens_per_s", p.high},
                      {"tpot_s", p.tpot_s},
                      {"basis", p.basis},
                      {"detail", p.detail}});
  }
  return {{"name", b.build->name},
          {"chip", b.build->chip.name},
          {"process", b.build->process->name},
          {"process_available", b.process.status},
          {"memory", b.build->memory->name},
          {"memory_available", b.memory.status},
          {"clock_hz", b.clock_hz},
          {"reachable_clock_hz", b.reachable_clock_hz},
          {"power_w", b.power.total_w()},
          {"most_power_w", b.most_power_w},
          {"clock_w", b.power.clock_w},
          {"operation_energy_pj",
           {{"product", b.energy.product_pj},
            {"mac", b.energy.mac_pj},
            {"fixup", b.energy.fixup_pj},
            {"vector_op", b.energy.vector_op_pj}}},
          {"idle_clock_w", b.energy.idle_w},
          {"activity",
           {{"predicted", b.activity.predicted},
            {"decode", activity(b.activity.decode)},
            {"prefill", activity(b.activity.prefill)}}},
          {"power_breakdown_w",
           {{"matrix", b.power.matrix_w},
            {"scratchpads", b.power.sram_w},
            {"vector", b.power.vector_w},
            {"control", b.power.control_w},
            {"memory", b.power.memory_w},
            {"static", b.power.static_w}}},
          {"die_area_mm2", b.area.die_mm2},
          {"die_area_mm2_p10", b.die_mm2.p10},
          {"die_area_mm2_p90", b.die_mm2.p90},
          {"die_content_mm2", b.area.content_mm2},
          {"die_width_mm", b.area.width_mm},
          {"die_height_mm", b.area.height_mm},
          {"core_mm2", b.area.core_mm2},
          {"cores", b.build->chip.cores},
          {"core_columns", b.build->chip.noc.columns},
          {"spare_cores", b.build->spare_cores},
          {"stacks", b.build->stacks},
          {"stacked_memory", b.build->memory->is_stacked()},
          {"edge_bound", b.area.edge_bound},
          {"fits_reticle", b.fits_reticle},
          {"area", parts},
          {"dies_per_wafer", b.unit.die.dies_per_wafer},
          {"die_yield", b.unit.die.yield},
          {"unit", unit(b.unit)},
          {"unit_usd", quantiles(b.unit_usd)},
          {"wafers", b.wafers},
          {"tapeout_date_p50", b.tapeout_p50},
          {"volume_date_p10", b.volume_p10},
          {"volume_date_p50", b.volume_p50},
          {"volume_date_p90", b.volume_p90},
          {"nre_usd", quantiles(b.forecast.nre_usd)},
          {"probability_of_volume", b.forecast.success},
          {"stages", stages},
          {"date_influences", influence(b.forecast.on_date)},
          {"nre_influences", influence(b.forecast.on_nre)},
          {"serving", points},
          {"tpp", plan::total_processing_performance(b.subject)},
          {"performance_density", plan::performance_density(b.subject)},
          {"export_status", rules(b.rules)}};
}

// Money spent and earned back from the programme's start on, at the corners of the line that break_even_months() draws:
// the NRE evenly until volume, then the chips at once, then what running them saves.
Json curve(const plan::OptionReport& o, const plan::BreakEven& b, double life_months) {
  const double volume = o.built->forecast.end_months.p50, nre = o.built->forecast.nre_usd.p50;
  const double end = volume + life_months;
  return {{{"months", 0}, {"usd", 0}},
          {{"months", volume}, {"usd", -nre}},
          {{"months", volume}, {"usd", -nre - b.capital_usd}},
          {{"months", end}, {"usd", -nre - b.capital_usd + b.saving_usd_per_month * life_months}}};
}

Json option(const plan::OptionReport& o, double life_months) {
  const plan::FleetResult& r = o.base;
  Json status = Json::array(), assignments = Json::array(), even = Json::array();
  for (const auto& [name, all] : o.rules) status.push_back({{"chip", name}, {"rules", rules(all)}});
  for (const plan::Assignment& a : r.assignments) {
    assignments.push_back({{"phase", plan::name_of(a.phase)},
                           {"chip", a.member},
                           {"point", a.point},
                           {"basis", a.basis},
                           {"mean_chips", a.mean_chips},
                           {"peak_chips", a.peak_chips}});
  }
  for (const plan::BreakEven& b : o.break_even) {
    even.push_back({{"against", b.against},
                    {"capital_usd", b.capital_usd},
                    {"saving_usd_per_month", b.saving_usd_per_month},
                    {"date", b.date.empty() ? Json(nullptr) : Json(b.date)},
                    {"within_life", b.within_life},
                    {"load_scale", b.scale > 0 ? Json(b.scale) : Json(nullptr)},
                    {"curve", curve(o, b, life_months)}});
  }
  const bool built = o.built != nullptr;
  Json out{{"name", o.option->name},
           {"feasible", r.feasible},
           {"reason", r.reason},
           {"chips", r.chips()},
           {"mean_chips", r.mean_chips()},
           {"usd_per_mtoken_in", r.usd_per_mtoken_in},
           {"usd_per_mtoken_out", r.usd_per_mtoken_out},
           {"usd_per_day", r.usd_per_day()},
           {"usd_per_day_prefill", r.usd_per_day_prefill},
           {"usd_per_day_decode", r.usd_per_day_decode},
           {"tokens_per_j", r.tokens_per_j},
           {"energy_j_per_day", r.energy_j_per_day},
           {"usd_per_mtoken_in_range", quantiles(o.usd_per_mtoken_in)},
           {"usd_per_mtoken_out_range", quantiles(o.usd_per_mtoken_out)},
           {"usd_per_day_range", quantiles(o.usd_per_day)},
           {"probability_cheaper_than_first", o.beats_first},
           {"assignments", assignments},
           {"left_out", r.notes},
           {"build", built ? Json(o.built->build->name) : Json(nullptr)},
           {"die_area_mm2", built ? Json(o.built->area.die_mm2) : Json(nullptr)},
           {"die_yield", built ? Json(o.built->unit.die.yield) : Json(nullptr)},
           {"export_status", status},
           {"tapeout_date_p50", built ? Json(o.built->tapeout_p50) : Json(nullptr)},
           {"nre_usd_p50", built ? Json(o.built->forecast.nre_usd.p50) : Json(nullptr)},
           {"nre_usd_per_day", o.nre_usd_per_day},
           {"nre_alone_usd_per_day", o.nre_alone_usd_per_day},
           {"break_even", even}};
  return out;
}

Json inputs(const plan::Ledger& ledger) {
  Json out = Json::array();
  for (const plan::Figure& f : ledger.figures()) {
    const size_t space = f.text.find(' ');
    out.push_back({{"name", f.name},
                   {"value", f.text},
                   {"unit", space == std::string::npos ? "1" : f.text.substr(space + 1)},
                   {"low", f.low_text.empty() ? f.text : f.low_text},
                   {"high", f.high_text.empty() ? f.text : f.high_text},
                   {"source", f.source},
                   {"confidence", f.confidence},
                   {"note", f.note},
                   {"where", f.where}});
  }
  return out;
}

}  // namespace

Json to_json(const plan::Plan& p, const plan::Ledger& ledger) {
  Json options = Json::array(), builds = Json::array(), published = Json::array(), sources = Json::object();
  for (const plan::OptionReport& o : p.options) options.push_back(option(o, p.scenario.depreciation.value));
  for (const plan::BuildReport& b : p.builds) builds.push_back(build(b));
  for (const plan::Comparison& c : p.published) {
    published.push_back(
        {{"name", c.name}, {"predicted", c.predicted}, {"published", c.published}, {"error_pct", 100 * c.error()}});
  }
  for (const auto& [name, source] : ledger.sources()) sources[name] = {{"title", source.title}, {"url", source.url}};
  return document("plan", {{"scenario", p.scenario.name},
                           {"description", p.scenario.description},
                           {"buyer", p.scenario.buyer},
                           {"date", p.scenario.date},
                           {"life_months", p.scenario.depreciation.value},
                           {"options", options},
                           {"builds", builds},
                           {"published", published},
                           {"notice", plan::kNotLegalAdvice},
                           {"inputs", inputs(ledger)},
                           {"sources", sources}});
}

}  // namespace hadal::report
