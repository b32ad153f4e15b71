// The copy of rtl/ with netlists, planted faults, and the run.
#include "synth/netlist.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <functional>
#include <random>
#include <set>
#include <sstream>

#include "base/error.h"
#include "sim/functional.h"
#include "synth/tools.h"
#include "verify/lockstep.h"
#include "verify/mutants.h"
#include "verify/random_program.h"
#include "verify/rtl_model.h"

namespace hadal::synth {
namespace {

namespace fs = std::filesystem;

constexpr int kInstructions = 60;  // of a random program
constexpr int kMaxFaults = 255;    // mutant_i has 8 bits

// A line of the netlist that begins an instance of a library cell: "  CELL NAME (".
bool begins_gate(const std::string& line, const std::map<std::string, std::string>& outputs, std::string& cell,
                 std::string& name) {
  std::istringstream in(line);
  std::string first, second, open;
  if (!(in >> first >> second >> open) || open != "(" || !outputs.contains(first)) return false;
  cell = first;
  name = second;
  return true;
}

// Cells that a netlist uses, as modules of the Verilog of the library.
std::string used_cells(const std::string& library, const std::set<std::string>& used) {
  std::istringstream in(library);
  std::string text, module;
  bool wanted = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("module ")) {
      const size_t open = line.find('(');
      wanted = used.contains(line.substr(7, open - 7));
    }
    if (wanted) text += line + "\n";
    if (line == "endmodule") wanted = false;
  }
  return text;
}

}  // namespace

std::string with_parameters(const std::string& netlist, const std::string& source) {
  // "parameter int R  = 8," of the module's header.
  std::string list;
  std::istringstream in(source.substr(0, source.find(");")));
  for (std::string line; std::getline(in, line);) {
    const size_t at = line.find("parameter ");
    if (at == std::string::npos) continue;
    std::string each = line.substr(at, line.find_first_of(",/", at) - at);
    list += (list.empty() ? "" : ", ") + each;
  }
  const size_t open = netlist.find('(', netlist.find("module "));
  if (list.empty() || open == std::string::npos) return netlist;
  std::string text = netlist;
  return text.insert(open, fmt::format(" #({}) ", list));
}

std::map<std::string, std::string> output_pins(std::string_view cells_verilog) {
  std::map<std::string, std::string> outputs;
  std::istringstream in{std::string(cells_verilog)};
  std::string module;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("module ")) module = line.substr(7, line.find('(') - 7);
    if (line.starts_with("  output ") && !outputs.contains(module))
      outputs[module] = line.substr(9, line.find(';') - 9);
  }
  return outputs;
}

size_t count_gates(std::string_view netlist, const std::map<std::string, std::string>& outputs) {
  std::istringstream in{std::string(netlist)};
  size_t count = 0;
  std::string cell, name;
  for (std::string line; std::getline(in, line);) count += begins_gate(line, outputs, cell, name);
  return count;
}

std::string plant(std::string_view netlist, const std::string& module,
                  const std::map<std::string, std::string>& outputs, const std::vector<size_t>& chosen, int first,
                  std::vector<Fault>& faults) {
  std::istringstream in{std::string(netlist)};
  std::string text, cell, name, pin;
  size_t gate = 0;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    if (begins_gate(line, outputs, cell, name)) {
      pin.clear();
      if (std::find(chosen.begin(), chosen.end(), gate++) != chosen.end()) {
        pin = "    ." + outputs.at(cell) + "(";
        number = first + static_cast<int>(faults.size());
        text += fmt::format("  wire hadal_fault_{};\n", number);
      }
    }
    if (!pin.empty() && line.starts_with(pin)) {
      const size_t close = line.rfind(')');
      const std::string net = line.substr(pin.size(), close - pin.size());
      text += fmt::format("{}hadal_fault_{}{}\n", pin, number, line.substr(close));
      faults.push_back({module, name, cell});
      // The assignment follows the instance.
      while (std::getline(in, line)) {
        text += line + "\n";
        if (line == "  );") break;
      }
      text += fmt::format("  assign {} = hadal_fault_{} ^ (hadal_top.mutant_i == 8'd{});\n", net, number, number);
      pin.clear();
      continue;
    }
    text += line + "\n";
  }
  return text;
}

