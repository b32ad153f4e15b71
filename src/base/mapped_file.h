// A file mapped read-only into memory, for as long as the object (or the handle it gives away) lives.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace hadal {

class MappedFile {
 public:
  // An input error naming `path` when it is missing, not a regular file, or cannot be read.
  static MappedFile open(const std::string& path);

  const std::string& path() const { return path_; }
  size_t size() const { return bytes_.size(); }
  std::span<const std::byte> bytes() const { return bytes_; }
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

  // Shares ownership of the mapping, for views that outlive this object.
  std::shared_ptr<const void> owner() const { return mapping_; }

 private:
  MappedFile() = default;
  std::string path_;
  std::span<const std::byte> bytes_;
  std::shared_ptr<const void> mapping_;
};

// Gives back the memory of whole pages in a part of a mapped file; they are read again when somebody looks.
void drop_pages(std::span<const std::byte> mapped);

}  // namespace hadal
