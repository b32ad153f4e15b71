// The static check: structure of each stream, constant addresses, and the balance of semaphores.
#include "program/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/error.h"
#include "isa/table.h"

namespace hadal::program {
namespace {

using isa::Instr;
using isa::Op;

// Tokens of one semaphore of one core: at most so many are ever given, at least so many are taken.
constexpr uint64_t kUnbounded = uint64_t{1} << 62;
struct Balance {
  uint64_t given = 0, taken = 0;
  size_t first_wait = 0;
  bool waited = false;
};
using Balances = std::vector<std::array<Balance, isa::kSemaphores>>;  // by core

uint64_t times(uint64_t a, uint64_t b) {
  return b != 0 && a > kUnbounded / b ? kUnbounded : std::min(a * b, kUnbounded);
}
void add(uint64_t& total, uint64_t amount) { total = std::min(total + amount, kUnbounded); }

class CoreLint {
 public:
  CoreLint(const Program& program, size_t core, const chip::Chip& chip, std::vector<Finding>& findings)
      : program_(program), core_(core), chip_(chip), findings_(findings) {}

  void run(Balances& balances) {
    const auto& stream = program_.cores[core_].code;
    code_.reserve(stream.size());
    for (size_t pc = 0; pc < stream.size(); ++pc) {
      try {
        code_.push_back(isa::decode(stream[pc]));
      } catch (const Error& error) {
        find(pc, error.what());
        return;
      }
    }
    if (code_.empty() || code_.back().op != Op::kHalt) {
      find(code_.empty() ? 0 : code_.size() - 1, "the stream does not end with HALT");
    }
    for (size_t pc = 0; pc < code_.size(); ++pc) addresses(pc);
    structure_and_semaphores(balances);
  }

 private:
  // Code up to `end` runs at least `least` and at most `most` times.
  struct Scope {
    size_t end = 0;
    uint64_t least = 1, most = 1;
    bool loop = false;
  };

  template <typename... Args>
  void find(size_t pc, fmt::format_string<Args...> format, Args&&... args) {
    findings_.push_back({core_, pc, program_.operator_at(core_, pc), fmt::format(format, std::forward<Args>(args)...)});
  }
  void find(size_t pc, const std::string& message) { find(pc, "{}", message); }

  void structure_and_semaphores(Balances& balances) {
    // Behind an early HALT nothing is certain to run.
    const auto early =
        std::find_if(code_.begin(), code_.end(), [](const Instr& instr) { return instr.op == Op::kHalt; });
    const bool certain = code_.end() - early <= 1;
    std::vector<Scope> scopes = {{code_.size(), certain ? 1u : 0u, 1, false}};
    for (size_t pc = 0; pc < code_.size(); ++pc) {
      while (scopes.size() > 1 && scopes.back().end == pc) scopes.pop_back();
      const Instr& instr = code_[pc];
      semaphores(pc, scopes.back(), balances);
      if (instr.op == Op::kLoop) enter_loop(pc, scopes);
      if (instr.op == Op::kSkipz) enter_skip(pc, scopes);
    }
  }

  static const Scope* innermost_loop(const std::vector<Scope>& scopes) {
    const auto at = std::find_if(scopes.rbegin(), scopes.rend(), [](const Scope& s) { return s.loop; });
    return at == scopes.rend() ? nullptr : &*at;
  }

  // Whether a body that ends before `end` stays inside the stream and the loop around it.
  bool fits(size_t pc, size_t end, std::string_view what, const std::vector<Scope>& scopes) {
    if (end > code_.size()) {
      find(pc, "{} ends at instruction {}, past the end of the stream at {}", what, end, code_.size());
      return false;
    }
    const Scope* loop = innermost_loop(scopes);
    if (loop != nullptr && end > loop->end) {
      find(pc, "{} ends at instruction {}, past the end of the loop around it at {}", what, end, loop->end);
      return false;
    }
    return true;
  }

  void enter_loop(size_t pc, std::vector<Scope>& scopes) {
    const Instr& instr = code_[pc];
    const size_t end = pc + 1 + instr.len;
    if (!fits(pc, end, "the loop body", scopes)) return;
    const auto depth = std::count_if(scopes.begin(), scopes.end(), [](const Scope& s) { return s.loop; });
    if (depth == isa::kLoopDepth) find(pc, "loops nest more than {} deep", isa::kLoopDepth);
    if (depth == 0 && instr.len > chip_.imem_instructions) {
      find(pc, "the loop body of {} instructions does not fit the instruction memory of {}", instr.len,
           chip_.imem_instructions);
    }
    const bool dynamic = instr.src != 0;
    push(scopes, end, dynamic ? 0 : instr.count, dynamic ? kUnbounded : instr.count, true);
  }

  void enter_skip(size_t pc, std::vector<Scope>& scopes) {
    const size_t end = pc + 1 + code_[pc].len;
    if (fits(pc, end, "the skip", scopes)) push(scopes, end, 0, 1, false);
  }

