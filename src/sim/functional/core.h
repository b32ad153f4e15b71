// One core: CTL, the five units behind it with their FIFOs, semaphores and local memories.
//
// A core moves in steps: CTL executes or dispatches one instruction, or a unit executes the one at the head of its
// FIFO, atomically. Who steps when is the scheduler's choice (schedule.h); what a step may do is decided here.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "isa/isa.h"
#include "sim/functional.h"
#include "sim/functional/clocks.h"
#include "sim/functional/decoded.h"
#include "sim/functional/fault.h"
#include "sim/functional/memory.h"
#include "sim/trace.h"

namespace hadal::sim {

// An instruction in a FIFO, with its registers already read.
struct Issued {
  const Code* code = nullptr;
  uint32_t pc = 0;
  uint32_t value = 0;                      // CFG
  uint64_t d = 0, a = 0, b = 0, dram = 0;  // lines
  uint64_t rows = 0;
  uint64_t mask = 0;      // SND, SYNC: cores
  uint32_t trace = 0;     // index of its Issue
  bool ctl_news = false;  // CTL has learned something since it last dispatched to this unit:
  Clock ctl;              // all it knew
};

// What leaves a core: the write of a SND, a post, or both, for the cores of `mask`.
struct Message {
  Site from;
  UnitId unit = 0;
  Time time = 0;
  std::shared_ptr<const Times> clock;  // what the sender knows; null without race checks
  uint64_t mask = 0;
  uint8_t sem = 0, count = 0;  // the post; count 0: none
  bool to_acc = false;
  Region to;                        // the write; empty: none
  const std::byte* data = nullptr;  // rows `data_stride` bytes apart
  uint64_t data_stride = 0;
  std::shared_ptr<const std::byte[]> kept;  // owns `data` when the message outlives the step that sent it
};
// Copies the data, so that the source may change.
void keep_data(Message& message);

// How messages travel; each scheduler has its own.
class Fabric {
 public:
  virtual ~Fabric() = default;
  virtual void send(Message message) = 0;
  // Local posts become messages too, so that they may be seen late.
  virtual bool delays_posts() const { return false; }
};

class Semaphores {
 public:
  // Without `clocks` tokens carry none and are just counted.
  Semaphores(int core, TablePool& pool, bool clocks)
      : core_(core), pool_(pool), rings_(clocks ? isa::kSemaphores : 0) {}
  void reset();
  int value(int s) const { return values_[static_cast<size_t>(s)]; }
  // False when the post would exceed the largest value.
  bool post(int s, int n, const Clock& clock);
  bool post(int s, int n, std::shared_ptr<const Times> sent);  // from another core, or as if
  // Takes n tokens, oldest first, and joins their clocks into `clock`; false when there are fewer.
  bool take(int s, int n, Clock& clock);

 private:
  struct Tokens {
    int count = 0;
    Clock clock;
    std::shared_ptr<const Times> sent;  // instead of the clock
  };
  struct Ring {  // tokens of one post are one run
    size_t head = 0, runs = 0;
    std::array<Tokens, isa::kSemaphoreMax> run;
    Tokens& push(int n) {
      Tokens& added = run[(head + runs++) % run.size()];
      added.count = n;
      return added;
    }
    void pop() {
      run[head] = Tokens();
      head = --runs == 0 ? 0 : (head + 1) % run.size();  // back to the start, which is in the cache
    }
  };
  bool add(int s, int n);

  const int core_;
  TablePool& pool_;
  std::array<int, isa::kSemaphores> values_{};
  std::vector<Ring> rings_;  // none without clocks
};

class Core {
 public:
  Core(int id, const chip::Chip& chip, Dram& dram, Checks checks);

  void start_launch(const CodeStream& code, Fabric& fabric, Time floor, CoreTrace* trace);

  // Each does one step if it can and says whether it did. They throw Fault.
  bool step(isa::Unit unit) { return unit == isa::Unit::kCtl ? step_ctl() : step_unit(unit); }
  bool can_step(isa::Unit unit) const;
  // Steps until nothing moves.
  void run();
  // It will run soon: its next instructions had better be in the caches.
  void expect() const { code_->expect(pc_); }
  bool done() const;

  // The two halves of a message that arrives.
  void receive_data(const Message& message);
  void receive_post(const Message& message);

  // What every unit that has work waits for, one line each.
  std::vector<std::pair<Site, std::string>> blocked() const;

