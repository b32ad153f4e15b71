// A figure with its origin: value, range, unit, source and confidence, as every data file of the planner writes it.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "chip/section.h"

namespace hadal::plan {

// Written `{value: 14000 USD, low: 10000 USD, high: 15000 USD, source: NAME, confidence: L, note: "..."}`. low and high
// are given together or not at all; a source is a key of sources.yaml, `derived` or `assumed`.
struct Figure {
  std::string name;                       // FILE STEM.KEY, e.g. "smic-n2.wafer_price"
  double value = 0, low = 0, high = 0;    // in the base unit of its dimension
  std::string text, low_text, high_text;  // as written, with units
  std::string source, confidence, note;   // confidence: H primary, M one good source or arithmetic on one, L assumed
  std::string where;                      // FILE:LINE
  bool has_range() const { return low < high; }
};

struct Source {
  std::string title, url;
};
using Sources = std::map<std::string, Source, std::less<>>;
// Factors on figures by their names: what a plan would be if they were other than their files say.
using Adjustments = std::map<std::string, double, std::less<>>;

// Reads sources.yaml: a mapping of names to {title, url}.
Sources load_sources(const std::string& path);

// Figures of one file, kept in the order they were read, so that a report can list every input it rests on.
class Ledger {
 public:
  explicit Ledger(Sources sources = {}, Adjustments adjustments = {})
      : sources_(std::move(sources)), adjustments_(std::move(adjustments)) {}

  // Reads figure `key` of `section`; the value and both ends of its range must lie in [low, high] (base units).
  // `stem` is the name of the file without folder and ending. An adjustment of its name is applied afterwards, to all
  // three; the texts stay as written.
  Figure read(const chip::Section& section, const std::string& stem, std::string_view key, Dimension dimension,
              double low, double high);

  // A figure that its file writes in another form (a curve, fitted constants), so that reports list it as well.
  void add(Figure figure) { figures_.push_back(std::move(figure)); }

  const std::vector<Figure>& figures() const { return figures_; }
  const Sources& sources() const { return sources_; }

 private:
  Sources sources_;
  Adjustments adjustments_;
  std::vector<Figure> figures_;
};

// Whether a buyer may have a thing, as data.
struct Availability {
  std::string buyer, status, source, note;  // status: yes, limited, no
};
std::vector<Availability> read_availability(const chip::Section& section, const Sources& sources);
// The entry of `buyer`; status "unknown" where there is none.
Availability available_to(const std::vector<Availability>& list, std::string_view buyer);

// Parses YAML `text` of `file`, turning syntax errors into input errors with a line, and hands the root to `read`.
void with_yaml(std::string_view text, const std::string& file, const std::function<void(const YAML::Node&)>& read);
void with_yaml_file(const std::string& path, const std::function<void(const YAML::Node&)>& read);

// The keys of a mapping in their order, for sections whose keys are free names. Refuses what is no mapping.
std::vector<std::string> keys_of(const YAML::Node& node, const std::string& file, std::string_view what);

}  // namespace hadal::plan