std::vector<Fault> write_netlist_rtl(const std::string& rtl, const std::vector<Synthesis>& blocks,
                                     const std::string& liberty_file, const std::string& to, int count, uint64_t seed) {
  check(count <= kMaxFaults, "{} faults; the selector has room for {}", count, kMaxFaults);
  verify::write_mutants(rtl, {}, to);
  const std::string library = to + "/library.v";
  run_logged(
      fmt::format("yosys -Q -p 'read_liberty -ignore_miss_func {}; write_verilog -noattr {}'", liberty_file, library),
      to + "/library.log", "the Verilog of the library by Yosys");
  const std::string all_cells = read_file(library);
  fs::remove(library);
  const std::map<std::string, std::string> outputs = output_pins(all_cells);

  std::vector<std::string> texts;
  std::vector<size_t> gates;
  size_t sum = 0;
  for (const Synthesis& s : blocks) {
    texts.push_back(read_file(s.netlist));
    gates.push_back(count_gates(texts.back(), outputs));
    sum += gates.back();
  }
  std::mt19937_64 random(seed);
  std::vector<std::vector<size_t>> chosen(blocks.size());
  for (int i = 0; i < count; ++i) {
    size_t at = random() % std::max<size_t>(1, sum);
    size_t block = 0;
    while (at >= gates[block]) at -= gates[block++];
    if (std::find(chosen[block].begin(), chosen[block].end(), at) == chosen[block].end()) chosen[block].push_back(at);
  }
  std::vector<Fault> faults;
  std::set<std::string> used;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const std::string& name = blocks[i].block.name;
    std::string text = plant(texts[i], name, outputs, chosen[i], 1, faults);
    std::istringstream lines(text);
    std::string cell, instance;
    for (std::string line; std::getline(lines, line);) {
      if (begins_gate(line, outputs, cell, instance)) used.insert(cell);
    }
    // Modules stay modules: a copy of a dot unit is compiled once.
    const size_t header = text.find(";\n", text.find("module "));
    text.insert(header + 2, "  /* verilator no_inline_module */\n");
    // In place of the file of the module, wherever that is.
    std::string place;
    for (const auto& entry : fs::recursive_directory_iterator(to)) {
      if (entry.path().filename() == name + ".sv") place = entry.path().string();
    }
    check(!place.empty(), "the RTL has no file {}.sv", name);
    write_file(place, with_parameters(text, read_file(place)));
  }
  write_file(to + "/library_cells.sv", used_cells(all_cells, used));
  return faults;
}

NetlistCheck check_netlist(const chip::Chip& chip, const std::string& built, const std::vector<Fault>& faults,
                           int programs, uint64_t seed) {
  NetlistCheck result;
  std::vector<verify::RandomProgram> drawn;
  for (int i = 0; i < programs; ++i)
    drawn.push_back(verify::random_program(chip, seed + static_cast<uint64_t>(i), kInstructions));
  for (size_t f = 0; f <= faults.size(); ++f) {  // 0: none acts
    verify::RtlModel model(built);
    model.mutate(static_cast<int>(f));
    std::string difference;
    for (size_t i = 0; i < drawn.size() && difference.empty(); ++i) {
      verify::Lockstep lockstep(chip, model, {{seed + i}, ""});
      sim::FunctionalOptions functional;
      functional.observer = lockstep.observer();
      sim::Functional(chip, drawn[i].program, functional).launch();
      difference = lockstep.result().difference;
      if (f > 0) continue;
      result.lines += lockstep.result().lines;
      result.instructions += lockstep.result().instructions;
      result.cycles += lockstep.result().cycles;
    }
    if (f == 0) {
      result.difference = difference;
      if (!difference.empty()) return result;
    } else if (difference.empty()) {
      const Fault& fault = faults[f - 1];
      result.survivors.push_back(fmt::format("{} {} in {}", fault.cell, fault.gate, fault.module));
    }
  }
  return result;
}

}  // namespace hadal::synth
