// Figures with the range that mapping and layout leave open.
#include "synth/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "synth/tools.h"

namespace hadal::synth {
namespace {

// Area: mapped for area alone, blocks are about a tenth smaller; clock tree, hold buffers and test add up to a fifth.
constexpr double kAreaLow = 0.9, kAreaHigh = 1.2;
// Path: what another run of the mapper gives. Wires are the planner's wire_derate.
constexpr double kPathLow = 0.95, kPathHigh = 1.1;
// Energy: the assumed activity times a half and times two; a measured one lacks glitches, which may cost as much again.
constexpr double kActivityLow = 0.5, kActivityHigh = 2;
constexpr double kMeasuredLow = 0.9, kMeasuredHigh = 2;

// Gates that serve fewer bits, or words written with what they hold.
constexpr double kGatingLow = 0.8, kGatingHigh = 1.5;

std::string figure(const std::string& name, double value, double low, double high, const char* unit, int digits,
                   const char* confidence, const std::string& note) {
  return fmt::format(
      "  {}: {{value: {:.{}f} {}, low: {:.{}f} {}, high: {:.{}f} {}, source: hadal-synthesis, confidence: {}, "
      "note: \"{}\"}}\n",
      name, value, digits, unit, low, digits, unit, high, digits, unit, confidence, note);
}

// Names of registers without what Yosys appends, and without quotes.
std::string end_of(const std::string& pin) { return pin.substr(0, pin.find('$')); }

constexpr const char* kGatingSections[] = {
    "working:  # share of the clock that gates by word leave in a cycle at work (hadal synth --activity)\n",
    "resting:  # and in one in which nothing changes\n"};

// Begin and end of a section's rows; the end of the text when there is none.
std::pair<size_t, size_t> rows_of(const std::string& text, const std::string& section) {
  const size_t head = text.find(fmt::format("\n{}", section.substr(0, section.find(' '))));
  if (head == std::string::npos) return {text.size(), text.size()};
  const size_t begin = text.find('\n', head + 1) + 1;
  size_t end = begin;
  while (end < text.size() && text[end] == ' ') end = text.find('\n', end) + 1;
  return {begin, end};
}

}  // namespace

std::string with_former_rows(const std::string& text, const std::string& former, const std::vector<Block>& blocks) {
  const auto line_of = [](const std::string& file, const std::string& begin) {
    const size_t at = file.find(begin);
    return at == std::string::npos ? "" : file.substr(at, file.find('\n', at) + 1 - at);
  };
  for (const char* same : {"name: ", "library: ", "voltage: ", "size: "}) {
    if (line_of(text, same) != line_of(former, same)) return text;
  }
  std::string result = text;
  const char* sections[] = {"\ncounts:", "\nareas:", "\npaths:", "\nenergies:", "\nclocks:"};
  std::string before = " ";  // the block in whose place the next one stands
  for (const Block& block : blocks) {
    const std::string row = "\n  " + block.name + ": ";
    if (result.find(row) == std::string::npos && former.find(row) != std::string::npos &&
        former.find(key_of(block)) != std::string::npos) {
      for (const char* section : sections) {
        const size_t from = former.find(row, former.find(section));
        size_t to = result.find(section);
        check(to != std::string::npos, "a record without {}", section + 1);
        const size_t neighbour = before == " " ? std::string::npos : result.find("\n  " + before + ": ", to);
        to = result.find('\n', (neighbour == std::string::npos ? to : neighbour) + 1);
        if (from != std::string::npos) result.insert(to, former.substr(from, former.find('\n', from + 1) - from));
      }
    }
    if (result.find(row) != std::string::npos) before = block.name;
  }
  for (const std::string section : kGatingSections) {
    const auto [begin, end] = rows_of(former, section);
    if (begin == end) continue;
    result += section;
    for (const Block& block : blocks) {
      const size_t at = former.find(fmt::format("  {}: ", block.name), begin);
      if (at < end && former.find(key_of(block)) != std::string::npos)
        result += former.substr(at, former.find('\n', at) + 1 - at);
    }
  }
  return result;
}

std::string with_gating(const std::string& text, const std::vector<BlockCheck>& blocks) {
  std::string result = text;
  for (const std::string section : kGatingSections) {
    if (rows_of(result, section).first == result.size()) result += section;
    for (const BlockCheck& b : blocks) {
      const bool work = section.starts_with("working");
      const Clocking& c = b.clocking;
      const double share = 100 * (work ? c.at_work : c.at_rest);
      const std::string row = figure(
          b.name, share, share * kGatingLow, std::max(share, std::min(100.0, share * kGatingHigh)), "%", 1,
          work ? "M" : "H",
          work ? fmt::format("{} cycles of kernels at work, {:.1f} % of nets change", b.at_work, 100 * b.transitions)
               : fmt::format("{} of {} register bits are behind an enable", c.gated, c.registers));
      const auto [begin, end] = rows_of(result, section);
      const size_t at = result.find(fmt::format("  {}: ", b.name), begin);
      if (at < end) result.erase(at, result.find('\n', at) + 1 - at);
      result.insert(at < end ? at : end, row);
    }
  }
  return result;
}

std::string record(const chip::Chip& chip, const Liberty& liberty, const std::vector<Synthesis>& results,
                   const std::string& command, const std::string& date) {
  check(!results.empty(), "a record of no blocks");
  std::string text = fmt::format(
      "# Written by `{}`; not edited. docs/synthesis.md explains it.\n"
      "name: {}\nlibrary: {}\nvoltage: {:g} V\nmeasured: {}\n",
      command, chip.name, liberty.name, liberty.voltage_v, date);
  text += fmt::format(
      "size: {{rows: {}, columns: {}, depth: {}, lanes: {}, special_lanes: {}, spm_banks: {}, acc_banks: {}}}\n",
      chip.matrix.rows, chip.matrix.cols, chip.matrix.depth, chip.vector.lanes,
      chip.vector.lanes / chip.vector.sfu_divisor, chip.spm.banks, chip.acc.banks);
  text += "counts:  # in a core\n";
  for (const Synthesis& s : results) text += fmt::format("  {}: {}\n", s.block.name, s.block.count);
  text += "areas:  # cells of one, without the blocks and memories inside it\n";
  for (const Synthesis& s : results) {
    const double um2 = s.count.area_um2;
    text += figure(s.block.name, um2, um2 * kAreaLow, um2 * kAreaHigh, "um2", 1, "M",
                   fmt::format("{}; {} cells; {}", s.block.what, s.count.cells, key_of(s.block)));
  }
  text += "paths:  # between registers or ports, before layout\n";
  for (const Synthesis& s : results) {
    const double ps = s.timing.longest_s * 1e12;
    text += figure(s.block.name, ps, ps * kPathLow, ps * kPathHigh, "ps", 0, "M",
                   fmt::format("{} to {}", end_of(s.timing.from), end_of(s.timing.to)));
  }
  text += "energies:  # of one, a cycle at full rate\n";
  for (const Synthesis& s : results) {
    const double idle = s.timing.idle_w * kPeriodSeconds * 1e12;
    const double data = s.timing.active_w * kPeriodSeconds * 1e12 - idle;
    const std::string clock = fmt::format("{:.3f} pJ of it for a clock that is never gated", idle);
    if (s.activity) {
      text += figure(
          s.block.name, idle + data, idle + data * kMeasuredLow, idle + data * kMeasuredHigh, "pJ", 3, "M",
          fmt::format("{:.1f} % of its nets change: {}; {}", s.activity->transitions * 100, s.activity->what, clock));
    } else {
      text += figure(s.block.name, idle + data, idle + data * kActivityLow, idle + data * kActivityHigh, "pJ", 3, "L",
                     fmt::format("{:g} % of its nets assumed to change; {}", kDataActivity * 100, clock));
    }
  }
  text += "clocks:  # of it, a cycle without data, with a clock that is never gated\n";
  for (const Synthesis& s : results) {
    const double idle = s.timing.idle_w * kPeriodSeconds * 1e12;
    text += figure(s.block.name, idle, idle * kAreaLow, idle * kAreaHigh, "pJ", 3, "M", "leakage included");
  }
  return text;
}

}  // namespace hadal::synth
