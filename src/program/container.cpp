// The .hprog container: 8 bytes magic, u32 version, u32 header length, JSON header, then the payload: every stream,
// every segment's data, each starting on a 64-byte boundary, in the order of the header. Little-endian.
#include <fmt/format.h>

#include <bit>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/mapped_file.h"
#include "program/program.h"

namespace hadal::program {
namespace {

using nlohmann::json;
static_assert(std::endian::native == std::endian::little, "the container is written as memory lies");
static_assert(sizeof(isa::Encoded) == 16);

constexpr char kMagic[8] = {'H', 'A', 'D', 'A', 'L', 'P', 'R', 'G'};
constexpr uint32_t kVersion = 1;
constexpr size_t kPrefixBytes = 16;
constexpr size_t kAlign = 64;

size_t aligned(size_t size) { return (size + kAlign - 1) / kAlign * kAlign; }

json header_of(const Program& program) {
  json header = {
      {"chip", program.chip}, {"operators", program.operators}, {"cores", json::array()}, {"segments", json::array()}};
  for (const Stream& stream : program.cores) {
    json marks = json::array();
    for (const Mark& mark : stream.marks) marks.push_back({mark.first, mark.op});
    header["cores"].push_back({{"instructions", stream.code.size()}, {"marks", marks}});
  }
  for (const Segment& s : program.segments) {
    header["segments"].push_back({{"name", s.name},
                                  {"base_line", s.base_line},
                                  {"lines", s.lines},
                                  {"writable", s.writable},
                                  {"data_bytes", s.data.size()}});
  }
  return header;
}

// Reads values of the JSON header; everything that is not as it should be is an input error.
class HeaderReader {
 public:
  explicit HeaderReader(const std::string& file) : file_(file) {}

  const json& member(const json& object, const char* key) const {
    if (!object.is_object())
      input_error(file_, "header: an object with '{}' is needed; assemble the program anew", key);
    const auto at = object.find(key);
    if (at == object.end()) input_error(file_, "header: '{}' is missing; assemble the program anew", key);
    return *at;
  }
  std::string text(const json& value, const char* what) const {
    if (!value.is_string()) input_error(file_, "header: {} must be a string", what);
    return value.get<std::string>();
  }
  uint64_t number(const json& value, const char* what, uint64_t limit) const {
    if (!value.is_number_unsigned()) input_error(file_, "header: {} must be a whole number", what);
    const auto number = value.get<uint64_t>();
    if (number > limit) input_error(file_, "header: {} is {}, more than {}", what, number, limit);
    return number;
  }
  bool boolean(const json& value, const char* what) const {
    if (!value.is_boolean()) input_error(file_, "header: {} must be true or false", what);
    return value.get<bool>();
  }
  const json& list(const json& value, const char* what) const {
    if (!value.is_array()) input_error(file_, "header: {} must be a list", what);
    return value;
  }

