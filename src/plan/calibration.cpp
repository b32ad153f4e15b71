// Votes of published facts on constants, and their medians.
#include "plan/calibration.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "base/error.h"
#include "plan/programme.h"

namespace hadal::plan {
namespace {

constexpr double kLargestFactor = 8;

// "www.a.com" of "https://www.a.com/b": two pages of one site are one publisher.
std::string publisher(const Sources& sources, const std::string& source) {
  const auto found = sources.find(source);
  if (found == sources.end()) return source;
  const std::string& url = found->second.url;
  const size_t from = url.find("://");
  if (from == std::string::npos) return source;
  return url.substr(from + 3, url.find('/', from + 3) - from - 3);
}

const std::map<std::string, Independent> kIndependent{
    {"facts", Independent::kFacts}, {"publishers", Independent::kPublishers}, {"makers", Independent::kMakers}};

const std::map<Independent, std::string> kVoiceOf{
    {Independent::kFacts, "fact"}, {Independent::kPublishers, "publisher"}, {Independent::kMakers, "maker"}};

bool smaller(const Vote& a, const Vote& b) { return a.factor < b.factor; }

}  // namespace

double Constant::median(const std::function<bool(const Vote&)>& counts) const {
  std::map<std::string, std::vector<double>> voices;
  for (const Vote& v : votes) {
    if (counts(v)) voices[v.voice].push_back(v.factor);
  }
  std::vector<double> factors;
  for (auto& [unused, own] : voices) factors.push_back(quantiles(std::move(own)).p50);
  return quantiles(std::move(factors)).p50;
}
size_t Constant::voices() const {
  std::set<std::string> own;
  for (const Vote& v : votes) own.insert(v.voice);
  return own.size();
}
double Constant::lowest() const { return std::min_element(votes.begin(), votes.end(), smaller)->factor; }
double Constant::highest() const { return std::max_element(votes.begin(), votes.end(), smaller)->factor; }

double factor_for_one(const std::function<double(double)>& ratio) {
  constexpr int kMostSteps = 60;
  constexpr double kClose = 1e-9;
  // Regula falsi in the logarithm of the factor, with the kept end's value halved (Illinois).
  double low = -std::log(kLargestFactor), high = -low;
  double at_low = ratio(std::exp(low)) - 1, at_high = ratio(std::exp(high)) - 1;
  if (at_low == at_high) return 0;
  if (at_low * at_high > 0) return std::exp(std::abs(at_low) < std::abs(at_high) ? low : high);
  for (int step = 0; step < kMostSteps && std::abs(high - low) > kClose; ++step) {
    const double middle = (low * at_high - high * at_low) / (at_high - at_low);
    const double at_middle = ratio(std::exp(middle)) - 1;
    if (std::abs(at_middle) < kClose) return std::exp(middle);
    if (at_middle * at_high < 0) {
      low = high;
      at_low = at_high;
    } else {
      at_low /= 2;
    }
    high = middle;
    at_high = at_middle;
  }
  return std::exp(high);
}

Calibration::Calibration(const std::string& path, const std::vector<Figure>& known, Sources sources)
    : file_(path), sources_(std::move(sources)) {
  with_yaml_file(path, [&](const YAML::Node& node) {
    const chip::Section top(node, path, "", {"name", "constants"});
    for (const chip::Section& s : top.list("constants", {"name", "figures", "independent"})) {
      Constant c;
      c.name = s.text("name");
      if (has(c.name)) s.refuse("name", fmt::format("'{}' is given twice", c.name));
      c.figures = s.texts("figures");
      const std::string independent = s.text("independent");
      const auto kind = kIndependent.find(independent);
      if (kind == kIndependent.end()) {
        s.refuse("independent", fmt::format("'{}' is unknown; use facts, publishers or makers", independent));
      }
      c.independent = kind->second;
      for (const std::string& name : c.figures) {
        const auto found = std::find_if(known.begin(), known.end(), [&](const Figure& f) { return f.name == name; });
        if (found == known.end()) {
          s.refuse("figures",
                   fmt::format("no fact reads a figure '{}'; use FILE.KEY, as `hadal plan --inputs` has", name));
        }
        if (c.figure.name.empty()) c.figure = *found;
      }
      if (c.figures.empty()) s.refuse("figures", "the list is empty; name a figure");
      constants_.push_back(std::move(c));
    }
  });
}

bool Calibration::has(const std::string& name) const {
  return std::any_of(constants_.begin(), constants_.end(), [&](const Constant& c) { return c.name == name; });
}

std::vector<std::string> Calibration::names() const {
  std::vector<std::string> all;
  for (const Constant& c : constants_) all.push_back(c.name);
  return all;
}

Constant& Calibration::find(const std::string& name) {
  const auto found =
      std::find_if(constants_.begin(), constants_.end(), [&](const Constant& c) { return c.name == name; });
  check(found != constants_.end(), "no constant {}", name);
  return *found;
}

void Calibration::vote(const std::string& constant, const Asker& fact, const std::string& where,
                       const std::function<double(const Adjustments&)>& ratio) {
  Constant& c = find(constant);
  const double factor = factor_for_one([&](double f) {
    Adjustments adjustments;
    for (const std::string& name : c.figures) adjustments[name] = f;
    return ratio(adjustments);
  });
  if (factor == 0) input_error(where, "sets: what is asked here does not depend on '{}'; leave it out", constant);
  if (c.independent == Independent::kMakers && fact.maker.empty()) {
    input_error(where, "maker: is missing; on '{}' every maker speaks once", constant);
  }
  c.votes.push_back({fact.fact, fact.subject, fact.source, voice(c, fact), factor});
}

std::string Calibration::voice(const Constant& c, const Asker& fact) const {
  switch (c.independent) {
    case Independent::kPublishers: return publisher(sources_, fact.source);
    case Independent::kMakers: return fact.maker;
    case Independent::kFacts: break;
  }
  return fact.fact;
}

Adjustments Calibration::without(const Asker& asker) const {
  Adjustments adjustments;
  for (const Constant& c : constants_) {
    if (c.votes.empty()) continue;
    const double factor = c.median([&](const Vote& v) {
      const bool same_chip = !asker.subject.empty() && v.subject == asker.subject;
      return v.from != asker.fact && !same_chip && v.voice != voice(c, asker);
    });
    if (!(factor > 0)) {
      input_error(file_, "'{}' leaves nothing to ask '{}' with; it needs another {} that speaks of another chip",
                  c.name, asker.fact, kVoiceOf.at(c.independent));
    }
    for (const std::string& name : c.figures) adjustments[name] = factor;
  }
  return adjustments;
}

}  // namespace hadal::plan
