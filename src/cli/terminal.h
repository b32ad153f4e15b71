// What is shown while a command works: text as it comes and, on a terminal, a line about progress below it.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "model/utf8.h"

namespace hadal::cli {

bool is_terminal(int file_descriptor);

// Columns of the terminal; 80 where it does not say.
size_t terminal_width(int file_descriptor);

// Emphasis where standard output is a terminal (and NO_COLOR is unset or empty), plain text elsewhere.
std::string dim(std::string_view text);

using model::Utf8Stream;

// A line on standard error that is drawn over, in the row below the text on standard output where both are the same
// terminal. Does nothing where standard error is no terminal.
class StatusLine {
 public:
  StatusLine();
  ~StatusLine() { clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  bool active() const { return active_; }
  // At most ten times a second.
  void show(const std::string& text);
  void clear();

 private:
  void draw(const std::string& text) const;
  bool active_ = false, below_ = false, shown_ = false;
  std::chrono::steady_clock::time_point last_;
};

// Writes to standard output at once.
void print_now(std::string_view text);

class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace hadal::cli
