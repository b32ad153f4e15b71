// Shared by the tests of this folder: the shipped data files, and what a refused text says.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "base/error.h"
#include "base/mapped_file.h"
#include "plan/figure.h"

namespace hadal::plan::testing {

inline std::string data(const std::string& path) { return std::string(HADAL_SOURCE_DIR) + "/" + path; }
inline Ledger ledger() { return Ledger(load_sources(data("sources.yaml"))); }
inline std::string text(const std::string& path) { return std::string(MappedFile::open(data(path)).text()); }

inline std::string edited(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}

// The message of the input error that `action` ends with, "" where it does not.
inline std::string refusal(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kInput) << error.what();
    return error.what();
  }
  return "";
}

}  // namespace hadal::plan::testing
