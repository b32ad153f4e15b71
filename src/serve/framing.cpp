// RFC 9112: headers up to an empty line, then Content-Length bytes or chunks.
#include "serve/framing.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace hadal::serve {
namespace {

constexpr size_t kMostChunkLine = 256;  // size in hexadecimal and extensions

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// The whole text as a number; false when it is none.
bool number(std::string_view text, int base, uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out, base);
  return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

void Framing::read_headers(std::string& bytes, size_t end) {
  for (size_t line = bytes.find("\r\n"); line < end;) {
    const size_t begin = line + 2, next = bytes.find("\r\n", begin);
    const std::string_view text = std::string_view(bytes).substr(begin, next - begin);
    const size_t colon = text.find(':');
    const std::string_view name = text.substr(0, colon);
    const std::string_view value = colon == text.npos ? "" : trimmed(text.substr(colon + 1));
    if (same_name(name, "content-length")) {
      malformed_ |= !number(value, 10, length_) || length_ > most_body_bytes_;
    } else if (same_name(name, "transfer-encoding")) {
      chunked_ = same_name(value, "chunked");
      malformed_ |= !chunked_;
    } else if (same_name(name, "expect") && same_name(value, "100-continue")) {
      expectation_ = true;
      bytes[begin] = 'X';  // answered here, not again by the server
    }
    line = next;
  }
}

bool Framing::whole(std::string& bytes) {
  if (malformed_) return true;
  if (body_ == 0) {
    const size_t end = bytes.find("\r\n\r\n", at_ < 3 ? 0 : at_ - 3);
    at_ = bytes.size();
    if (end == bytes.npos) return bytes.size() > most_header_bytes_;
    if (end > most_header_bytes_) return malformed_ = true;
    read_headers(bytes, end);
    at_ = body_ = end + 4;
    expectation_ &= !malformed_ && bytes.size() == body_;
  }
  if (malformed_) return true;
  return chunked_ ? walk_chunks(bytes) : bytes.size() - body_ >= length_;
}

bool Framing::take_expectation() {
  const bool expected = expectation_;
  expectation_ = false;
  return expected;
}

bool Framing::walk_chunks(const std::string& bytes) {
  while (at_ < bytes.size()) {
    if (at_ - body_ > most_body_bytes_) return malformed_ = true;
    const size_t end = bytes.find("\r\n", at_);
    if (end == bytes.npos) return malformed_ = bytes.size() - at_ > kMostChunkLine;
    const std::string_view line = std::string_view(bytes).substr(at_, end - at_);
    if (trailer_) {
      if (line.empty()) return true;
      at_ = end + 2;
      continue;
    }
    uint64_t size = 0;
    if (!number(trimmed(line.substr(0, line.find(';'))), 16, size) || size > most_body_bytes_) return malformed_ = true;
    trailer_ = size == 0;
    const size_t next = end + 2 + (trailer_ ? 0 : size + 2);
    if (next > bytes.size()) return false;  // comes back to this line with more
    at_ = next;
  }
  return false;
}

}  // namespace hadal::serve
