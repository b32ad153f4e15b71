// MappedFile: contents, lifetime, and the errors of paths that cannot be mapped.
#include "base/mapped_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace hadal {
namespace {

std::string scratch(const std::string& name) { return (std::filesystem::path(testing::TempDir()) / name).string(); }

std::string message_of(const std::string& path) {
  try {
    MappedFile::open(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput);
    return error.what();
  }
  return "";
}

TEST(MappedFile, GivesTheBytesAndKeepsThemAliveThroughTheOwner) {
  const std::string path = scratch("hadal_mapped_bytes");
  std::ofstream(path, std::ios::binary) << std::string("abc\0def", 7);
  std::string_view view;
  std::shared_ptr<const void> owner;
  {
    const MappedFile file = MappedFile::open(path);
    EXPECT_EQ(file.size(), 7u);
    EXPECT_EQ(file.path(), path);
    view = file.text();
    owner = file.owner();
  }
  EXPECT_EQ(view, std::string_view("abc\0def", 7));
  std::filesystem::remove(path);
}

TEST(MappedFile, AnEmptyFileIsEmpty) {
  const std::string path = scratch("hadal_mapped_empty");
  std::ofstream(path).close();
  EXPECT_EQ(MappedFile::open(path).size(), 0u);
  std::filesystem::remove(path);
}

TEST(MappedFile, NamesThePathAndTheReason) {
  EXPECT_EQ(message_of("/nonexistent/file"), "/nonexistent/file: cannot open: No such file or directory");
  EXPECT_EQ(message_of("/tmp"), "/tmp: is a directory, a regular file is needed");
  EXPECT_EQ(message_of("/dev/null"), "/dev/null: is not a regular file, a regular file is needed");
}

TEST(MappedFile, WhatWasPutBackIsReadAgain) {
  const std::string path = scratch("hadal_put_back");
  const std::string text(100000, 'x');
  std::ofstream(path) << text;
  const MappedFile file = MappedFile::open(path);
  for (const auto& [first, size] : {std::pair<size_t, size_t>{0, 100000}, {1, 99999}, {4096, 8192}, {5, 10}, {0, 0}}) {
    drop_pages(file.bytes().subspan(first, size));
    EXPECT_EQ(file.text(), text);
  }
  std::filesystem::remove(path);
}

}  // namespace
}  // namespace hadal
