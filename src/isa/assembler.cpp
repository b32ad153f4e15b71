// One line of assembly to an instruction, driven by the instruction table.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "base/nearest.h"
#include "isa/isa.h"
#include "isa/table.h"
#include "isa/text.h"

namespace hadal::isa {
namespace {

std::optional<size_t> index_of(Names names, std::string_view word) {
  const auto at = std::find(names.begin(), names.end(), word);
  if (at == names.end()) return std::nullopt;
  return static_cast<size_t>(at - names.begin());
}

// The parts before and after the first separator; the second is empty when there is none.
std::pair<std::string_view, std::string_view> split(std::string_view text, char separator) {
  const size_t at = std::min(text.find(separator), text.size());
  return {text.substr(0, at), text.substr(std::min(at + 1, text.size()))};
}

std::optional<unsigned> parse_register(std::string_view text) {
  if (!text.starts_with('r') || text.size() < 2 || text.size() > 3) return std::nullopt;
  const auto value = parse_integer(text.substr(1));
  if (!value || *value < 0 || *value >= kRegisters) return std::nullopt;
  return static_cast<unsigned>(*value);
}

// The bare name of a field in messages and as a key.
bool is_operand(const Field& field) {
  switch (field.kind) {
    case Kind::kFunc:
    case Kind::kCfgUnit:
    case Kind::kCfgKey:
    case Kind::kLoopReg:
    case Kind::kStepInc: return false;
    case Kind::kStepReg: return field.member == Member::kStep0Reg;
    default: return true;
  }
}
std::string_view key_of(const Field& field) { return field.kind == Kind::kStepReg ? "step" : field.name; }

class LineAssembler {
 public:
  LineAssembler(std::string_view line, const std::string& where) : where_(where), words_(words_of(strip(line))) {}

  Instr run() {
    if (words_.empty()) fail("an instruction is needed");
    mnemonic();
    // Flags first: they decide which operands are used.
    for (size_t i = 1; i < words_.size(); ++i) {
      if (words_[i].find('=') == std::string_view::npos) flag_word(words_[i]);
    }
    for (const Field& field : row_->fields) {
      if (!field.required && uses(instr_, field)) set(instr_, field, 0);
    }
    for (size_t i = 1; i < words_.size(); ++i) {
      if (words_[i].find('=') != std::string_view::npos) operand_word(words_[i]);
    }
    for (const Field& field : row_->fields) {
      if (field.required && is_operand(field) && uses(instr_, field) && !given(key_of(field))) {
        fail("{} needs {}=: {}", words_[0], key_of(field), field.meaning);
      }
    }
    if (const std::string found = defect(instr_); !found.empty()) fail("{}: {}", words_[0], found);
    return instr_;
  }

 private:
  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    input_error(where_, format, std::forward<Args>(args)...);
  }

  bool given(std::string_view key) const { return std::find(given_.begin(), given_.end(), key) != given_.end(); }
  void give(std::string_view key) {
    if (given(key)) fail("{} is given twice", key);
    given_.push_back(key);
  }

  void mnemonic() {
    std::string_view word = words_[0];
    const std::string_view base = word.substr(0, word.find('.'));
    std::vector<std::string_view> known;
    for (const Row& row : table()) {
      known.push_back(row.mnemonic);
      if (row.mnemonic == base) row_ = &row;
    }
    if (row_ == nullptr) fail("unknown instruction '{}'; {}", base, suggestion(base, known));
    instr_.op = row_->op;
    word.remove_prefix(base.size());
    for (const Field& field : row_->fields) {
      Names names = field.names;
      std::vector<std::string_view> words;
      if (field.kind == Kind::kCfgKey) {
        for (const CfgWord& cfg : cfg_words(static_cast<Unit>(instr_.unit))) words.push_back(cfg.name);
        names = words;
      } else if (field.kind != Kind::kFunc && field.kind != Kind::kCfgUnit) {
        continue;
      }
      if (word.size() < 2) {
        fail("'{}' needs a {}, as in {}.{}; known are {}", words_[0], field.name, words_[0], names.back(),
             fmt::join(names, ", "));
      }
      word.remove_prefix(1);
      const std::string_view part = word.substr(0, word.find('.'));
      const auto index = index_of(names, part);
      if (!index) fail("unknown {} '{}' of {}; {}", field.name, part, base, suggestion(part, names));
      set(instr_, field, *index);
      if (field.kind == Kind::kCfgUnit && cfg_words(static_cast<Unit>(*index)).empty()) {
        fail("unit {} has no configuration; use LD, ST, MM or VX", part);
      }
      word.remove_prefix(part.size());
    }
    if (!word.empty()) fail("'{}': {} takes no '{}'", words_[0], base, word);
  }

