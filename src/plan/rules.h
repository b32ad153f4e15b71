// Export rules as data (rules/*.yaml), and what each says about a chip on a day. Not legal advice.
#pragma once

#include <string>
#include <vector>

#include "plan/expression.h"
#include "plan/figure.h"

namespace hadal::plan {

// A calendar day as written, e.g. "2026-11-25"; ISO dates compare as text. Refuses anything else.
std::string read_date(const chip::Section& section, std::string_view key);
// Months after `date`, as a date (the day of the month kept, at most 28).
std::string add_months(const std::string& date, double months);
// Months from one date to another, negative when it lies before.
double months_between(const std::string& from, const std::string& to);

struct Rule {
  std::string name, define, effective, until, when, effect, source, confidence, where;
  std::vector<std::string> names;  // chips named by letter
  Expression expression;
};
struct RuleSet {
  std::string name, file;
  std::vector<Rule> rules;
};
RuleSet load_rules(const std::string& path, const Sources& sources);
RuleSet parse_rules(std::string_view text, const std::string& file, const Sources& sources);

// What the rules look at. Rates are dense; logic_mm2 is the area of all non-planar logic dies of the package.
struct Subject {
  struct Format {
    std::string name;
    int bits = 0;
    double ops_per_s = 0;
  };
  std::string name;
  std::vector<Format> formats;
  double logic_mm2 = 0, transistors = 0;
  double dram_bytes_per_s = 0, io_bytes_per_s = 0;  // I/O: both directions
  double memory_density = 0;                        // GB/s a mm2 of one device
  bool is_hbm = false, memory_imported = false;
  int node_nm = 7;
  bool non_planar = true;
  bool foundry_bound = false;  // made by a foundry that has to follow United States rules
  bool prc_designed = false, datacentre = true, approved_designer = false, packaged_outside = false;
};
double total_processing_performance(const Subject& subject);  // TPP
double performance_density(const Subject& subject);           // PD

struct RuleStatus {
  std::string rule, effective, effect, source;
  bool in_force = false, applies = false;
  std::vector<std::string> arithmetic;
};
// Every rule of the set on `date`; those not in force are reported as such and do not define names.
std::vector<RuleStatus> export_status(const RuleSet& set, const Subject& subject, const std::string& date);

constexpr const char* kNotLegalAdvice =
    "Export status is worked out from public rules as this project understands them. It is not legal advice.";

}  // namespace hadal::plan
