// Scripts for Yosys and OpenSTA, and readers of their reports.
#include "synth/synthesis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <sstream>
#include <utility>

#include "base/error.h"
#include "synth/tools.h"

namespace hadal::synth {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kSeed = 1;       // of the data that activity is measured with
constexpr double kLoadBuffers = 4;  // outputs drive this many buffers

// Restructures for depth (sums of products), maps for delay, buffers, then sizes up and, where there is slack, down.
constexpr const char* kMapForSpeed =
    "strash; if -g -K 6; strash; dch; map -B 0.9; topo; buffer -c; upsize; dnsize; stime -p\n";

std::vector<std::string> words_of(const std::string& line) {
  std::istringstream in(line);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

bool number(const std::string& text, double& value) {
  char* end = nullptr;
  value = std::strtod(text.c_str(), &end);
  return end != text.c_str() && *end == '\0' && std::isfinite(value);
}

// The bits of "x", "x[3]", "x[3:1]", "4'h5" and "{ a, b }", highest first.
void bits_of(std::string_view text, const std::map<std::string, std::pair<int, int>>& ranges,
             std::vector<std::string>& bits) {
  const auto trim = [](std::string_view t) {
    t.remove_prefix(std::min(t.find_first_not_of(' '), t.size()));
    // An escaped name needs the space behind it.
    while (!t.empty() && t.back() == ' ' && (t.front() != '\\' || (t.size() > 1 && t[t.size() - 2] == ' ')))
      t.remove_suffix(1);
    return t;
  };
  text = trim(text);
  if (text.starts_with('{')) {
    text = text.substr(1, text.rfind('}') - 1);
    while (!text.empty()) {
      const size_t comma = std::min(text.find(','), text.size());
      bits_of(text.substr(0, comma), ranges, bits);
      text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return;
  }
  if (const size_t tick = text.find("'h"); tick != std::string_view::npos && !text.starts_with('\\')) {
    const int width = std::atoi(std::string(text).c_str());
    const std::string_view digits = text.substr(tick + 2);
    for (int bit = width - 1; bit >= 0; --bit) {
      const auto place = static_cast<size_t>(bit / 4);
      const int digit =
          place < digits.size() ? std::stoi(std::string(1, digits[digits.size() - 1 - place]), nullptr, 16) : 0;
      bits.push_back(fmt::format("1'h{}", digit >> (bit % 4) & 1));
    }
    return;
  }
  std::string name(text);
  int high = -1, low = -1;
  const size_t open = text.starts_with('\\') ? text.find('[', text.find(' ')) : text.find('[');
  if (open != std::string_view::npos) {
    name = text.substr(0, open);
    high = low = std::atoi(std::string(text.substr(open + 1)).c_str());
    if (const size_t colon = text.find(':', open); colon != std::string_view::npos)
      low = std::atoi(std::string(text.substr(colon + 1)).c_str());
  } else if (const auto range = ranges.find(name); range != ranges.end()) {
    high = range->second.first;
    low = range->second.second;
  }
  if (high < 0) {
    bits.push_back(name);
    return;
  }
  for (int bit = high; bit >= low; --bit) bits.push_back(fmt::format("{}[{}]", name, bit));
}

}  // namespace

std::string single_bit_assignments(std::string_view netlist) {
  std::map<std::string, std::pair<int, int>> ranges;
  std::string text;
  std::istringstream lines{std::string(netlist)};
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = words_of(line);
    const bool declares = words.size() == 3 && (words[0] == "input" || words[0] == "output" || words[0] == "wire");
    if (declares && words[1].starts_with("[")) {
      const size_t colon = words[1].find(':');
      ranges[words[2].substr(0, words[2].find(';'))] = {std::atoi(words[1].c_str() + 1),
                                                        std::atoi(words[1].c_str() + colon + 1)};
    }
    if (words.empty() || words[0] != "assign") {
      text += line + "\n";
      continue;
    }
    const size_t equal = line.find(" = ");
    std::vector<std::string> to, from;
    bits_of(std::string_view(line).substr(9, equal - 9), ranges, to);
    bits_of(std::string_view(line).substr(equal + 3, line.rfind(';') - equal - 3), ranges, from);
    check(to.size() == from.size(), "an assignment of {} bits to {}: {}", from.size(), to.size(), line);
    for (size_t i = 0; i < to.size(); ++i) text += fmt::format("  assign {} = {};\n", to[i], from[i]);
  }
  return text;
}

CellCount parse_stat(std::string_view text, const std::string& file, const std::vector<std::string>& outside) {
  CellCount count;
  bool area = false;
  std::istringstream lines{std::string(text)};
  bool types = false;
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = words_of(line);
    if (line.find("Number of cells:") != std::string::npos) {
      types = true;
    } else if (line.find("Chip area for") != std::string::npos) {
      if (words.empty() || !number(words.back(), count.area_um2) || count.area_um2 < 0)
        input_error(file, "'{}' names no area", line);
      area = true;
    } else if (types && words.size() == 2) {
      double n = 0;
      if (!number(words[1], n)) input_error(file, "'{}' is no type of cell and its number", line);
      std::string type = words[0];
      if (type.starts_with("\\")) type.erase(0, 1);
      if (std::find(outside.begin(), outside.end(), type) == outside.end()) count.cells += static_cast<int>(n);
    }
  }
  if (!area) input_error(file, "has no line 'Chip area for'; it is no report of `stat -liberty`");
  return count;
}