  void flag_word(std::string_view word) {
    std::vector<std::string_view> known;
    for (const Flag& flag : row_->flags) {
      if (!flag.written || (flag.funcs >> instr_.func & 1) == 0) continue;
      known.push_back(flag.name);
      if (flag.name != word) continue;
      if ((instr_.flags & flag.mask) != 0) fail("{} is given twice, or excludes an earlier flag", word);
      instr_.flags |= flag.value;
      return;
    }
    if (known.empty())
      fail("'{}' is not an operand: {} takes no flags, operands are written key=value", word, words_[0]);
    fail("unknown flag '{}' of {}; {}", word, words_[0], suggestion(word, known));
  }

  void operand_word(std::string_view word) {
    const size_t equals = word.find('=');
    const std::string_view key = word.substr(0, equals), value = word.substr(equals + 1);
    if (key == "wait" || key == "post") {
      give(key);
      return key == "wait" ? token(key, value, kWaitCountField, instr_.wsem, instr_.wcnt)
                           : token(key, value, kPostCountField, instr_.psem, instr_.pcnt);
    }
    std::vector<std::string_view> known;
    for (const Field& field : row_->fields) {
      if (!is_operand(field)) continue;
      if (key_of(field) == key) {
        give(key_of(field));
        if (!uses(instr_, field)) {
          fail("{} does not use {}{}", words_[0], key, field.flags != 0 ? "; that needs a flag" : "");
        }
        return operand(field, value);
      }
      if (uses(instr_, field)) known.push_back(key_of(field));
    }
    known.emplace_back("wait");
    known.emplace_back("post");
    fail("{} has no operand '{}'; {}", words_[0], key, suggestion(key, known));
  }

  // SEMAPHORE:COUNT
  void token(std::string_view key, std::string_view value, const HeaderField& count_field, uint8_t& sem,
             uint8_t& count) {
    const auto [head, tail] = split(value, ':');
    const auto s = parse_integer(head), n = parse_integer(tail);
    const int64_t limit = (1 << count_field.width) - 1;
    if (!s || !n || *s < 0 || *s >= kSemaphores || *n < 0 || *n > limit) {
      fail("{}={}: write {}=SEMAPHORE:COUNT with a semaphore from 0 to {} and a count from 0 to {}", key, value, key,
           kSemaphores - 1, limit);
    }
    sem = static_cast<uint8_t>(*s);
    count = static_cast<uint8_t>(*n);
  }

  int64_t number(const Field& field, std::string_view value, int64_t low, int64_t high) const {
    const auto parsed = parse_integer(value);
    if (!parsed) fail("{}={}: a number from {} to {} is needed", field.name, value, low, high);
    if (*parsed < low || *parsed > high) {
      fail("{}={} is out of range; it must be from {} to {}", field.name, value, low, high);
    }
    return *parsed;
  }
  int64_t unsigned_number(const Field& field, std::string_view value) const {
    return number(field, value, 0, (int64_t{1} << field.width) - 1);
  }

  void operand(const Field& field, std::string_view value) {
    const auto reg = parse_register(value);
    switch (field.kind) {
      case Kind::kLocal:
      case Kind::kSpm:
      case Kind::kAcc:
      case Kind::kDram: return set(instr_, field, address(field, value));
      case Kind::kReg:
        if (!reg) fail("{}={}: a register from r0 to r{} is needed", field.name, value, kRegisters - 1);
        return set(instr_, field, *reg);
      case Kind::kRows:
        if (reg) instr_.flags |= flag::kRowsReg;
        return set(instr_, field, reg ? *reg : static_cast<uint64_t>(unsigned_number(field, value)));
      case Kind::kLoopCount:
        instr_.src = reg ? 1 : 0;
        return set(instr_, field, reg ? *reg : static_cast<uint64_t>(unsigned_number(field, value)));
      case Kind::kSigned: {
        const int64_t half = int64_t{1} << (field.width - 1);
        const auto bits = static_cast<uint64_t>(number(field, value, -half, half - 1));
        return set(instr_, field, bits & ((uint64_t{1} << field.width) - 1));
      }
      case Kind::kWord: return set(instr_, field, word_value(field, value));
      case Kind::kName: {
        const auto index = index_of(field.names, value);
        if (!index) fail("{}={}: {}", field.name, value, suggestion(value, field.names));
        return set(instr_, field, *index);
      }
      case Kind::kStepReg: return steps(value);
      default: return set(instr_, field, static_cast<uint64_t>(unsigned_number(field, value)));
    }
  }

