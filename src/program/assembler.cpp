// The text form of programs (.hasm): directives, labels and instructions to a Program.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "base/error.h"
#include "base/nearest.h"
#include "isa/table.h"
#include "isa/text.h"
#include "program/program.h"
#include "program/values.h"

namespace hadal::program {
namespace {

using Words = std::vector<std::string_view>;

constexpr std::array<std::string_view, 6> kDirectives = {".chip", ".cores", ".core", ".op", ".segment", ".data"};

class Assembler {
 public:
  Assembler(std::string_view text, const std::string& file) : text_(text), file_(file) {}

  Program run() {
    for (size_t number = 1; !text_.empty(); ++number) {
      const size_t end = std::min(text_.find('\n'), text_.size());
      where_ = fmt::format("{}:{}", file_, number);
      line(isa::strip(text_.substr(0, end)));
      text_.remove_prefix(std::min(end + 1, text_.size()));
    }
    drop_pending_op();
    for (Labels& labels : labels_) resolve(labels);
    finish_segments();
    if (program_.chip.empty()) input_error(file_, "no chip is named; begin with '.chip NAME'");
    if (program_.cores.empty()) input_error(file_, "there is no instruction; a program has at least HALT");
    if (const std::string found = defect(program_); !found.empty()) input_error(file_, "{}", found);
    return std::move(program_);
  }

 private:
  // A LOOP or SKIPZ whose length is the distance to a label.
  struct Jump {
    size_t pc = 0;
    std::string label, where;
  };
  struct Labels {
    size_t core = 0;
    std::map<std::string, size_t, std::less<>> at;
    std::vector<Jump> jumps;
  };

