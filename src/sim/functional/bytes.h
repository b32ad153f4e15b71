// Zeroed memory of which only what is touched takes room.
#pragma once

#include <cstddef>
#include <memory>

namespace hadal::sim {

// Pages straight from the system (calloc would touch what a heap had before). Neighbours start at other offsets into a
// page: the same line of all scratchpads would otherwise compete for one set of the host's caches.
class Bytes {
 public:
  Bytes() = default;
  explicit Bytes(size_t size);
  std::byte* data() const { return data_; }
  size_t size() const { return size_; }
  void clear();  // zeroes again, and gives the pages back

 private:
  struct Unmap {
    size_t size;
    void operator()(std::byte* pages) const;
  };
  std::unique_ptr<std::byte, Unmap> pages_;
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

// An array of plain values that begins as zeros.
template <typename T>
class ZeroedArray {
 public:
  ZeroedArray() = default;
  explicit ZeroedArray(size_t count)
      : bytes_(std::make_unique<Bytes>(count * sizeof(T))), data_(reinterpret_cast<T*>(bytes_->data())), size_(count) {}
  T* data() const { return data_; }
  size_t size() const { return size_; }
  T& operator[](size_t i) const { return data_[i]; }
  void clear() {
    if (bytes_) bytes_->clear();
  }

 private:
  std::unique_ptr<Bytes> bytes_;
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace hadal::sim
