// Writes GGUF files, for tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/model.h"

namespace hadal::model::testing {

class GgufWriter {
 public:
  void add_u32(const std::string& key, uint32_t value);
  void add_f32(const std::string& key, float value);
  void add_bool(const std::string& key, bool value);
  void add_text(const std::string& key, const std::string& value);
  void add_texts(const std::string& key, const std::vector<std::string>& values);
  void add_numbers(const std::string& key, const std::vector<int32_t>& values);
  // `shape` outermost first, as Tensor has it; `type` is the number the format gives it.
  void add_tensor(const std::string& name, uint32_t type, const std::vector<int64_t>& shape,
                  std::vector<std::byte> data);
  std::string bytes() const;

 private:
  void begin(const std::string& key, uint32_t type);

  uint64_t keys_ = 0;
  std::string metadata_;
  struct Entry {
    std::string name;
    uint32_t type;
    std::vector<int64_t> shape;
    std::vector<std::byte> data;
  };
  std::vector<Entry> tensors_;
};

}  // namespace hadal::model::testing