Timing parse_timing(std::string_view text, const std::string& file, double time_unit_s) {
  Timing timing;
  std::istringstream lines{std::string(text)};
  std::string section, from, to;
  double period = 0;
  bool longest = false, idle = false, active = false;
  for (std::string line; std::getline(lines, line);) {
    const std::vector<std::string> words = words_of(line);
    if (words.empty()) continue;
    double value = 0;
    if (words[0] == "Error:") input_error(file, "OpenSTA says '{}'", line);
    if (words[0] == "HADAL" && words.size() >= 2) {
      section = words[1];
      if (section == "period" && (words.size() != 3 || !number(words[2], period)))
        input_error(file, "'{}' names no period", line);
    } else if (words[0] == "Startpoint:" && words.size() > 1) {
      from = words[1];
    } else if (words[0] == "Endpoint:" && words.size() > 1) {
      to = words[1];
    } else if (words.size() >= 2 && words[1] == "slack") {
      if (!number(words[0], value)) input_error(file, "'{}' names no slack", line);
      const double path = (period - value) * time_unit_s;
      if (section == "paths" && (!longest || path > timing.longest_s)) {
        timing.longest_s = path;
        timing.from = from;
        timing.to = to;
        longest = true;
      } else if (section == "registers") {
        timing.register_s = std::max(timing.register_s, path);
      }
    } else if (words[0] == "Total" && words.size() >= 5) {
      double leakage = 0;
      if (!number(words[4], value) || !number(words[3], leakage)) input_error(file, "'{}' is no row of power", line);
      if (section == "idle") {
        timing.idle_w = value;
        timing.leakage_w = leakage;
        idle = true;
      } else if (section == "active") {
        timing.active_w = value;
        active = true;
      }
    }
  }
  if (!longest) input_error(file, "has no path; OpenSTA did not understand the netlist, see the beginning of the file");
  if (!idle || !active) input_error(file, "has no table of power; OpenSTA stopped before");
  return timing;
}

std::string yosys_script(const Block& block, const std::string& liberty_file, const std::string& directory) {
  std::string script = fmt::format("read_ilang {}/block.il\nhierarchy -top {}\n", directory, block.name);
  for (const std::string& name : block.outside) script += fmt::format("blackbox {}\n", name);
  // Registers keep the names of what they hold, so that a path can be read.
  script += fmt::format(
      "synth -flatten -top {0}\ncheck -assert\nselect t:*DFF*\nrename -wire\nselect -clear\ndfflibmap -liberty "
      "{1}\nopt\n"
      "abc -liberty {1} -constr {2}/drive -script {2}/map.abc\nsetundef -zero\nsplitnets\nopt_clean -purge\n"
      "tee -q -o {2}/stat stat -liberty {1}\nwrite_verilog -noattr -noexpr {2}/netlist.v\n",
      block.name, liberty_file, directory);
  if (block.outside.empty()) return script;
  // For timing, the pins of what stays outside become ports.
  for (const std::string& name : block.outside) script += fmt::format("expose -evert t:{}\n", name);
  return script +
         fmt::format("splitnets -ports\nopt_clean -purge\nwrite_verilog -noattr -noexpr {}/timing.v\n", directory);
}

