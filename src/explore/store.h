// Evaluated designs in a SQLite file: every point once, whole, or not at all, whenever the process ends.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plan/design.h"

struct sqlite3;

namespace hadal::explore {

class Store {
 public:
  // Opens or creates `path`; ":memory:" keeps nothing. `fingerprint` says what the points depend on: a store that was
  // made for something else is an input error.
  Store(const std::string& path, const std::string& fingerprint);

  // One transaction. A point that is there already is left as it is.
  void add(const std::vector<plan::Evaluation>& points);
  std::vector<uint64_t> ids() const;               // of all points, ascending
  std::vector<plan::Evaluation> possible() const;  // those that were not refused, by id
  uint64_t count() const;

 private:
  struct Close {
    void operator()(sqlite3* db) const;
  };
  void execute(const std::string& sql) const;
  std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace hadal::explore
