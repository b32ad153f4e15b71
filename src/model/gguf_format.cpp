// The GGUF container, versions 2 and 3: header, metadata, tensor table, aligned data.
#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <set>
#include <utility>

#include "base/error.h"
#include "model/blocks.h"
#include "model/gguf.h"
#include "model/json_file.h"
#include "model/safetensors_format.h"
#include "model/utf8.h"

namespace hadal::model {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxTensors = 1 << 20, kMaxKeys = 1 << 16, kMaxArray = 1 << 24;
constexpr uint32_t kMaxDims = 4;
constexpr int kMaxNesting = 4;

enum ValueType : uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };

struct TypeInfo {
  uint32_t code;  // of the file
  Dtype dtype;
};
constexpr std::array kTypes = {TypeInfo{0, Dtype::kF32},  TypeInfo{1, Dtype::kF16},    TypeInfo{30, Dtype::kBf16},
                               TypeInfo{8, Dtype::kQ80},  TypeInfo{2, Dtype::kQ40},    TypeInfo{3, Dtype::kQ41},
                               TypeInfo{6, Dtype::kQ50},  TypeInfo{7, Dtype::kQ51},    TypeInfo{10, Dtype::kQ2K},
                               TypeInfo{11, Dtype::kQ3K}, TypeInfo{12, Dtype::kQ4K},   TypeInfo{13, Dtype::kQ5K},
                               TypeInfo{14, Dtype::kQ6K}, TypeInfo{20, Dtype::kIq4Nl}, TypeInfo{23, Dtype::kIq4Xs}};

class Reader {
 public:
  Reader(std::span<const std::byte> file, const std::string& where) : file_(file), where_(where) {}

  Gguf read() {
    if (file_.size() < 24 || std::memcmp(file_.data(), "GGUF", 4) != 0) {
      input_error(where_, "is not a GGUF file; it must begin with \"GGUF\" and a header of 24 bytes");
    }
    at_ = 4;
    const auto version = number<uint32_t>("the version");
    if (version != 2 && version != 3) input_error(where_, "is GGUF version {}; 2 and 3 are supported", version);
    const uint64_t tensors = count("tensors", kMaxTensors), keys = count("metadata keys", kMaxKeys);
    Gguf out;
    for (uint64_t i = 0; i < keys; ++i) {
      const std::string key = text("a metadata key");
      const auto type = number<uint32_t>("a metadata type");
      if (out.metadata.contains(key)) input_error(where_, "metadata key \"{}\" stands twice", printable(key));
      out.metadata[key] = value(type, key, 0);
    }
    read_tensors(out, tensors);
    return out;
  }

 private:
  template <typename T>
  T number(std::string_view what) {
    if (file_.size() - at_ < sizeof(T)) input_error(where_, "ends inside {}, at byte {}", what, file_.size());
    T out;
    std::memcpy(&out, file_.data() + at_, sizeof out);
    at_ += sizeof out;
    return out;
  }

  uint64_t count(std::string_view what, uint64_t limit) {
    const auto n = number<uint64_t>(fmt::format("the number of {}", what));
    if (n > limit) input_error(where_, "says it has {} {}; at most {} are supported", n, what, limit);
    return n;
  }

  std::string text(std::string_view what) {
    const auto length = number<uint64_t>(what);
    if (length > file_.size() - at_) {
      input_error(where_, "{} of {} bytes at byte {} runs past the end of the file", what, length, at_);
    }
    std::string out(reinterpret_cast<const char*>(file_.data()) + at_, length);
    at_ += length;
    if (!is_valid_utf8(out)) input_error(where_, "{} at byte {} is not valid UTF-8", what, at_ - length);
    return out;
  }

  json value(uint32_t type, const std::string& key, int depth) {
    const std::string what = fmt::format("the value of \"{}\"", printable(key));
    switch (type) {
      case kU8: return number<uint8_t>(what);
      case kI8: return number<int8_t>(what);
      case kU16: return number<uint16_t>(what);
      case kI16: return number<int16_t>(what);
      case kU32: return number<uint32_t>(what);
      case kI32: return number<int32_t>(what);
      case kF32: return number<float>(what);
      case kU64: return number<uint64_t>(what);
      case kI64: return number<int64_t>(what);
      case kF64: return number<double>(what);
      case kBool: return number<uint8_t>(what) != 0;
      case kString: return text(what);
      case kArray: break;
      default: input_error(where_, "{} has type {}; 0 to 12 are known", what, type);
    }
    const auto element = number<uint32_t>(what);
    const auto n = number<uint64_t>(what);
    if (n > kMaxArray || n > file_.size() - at_) {
      input_error(where_, "{} is a list of {} elements, more than the file can hold", what, n);
    }
    if (depth == kMaxNesting) input_error(where_, "{} nests lists deeper than {}", what, kMaxNesting);
    json list = json::array();
    for (uint64_t i = 0; i < n; ++i) list.push_back(value(element, key, depth + 1));
    return list;
  }

