// The safetensors layout: u64 header length, JSON header, tensor bytes without holes or overlaps.
#include "model/safetensors_format.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <tuple>

#include "base/error.h"
#include "model/json_file.h"

namespace hadal::model {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are mapped as stored, little-endian");

constexpr size_t kLengthBytes = 8;
constexpr uint64_t kMaxHeaderBytes = 100'000'000;  // the limit of the reference implementation

struct DtypeInfo {
  std::string_view name;
  int bits;
  Dtype dtype;
};

constexpr std::array kDtypes = {
    DtypeInfo{"F32", 32, Dtype::kF32},          DtypeInfo{"F16", 16, Dtype::kF16},
    DtypeInfo{"BF16", 16, Dtype::kBf16},        DtypeInfo{"F8_E4M3", 8, Dtype::kE4m3},
    DtypeInfo{"BOOL", 8, Dtype::kOther},        DtypeInfo{"F4", 4, Dtype::kOther},
    DtypeInfo{"F6_E2M3", 6, Dtype::kOther},     DtypeInfo{"F6_E3M2", 6, Dtype::kOther},
    DtypeInfo{"U8", 8, Dtype::kOther},          DtypeInfo{"I8", 8, Dtype::kOther},
    DtypeInfo{"F8_E5M2", 8, Dtype::kOther},     DtypeInfo{"F8_E8M0", 8, Dtype::kE8m0},
    DtypeInfo{"F8_E4M3FNUZ", 8, Dtype::kOther}, DtypeInfo{"F8_E5M2FNUZ", 8, Dtype::kOther},
    DtypeInfo{"I16", 16, Dtype::kOther},        DtypeInfo{"U16", 16, Dtype::kOther},
    DtypeInfo{"I32", 32, Dtype::kOther},        DtypeInfo{"U32", 32, Dtype::kOther},
    DtypeInfo{"I64", 64, Dtype::kOther},        DtypeInfo{"U64", 64, Dtype::kOther},
    DtypeInfo{"F64", 64, Dtype::kOther},        DtypeInfo{"C64", 64, Dtype::kOther},
};

struct Entry {
  Tensor tensor;
  uint64_t begin = 0, end = 0;
};

uint64_t unsigned_value(const nlohmann::json& value, const std::string& where, std::string_view what) {
  if (!value.is_number_unsigned()) input_error(where, "{} must be a non-negative integer", what);
  const auto number = value.get<uint64_t>();
  if (number > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
    input_error(where, "{} is {}, beyond any file", what, number);
  }
  return number;
}

const nlohmann::json& field(const nlohmann::json& object, const char* key, const std::string& where) {
  const auto it = object.find(key);
  if (it == object.end()) input_error(where, "\"{}\" is missing; dtype, shape and data_offsets are needed", key);
  return *it;
}

// Bytes of dtype x shape; errors when the product overflows or is no whole number of bytes.
uint64_t byte_count(const DtypeInfo& info, std::span<const int64_t> shape, const std::string& where) {
  uint64_t bits = static_cast<uint64_t>(info.bits);
  for (const int64_t dim : shape) {
    if (__builtin_mul_overflow(bits, static_cast<uint64_t>(dim), &bits)) {
      input_error(where, "shape {} overflows 64 bits", shape_text(shape));
    }
  }
  if (bits % 8 != 0) {
    input_error(where, "shape {} of {} is misaligned: {} bits are no whole number of bytes", shape_text(shape),
                info.name, bits);
  }
  return bits / 8;
}

Entry parse_entry(const std::string& name, const nlohmann::json& value, const std::string& file) {
  const std::string where = fmt::format("{}: tensor \"{}\"", file, printable(name));
  if (!value.is_object()) input_error(where, "the header holds {} where an object is needed", kind_name(value));
  Entry entry;
  entry.tensor.name = name;

  const auto& dtype = field(value, "dtype", where);
  if (!dtype.is_string()) input_error(where, "dtype is {}, a string is needed", kind_name(dtype));
  const auto& dtype_text = dtype.get_ref<const std::string&>();
  const auto info = std::find_if(kDtypes.begin(), kDtypes.end(), [&](const auto& d) { return d.name == dtype_text; });
  if (info == kDtypes.end()) {
    input_error(where, "unknown dtype \"{}\"; a safetensors dtype such as BF16, F32 or F8_E4M3 is needed",
                printable(dtype_text));
  }
  entry.tensor.dtype = info->dtype;

  const auto& shape = field(value, "shape", where);
  if (!shape.is_array()) input_error(where, "shape is {}, a list is needed", kind_name(shape));
  for (const auto& dim : shape) {
    entry.tensor.shape.push_back(static_cast<int64_t>(unsigned_value(dim, where, "every dimension of shape")));
  }

  const auto& offsets = field(value, "data_offsets", where);
  if (!offsets.is_array() || offsets.size() != 2) input_error(where, "data_offsets must be the list [begin, end]");
  entry.begin = unsigned_value(offsets[0], where, "data_offsets begin");
  entry.end = unsigned_value(offsets[1], where, "data_offsets end");
  if (entry.end < entry.begin) {
    input_error(where, "data_offsets [{}, {}] end before they begin", entry.begin, entry.end);
  }
  const uint64_t expected = byte_count(*info, entry.tensor.shape, where);
  if (entry.end - entry.begin != expected) {
    input_error(where, "data_offsets hold {} bytes, {} of shape {} is {} bytes", entry.end - entry.begin, dtype_text,
                shape_text(entry.tensor.shape), expected);
  }
  return entry;
}

// The whole buffer must be covered, each byte once.
void check_layout(std::span<const Entry> entries, uint64_t buffer_bytes, const std::string& where) {
  uint64_t at = 0;
  std::string before = "the header";
  for (const Entry& entry : entries) {
    if (entry.end > buffer_bytes) {
      input_error(where, "tensor \"{}\" ends at byte {} of the data, the file has only {}; is it truncated?",
                  printable(entry.tensor.name), entry.end, buffer_bytes);
    }
    if (entry.begin < at) {
      input_error(where, "tensor \"{}\" begins at byte {} of the data and overlaps \"{}\", which ends at {}",
                  printable(entry.tensor.name), entry.begin, before, at);
    }
    if (entry.begin > at) {
      input_error(where, "hole of {} bytes between {} and tensor \"{}\"; the format allows none", entry.begin - at,
                  before, printable(entry.tensor.name));
    }
    at = entry.end;
    before = printable(entry.tensor.name);
  }
  if (at != buffer_bytes) {
    input_error(where, "{} bytes after the last tensor; the data must end at byte {}", buffer_bytes - at, at);
  }
}

}  // namespace

