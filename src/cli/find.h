// Where the descriptions and models of the project lie, and how a name on the command line finds them.
#pragma once

#include <string>
#include <vector>

#include "kernels/step.h"

namespace hadal::cli {

// A model directory or GGUF file: a path, or the name of a folder under models/ of the working directory or the source
// tree.
std::string find_model(const std::string& given);
// A chip description: a path, or the name of a file under chips/, with or without ".yaml".
std::string find_chip(const std::string& given);
// The config.json of a model: a path to it or to its directory, or the name of a file under models/configs/ (with or
// without ".json") or of a folder under models/.
std::string find_shape(const std::string& given);
// A file of the project by its path from the root, in the working directory or in the source tree.
std::string find_data(const std::string& path);

// What --kv names.
kernels::KvFormat kv_format(const std::string& name);
// A scenario: a path, or the name of a file under scenarios/, with or without ".yaml".
std::string find_scenario(const std::string& given);
// A space of designs: a path, or the name of a file under spaces/, with or without ".yaml".
std::string find_space(const std::string& given);
// Where data folders (chips/, processes/, rules/ ...) lie: the working directory, then the source tree.
std::vector<std::string> data_roots();

// Every chips/*.yaml and models/*/config.json of the working directory, else of the source tree; sorted.
std::vector<std::string> chip_files();
std::vector<std::string> model_directories();
std::vector<std::string> shape_files();  // every models/configs/*.json

}  // namespace hadal::cli