 private:
  const std::string& file_;
};

// Hands out the payload piece by piece.
class Payload {
 public:
  Payload(std::span<const std::byte> bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  std::span<const std::byte> take(uint64_t size, const std::string& what) {
    const size_t left = bytes_.size() - at_;
    if (size > left || aligned(size) > left)
      input_error(file_, "truncated: {} needs {} bytes, {} are left", what, size, left);
    const auto piece = bytes_.subspan(at_, size);
    at_ += aligned(size);
    return piece;
  }
  void finish() const {
    if (at_ != bytes_.size()) input_error(file_, "{} bytes too many after the last segment", bytes_.size() - at_);
  }

 private:
  std::span<const std::byte> bytes_;
  const std::string& file_;
  size_t at_ = 0;
};

void read_cores(const HeaderReader& read, const json& header, Payload& payload, const std::string& path,
                Program& program) {
  for (const json& entry : read.list(read.member(header, "cores"), "cores")) {
    const size_t core = program.cores.size();
    Stream& stream = program.cores.emplace_back();
    const uint64_t count = read.number(read.member(entry, "instructions"), "instructions", UINT32_MAX);
    const auto bytes = payload.take(count * sizeof(isa::Encoded), fmt::format("the stream of core {}", core));
    stream.code.reserve(count);
    for (size_t pc = 0; pc < count; ++pc) {
      isa::Encoded instruction;
      std::memcpy(&instruction, bytes.data() + pc * sizeof instruction, sizeof instruction);
      stream.code.push_back(instruction);
    }
    for (const json& mark : read.list(read.member(entry, "marks"), "marks")) {
      if (read.list(mark, "a mark").size() != 2) input_error(path, "header: a mark is [instruction, operator]");
      stream.marks.push_back({static_cast<uint32_t>(read.number(mark[0], "a mark", UINT32_MAX)),
                              static_cast<uint32_t>(read.number(mark[1], "a mark", UINT32_MAX))});
    }
    for (size_t pc = 0; pc < stream.code.size(); ++pc) {
      try {
        isa::decode(stream.code[pc]);
      } catch (const Error& error) {
        input_error(path, "core {}, instruction {}: {}", core, pc, error.what());
      }
    }
  }
}

}  // namespace

void save(const Program& program, const std::string& path) {
  const std::string found = defect(program);
  check(found.empty(), "cannot save a malformed program: {}", found);
  std::string header = header_of(program).dump();
  // Padding with blanks keeps the header valid JSON and the payload aligned.
  header.resize(aligned(kPrefixBytes + header.size()) - kPrefixBytes, ' ');
  check(header.size() <= UINT32_MAX, "the header has more than 2^32 bytes");
  const std::string partial = path + ".partial";
  std::ofstream file(partial, std::ios::binary | std::ios::trunc);
  if (!file) input_error(path, "cannot write: {}", std::strerror(errno));
  const auto length = static_cast<uint32_t>(header.size());
  file.write(kMagic, sizeof kMagic);
  file.write(reinterpret_cast<const char*>(&kVersion), sizeof kVersion);
  file.write(reinterpret_cast<const char*>(&length), sizeof length);
  file.write(header.data(), static_cast<std::streamsize>(header.size()));
  const auto piece = [&](const void* data, size_t size) {
    static constexpr char kZeros[kAlign] = {};
    file.write(static_cast<const char*>(data), static_cast<std::streamsize>(size));
    file.write(kZeros, static_cast<std::streamsize>(aligned(size) - size));
  };
  for (const Stream& stream : program.cores) {
    const std::vector<isa::Encoded> code(stream.code.begin(), stream.code.end());
    piece(code.data(), code.size() * sizeof(isa::Encoded));
  }
  for (const Segment& segment : program.segments) {
    if (segment.prepare) segment.prepare();
    piece(segment.data.data(), segment.data.size());
  }
  file.close();
  std::error_code error;
  if (file.good()) std::filesystem::rename(partial, path, error);
  if (!file.good() || error) {
    std::filesystem::remove(partial, error);
    input_error(path, "cannot write all of it; is the disk full?");
  }
}

Program load(const std::string& path) {
  const MappedFile file = MappedFile::open(path);
  return load(file.bytes(), file.owner(), path);
}

Program load(std::span<const std::byte> bytes, const std::shared_ptr<const void>& owner, const std::string& path) {
  if (bytes.size() < kPrefixBytes || std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0) {
    input_error(path, "not a program file (.hprog); assemble one with 'hadal asm'");
  }
  uint32_t version = 0, length = 0;
  std::memcpy(&version, bytes.data() + 8, 4);
  std::memcpy(&length, bytes.data() + 12, 4);
  if (version != kVersion)
    input_error(path, "version {} of the format; this program reads version {}", version, kVersion);
  if (length > bytes.size() - kPrefixBytes) input_error(path, "truncated within its header");
  if ((kPrefixBytes + length) % kAlign != 0) input_error(path, "the header does not end on a 64-byte boundary");
  const char* text = reinterpret_cast<const char*>(bytes.data() + kPrefixBytes);
  const json header = json::parse(text, text + length, nullptr, false);
  if (header.is_discarded()) input_error(path, "the header is not valid JSON");

  const HeaderReader read(path);
  Payload payload(bytes.subspan(kPrefixBytes + length), path);
  Program program;
  program.chip = read.text(read.member(header, "chip"), "chip");
  for (const json& name : read.list(read.member(header, "operators"), "operators")) {
    program.operators.push_back(read.text(name, "an operator"));
  }
  read_cores(read, header, payload, path, program);
  for (const json& entry : read.list(read.member(header, "segments"), "segments")) {
    Segment segment;
    segment.name = read.text(read.member(entry, "name"), "name");
    segment.base_line = read.number(read.member(entry, "base_line"), "base_line", UINT64_MAX);
    segment.lines = read.number(read.member(entry, "lines"), "lines", UINT64_MAX);
    segment.writable = read.boolean(read.member(entry, "writable"), "writable");
    segment.data = payload.take(read.number(read.member(entry, "data_bytes"), "data_bytes", UINT64_MAX),
                                fmt::format("segment {}", segment.name));
    segment.owner = owner;
    program.segments.push_back(std::move(segment));
  }
  program.share_instructions();
  payload.finish();
  if (const std::string found = defect(program); !found.empty()) input_error(path, "{}", found);
  return program;
}

}  // namespace hadal::program
