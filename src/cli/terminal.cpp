// Terminal output with the control sequences of ECMA-48 and VT100.
#include "cli/terminal.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace hadal::cli {
namespace {

constexpr std::chrono::milliseconds kRedraw{100};

constexpr size_t kUsualWidth = 80;

}  // namespace

size_t terminal_width(int file_descriptor) {
  winsize size{};
  return ioctl(file_descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsualWidth;
}

bool is_terminal(int file_descriptor) {
  const char* kind = std::getenv("TERM");
  return isatty(file_descriptor) == 1 && (kind == nullptr || std::string_view(kind) != "dumb");
}

std::string dim(std::string_view text) {
  const char* no_color = std::getenv("NO_COLOR");  // no-color.org: present and not empty
  const bool plain = !is_terminal(STDOUT_FILENO) || (no_color != nullptr && *no_color != '\0');
  return plain ? std::string(text) : fmt::format("\033[2m{}\033[0m", text);
}

StatusLine::StatusLine() : active_(is_terminal(STDERR_FILENO)), below_(is_terminal(STDOUT_FILENO)) {}

void StatusLine::show(const std::string& text) {
  const auto now = std::chrono::steady_clock::now();
  if (!active_ || (shown_ && now - last_ < kRedraw)) return;
  last_ = now;
  shown_ = true;
  draw(text.substr(0, terminal_width(STDERR_FILENO) - 1));
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
