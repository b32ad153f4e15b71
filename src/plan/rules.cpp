// Reading and applying export rules.
#include "plan/rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/mapped_file.h"

namespace hadal::plan {
namespace {

struct Day {
  int year = 0, month = 0, day = 0;
};

bool parse_day(const std::string& text, Day& day) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (size_t i : {0, 1, 2, 3, 5, 6, 8, 9}) {
    if (text[i] < '0' || text[i] > '9') return false;
  }
  day = {std::stoi(text.substr(0, 4)), std::stoi(text.substr(5, 2)), std::stoi(text.substr(8, 2))};
  return day.month >= 1 && day.month <= 12 && day.day >= 1 && day.day <= 31;
}

Variables variables_of(const Subject& s, const std::string& date) {
  return {{"TPP", total_processing_performance(s)},
          {"PD", performance_density(s)},
          {"dram_gbps", s.dram_bytes_per_s / 1e9},
          {"io_gbps", s.io_bytes_per_s / 1e9},
          {"memory_density", s.memory_density},
          {"is_hbm", s.is_hbm ? 1 : 0},
          {"copackaged", 1},  // a subject is a chip; its memory sits in its package or on its board
          {"memory_imported", s.memory_imported ? 1 : 0},
          {"node_nm", s.node_nm},
          {"non_planar", s.non_planar ? 1 : 0},
          {"transistors_g", s.transistors / 1e9},
          {"year", std::stod(date.substr(0, 4))},
          {"datacentre", s.datacentre ? 1 : 0},
          {"prc_designed", s.prc_designed ? 1 : 0},
          {"foundry_bound", s.foundry_bound ? 1 : 0},
          {"approved_designer", s.approved_designer ? 1 : 0},
          {"packaged_outside", s.packaged_outside ? 1 : 0},
          {"named", 0}};
}

}  // namespace

std::string read_date(const chip::Section& section, std::string_view key) {
  std::string text = section.text(key);
  Day day;
  if (!parse_day(text, day)) section.refuse(key, fmt::format("'{}' is not a date; write YYYY-MM-DD", text));
  return text;
}

std::string add_months(const std::string& date, double months) {
  Day day;
  check(parse_day(date, day), "'{}' is not a date", date);
  constexpr double kDaysAMonth = 30;  // of the fraction of a month
  const double whole = std::floor(months);
  const int total = day.year * 12 + day.month - 1 + static_cast<int>(whole);
  int d = std::min(day.day, 28) + static_cast<int>((months - whole) * kDaysAMonth);
  int month_index = total;
  if (d > 28) {
    d -= 28;
    ++month_index;
  }
  return fmt::format("{:04}-{:02}-{:02}", month_index / 12, month_index % 12 + 1, d);
}

double months_between(const std::string& from, const std::string& to) {
  Day a, b;
  check(parse_day(from, a) && parse_day(to, b), "'{}' or '{}' is not a date", from, to);
  return (b.year - a.year) * 12 + (b.month - a.month) + (b.day - a.day) / 30.0;
}

RuleSet parse_rules(std::string_view text, const std::string& file, const Sources& sources) {
  RuleSet set;
  with_yaml(text, file, [&](const YAML::Node& node) {
    const chip::Section top(node, file, "", {"name", "rules"});
    set.file = file;
    set.name = top.text("name");
    Variables known = variables_of({}, "2026-01-01");
    for (const chip::Section& s : top.list("rules", {"name", "effective", "when", "effect", "source", "confidence"},
                                           {"define", "until", "names"})) {
      const std::string where = fmt::format("{}: {}", s.place("when"), s.path() + ".when");
      Rule rule{s.text("name"),
                s.has("define") ? s.text("define") : "",
                read_date(s, "effective"),
                s.has("until") ? read_date(s, "until") : "",
                s.text("when"),
                s.text("effect"),
                s.text("source"),
                s.text("confidence"),
                s.place(),
                s.has("names") ? s.texts("names") : std::vector<std::string>{},
                Expression(s.text("when"), where)};
      if (!sources.contains(rule.source))
        s.refuse("source", fmt::format("'{}' is not a source of sources.yaml", rule.source));
      if (!rule.until.empty() && rule.until <= rule.effective) {
        s.refuse("until", fmt::format("{} is not after the effective date {}", rule.until, rule.effective));
      }
      rule.expression.value(known);  // every name it uses must be known by now
      for (const std::string& name : rule.expression.names()) {
        if (!known.contains(name)) input_error(where, "unknown variable '{}'", name);
      }
      if (!rule.define.empty()) known[rule.define] = 0;
      set.rules.push_back(std::move(rule));
    }
    if (set.rules.empty()) top.refuse("rules", "the list is empty; a rule set needs a rule");
  });
  return set;
}

RuleSet load_rules(const std::string& path, const Sources& sources) {
  return parse_rules(MappedFile::open(path).text(), path, sources);
}

double total_processing_performance(const Subject& subject) {
  double tpp = 0;
  for (const Subject::Format& f : subject.formats) tpp = std::max(tpp, f.ops_per_s / 1e12 * f.bits);
  return tpp;
}

double performance_density(const Subject& s) {
  return s.non_planar && s.logic_mm2 > 0 ? total_processing_performance(s) / s.logic_mm2 : 0;
}

std::vector<RuleStatus> export_status(const RuleSet& set, const Subject& subject, const std::string& date) {
  Variables variables = variables_of(subject, date);
  std::vector<RuleStatus> all;
  for (const Rule& rule : set.rules) {
    RuleStatus status{rule.name, rule.effective, rule.effect, rule.source, false, false, {}};
    status.in_force = rule.effective <= date && (rule.until.empty() || date < rule.until);
    variables["named"] = std::find(rule.names.begin(), rule.names.end(), subject.name) != rule.names.end() ? 1 : 0;
    if (!rule.define.empty()) variables[rule.define] = 0;
    if (status.in_force) {
      status.applies = rule.expression.value(variables) != 0;
      status.arithmetic = rule.expression.trace(variables);
      if (!rule.define.empty()) variables[rule.define] = status.applies ? 1 : 0;
    }
    all.push_back(std::move(status));
  }
  return all;
}

}  // namespace hadal::plan
