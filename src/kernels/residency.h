// Weights made from a checkpoint, with a bound on what of them is in the host's memory: when their sum would pass it,
// those that were used least recently go, and are made again when a program next reads them.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

namespace hadal::kernels {

class Residency;

// Something with a fixed place in the address space whose bytes may come and go.
class Resident {
 public:
  explicit Resident(uint64_t bytes) : bytes_(bytes) {}
  virtual ~Resident() = default;
  Resident(const Resident&) = delete;
  Resident& operator=(const Resident&) = delete;

  uint64_t bytes() const { return bytes_; }
  // While this is not 0 the bytes stay, once they are there: raised before made() or make() is called.
  std::atomic<int>& held() { return held_; }

 protected:
  virtual void fill() = 0;   // writes the bytes into zeroed memory
  virtual void clear() = 0;  // gives the memory back; it reads as zeros

 private:
  friend class Residency;
  const uint64_t bytes_;
  std::atomic<int> held_ = 0;
  std::atomic<bool> made_ = false;
  std::atomic<uint64_t> used_ = 0;  // by the clock of Residency
  std::mutex making_;
};

// Of all chips of a model. Any number of threads.
class Residency {
 public:
  explicit Residency(uint64_t bound_bytes) : bound_(bound_bytes) {}

  // Counts what may be made one day; before anything is.
  void expect(uint64_t bytes) { expected_ += bytes; }
  // Whether that is more than the bound: otherwise nothing ever goes, and nobody needs to hold anything.
  bool bounded() const { return expected_ > bound_; }
  uint64_t bound() const { return bound_; }
  // Takes memory that something else needs from the bound, at most half of it; before anything is made.
  void set_aside(uint64_t bytes) { bound_ -= std::min(bytes, bound_ / 2); }

  // Makes it unless it is there. What is held is not dropped: where everything is, the bound is passed.
  void make(Resident& wanted);
  // For good: before it is destroyed.
  void forget(Resident& gone);

  uint64_t most_bytes() const { return most_; }   // at a time
  uint64_t made_bytes() const { return total_; }  // all that was ever made, again and again

 private:
  bool drop_one();  // with mutex_ held

  uint64_t bound_;
  uint64_t expected_ = 0;
  std::mutex mutex_;
  std::vector<Resident*> there_;
  uint64_t bytes_ = 0;  // of those, and of those in the making
  std::atomic<uint64_t> clock_ = 0, most_ = 0, total_ = 0;
};

// Three quarters of the host's memory.
uint64_t usual_host_bytes();

}  // namespace hadal::kernels
