// Files that appear whole or not at all: written under another name beside the target and renamed.
#pragma once

#include <fstream>
#include <functional>
#include <ostream>
#include <string>
#include <string_view>

namespace hadal::cli {

class OutputFile {
 public:
  // An input error when nothing can be written there, so that a long run does not end in one.
  explicit OutputFile(std::string path);
  // Writes what `fill` puts into the stream. "-" is standard output; devices and pipes are written in place.
  void write(const std::function<void(std::ostream&)>& fill) const;
  void write(std::string_view text) const;
  bool is_standard_output() const { return path_ == "-"; }
  const std::string& path() const { return path_; }

 private:
  bool in_place() const;
  std::string temporary() const;
  std::string path_;
};

// The whole of a text file; "-" is standard input.
std::string read_text(const std::string& path);

}  // namespace hadal::cli
