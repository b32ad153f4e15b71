// Translation of the vetted part of Oniguruma's syntax and matching by PCRE2.
#define PCRE2_CODE_UNIT_WIDTH 8
#include "model/split_regex.h"

#include <pcre2.h>

#include <array>

#include "base/error.h"
#include "model/json_file.h"
#include "model/utf8.h"

namespace hadal::model {
namespace {

template <auto Free>
struct Deleter {
  template <typename T>
  void operator()(T* p) const {
    Free(p);
  }
};

constexpr std::string_view kPropertyLetters = "LMNPSZC";  // the general categories both libraries agree on
constexpr std::string_view kEscapedLiterals = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ ";
constexpr size_t kMaxPattern = 1 << 16;

class Translator {
 public:
  Translator(std::string_view pattern, const std::string& where) : in_(pattern), where_(where) {}

  std::string run() {
    while (at_ < in_.size()) {
      const char c = in_[at_];
      if (c == '\\') {
        escape();
      } else if (c == '[') {
        char_class();
      } else if (c == '(') {
        group();
      } else if (c == '{') {
        repeat();
      } else if (c == '^') {
        unsupported("an anchor", 1);
      } else if (c == '$') {  // Oniguruma's ends every line
        out_ += R"((?=\n|\z))";
        ++at_;
      } else {
        copy(1);
      }
    }
    return out_;
  }

 private:
  [[noreturn]] void unsupported(std::string_view what, size_t length) const {
    input_error(where_,
                "the expression holds {} (\"{}\" at byte {}), which is not supported; the forms of DeepSeek-V3 are",
                what, printable(in_.substr(at_, length)), at_);
  }
  void copy(size_t n) {
    out_ += in_.substr(at_, n);
    at_ += n;
  }
  char peek(size_t ahead) const { return at_ + ahead < in_.size() ? in_[at_ + ahead] : '\0'; }

  void escape() {
    const char c = peek(1);
    if (c == 's' || c == 'S') {  // PCRE2 counts U+180E as space
      out_ += c == 's' ? "\\p{White_Space}" : "\\P{White_Space}";
      at_ += 2;
    } else if (c == 'p' || c == 'P') {
      if (peek(2) != '{' || peek(4) != '}' || kPropertyLetters.find(peek(3)) == kPropertyLetters.npos) {
        unsupported("a property other than L, M, N, P, S, Z, C", 8);
      }
      copy(5);
    } else if (c == 'r' || c == 'n' || c == 't' || c == 'f' ||
               (c != '\0' && kEscapedLiterals.find(c) != kEscapedLiterals.npos)) {
      copy(2);
    } else {
      unsupported("an escape", 2);
    }
  }

  void char_class() {
    const size_t begin = at_;
    copy(1);
    if (peek(0) == '^') copy(1);
    if (peek(0) == ']') unsupported("an empty class", 1);
    while (peek(0) != ']') {
      if (at_ >= in_.size()) {
        at_ = begin;
        unsupported("a class without end", 1);
      }
      if (peek(0) == '\\') {
        escape();
      } else if (peek(0) == '[') {
        unsupported("a class in a class", 2);
      } else if (peek(0) == '&' && peek(1) == '&') {
        unsupported("an intersection of classes", 2);
      } else {
        copy(1);
      }
    }
    copy(1);
  }

  void group() {
    static constexpr std::array<std::string_view, 7> kHeads = {"(?:", "(?i:", "(?=", "(?!", "(?>", "(?<=", "(?<!"};
    for (const auto head : kHeads) {
      if (in_.substr(at_).starts_with(head)) return copy(head.size());
    }
    if (peek(1) == '?' || peek(1) == '*') unsupported("a group", 4);
    copy(1);
  }

  // {n}, {n,} and {n,m}, not followed by another quantifier: there the dialects differ.
  void repeat() {
    size_t end = at_ + 1;
    const auto digits = [&] {
      const size_t from = end;
      while (end < in_.size() && in_[end] >= '0' && in_[end] <= '9') ++end;
      return end - from;
    };
    bool good = digits() > 0;
    if (good && end < in_.size() && in_[end] == ',') {
      ++end;
      digits();
    }
    good = good && end < in_.size() && in_[end] == '}';
    if (!good) unsupported("a brace that is no repeat count", 4);
    const size_t length = end + 1 - at_;
    const char next = peek(length);
    if (next == '?' || next == '+' || next == '*' || next == '{') unsupported("a repeat of a repeat", length + 1);
    copy(length);
  }

