// The data files of the project, found by folder and name, each read once with its figures in one ledger.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "plan/area.h"
#include "plan/cost.h"
#include "plan/hardware.h"
#include "plan/programme.h"
#include "plan/rates.h"
#include "plan/rules.h"

namespace hadal::plan {

class Facts {
 public:
  // Folders are looked up below each root in turn; the first that has the folder counts.
  explicit Facts(std::vector<std::string> roots);
  // The same files read anew with some figures other than written.
  Facts adjusted(Adjustments adjustments) const;

  // Names of FOLDER/*.yaml, sorted.
  std::vector<std::string> names(std::string_view folder) const;
  // The path of a name in `folder`. `section`.`key` is what asked for it: unknown names are refused there.
  std::string path(std::string_view folder, const std::string& name, const chip::Section& section,
                   std::string_view key) const;

  // Each reads the name that `section`.`key` holds.
  const Process& process(const chip::Section& section, std::string_view key);
  const Memory& memory(const chip::Section& section, std::string_view key);
  const Package& package(const chip::Section& section, std::string_view key);
  const Programme& programme(const chip::Section& section, std::string_view key);
  const Hardware& hardware(const chip::Section& section, std::string_view key);
  const RuleSet& rules(const chip::Section& section, std::string_view key);
  chip::Chip chip(const chip::Section& section, std::string_view key) const;
  const AreaData& areas();
  const MeasuredRates& measured();
  // By name, for what one data file says of another; an input error where it is missing.
  const Process& process_named(const std::string& name);
  const Hardware& hardware_named(const std::string& name);

  Ledger& ledger() { return ledger_; }
  const Ledger& ledger() const { return ledger_; }
  std::string file(const std::string& relative) const;  // below the first root that has it

 private:
  Facts(std::vector<std::string> roots, Ledger ledger) : roots_(std::move(roots)), ledger_(std::move(ledger)) {}

  std::vector<std::string> roots_;
  Ledger ledger_;
  std::map<std::string, Process> processes_;
  std::map<std::string, Memory> memories_;
  std::map<std::string, Package> packages_;
  std::map<std::string, Programme> programmes_;
  std::map<std::string, Hardware> hardware_;
  std::map<std::string, RuleSet> rules_;
  std::map<std::string, AreaData> areas_;
  std::map<std::string, MeasuredRates> measured_;
};

}  // namespace hadal::plan