  // Tells what instructions commit; `log` is shared by all cores and the DRAM.
  void observe(Observer* observer, WriteLog* log);

  int id() const { return id_; }
  const LocalMemory& spm() const { return spm_; }
  void settle() { spm_.settle(); }  // bytes that other memory still lends
  const LocalMemory& acc() const { return acc_; }
  Time latest() const;
  // The instruction of `unit` at `time` of this launch.
  uint32_t pc_at(isa::Unit unit, Time time) const;
  FunctionalStats stats;  // since construction, without launches

 private:
  struct Loop {
    uint32_t first, end;  // body
    uint64_t left;        // passes
    const isa::Instr* instr;
  };
  struct Fifo {
    std::vector<Issued> ring;
    size_t head = 0, size = 0;
    bool full() const { return size == ring.size(); }
    Issued& front() { return ring[head]; }
    const Issued& front() const { return ring[head]; }
    Issued& push() {
      const size_t at = head + size++;
      return ring[at < ring.size() ? at : at - ring.size()];
    }
    void pop() {
      head = --size == 0 || head + 1 == ring.size() ? 0 : head + 1;  // back to the start, which is in the cache
    }
  };
  struct UnitState {
    Fifo fifo;
    Clock clock;
    size_t dram_hint = SIZE_MAX;  // none yet
    std::array<uint32_t, isa::cfg::kVxWords> cfg{};
    std::vector<uint32_t> pcs;  // by time - floor - 1
    uint64_t ctl_told = 0;      // ctl_learned_ when CTL last dispatched to it
  };

  // CTL (core.cpp)
  bool step_ctl();
  void dispatch(const Code& code);
  bool run_units();
  void execute_ctl(const Code& code);
  void load_register(const isa::Instr& instr, uint64_t line);
  void enter_loop(const isa::Instr& instr);
  void skip(uint32_t instructions);
  void advance();
  void set(int reg, uint64_t value);
  uint64_t line_of(const isa::Local& local) const;
  Issue& record(const Code& code, const Issued& issued);

  // Units (core.cpp, execute_*.cpp)
  bool step_unit(isa::Unit unit);
  std::shared_ptr<const Times> clock_to_send(isa::Unit unit) const;
  void begin(isa::Unit unit, uint32_t pc);
  void finish(isa::Unit unit, const Issued& issued);
  void report(isa::Unit unit, const Issued& issued);
  void execute(isa::Unit unit, const Issued& issued);
  void execute_ld(const Issued& issued, const Access& access);
  std::vector<uint64_t> listed_rows(const Issued& issued, const Access& access);
  void execute_ldg(const Issued& issued, const Access& access);
  void execute_ldx(const Issued& issued, const Access& access);
  void execute_st(const Issued& issued, const Access& access);
  void execute_stg(const Issued& issued, const Access& access);
  void execute_snd(const Issued& issued, const Access& access);
  void execute_mma(const Issued& issued, const Access& access);
  void execute_vx(const Issued& issued, const Access& access);
  friend class VectorUnit;

  UnitState& state(isa::Unit unit) { return units_[static_cast<size_t>(unit)]; }
  const UnitState& state(isa::Unit unit) const { return units_[static_cast<size_t>(unit)]; }
  LocalMemory& memory(bool acc) { return acc ? acc_ : spm_; }
  Issue* trace_of(const Issued& issued) { return trace_ ? &trace_->issues[issued.trace] : nullptr; }

  const int id_;
  const int cores_;
  const uint32_t imem_instructions_;
  const bool check_races_;
  const bool timed_;  // accesses need the time of their instruction
  Dram& dram_;
  TablePool pool_;  // before everything that holds a Clock
  LocalMemory spm_, acc_;
  Semaphores semaphores_;
  std::array<UnitState, isa::kUnits> units_;
  std::array<uint64_t, isa::kRegisters> registers_{};
  std::vector<Loop> loops_;
  uint32_t pc_ = 0;
  isa::Unit dispatched_{};  // to whom CTL dispatched last
  bool halted_ = false;
  uint64_t ctl_learned_ = 0;  // grows with what CTL knows
  const CodeStream* code_ = nullptr;
  Fabric* fabric_ = nullptr;
  CoreTrace* trace_ = nullptr;
  Time floor_ = 0;
  Observer* observer_ = nullptr;
  WriteLog* log_ = nullptr;
  Bytes spare_;      // lines that do not lie in one piece in DRAM
  size_t mark_ = 0;  // of the source operator: a hint
};

}  // namespace hadal::sim