  void read_tensors(Gguf& out, uint64_t tensors) {
    struct Place {
      uint64_t offset, bytes;
    };
    std::vector<Place> places;
    std::set<std::string> names;
    for (uint64_t i = 0; i < tensors; ++i) {
      Tensor tensor;
      tensor.name = text("a tensor name");
      const std::string name = printable(tensor.name);
      if (!names.insert(tensor.name).second) input_error(where_, "tensor \"{}\" stands twice", name);
      const auto dims = number<uint32_t>("the dimensions of a tensor");
      if (dims < 1 || dims > kMaxDims)
        input_error(where_, "tensor \"{}\" has {} dimensions; 1 to 4 are known", name, dims);
      uint64_t elements = 1;
      for (uint32_t d = 0; d < dims; ++d) {
        const auto size = number<uint64_t>("the dimensions of a tensor");
        if (size == 0 || size > uint64_t{1} << 40 || __builtin_mul_overflow(elements, size, &elements)) {
          input_error(where_, "tensor \"{}\" has a dimension of {}; its size must fit the file", name, size);
        }
        tensor.shape.insert(tensor.shape.begin(), static_cast<int64_t>(size));  // the file names the innermost first
      }
      const auto type = number<uint32_t>("the type of a tensor");
      const auto* known = std::find_if(kTypes.begin(), kTypes.end(), [&](const TypeInfo& t) { return t.code == type; });
      if (known == kTypes.end()) {
        std::string supported;
        for (const TypeInfo& t : kTypes) {
          supported += fmt::format("{}{}",
                                   &t == &kTypes.front()  ? ""
                                   : &t == &kTypes.back() ? " and "
                                                          : ", ",
                                   dtype_name(t.dtype));
        }
        input_error(where_, "tensor \"{}\" has type {}; {} are supported", name, type, supported);
      }
      tensor.dtype = known->dtype;
      const BlockSize block = block_size(tensor.dtype);
      if (tensor.shape.back() % block.elements != 0) {
        input_error(where_, "tensor \"{}\" has rows of {} elements, {} comes in blocks of {}", name,
                    tensor.shape.back(), dtype_name(tensor.dtype), block.elements);
      }
      uint64_t bytes = 0;
      if (__builtin_mul_overflow(elements / static_cast<uint64_t>(block.elements), static_cast<uint64_t>(block.bytes),
                                 &bytes)) {
        input_error(where_, "tensor \"{}\" of shape {} is beyond any file", name, shape_text(tensor.shape));
      }
      places.push_back({number<uint64_t>("the offset of a tensor"), bytes});
      out.tensors.push_back(std::move(tensor));
    }
    place(out, [&](size_t i) { return std::pair{places[i].offset, places[i].bytes}; });
  }

  // Data begins at the next multiple of the alignment; tensors must not overlap.
  template <typename PlaceOf>
  void place(Gguf& out, PlaceOf place_of) {
    uint64_t alignment = 32;
    if (const auto it = out.metadata.find("general.alignment"); it != out.metadata.end()) {
      if (!it->is_number_unsigned() || !std::has_single_bit(it->get<uint64_t>()) || it->get<uint64_t>() > 1 << 20) {
        input_error(where_, "general.alignment is {}; a power of two up to 2^20 is needed", printable(it->dump()));
      }
      alignment = it->get<uint64_t>();
    }
    const uint64_t start = (at_ + alignment - 1) / alignment * alignment;
    const uint64_t room = file_.size() > start ? file_.size() - start : 0;
    std::set<std::pair<uint64_t, size_t>> order;
    for (size_t i = 0; i < out.tensors.size(); ++i) {
      const auto [offset, bytes] = place_of(i);
      const std::string name = printable(out.tensors[i].name);
      if (offset % alignment != 0) {
        input_error(where_, "tensor \"{}\" begins at byte {} of the data, which is not a multiple of {}", name, offset,
                    alignment);
      }
      if (offset > room || bytes > room - offset) {
        input_error(where_, "tensor \"{}\" ends at byte {} of the data, the file has only {}; is it truncated?", name,
                    offset + bytes, room);
      }
      out.tensors[i].data = file_.subspan(start + offset, bytes);
      order.insert({offset, i});
    }
    uint64_t end = 0;
    for (const auto& [offset, i] : order) {
      if (offset < end) {
        input_error(where_, "tensor \"{}\" overlaps the one before it", printable(out.tensors[i].name));
      }
      end = offset + place_of(i).second;
    }
  }

  std::span<const std::byte> file_;
  const std::string& where_;
  uint64_t at_ = 0;
};

}  // namespace

Gguf parse_gguf(std::span<const std::byte> file, const std::string& where) { return Reader(file, where).read(); }

}  // namespace hadal::model
