// How the project reports failure: one exception type with a category, thrown where the fault is
// known best and printed once, by the command line, as `hadal: FILE:LINE: what is wrong, and what would be right`.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace hadal {

enum class ErrorKind {
  kInput,     // a file or an option the user gave is wrong; exit status 2
  kFault,     // a program broke a rule of the machine (race, bad address, deadlock); exit status 3
  kInternal,  // a promise inside this code base was broken; exit status 70
};

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

// Bad input. `where` is "FILE" or "FILE:LINE"; the message says what is wrong and what would be right.
template <typename... Args>
[[noreturn]] void input_error(const std::string& where, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(ErrorKind::kInput, where + ": " + fmt::format(format, std::forward<Args>(args)...));
}

// A broken internal promise: never the user's fault.
template <typename... Args>
void check(bool condition, fmt::format_string<Args...> format, Args&&... args) {
  if (!condition) throw Error(ErrorKind::kInternal, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace hadal
