// Reading a programme.
#include "plan/programme.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/mapped_file.h"

namespace hadal::plan {
namespace {

constexpr double kMostMonths = 240, kMostUsd = 1e11, kMostPeople = 1e5;

bool flag(const chip::Section& s, std::string_view key) {
  if (!s.has(key)) return false;
  const std::string text = s.text(key);
  if (text != "yes" && text != "no") s.refuse(key, fmt::format("'{}' is unknown; use yes or no", text));
  return text == "yes";
}

Stage read_stage(const chip::Section& s, const std::string& stem, const std::vector<Stage>& before, Ledger& ledger) {
  Stage stage;
  stage.name = s.text("name");
  stage.gate = s.text("gate");
  for (const std::string& name : s.texts("after")) {
    const auto found = std::find_if(before.begin(), before.end(), [&](const Stage& b) { return b.name == name; });
    if (found == before.end()) s.refuse("after", fmt::format("there is no stage '{}' above this one", name));
    stage.after.push_back(static_cast<size_t>(found - before.begin()));
  }
  if (s.has("duration") == s.has("months")) {
    s.refuse("name", "a stage needs either months or duration: process");
  }
  if (s.has("duration")) {
    if (s.text("duration") != "process") s.refuse("duration", "the only word for it is process; else give months");
    stage.lasts_as_process = true;
  } else {
    stage.months = ledger.read(s, stem, "months", Dimension::kMonths, 0, kMostMonths);
  }
  stage.masks = flag(s, "masks");
  stage.respin = flag(s, "respin");
  stage.grows = flag(s, "grows");
  stage.people = ledger.read(s, stem, "people", Dimension::kPeople, 0, kMostPeople);
  stage.outlay = ledger.read(s, stem, "outlay", Dimension::kUsd, 0, kMostUsd);
  stage.pass = ledger.read(s, stem, "pass", Dimension::kPercent, 0, 1);
  if (s.has("lag")) stage.lag = ledger.read(s, stem, "lag", Dimension::kMonths, -kMostMonths, kMostMonths);
  return stage;
}

}  // namespace

size_t Programme::stage(const std::string& wanted) const {
  for (size_t i = 0; i < stages.size(); ++i) {
    if (stages[i].name == wanted) return i;
  }
  input_error(file, "has no stage '{}'; the planner needs one of this name", wanted);
}

Programme parse_programme(std::string_view text, const std::string& file, Ledger& ledger) {
  Programme p;
  with_yaml(text, file, [&](const YAML::Node& node) {
    const chip::Section top(node, file, "",
                            {"name", "description", "reference_design_cost", "schedule_exponent", "person_month",
                             "software_people", "respin_probability", "respin_months", "respin_cost", "stages"});
    const std::string stem = std::filesystem::path(file).stem().string();
    const auto read = [&](std::string_view key, Dimension dimension, double low, double high) {
      return ledger.read(top, stem, key, dimension, low, high);
    };
    p.file = file;
    p.name = top.text("name");
    p.description = top.text("description");
    p.reference_design_cost = read("reference_design_cost", Dimension::kUsd, 1e5, kMostUsd);
    p.schedule_exponent = read("schedule_exponent", Dimension::kNone, 0, 1);
    p.person_month = read("person_month", Dimension::kUsdPerMonth, 1, 1e6);
    p.software_people = read("software_people", Dimension::kPeople, 0, kMostPeople);
    p.respin_probability = read("respin_probability", Dimension::kPercent, 0, 0.99);
    p.respin_months = read("respin_months", Dimension::kMonths, 0, kMostMonths);
    p.respin_cost = read("respin_cost", Dimension::kUsd, 0, kMostUsd);
    for (const chip::Section& s : top.list("stages", {"name", "after", "people", "outlay", "pass", "gate"},
                                           {"months", "duration", "masks", "respin", "lag", "grows"})) {
      p.stages.push_back(read_stage(s, stem, p.stages, ledger));
      const auto same = [&](const Stage& other) { return other.name == p.stages.back().name; };
      if (std::count_if(p.stages.begin(), p.stages.end(), same) > 1) {
        s.refuse("name", fmt::format("there are two stages '{}'", p.stages.back().name));
      }
    }
    if (p.stages.empty()) top.refuse("stages", "the list is empty; a programme needs a stage");
    p.stage("tape-out");
  });
  return p;
}

Programme load_programme(const std::string& path, Ledger& ledger) {
  return parse_programme(MappedFile::open(path).text(), path, ledger);
}

}  // namespace hadal::plan
