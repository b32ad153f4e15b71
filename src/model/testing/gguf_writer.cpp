// The GGUF layout, version 3.
#include "model/testing/gguf_writer.h"

namespace hadal::model::testing {
namespace {

constexpr size_t kAlignment = 32;

template <typename T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, const std::string& text) {
  put(out, static_cast<uint64_t>(text.size()));
  out += text;
}

void align(std::string& out) { out.resize((out.size() + kAlignment - 1) / kAlignment * kAlignment); }

}  // namespace

void GgufWriter::begin(const std::string& key, uint32_t type) {
  ++keys_;
  put_text(metadata_, key);
  put(metadata_, type);
}

void GgufWriter::add_u32(const std::string& key, uint32_t value) {
  begin(key, 4);
  put(metadata_, value);
}

void GgufWriter::add_f32(const std::string& key, float value) {
  begin(key, 6);
  put(metadata_, value);
}

void GgufWriter::add_bool(const std::string& key, bool value) {
  begin(key, 7);
  put(metadata_, static_cast<uint8_t>(value));
}

void GgufWriter::add_text(const std::string& key, const std::string& value) {
  begin(key, 8);
  put_text(metadata_, value);
}

void GgufWriter::add_texts(const std::string& key, const std::vector<std::string>& values) {
  begin(key, 9);
  put(metadata_, uint32_t{8});
  put(metadata_, static_cast<uint64_t>(values.size()));
  for (const std::string& value : values) put_text(metadata_, value);
}

void GgufWriter::add_numbers(const std::string& key, const std::vector<int32_t>& values) {
  begin(key, 9);
  put(metadata_, uint32_t{5});
  put(metadata_, static_cast<uint64_t>(values.size()));
  for (const int32_t value : values) put(metadata_, value);
}

void GgufWriter::add_tensor(const std::string& name, uint32_t type, const std::vector<int64_t>& shape,
                            std::vector<std::byte> data) {
  tensors_.push_back({name, type, shape, std::move(data)});
}

std::string GgufWriter::bytes() const {
  std::string out = "GGUF";
  put(out, uint32_t{3});
  put(out, static_cast<uint64_t>(tensors_.size()));
  put(out, keys_);
  out += metadata_;
  std::string data;
  for (const Entry& tensor : tensors_) {
    align(data);
    put_text(out, tensor.name);
    put(out, static_cast<uint32_t>(tensor.shape.size()));
    for (size_t i = tensor.shape.size(); i > 0; --i) put(out, static_cast<uint64_t>(tensor.shape[i - 1]));
    put(out, tensor.type);
    put(out, static_cast<uint64_t>(data.size()));
    data.append(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
  }
  align(out);
  return out + data;
}

}  // namespace hadal::model::testing