  // A 32-bit word: unsigned, negative, or f32(x) for the bits of a float.
  uint64_t word_value(const Field& field, std::string_view value) const {
    if (value.starts_with("f32(") && value.ends_with(')')) {
      const auto real = parse_float(value.substr(4, value.size() - 5));
      if (!real) fail("{}={}: f32(NUMBER) is needed", field.name, value);
      return std::bit_cast<uint32_t>(*real);
    }
    return static_cast<uint32_t>(number(field, value, -(int64_t{1} << 31), (int64_t{1} << 32) - 1));
  }

  // SPACE[rN], SPACE[OFFSET] or SPACE[rN+OFFSET] as the raw value of the field.
  uint64_t address(const Field& field, std::string_view value) const {
    const bool dram = field.kind == Kind::kDram;
    const int offset_bits = dram ? 28 : 15;
    const std::string_view spaces = dram                       ? "hbm"
                                    : field.kind == Kind::kSpm ? "spm"
                                    : field.kind == Kind::kAcc ? "acc"
                                                               : "spm or acc";
    const size_t open = value.find('[');
    const std::string_view space = value.substr(0, open);
    const bool known = dram ? space == "hbm" : space == "spm" || space == "acc";
    if (open == std::string_view::npos || !value.ends_with(']') || !known) {
      fail("{}={}: an address such as {}[r1+4] is needed, in {}", field.name, value, spaces.substr(0, 3), spaces);
    }
    std::string_view inside = value.substr(open + 1, value.size() - open - 2);
    uint64_t areg = 0;
    if (inside.starts_with('r')) {
      const size_t plus = std::min(inside.find('+'), inside.size());
      const auto reg = parse_register(inside.substr(0, plus));
      if (!reg) fail("{}={}: a register from r0 to r{} is needed", field.name, value, kRegisters - 1);
      areg = *reg;
      inside = plus == inside.size() ? "0" : inside.substr(plus + 1);
    }
    const auto offset = parse_integer(inside);
    const int64_t limit = (int64_t{1} << offset_bits) - 1;
    if (!offset || *offset < 0 || *offset > limit) {
      fail("{}={}: the offset must be a number of lines from 0 to {}", field.name, value, limit);
    }
    const uint64_t acc = space == "acc" ? 1u << 15 : 0;
    return areg << (offset_bits + (dram ? 0 : 1)) | acc | static_cast<uint64_t>(*offset);
  }

  // rN:INC,rN:INC,rN:INC
  void steps(std::string_view value) {
    std::string_view rest = value;
    for (size_t i = 0;; ++i) {
      const size_t comma = std::min(rest.find(','), rest.size());
      const std::string_view part = rest.substr(0, comma);
      const auto [head, tail] = split(part, ':');
      const auto reg = parse_register(head);
      const auto inc = parse_integer(tail);
      if (i == instr_.step.size() || !reg || !inc || *inc < -32768 || *inc > 32767) {
        fail("step={}: write at most three rN:INCREMENT with increments from -32768 to 32767", value);
      }
      instr_.step[i] = {static_cast<uint8_t>(*reg), static_cast<int16_t>(*inc)};
      if (comma == rest.size()) return;
      rest.remove_prefix(comma + 1);
    }
  }

  const std::string& where_;
  std::vector<std::string_view> words_;
  std::vector<std::string_view> given_;
  const Row* row_ = nullptr;
  Instr instr_;
};

}  // namespace

Instr assemble_line(std::string_view line, const std::string& where) { return LineAssembler(line, where).run(); }

}  // namespace hadal::isa