std::string sta_script(const Block& block, const Liberty& liberty, const std::string& liberty_file,
                       const std::string& directory, double transitions) {
  const std::string period = fmt::format("{:.6g}", kPeriodSeconds / liberty.time_unit_s);
  std::string script = fmt::format("read_liberty {}\nread_verilog {}/{}\nlink_design {}\nputs \"HADAL period {}\"\n",
                                   liberty_file, directory, "timing.v", block.name, period);
  script += block.clocked ? fmt::format("create_clock -name clk -period {} [get_ports clk_i]\n", period)
                          : fmt::format("create_clock -name clk -period {}\n", period);
  script += fmt::format(
      "set_input_delay 0 -clock clk [all_inputs]\n{}\nset_driving_cell -lib_cell {} [all_inputs]\nset_load {} "
      "[all_outputs]\n",
      // The clock on its way to a block inside is no data; a pin of a block that nothing drives has become a port that
      // OpenSTA cannot constrain.
      block.outside.empty() ? "set_output_delay 0 -clock clk [all_outputs]"
                            : "set clocks [get_ports -quiet *clk_i]\nforeach port [all_outputs] {\n"
                              "if {[lsearch $clocks $port] < 0} {catch {set_output_delay 0 -clock clk $port}}\n}",
      liberty.buffer, kLoadBuffers * liberty.buffer_input_f / liberty.cap_unit_f);
  if (block.reset) script += "set_false_path -from [get_ports rst_ni]\n";
  script += "puts \"HADAL paths\"\nreport_checks -path_delay max\n";
  if (block.clocked)
    script +=
        "puts \"HADAL registers\"\nif {[llength [all_registers]] > 0} {\n"
        "report_checks -path_delay max -from [all_registers -clock_pins] -to [all_registers -data_pins]\n}\n";
  script += fmt::format(
      "puts \"HADAL idle\"\nset_power_activity -global -activity 0\nreport_power\n"
      "puts \"HADAL active\"\nset_power_activity -global -activity {:.4g}\nreport_power\nexit\n",
      transitions);
  return script;
}

Synthesis synthesize(const Block& block, const Liberty& liberty, const std::map<std::string, Cell>& cells,
                     const std::string& liberty_file, const std::string& directory) {
  Synthesis result;
  result.block = block;
  const std::string folder = directory + "/" + block.name;
  result.netlist = folder + "/netlist.v";
  const std::string yosys = yosys_script(block, liberty_file, folder);
  const std::string drive =
      fmt::format("set_driving_cell {}\nset_load {}\n", liberty.buffer, kLoadBuffers * liberty.buffer_input_f / 1e-15);
  const std::string key = fingerprint(key_of(block) + yosys + drive + kMapForSpeed + read_file(liberty_file));
  if (read_file(folder + "/key") != key) {
    fs::remove_all(folder);
    fs::create_directories(folder);
    write_file(folder + "/block.il", block.ilang);
    write_file(folder + "/block.ys", yosys);
    write_file(folder + "/drive", drive);
    write_file(folder + "/map.abc", kMapForSpeed);
    result.wall_s += run_logged(fmt::format("yosys -Q -s {}", quoted(folder + "/block.ys")), folder + "/yosys.log",
                                fmt::format("the synthesis of {} by Yosys", block.name));
    fs::remove(folder + "/block.il");
    write_file(folder + "/key", key);
  }
  if (block.outside.empty()) write_file(folder + "/timing.v", single_bit_assignments(read_file(result.netlist)));
  result.activity = measured_activity(block.name, read_file(result.netlist), result.netlist, cells, kSeed);
  const std::string sta =
      sta_script(block, liberty, liberty_file, folder, result.activity ? result.activity->transitions : kDataActivity);
  const std::string sta_key = fingerprint(key + sta);
  if (read_file(folder + "/sta.key") != sta_key) {
    write_file(folder + "/block.tcl", sta);
    result.wall_s += run_logged(fmt::format("sta -exit {}", quoted(folder + "/block.tcl")), folder + "/timing",
                                fmt::format("the timing of {} by OpenSTA", block.name));
    write_file(folder + "/sta.key", sta_key);
  }
  result.count = parse_stat(read_file(folder + "/stat"), folder + "/stat", block.outside);
  result.timing = parse_timing(read_file(folder + "/timing"), folder + "/timing", liberty.time_unit_s);
  return result;
}

}  // namespace hadal::synth
