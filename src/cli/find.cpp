// Looks in the working directory first, then in the source tree the program was built from.
#include "cli/find.h"

#include <algorithm>
#include <filesystem>
#include <functional>
#include <string_view>

#include "base/error.h"
#include "base/nearest.h"

namespace hadal::cli {
namespace {

namespace fs = std::filesystem;

const std::vector<fs::path>& roots() {
  static const std::vector<fs::path> kRoots{fs::path("."), fs::path(HADAL_SOURCE_DIR)};
  return kRoots;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored) && !fs::is_directory(path, ignored);
}

bool is_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

std::vector<std::string> list(const char* folder, const std::function<bool(const fs::path&)>& wanted) {
  for (const fs::path& root : roots()) {
    std::vector<std::string> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(root / folder, error)) {
      if (wanted(entry.path())) found.push_back((root / folder / entry.path().filename()).lexically_normal().string());
    }
    std::sort(found.begin(), found.end());
    if (!found.empty()) return found;
  }
  return {};
}

[[noreturn]] void fail(const std::string& given, const char* what, const std::vector<std::string>& paths) {
  std::vector<std::string> names;
  for (const std::string& path : paths) names.push_back(fs::path(path).stem().string());
  const std::vector<std::string_view> known(names.begin(), names.end());
  if (known.empty()) input_error(given, "there is no such {}", what);
  input_error(given, "there is no such {}; {}", what, suggestion(fs::path(given).stem().string(), known));
}

}  // namespace

std::string find_model(const std::string& given) {
  if (is_folder(given)) return given;
  if (is_file(given) && fs::path(given).extension() == ".gguf") return given;
  if (is_file(given)) {
    input_error(given, "is a file; a model is a GGUF file or a directory with config.json, weights and tokenizer.json");
  }
  if (!given.empty()) {
    for (const fs::path& root : roots()) {
      for (const fs::path& path : {root / "models" / given, root / given}) {
        if (is_folder(path)) return path.lexically_normal().string();
      }
    }
  }
  fail(given, "model directory", model_directories());
}

kernels::KvFormat kv_format(const std::string& name) {
  if (name == "fp8") return kernels::KvFormat::kFp8;
  return name == "bf16" ? kernels::KvFormat::kBf16 : kernels::KvFormat::kAuto;
}

namespace {

std::string find_file(const std::string& given, const char* folder, const char* what,
                      const std::vector<std::string>& known) {
  if (is_file(given)) return given;
  if (!given.empty()) {
    for (const fs::path& root : roots()) {
      for (const fs::path& path : {root / given, root / folder / given, root / folder / (given + ".yaml")}) {
        if (is_file(path)) return path.lexically_normal().string();
      }
    }
  }
  fail(given, what, known);
}

}  // namespace

std::string find_chip(const std::string& given) { return find_file(given, "chips", "chip description", chip_files()); }

std::string find_scenario(const std::string& given) {
  return find_file(given, "scenarios", "scenario", list("scenarios", [](const fs::path& path) {
                     return path.extension() == ".yaml" && is_file(path);
                   }));
}

std::string find_space(const std::string& given) {
  return find_file(given, "spaces", "space of designs",
                   list("spaces", [](const fs::path& path) { return path.extension() == ".yaml" && is_file(path); }));
}

std::vector<std::string> data_roots() {
  std::vector<std::string> all;
  for (const fs::path& root : roots()) all.push_back(root.string());
  return all;
}

std::string find_shape(const std::string& given) {
  if (is_file(given)) return given;
  if (!given.empty()) {
    for (const fs::path& root : roots()) {
      for (const fs::path& path :
           {fs::path(given) / "config.json", root / "models" / "configs" / given,
            root / "models" / "configs" / (given + ".json"), root / "models" / given / "config.json"}) {
        if (is_file(path)) return path.lexically_normal().string();
      }
    }
  }
  fail(given, "model", shape_files());
}

std::string find_data(const std::string& path) {
  for (const fs::path& root : roots()) {
    if (is_file(root / path)) return (root / path).lexically_normal().string();
  }
  input_error(path, "is neither in the working directory nor in the source tree");
}

std::vector<std::string> shape_files() {
  return list("models/configs", [](const fs::path& path) { return path.extension() == ".json" && is_file(path); });
}

std::vector<std::string> chip_files() {
  return list("chips", [](const fs::path& path) { return path.extension() == ".yaml" && is_file(path); });
}

std::vector<std::string> model_directories() {
  return list("models", [](const fs::path& path) { return is_file(path / "config.json"); });
}

}  // namespace hadal::cli