  std::string_view in_;
  const std::string& where_;
  std::string out_;
  size_t at_ = 0;
};

std::string pcre_message(int code) {
  std::array<PCRE2_UCHAR, 256> buffer{};
  pcre2_get_error_message(code, buffer.data(), buffer.size());
  return reinterpret_cast<const char*>(buffer.data());
}

}  // namespace

struct SplitRegex::Code {
  std::unique_ptr<pcre2_code, Deleter<pcre2_code_free>> code;
  std::string where;
};

SplitRegex::SplitRegex(std::string_view pattern, const std::string& where) {
  if (pattern.size() > kMaxPattern)
    input_error(where, "the expression has {} bytes, more than {}", pattern.size(), kMaxPattern);
  const std::string translated = Translator(pattern, where).run();
  auto code = std::make_shared<Code>();
  code->where = where;
  std::unique_ptr<pcre2_compile_context, Deleter<pcre2_compile_context_free>> context(
      pcre2_compile_context_create(nullptr));
  pcre2_set_newline(context.get(), PCRE2_NEWLINE_LF);  // what "." excludes in Oniguruma
  int error = 0;
  PCRE2_SIZE offset = 0;
  code->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(translated.data()), translated.size(),
                                 PCRE2_UTF | PCRE2_UCP | PCRE2_NO_AUTO_CAPTURE, &error, &offset, context.get()));
  if (!code->code) input_error(where, "malformed expression \"{}\": {}", printable(pattern), pcre_message(error));
  pcre2_jit_compile(code->code.get(), PCRE2_JIT_COMPLETE);  // only speed: without it PCRE2 interprets
  code_ = std::move(code);
}

std::vector<size_t> SplitRegex::split(std::string_view text, const std::vector<size_t>& ends) const {
  std::unique_ptr<pcre2_match_data, Deleter<pcre2_match_data_free>> match(
      pcre2_match_data_create_from_pattern(code_->code.get(), nullptr));
  std::vector<size_t> out;
  out.reserve(ends.size() * 2);
  size_t begin = 0;
  for (const size_t end : ends) {
    split_piece(text.substr(begin, end - begin), begin, match.get(), out);
    begin = end;
  }
  return out;
}

// Matches as Oniguruma's iterator yields them: an empty match right after a match does not count.
void SplitRegex::split_piece(std::string_view piece, size_t base, void* scratch, std::vector<size_t>& out) const {
  auto* match = static_cast<pcre2_match_data*>(scratch);
  size_t done = 0, from = 0;  // pieces are out up to `done`; the search goes on at `from`
  bool matched = false;
  while (from <= piece.size()) {
    const auto search = [&](uint32_t options) {
      return pcre2_match(code_->code.get(), reinterpret_cast<PCRE2_SPTR>(piece.data()), piece.size(), from,
                         PCRE2_NO_UTF_CHECK | options, match, nullptr);
    };
    int rc = search(0);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT) rc = search(PCRE2_NO_JIT);  // the interpreter's stack is on the heap
    if (rc == PCRE2_ERROR_NOMATCH) break;
    if (rc < 0) {
      input_error(code_->where, "the expression fails on a text of {} bytes: {}", piece.size(), pcre_message(rc));
    }
    const PCRE2_SIZE* span = pcre2_get_ovector_pointer(match);
    const size_t begin = span[0], end = span[1];
    if (begin == end && matched && end == done) {
      if (from >= piece.size()) break;
      from += static_cast<size_t>(decode_utf8(piece.substr(from)).bytes);
      continue;
    }
    if (begin > done) out.push_back(base + begin);
    if (end > begin) out.push_back(base + end);
    done = from = end;
    matched = true;
  }
  if (done < piece.size()) out.push_back(base + piece.size());
}

}  // namespace hadal::model
