// Emits the instruction stream of one core. Kernels say what is computed, in program order; the waits and posts
// between the units of the core are worked out from what each instruction reads and writes (autosync.cpp).
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "chip/chip.h"
#include "isa/isa.h"
#include "program/program.h"

namespace hadal::kernels {

// Lines of 64 bytes that hold so many words of four.
inline uint32_t lines_of(int64_t words) { return static_cast<uint32_t>((words + 15) / 16); }

enum class Space : uint8_t { kSpm, kAcc, kObject };

// A program needs more local memory than a core has.
class DoesNotFit : public Error {
 public:
  using Error::Error;
};

// Things that order instructions without being local memory: writable DRAM areas and the exchange protocol.
enum class Object : uint8_t {
  kKv,
  kHeads,
  kQuery,
  kAttention,
  kExperts,
  kHidden,
  kLogits,
  kStep,
  kExchange,
  kResidual,
  kCount
};

struct Access {
  Space space = Space::kSpm;
  uint32_t first = 0, lines = 0;
  bool write = false;
};

// A place in the SPM or ACC, from a register if areg is not 0. What goes through a register is not tracked: the kernel
// keeps such accesses apart (attention's two tile buffers, swapped where CTL waits for all units).
struct Loc {
  uint32_t line = 0;
  bool acc = false;
  uint8_t areg = 0;
  Loc operator+(uint32_t lines) const { return {line + lines, acc, areg}; }
};

// A vector tile: word offset into the first line, row stride in lines (0 = dense), BF16 or FP32 elements.
struct Vt {
  Loc at;
  uint32_t off = 0;
  uint32_t stride = 0;
  bool bf16 = false;
};

// One emitted instruction with what it touches.
struct Entry {
  isa::Instr instr;
  std::vector<Access> accesses;
  bool join = false;      // CTL waits for all units here
  uint32_t loop_end = 0;  // LOOP: index of the first entry after the body
  uint32_t op = 0;        // source operator
  int implies = -1;       // entry that is certainly finished once this one issues (the post this wait answers)
};

class Builder {
 public:
  Builder(const chip::Chip& chip, int core);

  int core() const { return core_; }
  const chip::Chip& chip() const { return chip_; }

  // --- memory: a stack of allocations in each space, in lines ---
  Loc spm(uint32_t lines);
  Loc acc(uint32_t lines);
  struct Mark {
    uint32_t spm = 0, acc = 0;
  };
  Mark mark() const { return {spm_top_, acc_top_}; }
  void release(Mark m);
  uint32_t spm_free_lines() const { return spm_lines_ - spm_top_; }
  uint32_t acc_free_lines() const { return acc_lines_ - acc_top_; }

  void set_operator(uint32_t op) { op_ = op; }

  // The operand of a DRAM line. Offsets reach 16 GiB; beyond that a register holds the window, set when it changes.
  isa::Dram dram(uint64_t line);

  // The register of a core mask, set when it changes.
  int mask(uint64_t cores);

  // --- CTL ---
  void set(int rd, uint64_t imm);
  void add(int rd, int rs, int rt, int64_t imm);
  // rd = (((u32 at word `word` of line) + add) >> rsh << lsh) + R[rs]
  // The next `count` instructions are skipped when R[rs] = 0; CTL instructions only.
  void skip_if_zero(int rs, int count);
  void ldr(int rd, Loc line, int word, int add = 0, int rsh = 0, int lsh = 0, int rs = 0);
  // Repeats what `end_loop` closes, R[count_reg] times (or `count` times when count_reg < 0).
  void begin_loop(int count_reg, int count, std::array<isa::Step, 3> steps = {});
  void end_loop();
  // What `end_if` closes runs once or, where R[reg] is 0 and not 1, not at all. It may be longer than the instruction
  // memory, and holds no loop: parts of it become loops of their own.
  void begin_if(int reg);
  void end_if();
  void halt();

  // --- posts and waits between cores (Emitter::exchange_post, exchange_wait) ---
  // Posts on the cores of a mask once what `after` names is done, and `count` tokens of `wait_sem` have come.
  // Returns the entry's index.
  int sync_post_remote(int sem, int mask_reg, std::vector<Access> after, int wait_sem = 0, int count = 0);
  // `answers`: the post of this core without which the tokens would not have come.
  void sync_wait(isa::Unit unit, int sem, int count, std::vector<Access> writes, int answers);