  // A skip may reach past the end of an earlier skip: code behind that one is then skipped by this one, so the inner
  // scope is cut and the outer one prolonged, which keeps both bounds true.
  static void push(std::vector<Scope>& scopes, size_t end, uint64_t least, uint64_t most, bool loop) {
    const Scope outer = scopes.back();
    for (auto at = scopes.rbegin(); at != scopes.rend() && !at->loop && at->end < end; ++at) at->end = end;
    scopes.push_back({end, times(outer.least, least), times(outer.most, most), loop});
  }

  void semaphores(size_t pc, const Scope& scope, Balances& balances) {
    const Instr& instr = code_[pc];
    if (instr.wcnt != 0) {
      Balance& balance = balances[core_][instr.wsem];
      if (!balance.waited) balance.first_wait = pc;
      balance.waited = true;
      add(balance.taken, times(scope.least, instr.wcnt));
    }
    if (instr.pcnt == 0) return;
    const bool remote = instr.op == Op::kSnd || (instr.op == Op::kSync && (instr.flags & isa::flag::kRemote) != 0);
    const uint64_t mask = remote ? possible_mask(instr.mask) : uint64_t{1} << core_;
    for (size_t core = 0; core < balances.size(); ++core) {
      if ((mask >> core & 1) != 0) add(balances[core][instr.psem].given, times(scope.most, instr.pcnt));
    }
  }

  // Cores a mask register can name: all, unless it is only ever written with constants.
  uint64_t possible_mask(uint8_t reg) const {
    uint64_t mask = 0;
    for (const Instr& instr : code_) {
      const bool writes = (instr.op == Op::kSet || instr.op == Op::kAdd || instr.op == Op::kLdr) && instr.rd == reg;
      const bool steps = instr.op == Op::kLoop &&
                         std::any_of(instr.step.begin(), instr.step.end(),
                                     [&](const isa::Step& step) { return step.areg == reg && step.inc != 0; });
      if ((writes && instr.op != Op::kSet) || steps) return ~uint64_t{0};
      if (writes) mask |= instr.imm;
    }
    return reg == 0 ? 0 : mask;
  }

  // Operands whose address is a constant.
  void addresses(size_t pc) {
    const Instr& instr = code_[pc];
    for (const isa::Field& field : isa::row_of(instr.op).fields) {
      if (!isa::uses(instr, field)) continue;
      const uint64_t raw = isa::get(instr, field);
      switch (field.kind) {
        case isa::Kind::kLocal:
        case isa::Kind::kSpm:
        case isa::Kind::kAcc: local_address(pc, field.name, raw); break;
        case isa::Kind::kDram: dram_address(pc, field.name, raw); break;
        default: break;
      }
    }
  }

  void local_address(size_t pc, std::string_view name, uint64_t raw) {
    if (raw >> 16 != 0) return;
    const bool acc = (raw >> 15 & 1) != 0;
    const uint64_t lines = (acc ? chip_.acc.bytes : chip_.spm.bytes) / isa::kLineBytes, line = raw & 0x7FFF;
    if (line >= lines) find(pc, "{} is line {} of the {}, which has {} lines", name, line, acc ? "ACC" : "SPM", lines);
  }

  void dram_address(size_t pc, std::string_view name, uint64_t raw) {
    if (raw >> 28 != 0) return;
    const uint64_t line = raw & 0xFFFFFFF;
    const auto holds = [&](const Segment& s) { return line >= s.base_line && line - s.base_line < s.lines; };
    if (std::none_of(program_.segments.begin(), program_.segments.end(), holds)) {
      find(pc, "{} is DRAM line {}, which no segment holds", name, line);
    }
  }

  const Program& program_;
  size_t core_;
  const chip::Chip& chip_;
  std::vector<Finding>& findings_;
  std::vector<Instr> code_;
};

}  // namespace

std::vector<Finding> lint(const Program& program, const chip::Chip& chip) {
  std::vector<Finding> findings;
  if (program.cores.size() > static_cast<size_t>(chip.cores)) {
    findings.push_back(
        {static_cast<size_t>(chip.cores), 0, "",
         fmt::format("the program has {} cores, the chip {} has {}", program.cores.size(), chip.name, chip.cores)});
  }
  Balances balances(program.cores.size());
  for (size_t core = 0; core < program.cores.size(); ++core) CoreLint(program, core, chip, findings).run(balances);
  if (!findings.empty()) return findings;  // a broken structure makes the balance meaningless
  for (size_t core = 0; core < balances.size(); ++core) {
    for (size_t s = 0; s < balances[core].size(); ++s) {
      const Balance& balance = balances[core][s];
      if (!balance.waited || (balance.given != 0 && balance.taken <= balance.given)) continue;
      std::string message =
          balance.given == 0
              ? fmt::format("waits for semaphore {}, which nobody posts", s)
              : fmt::format("waits from here on take {} tokens of semaphore {}, but at most {} are posted",
                            balance.taken, s, balance.given);
      findings.push_back({core, balance.first_wait, program.operator_at(core, balance.first_wait), std::move(message)});
    }
  }
  return findings;
}

std::string to_string(const Finding& finding) {
  return fmt::format("core {}, instruction {}{}: {}", finding.core, finding.pc,
                     finding.op.empty() ? "" : fmt::format(" ({})", finding.op), finding.message);
}

}  // namespace hadal::program
