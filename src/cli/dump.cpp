// Reading and showing memory.
#include "cli/dump.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>

#include "base/error.h"
#include "isa/text.h"

namespace hadal::cli {
namespace {

constexpr uint64_t kMostLines = 1 << 20;

std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  size_t first = 0;
  while (true) {
    const size_t at = text.find(':', first);
    parts.push_back(text.substr(first, at - first));
    if (at == std::string::npos) return parts;
    first = at + 1;
  }
}

[[noreturn]] void malformed(const std::string& text) {
  input_error(fmt::format("--dump {}", text),
              "is not spm:CORE:LINE:LINES, acc:CORE:LINE:LINES or dram:LINE:LINES, with :f32, :u32, :bf16 or :u8");
}

uint64_t number(const std::string& text, const std::string& whole) {
  const std::optional<int64_t> value = isa::parse_integer(text);
  if (!value || *value < 0) malformed(whole);
  return static_cast<uint64_t>(*value);
}

std::optional<Dump::Type> type_of(const std::string& name) {
  if (name == "f32") return Dump::Type::kF32;
  if (name == "u32") return Dump::Type::kU32;
  if (name == "bf16") return Dump::Type::kBf16;
  if (name == "u8") return Dump::Type::kU8;
  return std::nullopt;
}

template <typename T>
T value_at(std::span<const std::byte> bytes, size_t index) {
  T value{};
  std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
  return value;
}

std::string value_text(std::span<const std::byte> bytes, Dump::Type type, size_t i) {
  switch (type) {
    case Dump::Type::kF32: return fmt::format("{:>12.6g}", value_at<float>(bytes, i));
    case Dump::Type::kU32: return fmt::format("{:08x}", value_at<uint32_t>(bytes, i));
    case Dump::Type::kBf16:
      return fmt::format("{:>10.4g}", std::bit_cast<float>(static_cast<uint32_t>(value_at<uint16_t>(bytes, i)) << 16));
    case Dump::Type::kU8: return fmt::format("{:02x}", value_at<uint8_t>(bytes, i));
  }
  return "";
}

size_t width_of(Dump::Type type) { return type == Dump::Type::kU8 ? 1 : type == Dump::Type::kBf16 ? 2 : 4; }

void check_range(const Dump& dump, const chip::Chip& chip, const program::Program& program) {
  const std::string where = fmt::format("--dump {}", dump.text);
  if (dump.lines == 0 || dump.lines > kMostLines)
    input_error(where, "shows {} lines; 1 to {} are possible", dump.lines, kMostLines);
  const uint64_t end = dump.line + dump.lines;
  if (dump.space == Dump::Space::kDram) {
    const bool inside = std::any_of(program.segments.begin(), program.segments.end(), [&](const program::Segment& s) {
      return dump.line >= s.base_line && end <= s.base_line + s.lines;
    });
    if (!inside) input_error(where, "is not inside one segment of the program");
    return;
  }
  if (dump.core >= chip.cores)
    input_error(where, "names core {}; {} has cores 0 to {}", dump.core, chip.name, chip.cores - 1);
  const bool spm = dump.space == Dump::Space::kSpm;
  const uint64_t lines = (spm ? chip.spm.bytes : chip.acc.bytes) / isa::kLineBytes;
  if (end > lines) input_error(where, "ends at line {}; the {} has {} lines", end, spm ? "SPM" : "ACC", lines);
}

}  // namespace

Dump parse_dump(const std::string& text, const chip::Chip& chip, const program::Program& program) {
  std::vector<std::string> parts = split(text);
  Dump dump;
  dump.text = text;
  std::optional<Dump::Type> type;
  if (parts.size() > 1 && (type = type_of(parts.back()))) parts.pop_back();
  const std::string space = parts.front();
  const bool dram = space == "dram" || space == "hbm";
  if ((!dram && space != "spm" && space != "acc") || parts.size() != (dram ? 3 : 4)) malformed(text);
  dump.space = dram ? Dump::Space::kDram : space == "spm" ? Dump::Space::kSpm : Dump::Space::kAcc;
  dump.type = type.value_or(dump.space == Dump::Space::kAcc ? Dump::Type::kF32 : Dump::Type::kU32);
  if (!dram) dump.core = static_cast<int>(std::min<uint64_t>(number(parts[1], text), isa::kMaxCores));
  dump.line = number(parts[parts.size() - 2], text);
  dump.lines = number(parts.back(), text);
  check_range(dump, chip, program);
  return dump;
}

std::vector<std::byte> Dump::read(const sim::Functional& machine) const {
  std::vector<std::byte> out(lines * isa::kLineBytes);
  if (space == Space::kDram) {
    machine.read_dram(line * isa::kLineBytes, out);
  } else {
    const auto memory = space == Space::kSpm ? machine.spm(core) : machine.acc(core);
    const auto part = memory.subspan(line * isa::kLineBytes, out.size());
    std::copy(part.begin(), part.end(), out.begin());
  }
  return out;
}

std::string Dump::show(const sim::Functional& machine) const {
  constexpr size_t kPerRow = 16;
  const std::vector<std::byte> bytes = read(machine);
  const size_t width = width_of(type), count = bytes.size() / width;
  std::string out = text + "\n";
  for (size_t first = 0; first < count; first += kPerRow) {
    const size_t byte = first * width;
    out += fmt::format("{:>8}+{:02}:", line + byte / isa::kLineBytes, byte % isa::kLineBytes);
    for (size_t i = first; i < std::min(first + kPerRow, count); ++i)
      out += fmt::format(" {}", value_text(bytes, type, i));
    out += '\n';
  }
  return out;
}

std::string hex(std::span<const std::byte> bytes) {
  std::string out;
  for (const std::byte b : bytes) out += fmt::format("{:02x}", static_cast<unsigned>(b));
  return out;
}

}  // namespace hadal::cli
