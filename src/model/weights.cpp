// Tensors by name, whatever container they come from.
#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "model/model.h"
#include "model/safetensors_format.h"

namespace hadal::model {

struct Weights::Impl {
  std::vector<Tensor> tensors;
  std::string path;  // of errors
  std::shared_ptr<const void> owner;
  std::unordered_map<std::string_view, size_t> by_name;
};

Weights::Weights() : impl_(std::make_unique<Impl>()) {}
Weights::~Weights() = default;
Weights::Weights(Weights&&) noexcept = default;
Weights& Weights::operator=(Weights&&) noexcept = default;

Weights::Weights(std::vector<Tensor> tensors, std::string path, std::shared_ptr<const void> owner) : Weights() {
  impl_->tensors = std::move(tensors);
  impl_->path = std::move(path);
  impl_->owner = std::move(owner);
  for (size_t i = 0; i < impl_->tensors.size(); ++i) impl_->by_name.emplace(impl_->tensors[i].name, i);
}

const Tensor* Weights::find(std::string_view name) const {
  const auto it = impl_->by_name.find(name);
  return it == impl_->by_name.end() ? nullptr : &impl_->tensors[it->second];
}

const Tensor& Weights::require(std::string_view name, std::span<const Dtype> dtypes,
                               std::span<const int64_t> shape) const {
  const auto needed = [&] {
    std::string names;
    for (size_t i = 0; i < dtypes.size(); ++i) {
      if (i > 0) names += i + 1 == dtypes.size() ? " or " : ", ";
      names += dtype_name(dtypes[i]);
    }
    return fmt::format("{} of shape {} is needed", names, shape_text(shape));
  };
  const Tensor* tensor = find(name);
  if (tensor == nullptr) input_error(impl_->path, "tensor \"{}\" is missing; {}", name, needed());
  if (std::find(dtypes.begin(), dtypes.end(), tensor->dtype) == dtypes.end() ||
      !std::equal(shape.begin(), shape.end(), tensor->shape.begin(), tensor->shape.end())) {
    input_error(impl_->path, "tensor \"{}\" is {} of shape {}, {}", name, dtype_name(tensor->dtype),
                shape_text(tensor->shape), needed());
  }
  return *tensor;
}

const std::vector<Tensor>& Weights::tensors() const { return impl_->tensors; }

}  // namespace hadal::model