std::vector<Tensor> parse_safetensors(std::span<const std::byte> file, const std::string& where) {
  if (file.size() < kLengthBytes) {
    input_error(where, "{} bytes are too short for safetensors, which begin with an 8-byte header length", file.size());
  }
  uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, file.data(), kLengthBytes);
  if (header_bytes > file.size() - kLengthBytes) {
    input_error(where, "header length {} is beyond the file, which has {} bytes after it", header_bytes,
                file.size() - kLengthBytes);
  }
  if (header_bytes > kMaxHeaderBytes) {
    input_error(where, "header length {} is above the limit of {} bytes", header_bytes, kMaxHeaderBytes);
  }
  const auto data = file.subspan(kLengthBytes + header_bytes);
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + kLengthBytes, header_bytes);
  if (!text.starts_with('{')) input_error(where, "the header must begin with '{{'; is this a safetensors file?");
  const nlohmann::json header = parse_embedded_json(text, where);

  std::vector<Entry> entries;
  for (const auto& [name, value] : header.items()) {
    if (name == "__metadata__") {
      const bool strings =
          value.is_object() && std::all_of(value.begin(), value.end(), [](const auto& v) { return v.is_string(); });
      if (!strings) input_error(where, "__metadata__ must map strings to strings");
      continue;
    }
    entries.push_back(parse_entry(name, value, where));
  }
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::tie(a.begin, a.end, a.tensor.name) < std::tie(b.begin, b.end, b.tensor.name);
  });
  check_layout(entries, data.size(), where);

  std::vector<Tensor> tensors;
  tensors.reserve(entries.size());
  for (Entry& entry : entries) {
    entry.tensor.data = data.subspan(entry.begin, entry.end - entry.begin);
    tensors.push_back(std::move(entry.tensor));
  }
  return tensors;
}

std::string_view dtype_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::kQ80: return "Q8_0";
    case Dtype::kQ40: return "Q4_0";
    case Dtype::kQ41: return "Q4_1";
    case Dtype::kQ50: return "Q5_0";
    case Dtype::kQ51: return "Q5_1";
    case Dtype::kQ2K: return "Q2_K";
    case Dtype::kQ3K: return "Q3_K";
    case Dtype::kQ4K: return "Q4_K";
    case Dtype::kQ5K: return "Q5_K";
    case Dtype::kQ6K: return "Q6_K";
    case Dtype::kIq4Nl: return "IQ4_NL";
    case Dtype::kIq4Xs: return "IQ4_XS";
    case Dtype::kHalves: return "two halves";
    case Dtype::kOther: return "another dtype";
    default: break;
  }
  return std::find_if(kDtypes.begin(), kDtypes.end(), [&](const auto& d) { return d.dtype == dtype; })->name;
}

std::string shape_text(std::span<const int64_t> shape) { return fmt::format("[{}]", fmt::join(shape, ", ")); }

}  // namespace hadal::model
