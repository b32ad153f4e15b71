// One process at a time: a file that is locked while the object lives. The kernel unlocks it when a process dies.
#pragma once

#include <string>

namespace hadal::verify {

class FileLock {
 public:
  // Creates the file and its folder where they are missing, and waits. Throws input_error when that cannot be done.
  explicit FileLock(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;

 private:
  int file_ = -1;
};

}  // namespace hadal::verify
