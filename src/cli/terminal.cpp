// Terminal output with the control sequences of ECMA-48 and VT100.
#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "model/utf8.h"

namespace hadal::cli {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};
constexpr size_t kLongestCharacter = 4;

size_t terminal_width() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

// Whether more bytes may still make a character of these.
bool unfinished(std::string_view bytes) {
  const auto lead = static_cast<unsigned char>(bytes[0]);
  const bool may_lead = lead >= 0xC2 && lead <= 0xF4;
  const size_t needed = !may_lead ? 1 : lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  return bytes.size() < needed && static_cast<size_t>(model::decode_utf8(bytes).bytes) == bytes.size();
}

}  // namespace

bool is_terminal(int file_descriptor) {
  const char* kind = std::getenv("TERM");
  return isatty(file_descriptor) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

std::string dim(std::string_view text) {
  const bool plain = !is_terminal(STDOUT_FILENO) || std::getenv("NO_COLOR") != nullptr;
  return plain ? std::string(text) : fmt::format("\033[2m{}\033[0m", text);
}

std::string Utf8Stream::push(std::string_view bytes) {
  pending_ += bytes;
  size_t held = 0;
  for (size_t tail = 1; tail < kLongestCharacter && tail <= pending_.size(); ++tail) {
    const std::string_view end = std::string_view(pending_).substr(pending_.size() - tail);
    if ((end[0] & 0xC0) == 0x80) continue;
    if (unfinished(end)) held = tail;
    break;
  }
  std::string out = model::repair_utf8(std::string_view(pending_).substr(0, pending_.size() - held));
  pending_.erase(0, pending_.size() - held);
  return out;
}

std::string Utf8Stream::finish() {
  std::string out = model::repair_utf8(pending_);
  pending_.clear();
  return out;
}

StatusLine::StatusLine() : active_(is_terminal(STDERR_FILENO)), below_(is_terminal(STDOUT_FILENO)) {}

void StatusLine::show(const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  if (!active_ || (shown_ && now - last_ < kRedraw)) return;
  last_ = now;
  shown_ = true;
  draw(text.substr(0, terminal_width() - 1));
}

void StatusLine::clear() {
  if (shown_) draw("");
  shown_ = false;
}

void StatusLine::draw(const std::string& text) const {
  std::fflush(stdout);
  if (below_) {
    // Index and up again make sure of a row below without moving the column; then save, draw, restore.
    std::fprintf(stderr, "\033D\033[A\0337\033[B\r\033[K%s\0338", text.c_str());
  } else {
    std::fprintf(stderr, "\r\033[K%s", text.c_str());
  }
  std::fflush(stderr);
}

void print_now(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

}  // namespace hadal::cli
