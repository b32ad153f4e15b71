// Runs the built program, for tests: arguments in; exit status, standard output and standard error out.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/temporary_directory.h"
#include "model/random_checkpoint.h"

namespace hadal::cli::testing {

struct Outcome {
  int status = -1;
  std::string out, err;
};

inline std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

inline std::string quoted(const std::string& word) {
  std::string out(1, '\'');
  for (const char c : word) out.append(c == '\'' ? "'\\''" : std::string(1, c));
  out.push_back('\'');
  return out;
}

inline Outcome hadal(const std::vector<std::string>& arguments, const std::string& redirect = "") {
  const TemporaryDirectory directory;
  std::string command = quoted(HADAL_BINARY);
  for (const std::string& word : arguments) command.append(" ").append(quoted(word));
  command.append(" >").append(quoted(directory.file("out"))).append(" 2>").append(quoted(directory.file("err")));
  command.append(" </dev/null ").append(redirect);
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), read_file(directory.file("out")),
          read_file(directory.file("err"))};
}

// Whether this is one complaint in the form of the project.
inline bool one_line(const std::string& err) { return err.starts_with("hadal: ") && err.find('\n') == err.size() - 1; }

}  // namespace hadal::cli::testing
