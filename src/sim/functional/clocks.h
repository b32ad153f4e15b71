// Vector clocks over the units of all cores: who is known to have done what.
//
// A unit counts its instructions; an access is stamped with its unit and that count. A clock holds, for every unit, the
// last instruction that is known to have finished. Most synchronisation stays inside a core, so the own core's six
// counts are held by value and those of the other cores in a table that is shared until it has to grow.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "isa/isa.h"

namespace hadal::sim {

using Time = uint32_t;
using UnitId = uint16_t;
inline constexpr int kAllUnits = isa::kMaxCores * isa::kUnits;

constexpr UnitId unit_id(int core, isa::Unit unit) {
  return static_cast<UnitId>(core * isa::kUnits + static_cast<int>(unit));
}
constexpr int core_of(UnitId id) { return id / isa::kUnits; }
constexpr isa::Unit unit_of(UnitId id) { return static_cast<isa::Unit>(id % isa::kUnits); }

using Times = std::array<Time, kAllUnits>;

// mine = max(mine, theirs). Messages between cores make this the hottest loop of the checks.
void join_times(Times& mine, const Times& theirs);

// Tables of one core, reused. Only the thread that runs the core touches them, so reference counts are plain.
class TablePool {
 public:
  struct Table {
    Times time;
    TablePool* pool;
    uint32_t references;
  };
  Table* take() {
    if (free_.empty()) {
      all_.push_back(std::make_unique<Table>());
      free_.push_back(all_.back().get());
    }
    Table* table = free_.back();
    free_.pop_back();
    table->pool = this;
    table->references = 1;
    return table;
  }
  void give_back(Table* table) { free_.push_back(table); }

 private:
  std::vector<std::unique_ptr<Table>> all_;
  std::vector<Table*> free_;
};

class TableRef {
 public:
  TableRef() = default;
  explicit TableRef(TablePool& pool, const Times& times) : table_(pool.take()) { table_->time = times; }
  TableRef(const TableRef& other) : table_(other.table_) {
    if (table_ != nullptr) ++table_->references;
  }
  TableRef(TableRef&& other) noexcept : table_(std::exchange(other.table_, nullptr)) {}
  TableRef& operator=(TableRef other) noexcept {
    std::swap(table_, other.table_);
    return *this;
  }
  ~TableRef() {
    if (table_ != nullptr && --table_->references == 0) table_->pool->give_back(table_);
  }

  explicit operator bool() const { return table_ != nullptr; }
  bool operator==(const TableRef& other) const = default;
  const Times& operator*() const { return table_->time; }
  // The times for change in place; a table that others hold is copied first.
  Times& own() {
    if (table_->references > 1) *this = TableRef(*table_->pool, table_->time);
    return table_->time;
  }

 private:
  TablePool::Table* table_ = nullptr;
};

// What a unit of a core knows: the last finished instruction of every unit.
struct Knowledge {
  const Time* local = nullptr;    // of the units of its own core
  const Times* remote = nullptr;  // of all others; null: nothing of this launch
  Time of(UnitId id, int core, Time floor) const {
    if (core_of(id) == core) return local[id % isa::kUnits];
    return remote != nullptr ? (*remote)[id] : floor;
  }
};

class Clock {
 public:
  Clock() = default;
  // Knows everything up to `floor`: earlier launches and the host's accesses between them.
  explicit Clock(Time floor) { local_.fill(floor); }

  Time local(isa::Unit unit) const { return local_[static_cast<size_t>(unit)]; }
  void set_local(isa::Unit unit, Time time) { local_[static_cast<size_t>(unit)] = time; }

  Knowledge knowledge() const { return {local_.data(), remote_ ? &*remote_ : nullptr}; }

  void join(const Clock& other) {
    for (size_t i = 0; i < local_.size(); ++i) local_[i] = std::max(local_[i], other.local_[i]);
    if (!other.remote_ || other.remote_ == remote_) return;
    if (!remote_) {
      remote_ = other.remote_;
      return;
    }
    const Times& mine = *remote_;
    const Times& theirs = *other.remote_;
    unsigned i_know_more = 0, they_know_more = 0;
    for (size_t i = 0; i < mine.size(); ++i) {
      i_know_more |= static_cast<unsigned>(mine[i] > theirs[i]);
      they_know_more |= static_cast<unsigned>(theirs[i] > mine[i]);
    }
    if (they_know_more == 0) return;
    if (i_know_more == 0) {
      remote_ = other.remote_;
      return;
    }
    join_times(remote_.own(), theirs);
  }

  // The same with the knowledge that came with a message to `core`.
  void join(int core, const Times& theirs, TablePool& pool) {
    for (size_t i = 0; i < local_.size(); ++i) {
      local_[i] = std::max(local_[i], theirs[static_cast<size_t>(core * isa::kUnits) + i]);
    }
    if (remote_) {
      join_times(remote_.own(), theirs);
    } else {
      remote_ = TableRef(pool, theirs);
    }
  }

  // All of it, to be sent to another core.
  Times all(int core, Time floor) const {
    Times times;
    if (remote_) {
      times = *remote_;
    } else {
      times.fill(floor);
    }
    std::copy(local_.begin(), local_.end(), times.begin() + core * isa::kUnits);
    return times;
  }

 private:
  std::array<Time, isa::kUnits> local_{};
  TableRef remote_;
};

// Who makes an access, and what it knows. The knowledge is as seen from `core`, whose memory or DRAM port is used.
struct Access {
  Knowledge knows;
  UnitId unit;
  Time now;
  int core;
};

}  // namespace hadal::sim
