// A plan as text.
#include "report/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "plan/uncertainty.h"
#include "report/table.h"
#include "report/units.h"

namespace hadal::report {
namespace {

std::string spread(const plan::Quantiles& q, const char* format, double scale = 1) {
  return fmt::format("{} ({} to {})", fmt::format(fmt::runtime(format), q.p50 * scale),
                     fmt::format(fmt::runtime(format), q.p10 * scale),
                     fmt::format(fmt::runtime(format), q.p90 * scale));
}

// What applies, in a few words: "3A090.a, GP10 guidance".
std::string summary(const std::vector<plan::RuleStatus>& rules) {
  std::vector<std::string> names;
  for (const plan::RuleStatus& r : rules) {
    if (r.applies) names.push_back(r.rule);
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

void add_area(const plan::BuildReport& b, std::string& out) {
  Table table({{"part", Align::kLeft}, {"count"}, {"mm2 each"}, {"mm2"}});
  for (const plan::AreaPart& part : b.area.parts) {
    table.add({part.name, fmt::format("{}", part.count), fmt::format("{:.3f}", part.each_mm2),
               fmt::format("{:.1f}", part.total_mm2())});
  }
  out += table.text(4);
  out +=
      fmt::format("    content {:.0f} mm2, die {:.1f} x {:.1f} = {:.0f} mm2 ({:.0f} to {:.0f}){}{}\n",
                  b.area.content_mm2, b.area.height_mm, b.area.width_mm, b.area.die_mm2, b.die_mm2.p10, b.die_mm2.p90,
                  b.area.edge_bound ? fmt::format(": the edge that {} stacks need decides, {:.0f} mm2 stay empty",
                                                  b.build->stacks, b.area.die_mm2 - b.area.content_mm2)
                                    : "",
                  b.fits_reticle ? "" : "; larger than the reticle of 26 x 33 mm");
}

void add_cost(const plan::BuildReport& b, std::string& out) {
  const plan::UnitCost& u = b.unit;
  out += fmt::format(
      "  made for {} ({} to {}) a unit: {} {} of {} at {:.0f} % yield ({} spare of {} cores, {:.1f} dies a wafer), "
      "memory {}, "
      "interposer {} ({:.0f} mm2), test {}, other {}, lost in assembly {} (yield {:.0f} %)\n",
      usd(u.total_usd), usd(b.unit_usd.p10), usd(b.unit_usd.p90), u.dies, u.dies == 1 ? "die" : "dies", usd(u.die.usd),
      100 * u.die.yield, b.build->spare_cores, b.build->chip.cores, u.die.dies_per_wafer, usd(u.memory_usd),
      usd(u.interposer_usd), u.interposer_mm2, usd(u.test_usd), usd(u.other_usd), usd(u.yield_loss_usd),
      100 * u.assembly_yield);
  if (!b.fits_package) {
    out += fmt::format("  the interposer is larger than the {} that {} offers\n", b.build->package->largest.text,
                       b.build->package->name);
  }
}

void add_programme(const plan::BuildReport& b, const std::string& date, std::string& out) {
  const plan::Forecast& f = b.forecast;
  out += fmt::format(
      "  programme from {}: tape-out {}, in volume {} ({} to {}); NRE {} MUSD; reaches volume in {:.0f} % of "
      "{} runs (seed {}), {:.2f} respins a run\n",
      date, b.tapeout_p50, b.volume_p50, b.volume_p10, b.volume_p90, spread(f.nre_usd, "{:.0f}", 1e-6), 100 * f.success,
      f.runs, f.seed, f.respins);
  Table table({{"stage", Align::kLeft},
               {"reached"},
               {"months from start to end, P50"},
               {"MUSD P50 (P10 to P90)"},
               {"gate", Align::kLeft}});
  for (const plan::StageForecast& s : f.stages) {
    table.add({s.name, percent(s.reached), fmt::format("{:.1f} to {:.1f}", s.start_months.p50, s.end_months.p50),
               spread(s.usd, "{:.1f}", 1e-6), s.gate});
  }
  out += table.text(4);
  const auto strongest = [&](const std::vector<plan::Influence>& all) {
    std::vector<std::string> names;
    for (size_t i = 0; i < all.size() && i < 3; ++i) {
      names.push_back(fmt::format("{} ({:.0f} %)", all[i].input, 100 * all[i].share));
    }
    return fmt::format("{}", fmt::join(names, ", "));
  };
  out += fmt::format("    what decides the date: {}\n    what decides the NRE: {}\n", strongest(f.on_date),
                     strongest(f.on_nre));
}

void add_rules(const std::string& name, const std::vector<plan::RuleStatus>& rules, std::string& out) {
  for (const plan::RuleStatus& r : rules) {
    if (!r.in_force || (!r.applies && r.rule.rfind("3A090", 0) != 0)) continue;
    out += fmt::format("    {}: {} {} [{}] ({})\n", name, r.rule, r.applies ? "applies: " + r.effect : "does not apply",
                       fmt::join(r.arithmetic, "; "), r.source);
  }
}

void add_power(const plan::BuildReport& b, std::string& out) {
  const plan::Power& p = b.power;
  const auto shares = [](const plan::Activity& a) {
    return fmt::format("{:.0f} % of products, {:.0f} % of memory, {:.0f} % of vector operations", a.matrix * 100,
                       a.memory * 100, a.vector * 100);
  };
  out += fmt::format(
      "  {:.0f} W in the mean ({:.0f} W in the phase that takes more): matrix units {:.0f}, vector units {:.0f}, "
      "control "
      "and network {:.0f}, scratchpads {:.0f}, memory {:.0f}, background {:.0f}; {:.0f} of it for clocks; {:.2f} pJ a "
      "product at full rate\n",
      p.total_w(), b.most_power_w, p.matrix_w, p.vector_w, p.control_w, p.sram_w, p.memory_w, p.static_w, p.clock_w,
      b.energy.product_pj);
  out += fmt::format(
      "  energies from synthesis: {:.2f} pJ a product, {:.1f} pJ a fix-up, {:.1f} pJ a vector operation, {:.0f} W for "
      "clocks of an idle die\n",
      b.energy.mac_pj, b.energy.fixup_pj, b.energy.vector_op_pj, b.energy.idle_w);
  out += fmt::format("  busy, {}: {} in decode; {} in prefill\n", b.activity.predicted ? "predicted" : "assumed",
                     shares(b.activity.decode), shares(b.activity.prefill));
}

void add_build(const plan::Plan& p, const plan::BuildReport& b, std::string& out) {
  const plan::Build& build = *b.build;
  out += fmt::format(
      "\n{}\n  {} at {:.2f} GHz ({:.2f} GHz is what its slowest block, {}, reaches with wires{}); {} FP8, "
      "{} x {}\n",
      build.name, build.chip.name, b.clock_hz / 1e9, b.reachable_clock_hz / 1e9, b.slowest_block,
      b.clock_hz > b.reachable_clock_hz ? ": it needs more stages" : "",
      si(plan::fp8_flops(build.chip, b.clock_hz), "FLOPS"), build.stacks, build.memory->name);
  add_power(b, out);
  out += fmt::format("  for {}: process {} {} ({}), memory {} {} ({}), package {} {} ({})\n", p.scenario.buyer,
                     build.process->name, b.process.status, b.process.note, build.memory->name, b.memory.status,
                     b.memory.note, build.package->name, b.package.status, b.package.note);
  add_area(b, out);
  add_cost(b, out);
  out += fmt::format("  {:.0f} wafers for {} units\n", b.wafers, grouped(static_cast<uint64_t>(build.volume.value)));
  add_programme(b, p.scenario.date, out);
  for (const plan::ServingPoint& point : b.points) {
    out += fmt::format("  {} {:.0f} tokens/s a chip ({:.0f} to {:.0f}), {}: {}\n", plan::name_of(point.phase),
                       point.tokens_per_s, point.low, point.high, point.basis, point.detail);
  }
}

void add_options(const plan::Plan& p, std::string& out) {
  Table table({{"fleet", Align::kLeft},
               {"chips"},
               {"working"},
               {"USD/Mtoken in"},
               {"USD/Mtoken out"},
               {"P10 / P50 / P90"},
               {"cheaper"},
               {"USD a day"},
               {"tokens/J"},
               {"rates", Align::kLeft},
               {"export rules that apply", Align::kLeft}});
  for (const plan::OptionReport& o : p.options) {
    if (!o.base.feasible) {
      table.add({o.option->name, "-", "-", "-", "-", "-", "-", "-", "-", "-", o.base.reason});
      continue;
    }
    std::set<std::string> basis, rules;
    for (const plan::Assignment& a : o.base.assignments) basis.insert(a.basis);
    for (const auto& [name, status] : o.rules) rules.insert(fmt::format("{}: {}", name, summary(status)));
    table.add({o.option->name, grouped(static_cast<uint64_t>(std::lround(o.base.chips()))),
               grouped(static_cast<uint64_t>(std::lround(o.base.mean_chips()))),
               fmt::format("{:.3f}", o.base.usd_per_mtoken_in), fmt::format("{:.3f}", o.base.usd_per_mtoken_out),
               fmt::format("{:.2f} / {:.2f} / {:.2f}", o.usd_per_mtoken_out.p10, o.usd_per_mtoken_out.p50,
                           o.usd_per_mtoken_out.p90),
               &o == &p.options.front() ? "" : percent(o.beats_first),
               grouped(static_cast<uint64_t>(std::lround(o.base.usd_per_day()))),
               fmt::format("{:.4f}", o.base.tokens_per_j), fmt::format("{}", fmt::join(basis, ", ")),
               fmt::format("{}", fmt::join(rules, "; "))});
  }
  out += table.text();
}

void add_assignments(const plan::Plan& p, std::string& out) {
  out += "\nWho does what\n";
  Table table({{"fleet", Align::kLeft},
               {"phase", Align::kLeft},
               {"chip", Align::kLeft},
               {"mean chips"},
               {"peak chips"},
               {"rate from", Align::kLeft}});
  for (const plan::OptionReport& o : p.options) {
    for (const plan::Assignment& a : o.base.assignments) {
      table.add({o.option->name, std::string(plan::name_of(a.phase)), a.member, fmt::format("{:.0f}", a.mean_chips),
                 fmt::format("{:.0f}", a.peak_chips), fmt::format("{} ({})", a.point, a.basis)});
    }
  }
  out += table.text();
  std::set<std::string> notes;
  for (const plan::OptionReport& o : p.options) notes.insert(o.base.notes.begin(), o.base.notes.end());
  for (const std::string& note : notes) out += fmt::format("  left out: {}\n", note);
}

void add_break_even(const plan::Plan& p, std::string& out) {
  out += "\nDoes building pay?\n";
  Table table({{"build", Align::kLeft},
               {"against", Align::kLeft},
               {"capital"},
               {"saved a month"},
               {"money back", Align::kLeft},
               {"load it takes", Align::kLeft}});
  for (const plan::OptionReport& o : p.options) {
    for (const plan::BreakEven& b : o.break_even) {
      table.add({o.option->name, b.against, usd(b.capital_usd), usd(b.saving_usd_per_month),
                 b.date.empty() ? "never" : b.date + (b.within_life ? "" : ", after the chips' life"),
                 b.scale > 0 ? fmt::format("{:.1f} such days", b.scale) : "no load makes it pay"});
    }
  }
  out += table.text();
  out +=
      "  (money back: NRE and chips, against running the other fleet from the day of volume on; load it takes: how "
      "many\n"
      "  times this day's load makes the chips repay NRE and themselves within their depreciation)\n";
}

}  // namespace

std::string usd(double value) {
  const double size = std::abs(value);
  if (size >= 1e6) return fmt::format("{:.3g} MUSD", value / 1e6);
  if (size >= 1e4) return fmt::format("{:.3g} kUSD", value / 1e3);
  if (size >= 10) return fmt::format("{:.0f} USD", value);
  return fmt::format("{:.3g} USD", value);
}

std::string inputs_text(const plan::Ledger& ledger) {
  Table table({{"input", Align::kLeft},
               {"value"},
               {"low"},
               {"high"},
               {"conf."},
               {"source", Align::kLeft},
               {"where", Align::kLeft},
               {"note", Align::kLeft}});
  for (const plan::Figure& f : ledger.figures()) {
    table.add({f.name, f.text, f.low_text, f.high_text, f.confidence, f.source, f.where, f.note});
  }
  std::string out = table.text();
  std::set<std::string> used;
  for (const plan::Figure& f : ledger.figures()) used.insert(f.source);
  out += "\n";
  for (const std::string& name : used) {
    const auto found = ledger.sources().find(name);
    if (found != ledger.sources().end()) {
      out += fmt::format("  {}: {}, {}\n", name, found->second.title, found->second.url);
    }
  }
  out += "  derived, assumed: worked out or chosen here; the note says from what\n";
  return out;
}

std::string to_text(const plan::Plan& p, const plan::Ledger& ledger, bool with_inputs) {
  const plan::Scenario& sc = p.scenario;
  std::string out = fmt::format(
      "{}: {}\n{} model, {:.0f} G tokens in ({:.0f} G cached), {:.0f} G out a day, peak {:.2f} of the "
      "mean, at most {} a token; buyer {}, {}\n\n",
      sc.name, sc.description, sc.model, sc.input.value / 1e9, sc.cached.value / 1e9, sc.output.value / 1e9,
      *std::max_element(sc.load_curve.begin(), sc.load_curve.end()), sc.tpot_limit.text, sc.buyer, sc.date);
  add_options(p, out);
  out += fmt::format(
      "  (P10 / P50 / P90: USD/Mtoken out over the ranges of all inputs, {} runs; cheaper: share of runs in which a "
      "day "
      "costs less than with {})\n",
      plan::kCostRuns, p.options.front().option->name);
  if (!p.published.empty()) {
    out += fmt::format("\nAgainst what was published ({})\n", p.options.front().option->name);
    Table table({{"", Align::kLeft}, {"model"}, {"published"}, {"error"}});
    for (const plan::Comparison& c : p.published) {
      table.add({c.name, fmt::format("{:.4g}", c.predicted), fmt::format("{:.4g}", c.published),
                 fmt::format("{:+.1f} %", 100 * c.error())});
    }
    out += table.text();
  }
  add_assignments(p, out);
  if (!p.builds.empty()) add_break_even(p, out);
  for (const plan::BuildReport& b : p.builds) add_build(p, b, out);
  out += "\nExport rules on " + sc.date + "\n";
  std::set<std::string> shown;
  for (const plan::OptionReport& o : p.options) {
    for (const auto& [name, rules] : o.rules) {
      if (shown.insert(name).second) add_rules(name, rules, out);
    }
  }
  std::set<std::string> sources;
  for (const plan::Rule& rule : sc.rules->rules) sources.insert(rule.source);
  for (const std::string& name : sources) {
    const plan::Source& source = ledger.sources().find(name)->second;
    out += fmt::format("  {}: {}, {}\n", name, source.title, source.url);
  }
  out += fmt::format("  {}\n", plan::kNotLegalAdvice);
  if (with_inputs) {
    out += "\nInputs\n" + inputs_text(ledger);
  } else {
    out += fmt::format("\n{} input figures, each with unit, source and confidence: --inputs shows them.\n",
                       ledger.figures().size());
  }
  return out;
}

}  // namespace hadal::report
