// Published measurements as a table, and what the model says of each row. docs/predict.md gives the schema.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "chip/chip.h"
#include "model/architecture.h"
#include "predict/constants.h"

namespace hadal::predict {

struct Measurement {
  std::string id, group, chip, model, operation, metric, unit, mark, source, confidence, note;
  std::map<std::string, std::string, std::less<>> config;
  double value = 0;
  std::string where;  // FILE:LINE
};

// A CSV table with the columns id, group, chip, model, operator, config, metric, value, unit, mark, source, confidence
// and note, in any order. What is missing, unknown or impossible is an input error with its line.
std::vector<Measurement> load_measurements(const std::string& file);
std::vector<Measurement> parse_measurements(std::string_view text, const std::string& file);

// Chips and models by name, loaded once. `find` turns a name into a path.
class Library {
 public:
  using Find = std::string (*)(const std::string&);
  Library(Find chips, Find models) : find_chip_(chips), find_model_(models) {}
  const chip::Chip& chip(const std::string& name);
  const model::Architecture& model(const std::string& name);

 private:
  Find find_chip_, find_model_;
  std::map<std::string, chip::Chip> chips_;
  std::map<std::string, model::Architecture> models_;
};

// The predicted value in the unit of the row. An input error at the row when its operator, metric or a key of its
// configuration is unknown.
double predict_row(const Measurement& row, Library& library, const Constants& constants);

}  // namespace hadal::predict
