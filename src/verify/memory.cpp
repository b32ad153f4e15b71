// Contents and latencies of the memory behind the RTL.
#include "verify/memory.h"

#include <algorithm>

#include "base/error.h"

namespace hadal::verify {
namespace {

constexpr uint64_t kLine = 64, kInstructionsALine = 4;

}  // namespace

Memory::Memory(const chip::Chip& chip, MemoryTiming timing)
    : to_controller_(static_cast<uint64_t>(chip.dram.controller_cycles) / 2),
      from_controller_(static_cast<uint64_t>(chip.dram.controller_cycles) - to_controller_),
      chip_(chip),
      random_(timing.random_seed.has_value()),
      engine_(timing.random_seed.value_or(0)) {}

void Memory::load(const program::Program& program) {
  program_ = &program;
  uint64_t line = 0;
  for (const program::Segment& segment : program.segments) line = std::max(line, segment.base_line + segment.lines);
  boot_.clear();
  for (const program::Stream& stream : program.cores) {
    const uint64_t lines = (stream.code.size() + kInstructionsALine - 1) / kInstructionsALine;
    boot_.emplace_back(line, static_cast<uint32_t>(lines));
    line += lines;
  }
  now_ = order_ = 0;
  ports_.assign(program.cores.size(), {});
  if (!random_) dram_.emplace(chip_);
}

void Memory::read(uint64_t line, Line& out) const {
  if (const auto found = written_.find(line); found != written_.end()) {
    out = found->second;
    return;
  }
  out = Line();
  for (size_t c = 0; c < boot_.size(); ++c) {
    const auto [first, lines] = boot_[c];
    if (line < first || line - first >= lines) continue;
    const auto& code = program_->cores[c].code;
    const size_t at = (line - first) * kInstructionsALine;
    const size_t count = std::min<size_t>(kInstructionsALine, code.size() - at);
    for (size_t i = 0; i < count; ++i) std::memcpy(out.bytes + 16 * i, code[at + i].word.data(), 16);
    return;
  }
  for (const program::Segment& segment : program_->segments) {
    if (line < segment.base_line || line - segment.base_line >= segment.lines) continue;
    const uint64_t byte = (line - segment.base_line) * kLine;
    if (byte < segment.data.size())
      std::memcpy(out.bytes, segment.data.data() + byte, std::min<size_t>(kLine, segment.data.size() - byte));
    return;
  }
}

void Memory::write(uint64_t line, const Line& data) { written_[line] = data; }

uint64_t Memory::latency(uint64_t line, bool write) {
  if (dram_) return dram_->access(now_ + to_controller_ + (write ? 1 : 0), line, 1, write) + from_controller_ - now_;
  const uint64_t draw = engine_();
  return 1 + draw % (draw >> 32 & 31 ? 40 : 400);
}

bool Memory::refuses() { return random_ && (engine_() & 3) == 0; }

void Memory::drive(int core, HadalRtlPort& port) {
  Port& p = ports_[static_cast<size_t>(core)];
  port.ar_ready = !refuses();
  port.aw_ready = !refuses();
  port.w_ready = !refuses();
  port.r_valid = !p.reads.empty() && p.reads.top().time <= now_ && !refuses();
  if (port.r_valid != 0) {
    const Answer answer = p.reads.top();
    p.reads.pop();
    port.r_id = answer.id;
    Line line;
    read(answer.line, line);
    std::memcpy(port.r_data, line.bytes, kLine);
  }
  port.b_valid = !p.answers.empty() && p.answers.front() <= now_ && !refuses();
  if (port.b_valid != 0) p.answers.pop_front();
}

void Memory::accept(int core, const HadalRtlPort& port) {
  Port& p = ports_[static_cast<size_t>(core)];
  if (port.ar_valid != 0 && port.ar_ready != 0)
    p.reads.push({now_ + latency(port.ar_line, false), order_++, port.ar_id, port.ar_line});
  if (port.aw_valid != 0 && port.aw_ready != 0) p.write_lines.push_back(port.aw_line);
  if (port.w_valid != 0 && port.w_ready != 0) {
    Line line;
    std::memcpy(line.bytes, port.w_data, kLine);
    p.write_data.push_back(line);
    p.write_ends.push_back(port.t_end != 0);
  }
  while (!p.write_lines.empty() && !p.write_data.empty()) {
    const uint64_t line = p.write_lines.front();
    write(line, p.write_data.front());
    if (on_write) on_write(core, line, p.write_data.front(), p.write_ends.front());
    const uint64_t time = now_ + latency(line, true);
    p.answers.push_back(p.answers.empty() ? time : std::max(time, p.answers.back()));
    p.write_lines.pop_front();
    p.write_data.pop_front();
    p.write_ends.pop_front();
  }
}

bool Memory::idle() const {
  return std::all_of(ports_.begin(), ports_.end(), [](const Port& p) {
    return p.reads.empty() && p.write_lines.empty() && p.write_data.empty() && p.answers.empty();
  });
}

}  // namespace hadal::verify
