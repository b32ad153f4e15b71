// Finding and caching data files.
#include "plan/facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "base/error.h"
#include "base/nearest.h"

namespace hadal::plan {
namespace {

namespace fs = std::filesystem;

std::string below(const std::vector<std::string>& roots, const std::string& relative) {
  for (const std::string& root : roots) {
    std::error_code ignored;
    const fs::path path = fs::path(root) / relative;
    if (fs::exists(path, ignored)) return path.lexically_normal().string();
  }
  return relative;
}

template <typename T, typename Load>
const T& cached(std::map<std::string, T>& cache, const std::string& path, const Load& load) {
  const auto found = cache.find(path);
  return found != cache.end() ? found->second : cache.emplace(path, load(path)).first->second;
}

}  // namespace

Facts::Facts(std::vector<std::string> roots)
    : roots_(std::move(roots)), ledger_(load_sources(below(roots_, "sources.yaml"))) {}

Facts Facts::adjusted(Adjustments adjustments) const {
  return Facts(roots_, Ledger(ledger_.sources(), std::move(adjustments)));
}

std::string Facts::file(const std::string& relative) const { return below(roots_, relative); }

std::vector<std::string> Facts::names(std::string_view folder) const {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(below(roots_, std::string(folder)), error)) {
    if (entry.path().extension() == ".yaml") found.push_back(entry.path().stem().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

std::string Facts::path(std::string_view folder, const std::string& name, const chip::Section& section,
                        std::string_view key) const {
  const std::vector<std::string> all = names(folder);
  if (std::find(all.begin(), all.end(), name) == all.end()) {
    const std::vector<std::string_view> known(all.begin(), all.end());
    section.refuse(key, fmt::format("there is no {}/{}.yaml; {}", folder, name, suggestion(name, known)));
  }
  return below(roots_, fmt::format("{}/{}.yaml", folder, name));
}

const Process& Facts::process(const chip::Section& s, std::string_view key) {
  return cached(processes_, path("processes", s.text(key), s, key),
                [&](const std::string& p) { return load_process(p, ledger_); });
}
const Memory& Facts::memory(const chip::Section& s, std::string_view key) {
  return cached(memories_, path("memories", s.text(key), s, key),
                [&](const std::string& p) { return load_memory(p, ledger_); });
}
const Package& Facts::package(const chip::Section& s, std::string_view key) {
  return cached(packages_, path("packages", s.text(key), s, key),
                [&](const std::string& p) { return load_package(p, ledger_); });
}
const Programme& Facts::programme(const chip::Section& s, std::string_view key) {
  return cached(programmes_, path("programmes", s.text(key), s, key),
                [&](const std::string& p) { return load_programme(p, ledger_); });
}
const Hardware& Facts::hardware(const chip::Section& s, std::string_view key) {
  return cached(hardware_, path("hardware", s.text(key), s, key),
                [&](const std::string& p) { return load_hardware(p, ledger_); });
}
const RuleSet& Facts::rules(const chip::Section& s, std::string_view key) {
  return cached(rules_, path("rules", s.text(key), s, key),
                [&](const std::string& p) { return load_rules(p, ledger_.sources()); });
}
chip::Chip Facts::chip(const chip::Section& s, std::string_view key) const {
  return chip::load(path("chips", s.text(key), s, key));
}
const AreaData& Facts::areas() {
  return cached(areas_, file("areas/hadal.yaml"), [&](const std::string& p) { return load_area_data(p, ledger_); });
}
const MeasuredRates& Facts::measured() {
  return cached(measured_, file("measurements/serving.yaml"),
                [&](const std::string& p) { return MeasuredRates(p, ledger_); });
}
const Process& Facts::process_named(const std::string& name) {
  return cached(processes_, file(fmt::format("processes/{}.yaml", name)),
                [&](const std::string& p) { return load_process(p, ledger_); });
}
const Hardware& Facts::hardware_named(const std::string& name) {
  return cached(hardware_, file(fmt::format("hardware/{}.yaml", name)),
                [&](const std::string& p) { return load_hardware(p, ledger_); });
}

}  // namespace hadal::plan
