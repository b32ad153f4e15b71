// mkdtemp and its end.
#include "base/temporary_directory.h"

#include <cstdlib>
#include <filesystem>

#include "base/error.h"

namespace hadal {

TemporaryDirectory::TemporaryDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "hadal-").string() + std::string(6, 'X');
  check(::mkdtemp(pattern.data()) != nullptr, "cannot create a directory like {}", pattern);
  path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace hadal
