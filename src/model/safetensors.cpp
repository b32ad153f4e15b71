// A directory of safetensors: one file, or shards with an index that must agree with them.
#include <algorithm>
#include <filesystem>
#include <set>
#include <unordered_map>

#include "base/error.h"
#include "base/mapped_file.h"
#include "model/json_file.h"
#include "model/model.h"
#include "model/safetensors_format.h"

namespace hadal::model {
namespace {

constexpr char kSingle[] = "model.safetensors";
constexpr char kIndex[] = "model.safetensors.index.json";

}  // namespace

struct Safetensors::Impl {
  std::string directory;
  std::string path;  // the single file, or the index
  std::vector<MappedFile> files;
  std::vector<Tensor> tensors;
  std::unordered_map<std::string_view, size_t> by_name;

  void add_single();
  void add_sharded();
  void add_shard(const JsonFile& index, const std::string& shard, const nlohmann::json& weight_map);
};

void Safetensors::Impl::add_single() {
  files.push_back(MappedFile::open(path));
  tensors = parse_safetensors(files.back().bytes(), path);
}

// The index and the shards must name exactly the same tensors.
void Safetensors::Impl::add_sharded() {
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

void Safetensors::Impl::add_shard(const JsonFile& index, const std::string& shard, const nlohmann::json& weight_map) {
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

Safetensors::Safetensors() : impl_(std::make_unique<Impl>()) {}
Safetensors::~Safetensors() = default;
Safetensors::Safetensors(Safetensors&&) noexcept = default;
Safetensors& Safetensors::operator=(Safetensors&&) noexcept = default;

Safetensors Safetensors::open(const std::string& directory) {
  const std::filesystem::path base(directory);
  Safetensors result;
  result.impl_->directory = directory;
  if (!std::filesystem::is_directory(base)) input_error(directory, "is not a directory; a model directory is needed");
  if (std::filesystem::exists(base / kSingle)) {
    result.impl_->path = (base / kSingle).string();
    result.impl_->add_single();
  } else if (std::filesystem::exists(base / kIndex)) {
    result.impl_->path = (base / kIndex).string();
    result.impl_->add_sharded();
  } else {
    input_error(directory, "no weights: neither {} nor {} is there", kSingle, kIndex);
  }
  for (size_t i = 0; i < result.impl_->tensors.size(); ++i) {
    result.impl_->by_name.emplace(result.impl_->tensors[i].name, i);
  }
  return result;
}

const Tensor* Safetensors::find(std::string_view name) const {
  const auto it = impl_->by_name.find(name);
  return it == impl_->by_name.end() ? nullptr : &impl_->tensors[it->second];
}

const Tensor& Safetensors::require(std::string_view name, Dtype dtype, std::span<const int64_t> shape) const {
  const Tensor* tensor = find(name);
  if (tensor == nullptr) {
    input_error(impl_->path, "tensor \"{}\" is missing; {} of shape {} is needed", name, dtype_name(dtype),
                shape_text(shape));
  }
  if (tensor->dtype != dtype || !std::equal(shape.begin(), shape.end(), tensor->shape.begin(), tensor->shape.end())) {
    input_error(impl_->path, "tensor \"{}\" is {} of shape {}, {} of shape {} is needed", name,
                dtype_name(tensor->dtype), shape_text(tensor->shape), dtype_name(dtype), shape_text(shape));
  }
  return *tensor;
}

const std::vector<Tensor>& Safetensors::tensors() const { return impl_->tensors; }

}  // namespace hadal::model
