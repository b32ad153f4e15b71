// A launch from reset to HALT, and faults in words.
#include "sim/functional.h"

#include "base/error.h"
#include "sim/functional/core.h"
#include "sim/functional/schedule.h"

namespace hadal::sim {
namespace {

constexpr Time kTimeLimit = Time{1} << 30;  // times start over before they can wrap
constexpr size_t kBlockedCores = 4;         // that a deadlock names

}  // namespace

struct Functional::Impl {
  Impl(const chip::Chip& chip, const program::Program& given, FunctionalOptions chosen)
      : options(chosen), dram(given.segments, chosen.check_races, chosen.threads > 1) {
    check(chip.cores > 0 && chip.cores <= isa::kMaxCores, "a chip has 1..{} cores, not {}", isa::kMaxCores, chip.cores);
    check(chip.fifo_depth > 0, "a FIFO holds at least one instruction");
    const Checks checks{chosen.check_races, chosen.check_initialised};
    for (int c = 0; c < chip.cores; ++c) cores.push_back(std::make_unique<Core>(c, chip, dram, checks));
    if (chosen.observer != nullptr) {
      for (const auto& core : cores) core->observe(chosen.observer, &log);
      dram.log_writes(&log);
    }
    load(given);
  }

  void load(const program::Program& given) {
    check(given.cores.size() == cores.size(), "a program for {} cores on a chip of {}", given.cores.size(),
          cores.size());
    code.reset();  // two at once are not needed
    code = std::make_unique<const Decoded>(given);
    program = &given;
  }

  std::string operator_name(size_t core, size_t pc) const {
    const std::string& name = program->operator_at(core, pc);
    return name.empty() ? "" : fmt::format(" ({})", name);
  }
  std::string describe(const Site& site) const {
    const size_t core = static_cast<size_t>(site.core);
    std::string where = fmt::format("core {} {} instruction {}{}", site.core, isa::name(site.unit), site.pc,
                                    operator_name(core, site.pc));
    if (site.pc >= code->cores()[core].size()) return where;
    return fmt::format("{} {}", where, isa::disassemble(code->cores()[core][site.pc].instr));
  }
  [[noreturn]] void report(const Fault& fault) const {
    const std::string message = fault.at ? fmt::format("{}: {}", describe(*fault.at), fault.what) : fault.what;
    if (!fault.other) throw Error(ErrorKind::kFault, message);
    const int core = core_of(fault.other->unit);
    const isa::Unit unit = unit_of(fault.other->unit);
    const uint32_t pc = cores[static_cast<size_t>(core)]->pc_at(unit, fault.other->time);
    throw Error(ErrorKind::kFault, fmt::format("{} {}", message, describe({core, unit, pc})));
  }
  [[noreturn]] void report_deadlock() const {
    std::string message = "deadlock:";
    size_t named = 0, stuck = 0;
    for (const auto& core : cores) {
      if (core->done()) continue;
      ++stuck;
      if (named == kBlockedCores) continue;
      ++named;
      for (const auto& [site, why] : core->blocked()) message += fmt::format("\n  {}: {}", describe(site), why);
    }
    if (stuck > named) message += fmt::format("\n  and {} more cores", stuck - named);
    throw Error(ErrorKind::kFault, message);
  }

  std::unique_ptr<Scheduler> choose_scheduler() {
    if (options.observer != nullptr) return in_turn(cores);
    if (options.interleave_seed) return in_random_order(cores, *options.interleave_seed);
    const int threads = std::min(options.threads, static_cast<int>(cores.size()));
    return threads > 1 ? in_parallel(cores, threads) : in_turn(cores);
  }

  void launch(Trace* trace) {
    if (trace != nullptr) trace->cores.resize(cores.size());
    Time floor = 0;
    for (const auto& core : cores) floor = std::max(floor, core->latest());
    if (floor > kTimeLimit) floor = 0;
    dram.start_launch(floor);
    const auto scheduler = choose_scheduler();
    for (size_t c = 0; c < cores.size(); ++c) {
      cores[c]->start_launch(code->cores()[c], *scheduler, floor, trace != nullptr ? &trace->cores[c] : nullptr);
    }
    if (options.observer != nullptr) options.observer->started(*program);
    try {
      scheduler->run();
    } catch (const Fault& fault) {
      report(fault);
    }
    for (const auto& core : cores) {
      if (!core->done()) report_deadlock();
    }
    if (options.observer != nullptr) options.observer->launched();
    if (dram.comes_and_goes()) {  // no scratchpad keeps weights in memory until its next launch
      for (const auto& core : cores) core->settle();
    }
    ++launches;
  }

  void count() {
    stats = {};
    stats.launches = launches;
    for (const auto& core : cores) stats += core->stats;
  }

  FunctionalOptions options;
  const program::Program* program = nullptr;
  Dram dram;
  Cores cores;
  std::unique_ptr<const Decoded> code;
  WriteLog log;  // with an observer
  uint64_t launches = 0;
  FunctionalStats stats;
};

Functional::Functional(const chip::Chip& chip, const program::Program& program, FunctionalOptions options)
    : impl_(std::make_unique<Impl>(chip, program, options)) {}
Functional::~Functional() = default;

void Functional::launch(Trace* trace) {
  impl_->launch(trace);
  impl_->count();
}

void Functional::set_program(const program::Program& program) {
  // Cores may still hold what the segments lent them: with the same segments they can keep it.
  if (impl_->dram.replace(program.segments)) {
    for (auto& core : impl_->cores) core->settle();
  }
  impl_->load(program);
}

void Functional::read_dram(uint64_t byte_address, std::span<std::byte> out) const {
  impl_->dram.host_read(byte_address, out);
}
void Functional::write_dram(uint64_t byte_address, std::span<const std::byte> data) {
  impl_->dram.host_write(byte_address, data);
  if (impl_->options.observer != nullptr) impl_->options.observer->host_wrote(byte_address, data);
}

std::span<const std::byte> Functional::spm(int core) const {
  impl_->cores.at(static_cast<size_t>(core))->settle();
  return impl_->cores.at(static_cast<size_t>(core))->spm().bytes();
}
std::span<const std::byte> Functional::acc(int core) const {
  return impl_->cores.at(static_cast<size_t>(core))->acc().bytes();
}

FunctionalStats& FunctionalStats::operator+=(const FunctionalStats& other) {
  launches += other.launches;
  instructions += other.instructions;
  macs += other.macs;
  vector_elements += other.vector_elements;
  dram_read_bytes += other.dram_read_bytes;
  dram_written_bytes += other.dram_written_bytes;
  noc_bytes += other.noc_bytes;
  return *this;
}

const FunctionalStats& Functional::stats() const { return impl_->stats; }

}  // namespace hadal::sim
