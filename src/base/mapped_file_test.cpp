// MappedFile: contents, lifetime, and the errors of paths that cannot be mapped.
#include "base/mapped_file.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/error.h"
#include "base/temporary_directory.h"

namespace hadal {
namespace {

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
  const TemporaryDirectory folder;
  const std::string path = folder.file("bytes");
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
}

TEST(MappedFile, AnEmptyFileIsEmpty) {
  const TemporaryDirectory folder;
  const std::string path = folder.file("empty");
  std::ofstream(path).close();
  EXPECT_EQ(MappedFile::open(path).size(), 0u);
}

TEST(MappedFile, NamesThePathAndTheReason) {
  EXPECT_EQ(message_of("/nonexistent/file"), "/nonexistent/file: cannot open: No such file or directory");
  const TemporaryDirectory folder;
  EXPECT_EQ(message_of(folder.path()), folder.path() + ": is a directory, a regular file is needed");
  EXPECT_EQ(message_of("/dev/null"), "/dev/null: is not a regular file, a regular file is needed");
}

TEST(MappedFile, WhatWasPutBackIsReadAgain) {
  const TemporaryDirectory folder;
  const std::string path = folder.file("put_back");
  const std::string text(100000, 'x');
  std::ofstream(path) << text;
  const MappedFile file = MappedFile::open(path);
  for (const auto& [first, size] : {std::pair<size_t, size_t>{0, 100000}, {1, 99999}, {4096, 8192}, {5, 10}, {0, 0}}) {
    drop_pages(file.bytes().subspan(first, size));
    EXPECT_EQ(file.text(), text);
  }
}

}  // namespace
}  // namespace hadal
