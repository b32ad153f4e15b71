// The processes of `mpirun` that search together. Without MPI, at build time or at run time, there is one.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "plan/design.h"

namespace hadal::explore {

class Ranks {
 public:
  // Joins the others if mpirun (or another launcher of MPI) started this process; once a process.
  Ranks();
  ~Ranks();
  Ranks(const Ranks&) = delete;
  Ranks& operator=(const Ranks&) = delete;

  int rank() const { return rank_; }
  int size() const { return size_; }
  bool first() const { return rank_ == 0; }

  // What the first one gives, everywhere; nothing where it gave nothing (it failed, and says so itself).
  std::optional<std::vector<uint64_t>> share(const std::optional<std::vector<uint64_t>>& ids) const;
  // From another rank to the first. One thread at a time. An empty block says that this rank is done.
  void send(const std::vector<plan::Evaluation>& block) const;
  // On the first: a block that has come, nothing if none has.
  std::optional<std::vector<plan::Evaluation>> receive() const;
  // This rank cannot go on while others may wait for it: its end is to be the end of all.
  void abandon() { abandoned_ = true; }

 private:
  int rank_ = 0, size_ = 1;
  bool joined_ = false, abandoned_ = false;
};

// An evaluation as bytes and back, for the way between ranks. Every bit is kept.
std::vector<char> pack(const std::vector<plan::Evaluation>& block);
std::vector<plan::Evaluation> unpack(const std::vector<char>& bytes);

}  // namespace hadal::explore
