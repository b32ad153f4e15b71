// One safetensors file: the checks of the format, on bytes in memory.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/model.h"

namespace hadal::model {

// The tensors of a safetensors file in the order of their data, as views into `file`. `where` names the file in errors.
std::vector<Tensor> parse_safetensors(std::span<const std::byte> file, const std::string& where);

std::string_view dtype_name(Dtype dtype);                // as the file format spells it
std::string shape_text(std::span<const int64_t> shape);  // "[3, 4]"

}  // namespace hadal::model
