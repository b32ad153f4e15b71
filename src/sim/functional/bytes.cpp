// Pages of the system.
#include "sim/functional/bytes.h"

#include <sys/mman.h>

#include <atomic>
#include <new>

#include "isa/isa.h"

namespace hadal::sim {
namespace {

constexpr size_t kPage = 4096;

}  // namespace

Bytes::Bytes(size_t size) : size_(size) {
  static std::atomic<size_t> made = 0;
  const size_t offset = made++ * isa::kLineBytes % kPage, all = size + kPage;
  void* pages = ::mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (pages == MAP_FAILED) throw std::bad_alloc();
  pages_ = {static_cast<std::byte*>(pages), Unmap{all}};
  data_ = pages_.get() + offset;
}

void Bytes::clear() {
  if (pages_) ::madvise(pages_.get(), pages_.get_deleter().size, MADV_DONTNEED);
}

void Bytes::Unmap::operator()(std::byte* pages) const { ::munmap(pages, size); }

}  // namespace hadal::sim
