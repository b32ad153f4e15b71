// Locks of files between processes.
#include "verify/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "base/error.h"

namespace hadal::verify {

FileLock::FileLock(const std::string& path) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  int status = file_ < 0 ? -1 : ::flock(file_, LOCK_EX);
  while (status != 0 && file_ >= 0 && errno == EINTR) status = ::flock(file_, LOCK_EX);
  if (status != 0) {
    const std::string why = std::system_category().message(errno);
    if (file_ >= 0) ::close(file_);
    input_error(path, "cannot be locked ({}); give a --build folder that can be written", why);
  }
}

FileLock::~FileLock() { ::close(file_); }

}  // namespace hadal::verify
