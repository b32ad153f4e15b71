// Shadow memory: for every line, who wrote and read it last (race check) and which words hold a value.
//
// FastTrack style: the last write is one stamp (unit, time), reads keep the last time of every unit that may read. An
// access races when an earlier one, of another unit and at least one of them a write, is newer than what the accessing
// unit knows of that unit. Times only grow from launch to launch, so nothing is cleared: stamps up to `floor`, the
// last time of the previous launch, count as never written and always known.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "sim/functional/bytes.h"
#include "sim/functional/clocks.h"

namespace hadal::sim {

struct Checks {
  bool races = true;
  bool initialised = true;
  bool any() const { return races || initialised; }
};

// Of the SPM or the ACC of one core.
class LocalShadow {
 public:
  LocalShadow(std::string name, int core, uint64_t lines, Checks checks);

  void start_launch(Time floor);
  bool checks() const { return checks_.any(); }
  // Word ranges, in bounds. They check the access, throw a Fault or record it.
  void read(const Access& access, uint64_t word, uint64_t count);
  void write(const Access& access, uint64_t word, uint64_t count);

 private:
  static constexpr uint64_t kWordsALine = isa::kLineBytes / 4;
  static constexpr uint64_t kAllWords = 0xFFFF;
  // Time, writer, and a bit for each word written in this launch.
  static constexpr uint64_t stamp(Time time, UnitId unit, uint64_t words) {
    return uint64_t{time} << 32 | uint64_t{unit} << 16 | words;
  }
  static Time time_of(uint64_t stamp) { return static_cast<Time>(stamp >> 32); }
  static UnitId writer_of(uint64_t stamp) { return static_cast<UnitId>(stamp >> 16); }

  void read_part(const Access& access, uint64_t line, uint64_t words);
  void read_lines(const Access& access, uint64_t line, uint64_t count);
  void write_part(const Access& access, uint64_t line, uint64_t words);
  void write_lines(const Access& access, uint64_t line, uint64_t count);
  void check_read(const Access& access, uint64_t line, uint64_t words, uint64_t stamp) const;
  void check_overwrite(const Access& access, uint64_t line, uint64_t stamp) const;
  void check_readers(const Access& access, uint64_t line, uint64_t count) const;

  std::string name_;
  int core_;
  Checks checks_;
  Time floor_ = 0;
  ZeroedArray<uint64_t> written_;                    // a stamp a line
  std::array<ZeroedArray<Time>, isa::kUnits> read_;  // by unit of this core
  std::array<Time, isa::kUnits> latest_read_{};      // the newest entry of read_
};

// Of a writable DRAM segment. Only LD reads and ST writes DRAM, from every core. Readers are kept by blocks of lines,
// allocated when somebody reads there.
class DramShadow {
 public:
  // `shared`: cores run on several threads.
  DramShadow(uint64_t lines, bool shared);

  // Line ranges relative to the segment, in bounds. `first_line` is only for messages.
  void read(const Access& access, uint64_t line, uint64_t count, Time floor, uint64_t first_line);
  void write(const Access& access, uint64_t line, uint64_t count, Time floor, uint64_t first_line);
  void forget();

 private:
  static constexpr uint64_t kBlockLines = 64;
  static constexpr size_t kLocks = 64;
  struct Readers {
    std::array<Time, isa::kMaxCores> latest{};                 // newest read of the block, by core
    std::array<std::unique_ptr<Time[]>, isa::kMaxCores> line;  // and of each of its lines
  };
  static uint64_t stamp(Time time, UnitId unit) { return uint64_t{time} << 16 | unit; }

  template <typename F>
  void by_blocks(uint64_t line, uint64_t count, F&& part);
  void check_written(const Access& access, uint64_t line, uint64_t count, Time floor, uint64_t first_line,
                     const char* does) const;
  void check_readers(const Access& access, const Readers& readers, uint64_t line, uint64_t count, Time floor,
                     uint64_t first_line) const;

  ZeroedArray<uint64_t> written_;
  std::vector<std::unique_ptr<Readers>> readers_;  // by block
  std::unique_ptr<std::mutex[]> locks_;            // by block modulo kLocks; null when one thread runs all cores
};

}  // namespace hadal::sim