  // --- DMA ---
  void ld(Loc d, isa::Dram s, int rows, int lines, int sstride, int dstride, std::optional<Object> object = {});
  // Row count in a register, `lines` lines a row on both sides.
  void ld_rows(Loc d, isa::Dram s, int rows_reg, int lines, Object object, std::vector<Access> writes);
  void ldg(Loc d, isa::Dram s, Loc idx, int rows, int lines, uint32_t pitch, std::optional<Object> object = {});
  void st(isa::Dram d, Loc s, int rows, int lines, int sstride, int dstride, Object object);
  // rows: immediate, or -register for a count in a register (at most `max_rows`).
  void stg(isa::Dram d, Loc idx, Loc s, int rows, int lines, uint32_t pitch, Object object, int max_rows = 0);
  void snd(Loc d, Loc s, int rows, int lines, int mask_reg, int sstride, int dstride);

  // --- MM ---
  void mcfg(isa::cfg::Mm key, uint32_t value);
  // (R[reg] << shift) + value
  void mcfg_from(isa::cfg::Mm key, int reg, int shift, uint32_t value);
  void mma(Loc c, Loc a, Loc b, int m, int n_tiles, int groups, uint8_t flags);

  // --- VX ---
  void alu(isa::Alu f, Vt d, Vt a, Vt b, isa::Bc bc, int rows, int cols);
  void mula(Vt d, Vt a, Vt b, isa::Bc bc, int rows, int cols);
  void sfu(isa::Sfu f, Vt d, Vt a, int rows, int cols);
  void red(isa::Red f, Vt d, Vt a, int rows, int cols);
  struct Quant {
    Loc d{};                               // digits
    uint32_t row = 0, block = 0, low = 0;  // strides and low-plane offset in lines (0 = default)
    uint32_t scale_word = 0;               // SPM word address of the scales
    uint32_t scale_row = 0, scale_group = 0;
  };
  void qnt(const Quant& q, Vt a, int rows, int cols, int digits, int group);
  void cvt(isa::Cvt f, Vt d, Vt a, int rows, int cols);
  void prm(isa::Prm f, Vt d, Vt a, int rows, int cols);
  void gather(Vt d, Vt a, Loc idx, int rows, int cols, uint32_t source_rows);
  void fill(Vt d, float value, int rows, int cols);
  void compress(Loc d, Vt a, Vt threshold, uint32_t count_word, int rows, int cols);

  // Inserts waits and posts and encodes.
  program::Stream finish();

 private:
  uint32_t take(uint32_t& top, uint32_t lines, uint32_t size, const char* what) const;
  Entry& push(isa::Instr instr, std::vector<Access> accesses);
  void vcfg(isa::cfg::Vx key, uint32_t value);
  void dcfg(isa::Unit unit, isa::cfg::Dma key, uint32_t value);
  void config(isa::Unit unit, uint8_t key, uint32_t value);
  void forget_config();
  isa::Instr vector(isa::Op op, uint8_t func, int rows, int cols) const;
  // Sets offsets and strides of an operand and returns the lines it covers.
  Access operand(isa::cfg::Vx off_key, isa::cfg::Vx stride_key, const Vt& t, int rows, int cols, bool write);
  Access broadcast(const Vt& t, isa::Bc bc, int rows, int cols);
  Access column(const Vt& t, int rows, bool write);

  const chip::Chip& chip_;
  int core_;
  uint32_t spm_lines_, acc_lines_, spm_top_ = 0, acc_top_ = 0;
  uint32_t op_ = 0;
  std::vector<Entry> entries_;
  std::vector<uint32_t> open_loops_;
  std::optional<int> if_register_;  // inside begin_if
  std::optional<uint64_t> window_;  // in kWindowRegister
  std::optional<uint64_t> mask_;    // in kSendRegister
  std::array<std::array<std::optional<uint32_t>, 16>, isa::kUnits> config_{};
};

// The pass behind Builder::finish.
program::Stream synchronise(const std::vector<Entry>& entries, uint32_t spm_lines, uint32_t acc_lines);

inline constexpr int kWindowRegister = 13, kSendRegister = 12;
inline constexpr uint64_t kWindowLines = uint64_t{1} << 28;  // what the offset of a DRAM operand reaches

// Semaphores 0..kPairSemaphores-1 belong to autosync, the rest to the exchange.
inline constexpr int kArriveSemaphore = 29;  // at the hub: one post a core
inline constexpr int kGoLdSemaphore = 30;    // at every core, from the hub: an exchange that LD waits for
inline constexpr int kGoVxSemaphore = 31;    // the same for VX; apart, so that neither takes the other's token

}  // namespace hadal::kernels
