// malloc_trim() and mallopt() of glibc.
#include "base/heap.h"

#include <malloc.h>

#include <cstdlib>

namespace hadal {
namespace {

// Freeing this much makes malloc look at the end of the heap (64 KiB would do).
constexpr size_t kLargeFree = 256 * 1024;
// As much as it may keep there otherwise, and the largest that comes from a heap and not from the system: where malloc
// would settle by itself after reading a large vocabulary. Once one is set it leaves both as they are.
constexpr int kKeptBytes = 32 * 1024 * 1024, kLargestInHeap = 16 * 1024 * 1024;

}  // namespace

void trim_heap() { ::malloc_trim(0); }

void trim_thread_heap() {
  ::mallopt(M_TRIM_THRESHOLD, 0);
  // NOLINTNEXTLINE(cppcoreguidelines-no-malloc,hicpp-no-malloc): it is malloc that is to notice
  void* volatile large = std::malloc(kLargeFree);
  std::free(large);  // NOLINT(cppcoreguidelines-no-malloc,hicpp-no-malloc)
  ::mallopt(M_TRIM_THRESHOLD, kKeptBytes);
  ::mallopt(M_MMAP_THRESHOLD, kLargestInHeap);
}

}  // namespace hadal
