// Reading figures and where they come from.
#include "plan/figure.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "base/mapped_file.h"
#include "base/nearest.h"

namespace hadal::plan {
namespace {

std::string place(const YAML::Node& node, const std::string& file) {
  const YAML::Mark mark = node.Mark();
  return mark.is_null() ? file : fmt::format("{}:{}", file, mark.line + 1);
}

std::string checked_source(const chip::Section& section, const Sources& sources) {
  std::string source = section.text("source");
  if (source == "derived" || source == "assumed" || sources.contains(source)) return source;
  std::vector<std::string_view> known{"derived", "assumed"};
  for (const auto& [name, unused] : sources) known.push_back(name);
  section.refuse("source", fmt::format("'{}' is not a source of sources.yaml; {}", source, suggestion(source, known)));
}

}  // namespace

void with_yaml(std::string_view text, const std::string& file, const std::function<void(const YAML::Node&)>& read) {
  try {
    read(YAML::Load(std::string(text)));
  } catch (const YAML::Exception& error) {
    const std::string line = error.mark.is_null() ? "" : fmt::format(":{}", error.mark.line + 1);
    input_error(file + line, "not valid YAML: {}", error.msg);
  }
}

void with_yaml_file(const std::string& path, const std::function<void(const YAML::Node&)>& read) {
  with_yaml(MappedFile::open(path).text(), path, read);
}

std::vector<std::string> keys_of(const YAML::Node& node, const std::string& file, std::string_view what) {
  if (!node.IsMap()) input_error(place(node, file), "{}: a mapping of names is needed here", what);
  std::vector<std::string> keys;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) input_error(place(entry.first, file), "{}: a name must be a plain word", what);
    keys.push_back(entry.first.Scalar());
    if (std::count(keys.begin(), keys.end(), keys.back()) > 1) {
      input_error(place(entry.first, file), "{}: '{}' is given twice", what, keys.back());
    }
  }
  return keys;
}

Sources load_sources(const std::string& path) {
  Sources sources;
  with_yaml_file(path, [&](const YAML::Node& node) {
    for (const std::string& name : keys_of(node, path, "sources")) {
      const chip::Section s(node[name], path, name, {"title", "url"});
      sources[name] = {s.text("title"), s.text("url")};
    }
  });
  return sources;
}

Figure Ledger::read(const chip::Section& section, const std::string& stem, std::string_view key, Dimension dimension,
                    double low, double high) {
  const chip::Section s = section.section(key, {"value", "source", "confidence"}, {"low", "high", "note"});
  Figure figure;
  figure.name = fmt::format("{}.{}", stem, s.path());
  figure.where = s.place();
  figure.text = s.text("value");
  figure.value = figure.low = figure.high = s.quantity("value", dimension, low, high);
  if (s.has("low") != s.has("high")) {
    s.refuse(s.has("low") ? "low" : "high", "a range needs both ends; give low and high, or neither");
  }
  if (s.has("low")) {
    figure.low_text = s.text("low");
    figure.high_text = s.text("high");
    figure.low = s.quantity("low", dimension, low, high);
    figure.high = s.quantity("high", dimension, low, high);
    if (figure.low > figure.value || figure.value > figure.high) {
      s.refuse("value", fmt::format("{} lies outside its own range of {} to {}", figure.text, figure.low_text,
                                    figure.high_text));
    }
  }
  figure.source = checked_source(s, sources_);
  figure.confidence = s.text("confidence");
  if (figure.confidence != "H" && figure.confidence != "M" && figure.confidence != "L") {
    s.refuse("confidence",
             fmt::format("'{}' is unknown; use H (primary), M (one good source) or L (assumed)", figure.confidence));
  }
  if (s.has("note")) figure.note = s.text("note");
  if (const auto found = adjustments_.find(figure.name); found != adjustments_.end()) {
    for (double* of : {&figure.value, &figure.low, &figure.high}) *of *= found->second;
  }
  figures_.push_back(figure);
  return figure;
}

std::vector<Availability> read_availability(const chip::Section& section, const Sources& sources) {
  std::vector<Availability> list;
  for (const std::string& buyer : section.names("availability")) {
    const chip::Section s = section.free_section("availability").section(buyer, {"status", "source", "note"});
    Availability a{buyer, s.text("status"), checked_source(s, sources), s.text("note")};
    if (a.status != "yes" && a.status != "limited" && a.status != "no") {
      s.refuse("status", fmt::format("'{}' is unknown; use yes, limited or no", a.status));
    }
    list.push_back(std::move(a));
  }
  return list;
}

Availability available_to(const std::vector<Availability>& list, std::string_view buyer) {
  for (const Availability& a : list) {
    if (a.buyer == buyer) return a;
  }
  return {std::string(buyer), "unknown", "assumed", "no entry for this buyer"};
}

}  // namespace hadal::plan
