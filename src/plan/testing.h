// Shared by the tests of this folder: the shipped data files, and what a refused text says.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/mapped_file.h"
#include "base/testing.h"
#include "plan/figure.h"

namespace hadal::plan::testing {

inline std::string data(const std::string& path) { return std::string(HADAL_SOURCE_DIR) + "/" + path; }
inline Ledger ledger() { return Ledger(load_sources(data("sources.yaml"))); }
inline std::string text(const std::string& path) { return std::string(MappedFile::open(data(path)).text()); }

using hadal::testing::edited;
using hadal::testing::refusal;

}  // namespace hadal::plan::testing
