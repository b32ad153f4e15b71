// One mapping of a YAML file, read key by key. Every key must be known, present once and of the right kind; messages
// name file, line, key and remedy.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.h"

namespace hadal::chip {

class Section {
 public:
  // `path` is the dotted name of the section, empty at the top.
  // Every key of `keys` must be there; those of `optional` may.
  Section(const YAML::Node& node, std::string file, std::string path, std::vector<std::string_view> keys,
          std::vector<std::string_view> optional = {});

  bool has(std::string_view key) const;

  std::string text(std::string_view key) const;
  int64_t count(std::string_view key, int64_t low, int64_t high) const;
  double quantity(std::string_view key, Dimension dimension, double low, double high) const;
  // A quantity, or an assumption "VALUE in LOW to HIGH" (`given`), each with its unit.
  struct Range {
    double value = 0, low = 0, high = 0;
    bool given = false;
  };
  Range assumed(std::string_view key, Dimension dimension, double low, double high) const;
  // A quantity that must be a whole number of its base unit.
  int64_t whole(std::string_view key, Dimension dimension, int64_t low, int64_t high) const;
  Section section(std::string_view key, std::vector<std::string_view> keys,
                  std::vector<std::string_view> optional = {}) const;

  // A section whose keys are free names, and those names in their order; a name given twice is refused.
  Section free_section(std::string_view key) const;
  std::vector<std::string> names(std::string_view key) const;
  // The entries of a sequence of mappings, each with the same keys.
  std::vector<Section> list(std::string_view key, const std::vector<std::string_view>& keys,
                            const std::vector<std::string_view>& optional = {}) const;
  // The entries of a sequence of single values.
  std::vector<std::string> texts(std::string_view key) const;
  bool is_text(std::string_view key) const;  // a single value, not a mapping or a sequence

  const std::string& path() const { return path_; }
  std::string place() const { return where(node_); }  // FILE:LINE of the section
  std::string place(std::string_view key) const { return where(find(key)); }

  // An input error about `key`: FILE:LINE: PATH.KEY: message.
  [[noreturn]] void refuse(std::string_view key, const std::string& message) const;

 private:
  YAML::Node find(std::string_view key) const;
  std::string scalar(std::string_view key) const;
  std::string where(const YAML::Node& node) const;
  std::string full(std::string_view key) const;

  YAML::Node node_;
  std::string file_, path_;
};

}  // namespace hadal::chip
