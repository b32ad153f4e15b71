// What the cores of a random program send to each other.
#include "verify/exchange.h"

#include <fmt/format.h>

#include <random>
#include <string>
#include <vector>

#include "isa/table.h"
#include "verify/coverage.h"

namespace hadal::verify {

void append_exchange(const chip::Chip& chip, uint64_t seed, std::span<const uint64_t> out_lines, RandomProgram& all) {
  constexpr int kRounds = 4, kSpan = 16;               // lines at the receiver for each sender and round
  constexpr int kBarrier = 10, kAll = 10, kMask = 11;  // posts of CTL have semaphores of their own
  std::mt19937_64 random(~seed);
  const auto below = [&](int n) { return static_cast<int>(random() % static_cast<uint64_t>(n)); };
  const int cores = chip.cores, words = static_cast<int>(chip.spm.bytes / 64) / 2;
  std::vector<std::vector<std::string>> text(static_cast<size_t>(cores));
  for (auto& lines : text) {
    lines.push_back(fmt::format("SET rd=r{} imm={}", kAll, (uint64_t{1} << cores) - 1));
    lines.push_back(fmt::format("SYNC unit=NX post={}:1 mask=r{} REMOTE", kBarrier, kAll));
    lines.push_back(fmt::format("SYNC unit=NX wait={}:{}", kBarrier, cores));
    // Units and CTL share the way out.
    for (const char* unit : {"CTL", "VX", "MM", "LD"})
      lines.push_back(fmt::format("SYNC unit={} post=5:1 mask=r{} REMOTE", unit, kAll));
    lines.push_back(fmt::format("SYNC unit=CTL wait=5:{}", 4 * cores));
  }
  for (int round = 0; round < kRounds; ++round) {
    for (int from = 0; from < cores; ++from) {
      const int mask = 1 + below((1 << cores) - 1), rows = 1 + below(3), len = 1 + below(4), stride = len + below(2);
      const int first = (round * cores + from) * kSpan;
      const bool acc = first + kSpan <= static_cast<int>(chip.acc.bytes / 64) && below(3) == 0;
      const std::string there = fmt::format("{}[{}]", acc ? "acc" : "spm", first);
      auto& sender = text[static_cast<size_t>(from)];
      sender.push_back(fmt::format("SET rd=r{} imm={}", kMask, mask));
      sender.push_back(fmt::format("SND d={} s=spm[{}] rows={} len={} sstride={} dstride={} mask=r{} post={}:1", there,
                                   words + below(words / 2), rows, len, below(8), stride, kMask, from));
      for (int to = 0; to < cores; ++to) {
        if ((mask >> to & 1) == 0) continue;
        auto& receiver = text[static_cast<size_t>(to)];
        receiver.push_back(fmt::format("SYNC unit=ST wait={}:1", from));
        receiver.push_back(fmt::format("ST d=hbm[{}] s={} rows={} len={} sstride={} dstride={}",
                                       out_lines[static_cast<size_t>(to)] + static_cast<uint64_t>(first), there, rows,
                                       len, stride, len));
      }
    }
  }
  for (int c = 0; c < cores; ++c) {
    auto& code = all.program.cores[static_cast<size_t>(c)].code;
    const isa::Encoded halt = code.back();
    code.pop_back();
    for (const std::string& line : text[static_cast<size_t>(c)]) {
      const isa::Instr instr = isa::assemble_line(line, "exchange");
      const auto names = crosses_of(instr);
      all.covered.insert(all.covered.end(), names.begin(), names.end());
      code.push_back(isa::encode(instr));
    }
    code.push_back(halt);
  }
}

}  // namespace hadal::verify
