// Parsing of text-file tests and comparison with memory.
#include "program/text_test_file.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "base/error.h"
#include "isa/text.h"

namespace hadal::program {
namespace {

constexpr size_t kLongest = 1 << 20;  // bytes of one expectation

// SPACE [core=C] line=L [byte=B] TYPE VALUES...
Expectation parse_memory(std::span<const std::string_view> words, const std::string& where) {
  Expectation expected;
  expected.where = where;
  expected.space = words[0] == "spm"   ? Expectation::Space::kSpm
                   : words[0] == "acc" ? Expectation::Space::kAcc
                                       : Expectation::Space::kHbm;
  std::optional<int64_t> line;
  size_t at = 1;
  for (; at < words.size() && words[at].find('=') != std::string_view::npos; ++at) {
    const size_t equals = words[at].find('=');
    const std::string_view key = words[at].substr(0, equals);
    const auto value = isa::parse_integer(words[at].substr(equals + 1));
    if (!value || *value < 0 || *value > (int64_t{1} << 40)) input_error(where, "'{}' needs a number", words[at]);
    if (key == "core" && expected.space != Expectation::Space::kHbm && *value < isa::kMaxCores) {
      expected.core = static_cast<int>(*value);
    } else if (key == "line") {
      line = *value;
    } else if (key == "byte") {
      expected.byte += static_cast<uint64_t>(*value);
    } else {
      input_error(where, "'{}' is not core=, line= or byte=", words[at]);
    }
  }
  if (!line) input_error(where, "line= is needed");
  if (at == words.size()) input_error(where, "a type and values are needed");
  expected.byte += static_cast<uint64_t>(*line) * isa::kLineBytes;
  expected.type = words[at];
  expected.values = parse_values(words[at], words.subspan(at + 1), kLongest, where);
  if (expected.values.bytes.empty()) input_error(where, "values are needed");
  return expected;
}

std::string_view next_line(std::string_view& text) {
  const size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

// One element as the file would write it.
std::string element(std::string_view type, const std::byte* bytes) {
  uint32_t word = 0;
  std::memcpy(&word, bytes, 4);
  if (type == "f32") {
    float value;
    std::memcpy(&value, bytes, 4);
    return fmt::format("{} (0x{:08x})", value, word);
  }
  if (type == "i32") return fmt::format("{}", static_cast<int32_t>(word));
  if (type == "u32") return fmt::format("{}", word);
  if (type == "bf16") return fmt::format("0x{:04x}", word & 0xFFFF);
  return type == "u16" ? fmt::format("{}", word & 0xFFFF) : fmt::format("0x{:02x}", word & 0xFF);
}

}  // namespace

TextTest parse_text_test(std::string_view text, const std::string& file) {
  TextTest test;
  std::string source;
  size_t number = 0;
  bool separator = false, chip = false;
  while (!text.empty() && !separator) {
    const std::string_view line = next_line(text);
    ++number;
    if (test.title.empty() && line.starts_with("# ")) test.title = line.substr(2);
    separator = isa::strip(line) == "----";
    chip = chip || isa::strip(line).starts_with(".chip");
    if (!separator) source += std::string(line) + "\n";
  }
  if (!separator) input_error(file, "a line '----' must separate the program from what is expected");
  if (test.title.empty()) input_error(file, "the first line must be a comment that says what is tested");
  // Behind the source, so that line numbers stay those of the file.
  if (!chip) source += ".chip hadal-rtl\n";
  test.program = assemble(source, file);
  while (!text.empty()) {
    const std::string_view whole = next_line(text);
    const std::string where = fmt::format("{}:{}", file, ++number);
    const std::string_view line = isa::strip(whole);
    if (line.empty()) continue;
    const auto words = isa::words_of(line);
    const auto rest = [&] { return std::string(isa::strip(line.substr(words[0].size()))); };
    if (words[0] == "spm" || words[0] == "acc" || words[0] == "hbm") {
      test.memory.push_back(parse_memory(words, where));
    } else if (words[0] == "fault:") {
      test.fault = rest();
    } else if (words[0] == "lint:") {
      test.finding = rest();
    } else {
      input_error(where, "'{}' is not spm, acc, hbm, fault: or lint:", words[0]);
    }
  }
  if (test.memory.empty() && test.fault.empty() && test.finding.empty())
    input_error(file, "nothing is expected after '----'");
  if (!test.memory.empty() && !test.fault.empty())
    input_error(file, "a program that faults leaves no memory to compare");
  return test;
}

std::string mismatch(const Expectation& expected, std::span<const std::byte> actual) {
  const auto& bytes = expected.values.bytes;
  check(actual.size() == bytes.size(), "{} bytes to compare with {}", actual.size(), bytes.size());
  const std::string_view type = expected.type;
  const size_t size = type == "f32" || type == "u32" || type == "i32" ? 4 : type == "bf16" || type == "u16" ? 2 : 1;
  for (size_t at = 0; at < bytes.size(); at += size) {
    if (!expected.values.given[at] || std::memcmp(&bytes[at], &actual[at], size) == 0) continue;
    std::byte want[4] = {}, have[4] = {};
    std::memcpy(want, &bytes[at], size);
    std::memcpy(have, &actual[at], size);
    return fmt::format("{}: element {} is {}, expected {}", expected.where, at / size, element(type, have),
                       element(type, want));
  }
  return "";
}

}  // namespace hadal::program