  template <typename... Args>
  [[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) const {
    input_error(where_, format, std::forward<Args>(args)...);
  }

  void line(std::string_view text) {
    if (text.empty()) return;
    if (text.front() == '.') return directive(isa::words_of(text));
    const size_t colon = text.find(':');
    const std::string_view head = text.substr(0, colon);
    // A colon elsewhere belongs to wait=, post= or step=.
    if (colon != std::string_view::npos && head.find_first_of(" \t=") == std::string_view::npos) {
      label(head);
      text = isa::strip(text.substr(colon + 1));
      if (text.empty()) return;
    }
    instruction(text);
  }

  void label(std::string_view name) {
    if (name.empty()) fail("a label needs a name before its colon");
    Stream& stream = current();
    if (!labels_[core_].at.emplace(name, stream.code.size()).second)
      fail("label '{}' is defined twice on core {}", name, core_);
  }

  void instruction(std::string_view text) {
    Stream& stream = current();
    std::string replaced;
    const std::string_view mnemonic = text.substr(0, text.find_first_of(" \t"));
    if (mnemonic == "LOOP" || mnemonic == "SKIPZ") {
      for (std::string_view word : isa::words_of(text)) {
        if (!word.starts_with("to=")) {
          replaced += fmt::format("{} ", word);
          continue;
        }
        if (word.size() == 3) fail("to= needs the name of a label");
        labels_[core_].jumps.push_back({stream.code.size(), std::string(word.substr(3)), where_});
        replaced += "len=0 ";
      }
      text = replaced;
    }
    if (pending_op_) {
      stream.marks.push_back({static_cast<uint32_t>(stream.code.size()), *pending_op_});
      pending_op_.reset();
    }
    stream.code.push_back(isa::encode(isa::assemble_line(text, where_)));
  }

  void directive(const Words& words) {
    const std::string_view name = words[0];
    if (name == ".chip") {
      if (words.size() != 2) fail("write .chip NAME");
      if (!program_.chip.empty()) fail("the chip is named twice");
      program_.chip = words[1];
    } else if (name == ".cores") {
      cores(words);
    } else if (name == ".core") {
      if (words.size() != 2) fail("write .core NUMBER");
      select_core(static_cast<size_t>(number(words[1], ".core", 0, isa::kMaxCores - 1)));
    } else if (name == ".op") {
      operator_mark(words);
    } else if (name == ".segment") {
      segment(words);
    } else if (name == ".data") {
      if (program_.segments.empty()) fail(".data continues a .segment, and there is none yet");
      data(std::span(words).subspan(1));
    } else {
      fail("unknown directive '{}'; {}", name, suggestion(name, kDirectives));
    }
  }

  // Cores that have no instruction yet get a HALT at the end.
  void cores(const Words& words) {
    if (words.size() != 2) fail("write .cores NUMBER");
    const auto count = static_cast<size_t>(number(words[1], ".cores", 1, isa::kMaxCores));
    if (count < program_.cores.size()) fail("there are already instructions for core {}", program_.cores.size() - 1);
    grow_to(count);
    idle_ = isa::encode(isa::Instr{});
  }

  void grow_to(size_t count) {
    while (program_.cores.size() < count) {
      program_.cores.emplace_back();
      labels_.push_back({program_.cores.size() - 1, {}, {}});
    }
  }

  void select_core(size_t core) {
    drop_pending_op();
    core_ = core;
    grow_to(core + 1);
  }

  Stream& current() {
    grow_to(core_ + 1);
    return program_.cores[core_];
  }

  void drop_pending_op() const {
    if (pending_op_) fail("operator {} has no instruction", program_.operators[*pending_op_]);
  }

  void operator_mark(const Words& words) {
    if (words.size() != 2) fail("write .op NAME");
    drop_pending_op();
    auto at = operators_.find(words[1]);
    if (at == operators_.end()) {
      at = operators_.emplace(words[1], static_cast<uint32_t>(program_.operators.size())).first;
      program_.operators.emplace_back(words[1]);
    }
    pending_op_ = at->second;
  }

  int64_t number(std::string_view text, std::string_view what, int64_t low, int64_t high) const {
    const auto value = isa::parse_integer(text);
    if (!value || *value < low || *value > high) fail("{}: '{}' must be a number from {} to {}", what, text, low, high);
    return *value;
  }

  // The value of a KEY=NUMBER word, if it is that key.
  std::optional<uint64_t> keyed(std::string_view word, std::string_view key) const {
    if (!word.starts_with(key) || word.size() <= key.size() || word[key.size()] != '=') return std::nullopt;
    return static_cast<uint64_t>(number(word.substr(key.size() + 1), key, 0, (int64_t{1} << 48) - 1));
  }

  void segment(const Words& words) {
    if (words.size() < 2) fail("write .segment NAME line=L lines=N [rw] [TYPE VALUES...]");
    Segment segment;
    segment.name = words[1];
    std::optional<uint64_t> line, lines;
    size_t at = 2;
    for (; at < words.size(); ++at) {
      if (const auto value = keyed(words[at], "line")) {
        line = value;
      } else if (const auto count = keyed(words[at], "lines")) {
        lines = count;
      } else if (words[at] == "rw") {
        segment.writable = true;
      } else {
        break;
      }
    }
    if (!line || !lines) fail("segment {} needs line=L and lines=N before its values", segment.name);
    segment.base_line = *line;
    segment.lines = *lines;
    // Where segments lie is checked here, where the line is known; their order in the text is free.
    for (const Segment& other : program_.segments) {
      if (segment.base_line < other.base_line + other.lines && other.base_line < segment.base_line + segment.lines) {
        fail("segment {} overlaps segment {}, lines {} to {}", segment.name, other.name, other.base_line,
             other.base_line + other.lines - 1);
      }
      if (segment.name == other.name) fail("segment {} is defined twice", segment.name);
    }
    program_.segments.push_back(std::move(segment));
    contents_.push_back(std::make_shared<std::vector<std::byte>>());
    if (at < words.size()) data(std::span(words).subspan(at));
  }

  // [line=OFFSET] [byte=OFFSET] TYPE VALUES...: into the latest segment, by default behind what it has.
  void data(std::span<const std::string_view> words) {
    std::vector<std::byte>& bytes = *contents_.back();
    const uint64_t capacity = program_.segments.back().lines * isa::kLineBytes;
    std::optional<uint64_t> line, byte;
    while (!words.empty() && (words[0].starts_with("line=") || words[0].starts_with("byte="))) {
      (words[0][0] == 'l' ? line : byte) = keyed(words[0], words[0].substr(0, 4));
      words = words.subspan(1);
    }
    if (words.empty()) fail("values need a type; known are {}", fmt::join(value_types(), ", "));
    uint64_t at = bytes.size();
    if (line || byte) at = line.value_or(0) * isa::kLineBytes + byte.value_or(0);
    if (at > capacity) fail("offset {} lies outside the segment of {} bytes", at, capacity);
    const Values values = parse_values(words[0], words.subspan(1), capacity - at, where_);
    if (std::find(values.given.begin(), values.given.end(), false) != values.given.end())
      fail("'_' stands for no value here");
    // Bytes that nobody gives are zero; a far offset must not ask for all memory.
    if (at > kMostText) fail("initial data beyond {} bytes cannot be written as text", kMostText);
    if (bytes.size() < at + values.bytes.size()) bytes.resize(at + values.bytes.size());
    std::copy(values.bytes.begin(), values.bytes.end(), bytes.begin() + static_cast<ptrdiff_t>(at));
  }

  void finish_segments() {
    for (size_t i = 0; i < contents_.size(); ++i) {
      program_.segments[i].data = *contents_[i];
      program_.segments[i].owner = contents_[i];
    }
    std::sort(program_.segments.begin(), program_.segments.end(),
              [](const Segment& a, const Segment& b) { return a.base_line < b.base_line; });
  }

  void resolve(Labels& labels) {
    Stream& stream = program_.cores[labels.core];
    if (stream.code.empty() && idle_) stream.code.push_back(*idle_);
    for (const Jump& jump : labels.jumps) {
      const auto at = labels.at.find(jump.label);
      if (at == labels.at.end()) {
        Words known;
        for (const auto& [name, pc] : labels.at) known.push_back(name);
        input_error(jump.where, "label '{}' is not defined on core {}; {}", jump.label, labels.core,
                    known.empty() ? "it has no labels" : suggestion(jump.label, known));
      }
      isa::Instr instr = isa::decode(stream.code[jump.pc]);
      const int64_t length = static_cast<int64_t>(at->second) - static_cast<int64_t>(jump.pc) - 1;
      const int64_t limit = instr.op == isa::Op::kLoop ? kMostLoop : kMostSkip;
      if (length < 1 || length > limit) {
        input_error(jump.where, "label '{}' is {} instructions ahead; it must be 1 to {}", jump.label, length, limit);
      }
      instr.len = static_cast<uint16_t>(length);
      stream.code.set(jump.pc, isa::encode(instr));
    }
  }

  static int64_t most(isa::Op op) {
    for (const isa::Field& field : isa::row_of(op).fields) {
      if (field.member == isa::Member::kLen) return (int64_t{1} << field.width) - 1;
    }
    return 0;
  }

  static constexpr uint64_t kMostText = uint64_t{64} << 20;
  const int64_t kMostLoop = most(isa::Op::kLoop), kMostSkip = most(isa::Op::kSkipz);

  std::string_view text_;
  const std::string& file_;
  std::string where_;
  Program program_;
  size_t core_ = 0;
  std::optional<uint32_t> pending_op_;
  std::optional<isa::Encoded> idle_;  // the stream of cores without instructions, if .cores asks for them
  std::map<std::string, uint32_t, std::less<>> operators_;
  std::vector<Labels> labels_;                                     // by core
  std::vector<std::shared_ptr<std::vector<std::byte>>> contents_;  // by segment, in order of the text
};

}  // namespace

Program assemble(std::string_view text, const std::string& file) { return Assembler(text, file).run(); }

}  // namespace hadal::program
