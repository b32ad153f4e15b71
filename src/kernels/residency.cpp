// Least recently used first. A holder raises its count and then looks whether the bytes are there; who drops them says
// that they are not and then looks at the count: in this order one of the two always sees the other.
#include "kernels/residency.h"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace hadal::kernels {

void Residency::make(Resident& wanted) {
  wanted.used_.store(clock_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  if (wanted.made_.load()) return;
  const std::lock_guard making(wanted.making_);
  {
    const std::lock_guard lock(mutex_);
    if (wanted.made_.load()) return;
    bytes_ += wanted.bytes_;
    while (bytes_ > bound_ && drop_one()) {}
    most_ = std::max(most_.load(), bytes_);
    wanted.used_ = clock_++;  // whatever is used from here on is later
  }
  try {
    wanted.fill();
  } catch (...) {
    const std::lock_guard lock(mutex_);
    wanted.clear();
    bytes_ -= wanted.bytes_;
    throw;
  }
  const std::lock_guard lock(mutex_);
  total_ += wanted.bytes_;
  there_.push_back(&wanted);
  wanted.made_ = true;
}

bool Residency::drop_one() {
  // As they are now: threads go on using them.
  std::vector<std::pair<uint64_t, Resident*>> by_age;
  for (Resident* one : there_) {
    if (one->held_.load() == 0) by_age.emplace_back(one->used_.load(), one);
  }
  std::sort(by_age.begin(), by_age.end());
  for (const auto& [used, oldest] : by_age) {
    oldest->made_ = false;
    if (oldest->held_.load() != 0) {  // just now
      oldest->made_ = true;
      continue;
    }
    oldest->clear();
    bytes_ -= oldest->bytes_;
    std::erase(there_, oldest);
    return true;
  }
  return false;
}

void Residency::forget(Resident& gone) {
  const std::lock_guard lock(mutex_);
  const auto it = std::find(there_.begin(), there_.end(), &gone);
  if (it == there_.end()) return;
  bytes_ -= gone.bytes_;
  there_.erase(it);
}

uint64_t usual_host_bytes() {
  const long pages = ::sysconf(_SC_PHYS_PAGES), page = ::sysconf(_SC_PAGESIZE);
  if (pages <= 0 || page <= 0) return UINT64_MAX;
  return static_cast<uint64_t>(pages) * static_cast<uint64_t>(page) / 4 * 3;
}

}  // namespace hadal::kernels
