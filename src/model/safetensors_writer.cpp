// The layout of safetensors, written plainly.
#include "model/safetensors_writer.h"

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "model/safetensors_format.h"

namespace hadal::model {

void SafetensorsWriter::add(const std::string& name, Dtype dtype, std::vector<int64_t> shape,
                            std::vector<std::byte> data) {
  names_.push_back(name);
  entries_.push_back({std::string(dtype_name(dtype)), std::move(shape), std::move(data)});
}

std::string SafetensorsWriter::header() const {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  size_t at = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    const Entry& entry = entries_[i];
    const size_t end = at + entry.data.size();
    header[names_[i]] = {{"dtype", entry.dtype}, {"shape", entry.shape}, {"data_offsets", {at, end}}};
    at = end;
  }
  return header.dump();
}

std::string SafetensorsWriter::bytes(size_t padding) const {
  const std::string text = header() + std::string(padding, ' ');
  const uint64_t length = text.size();
  std::string out(sizeof length, '\0');
  std::memcpy(out.data(), &length, sizeof length);
  out += text;
  for (const Entry& entry : entries_) out.append(reinterpret_cast<const char*>(entry.data.data()), entry.data.size());
  return out;
}

std::string SafetensorsWriter::bytes() const { return bytes((8 - header().size() % 8) % 8); }

void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file) input_error(path, "cannot write {} bytes", bytes.size());
}

}  // namespace hadal::model
