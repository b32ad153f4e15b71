// Evaluated designs in a SQLite file: every point once, whole, or not at all, whenever the process ends.
#pragma once

#include <cstdint>
#include <map>
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

  // An existing store, to be read only: by a report, also while a search goes on. One that is none is an input error.
  static Store open(const std::string& path);

  // What a report says about the points: kept as it is given.
  void describe(const std::string& text);
  std::string description() const;  // empty if there is none

  // The figures of a point, as the file names them.
  static std::vector<std::pair<std::string, double plan::Evaluation::*>> columns();
  std::map<std::string, uint64_t> refused() const;  // how many points, by reason

  // One transaction. A point that is there already is left as it is.
  void add(const std::vector<plan::Evaluation>& points);
  std::vector<uint64_t> ids() const;               // of all points, ascending
  std::vector<plan::Evaluation> possible() const;  // those that were not refused, by id
  uint64_t count() const;

  // Whether the file is an SQLite database at all.
  static bool is_store(const std::string& path);

 private:
  Store() = default;
  struct Close {
    void operator()(sqlite3* db) const;
  };
  void execute(const std::string& sql) const;
  std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
};

}  // namespace hadal::explore
