// The one HTML file of a report: the page built from web/ with documents put into it.
#pragma once

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace hadal::report {

struct Input {
  std::string name;  // what the page calls it
  nlohmann::ordered_json document;
};

// Reads what a command wrote with --json, or the store of an exploration.
Input read_input(const std::string& file);

// {"title": ..., "inputs": [{"name": ..., "document": ...}, ...]}
nlohmann::ordered_json page_data(const std::string& title, const std::vector<Input>& inputs);

// `page` with `data` in the place it has for it. A page without one is an input error at `file`.
std::string fill_page(const std::string& page, const std::string& file, const nlohmann::ordered_json& data);

}  // namespace hadal::report
