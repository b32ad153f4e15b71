// Atomic output files.
#include "cli/output.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <utility>

#include "base/error.h"
#include "base/mapped_file.h"

namespace hadal::cli {
namespace {

namespace fs = std::filesystem;

// The temporary file, gone unless it was renamed.
class Temporary {
 public:
  explicit Temporary(std::string path) : path_(std::move(path)) {}
  ~Temporary() {
    std::error_code ignored;
    if (!kept_) fs::remove(path_, ignored);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  const std::string& path() const { return path_; }
  void keep() { kept_ = true; }

 private:
  std::string path_;
  bool kept_ = false;
};

void fill_file(const std::string& path, const std::string& shown, const std::function<void(std::ostream&)>& fill) {
  errno = 0;
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  if (out) fill(out);
  out.close();
  if (!out) input_error(shown, "cannot be written: {}", errno != 0 ? std::strerror(errno) : "unknown reason");
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  if (path_.empty()) input_error("output", "the name of the file is empty; a path or - is needed");
  if (is_standard_output()) return;
  std::error_code ignored;
  if (fs::is_directory(path_, ignored)) input_error(path_, "is a directory; a file is needed");
  if (in_place()) return;
  const Temporary probe(temporary());
  fill_file(probe.path(), path_, [](std::ostream&) {});
}

bool OutputFile::in_place() const {
  std::error_code ignored;
  return fs::exists(path_, ignored) && !fs::is_regular_file(path_, ignored);
}

std::string OutputFile::temporary() const { return fmt::format("{}.part{}", path_, getpid()); }

void OutputFile::write(const std::function<void(std::ostream&)>& fill) const {
  if (is_standard_output()) {
    fill(std::cout);
    if (!std::cout.flush()) input_error("standard output", "cannot be written: {}", std::strerror(errno));
    return;
  }
  if (in_place()) return fill_file(path_, path_, fill);
  Temporary file(temporary());
  fill_file(file.path(), path_, fill);
  std::error_code error;
  fs::rename(file.path(), path_, error);
  if (error) input_error(path_, "cannot be written: {}", error.message());
  file.keep();
}

void OutputFile::write(std::string_view text) const {
  write([&](std::ostream& out) { out << text; });
}

std::string read_text(const std::string& path) {
  if (path != "-") return std::string(MappedFile::open(path).text());
  return {std::istreambuf_iterator<char>(std::cin), std::istreambuf_iterator<char>()};
}

}  // namespace hadal::cli
