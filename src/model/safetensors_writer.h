// Writes safetensors files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "model/model.h"

namespace hadal::model {

class SafetensorsWriter {
 public:
  void add(const std::string& name, Dtype dtype, std::vector<int64_t> shape, std::vector<std::byte> data);
  // The file as bytes. `padding`: spaces after the header, to choose the alignment of the data.
  std::string bytes(size_t padding) const;
  std::string bytes() const;  // data aligned to 8
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::string header() const;
  struct Entry {
    std::string dtype;
    std::vector<int64_t> shape;
    std::vector<std::byte> data;
  };
  std::vector<std::string> names_;
  std::vector<Entry> entries_;
};

void write_file(const std::string& path, const std::string& bytes);

}  // namespace hadal::model
