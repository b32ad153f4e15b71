// The memories of the machine. Every access names its instruction (Access), is checked against the bounds and the
// shadow memory, and only then touches bytes.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "program/program.h"
#include "sim/functional/bytes.h"
#include "sim/functional/clocks.h"
#include "sim/functional/shadow.h"
#include "sim/observer.h"

namespace hadal::sim {

inline constexpr uint64_t kLine = isa::kLineBytes;

// Keeps what was made for a read-only segment in memory (program::Segment::held), as long as there is one.
class Hold {
 public:
  Hold() = default;
  explicit Hold(std::atomic<int>* count) : count_(count) {
    if (count_ != nullptr) ++*count_;
  }
  Hold(const Hold& other) : Hold(other.count_) {}
  Hold(Hold&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  Hold& operator=(Hold other) noexcept {
    std::swap(count_, other.count_);
    return *this;
  }
  ~Hold() {
    if (count_ != nullptr) --*count_;
  }

 private:
  std::atomic<int>* count_ = nullptr;
};

// A two-dimensional piece of a local memory: `rows` rows of `row_bytes`, `stride` bytes apart.
struct Region {
  uint64_t byte = 0;
  uint64_t row_bytes = 0;
  uint64_t rows = 1;
  uint64_t stride = 0;
  bool empty() const { return row_bytes == 0 || rows == 0; }
  // One past the last byte; meaningful when it cannot have wrapped (LocalMemory::read and write check that first).
  uint64_t end() const { return byte + (rows - 1) * stride + row_bytes; }
  bool operator==(const Region&) const = default;
};

bool rows_meet(const Region& a, const Region& b);
inline bool overlap(const Region& a, const Region& b) {
  return !a.empty() && !b.empty() && a.end() > b.byte && b.end() > a.byte && rows_meet(a, b);
}

// SPM or ACC of a core.
class LocalMemory {
 public:
  LocalMemory(std::string name, int core, uint64_t bytes, Checks checks);

  void start_launch(Time floor) { shadow_.start_launch(floor); }
  // Check and record an access; the pointer is to the region's first byte. `operand` is for messages. Words that a
  // region touches in part count as read or written.
  const std::byte* read(const Access& access, const Region& region, const char* operand);
  std::byte* write(const Access& access, const Region& region, const char* operand);

  // Weights pass through the scratchpad on their way to the matrix unit, each byte read once: not worth a copy.
  // lend() is the write of rows that stay as they are at `from`, `from_stride` bytes apart; they are copied when
  // anything but a matrix operand wants them.
  // `hold` is kept as long as anything of it is lent.
  void lend(const Access& access, const Region& region, const std::byte* from, uint64_t from_stride,
            const char* operand, Hold hold = {});
  // Matrix operands are checked piece by piece and then seen as a whole: rows of bytes wherever they are, which may be
  // another distance apart there.
  void check_read(const Access& access, const Region& region, const char* operand);
  struct View {
    const std::byte* from;
    uint64_t stride;
    const std::byte* next = nullptr;  // what was lent after it, and so is likely to be wanted after it
    bool first = false;               // lent, and nothing viewed before had it as its next
  };
  View view(const Region& region);
  // Copies all that is lent, whose owner may go.
  void settle() { settle(0, bytes_.size()); }

  void check_bounds(const Region& region, const char* operand) const {
    const uint64_t size = bytes_.size();
    const bool row_fits = region.byte <= size && region.row_bytes <= size - region.byte;
    const uint64_t room = row_fits ? size - region.byte - region.row_bytes : 0;
    const bool one = region.rows == 1 || region.stride == 0;
    if (!row_fits || (!one && region.rows - 1 > room / region.stride)) out_of_bounds(region, operand);
  }
  void log_writes(WriteLog* log, Space space) {
    log_ = log;
    space_ = space;
  }

  // Without what is lent.
  std::span<const std::byte> bytes() const { return {bytes_.data(), bytes_.size()}; }

 private:
  struct Lent {
    Region region;
    const std::byte* from = nullptr;
    uint64_t stride = 0;
    bool first = true;  // as in View
    Hold hold = {};
  };
  void settle(uint64_t first, uint64_t end) {
    if (first < lent_end_ && end > lent_first_) settle_lent(first, end);
  }
  void settle_lent(uint64_t first, uint64_t end);
  [[noreturn]] void out_of_bounds(const Region& region, const char* operand) const;
  void forget(uint64_t first, uint64_t end);  // what is lent there and will be written
  void find_lent();
  void record_read(const Access& access, const Region& region);
  void record_write(const Access& access, const Region& region);

  std::string name_;
  int core_;
  Bytes bytes_;
  LocalShadow shadow_;
  std::vector<Lent> lent_, kept_;           // apart from each other; of forget(), for its memory
  uint64_t lent_first_ = 0, lent_end_ = 0;  // bytes from the first to the last that is lent
  WriteLog* log_ = nullptr;
  Space space_{};
};

// The chip's DRAM: the segments of a program.
class Dram {
 public:
  Dram(const std::vector<program::Segment>& segments, bool check_races, bool shared);

  // Takes the read-only contents of another program with the same segments; whether any of them lie elsewhere.
  bool replace(const std::vector<program::Segment>& segments);
  void start_launch(Time floor);

  // Line ranges inside one segment. `hint` remembers the segment that a unit used last.
  void read(const Access& access, uint64_t line, uint64_t count, std::byte* to, size_t& hint);
  // A pointer to the lines themselves; `spare` is where they go when the segment ends inside its data.
  const std::byte* view(const Access& access, uint64_t line, uint64_t count, Bytes& spare, size_t& hint);
  // The same if the lines lie in one piece and never change, otherwise null; they stay as long as the hold does.
  struct Loan {
    const std::byte* from = nullptr;
    Hold hold;
  };
  Loan lend(uint64_t line, uint64_t count, size_t& hint);
  void write(const Access& access, uint64_t line, uint64_t count, const std::byte* from, size_t& hint);

  // Whether contents may go when nobody holds them.
  bool comes_and_goes() const { return comes_and_goes_; }
  void log_writes(WriteLog* log) { log_ = log; }
  void host_read(uint64_t byte, std::span<std::byte> out) const;
  void host_write(uint64_t byte, std::span<const std::byte> data);

 private:
  struct Segment {
    std::string name;
    uint64_t base = 0, lines = 0;
    bool writable = false;
    std::span<const std::byte> data;  // what is not zero by definition; of `own` when writable
    Bytes own;
    std::unique_ptr<DramShadow> shadow;  // of writable segments, with race checks
    std::function<void()> prepare;       // makes the contents before the first access
    std::atomic<int>* held = nullptr;    // of contents that may go again
  };
  // Makes the contents; they stay as long as the result.
  static Hold hold(const Segment& segment);
  Segment& find(uint64_t line, uint64_t count, size_t& hint, const char* does);
  const Segment& host_find(uint64_t byte, size_t size) const;
  static void copy(const Segment& segment, uint64_t byte, size_t size, std::byte* to);

  std::vector<Segment> segments_;
  bool comes_and_goes_ = false;
  Time floor_ = 0;
  WriteLog* log_ = nullptr;
};

}  // namespace hadal::sim
