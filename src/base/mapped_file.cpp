// Read-only memory mapping of a regular file.
#include "base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace hadal {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() { ::close(fd); }
};

}  // namespace

MappedFile MappedFile::open(const std::string& path) {
  // O_NONBLOCK: opening a named pipe must not hang before it can be refused.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) input_error(path, "cannot open: {}", std::strerror(errno));
  const Descriptor guard{fd};
  struct stat info {};
  if (::fstat(fd, &info) != 0) input_error(path, "cannot read: {}", std::strerror(errno));
  if (!S_ISREG(info.st_mode)) {
    input_error(path, "is {}, a regular file is needed", S_ISDIR(info.st_mode) ? "a directory" : "not a regular file");
  }
  MappedFile file;
  file.path_ = path;
  const auto size = static_cast<size_t>(info.st_size);
  if (size == 0) return file;  // mmap refuses empty files
  void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (address == MAP_FAILED) input_error(path, "cannot map {} bytes: {}", size, std::strerror(errno));
  file.mapping_ = std::shared_ptr<const void>(address, [size](const void* p) { ::munmap(const_cast<void*>(p), size); });
  file.bytes_ = {static_cast<const std::byte*>(address), size};
  return file;
}

void drop_pages(std::span<const std::byte> mapped) {
  const auto page = static_cast<size_t>(::sysconf(_SC_PAGESIZE));
  const size_t skipped = (page - reinterpret_cast<uintptr_t>(mapped.data()) % page) % page;
  if (mapped.size() < skipped) return;
  const size_t whole = (mapped.size() - skipped) / page * page;
  // A hint: whether it is taken changes no result.
  if (whole > 0) (void)::madvise(const_cast<std::byte*>(mapped.data()) + skipped, whole, MADV_DONTNEED);
}

}  // namespace hadal
