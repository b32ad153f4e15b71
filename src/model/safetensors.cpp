// A directory of safetensors: one file, or shards with an index that must agree with them.
#include <filesystem>
#include <memory>
#include <set>

#include "base/error.h"
#include "base/mapped_file.h"
#include "model/json_file.h"
#include "model/model.h"
#include "model/safetensors_format.h"

namespace hadal::model {
namespace {

constexpr char kSingle[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";

struct Directory {
  std::string directory;
  std::string path;  // the single file, or the index
  std::vector<MappedFile> files;
  std::vector<Tensor> tensors;

  void add_single();
  void add_sharded();
  void add_shard(const JsonFile& index, const std::string& shard, const nlohmann::json& weight_map);
};

void Directory::add_single() {
  files.push_back(MappedFile::open(path));
  tensors = parse_safetensors(files.back().bytes(), path);
}

// The index and the shards must name exactly the same tensors.
void Directory::add_sharded() {
  const JsonFile index = JsonFile::load(path);
  if (!index.root().is_object() || !index.root().contains("weight_map") || !index.root()["weight_map"].is_object()) {
    input_error(path, "an object with a \"weight_map\" from tensor names to file names is needed");
  }
  const auto& weight_map = index.root()["weight_map"];
  std::set<std::string> shards;
  for (const auto& [tensor, shard] : weight_map.items()) {
    if (!shard.is_string()) {
      input_error(index.where({"weight_map", tensor}), "tensor \"{}\" maps to {}, a file name is needed",
                  printable(tensor), kind_name(shard));
    }
    const auto& name = shard.get_ref<const std::string&>();
    // Only names beside the index: a checkpoint must not reach other files.
    if (name.empty() || name == "." || name == ".." || name.find_first_of(std::string_view("/\\\0", 3)) != name.npos) {
      input_error(index.where({"weight_map", tensor}), "\"{}\" is not the plain name of a file beside the index",
                  printable(name));
    }
    shards.insert(name);
  }
  if (shards.empty()) input_error(path, "weight_map is empty; it must name at least one tensor");
  for (const auto& shard : shards) {
    if (!std::filesystem::exists(std::filesystem::path(directory) / shard)) {
      input_error(path, "shard \"{}\" is named but does not exist in {}", printable(shard), directory);
    }
    add_shard(index, shard, weight_map);
  }
  std::set<std::string_view> found;
  for (const Tensor& tensor : tensors) found.insert(tensor.name);
  for (const auto& [tensor, shard] : weight_map.items()) {
    if (!found.contains(tensor)) {
      input_error(index.where({"weight_map", tensor}), "tensor \"{}\" is not in shard \"{}\" nor in any other",
                  printable(tensor), printable(shard.get_ref<const std::string&>()));
    }
  }
}

void Directory::add_shard(const JsonFile& index, const std::string& shard, const nlohmann::json& weight_map) {
  const std::string shard_path = (std::filesystem::path(directory) / shard).string();
  files.push_back(MappedFile::open(shard_path));
  for (Tensor& tensor : parse_safetensors(files.back().bytes(), shard_path)) {
    const auto entry = weight_map.find(tensor.name);
    if (entry == weight_map.end()) {
      input_error(shard_path, "tensor \"{}\" is not listed in {}", printable(tensor.name), path);
    }
    if (const auto& named = entry->get_ref<const std::string&>(); named != shard) {
      input_error(index.where({"weight_map", tensor.name}), "tensor \"{}\" is in shard \"{}\", the index says \"{}\"",
                  printable(tensor.name), printable(shard), printable(named));
    }
    tensors.push_back(std::move(tensor));
  }
}

}  // namespace

Weights Weights::open(const std::string& directory) {
  const std::filesystem::path base(directory);
  if (!std::filesystem::is_directory(base)) input_error(directory, "is not a directory; a model directory is needed");
  const auto found = std::make_shared<Directory>();
  found->directory = directory;
  if (std::filesystem::exists(base / kSingle)) {
    found->path = (base / kSingle).string();
    found->add_single();
  } else if (std::filesystem::exists(base / kIndex)) {
    found->path = (base / kIndex).string();
    found->add_sharded();
  } else {
    input_error(directory, "no weights: neither {} nor {} is there", kSingle, kIndex);
  }
  return {std::move(found->tensors), found->path, found};
}

}  // namespace hadal::model
