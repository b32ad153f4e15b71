// What synthesis must know of a cell library besides handing its file on: units, voltage, a cell to drive inputs with.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace hadal::synth {

struct Liberty {
  std::string name;          // library (NAME)
  double time_unit_s = 0;    // of the tables, and so of what OpenSTA prints
  double cap_unit_f = 0;     // farad
  double voltage_v = 0;      // nominal
  double area_unit_um2 = 1;  // areas of open libraries are in um2
  int cells = 0;
  std::string buffer;  // the smallest buffer
  std::string buffer_input, buffer_output;
  double buffer_input_f = 0;  // capacitance of its input
};

// Reads `text` of `file`. Throws an input error (FILE or FILE:LINE) when it is no liberty file, or has no units, no
// flip-flop or no buffer.
Liberty parse_liberty(std::string_view text, const std::string& file);

// What a cell does, for simulation. Functions are those of the file, over pins and the state.
struct Cell {
  std::vector<std::string> inputs;
  std::vector<std::pair<std::string, std::string>> outputs;  // pin, function
  std::string state, inverse;                                // of a flip-flop: names of its state, "" for others
  std::string next, clear, preset;                           // functions, "" where there is none
};
// Cells with a function for every output; others (latches, clock gates) are left out.
std::map<std::string, Cell> parse_cells(std::string_view text, const std::string& file);

// The library as Yosys 0.23 must read it: of a flip-flop that stores the complement (next_state "!D") it takes clear
// and preset for those of D, so that its netlist would come out of reset with every bit wrong; here they change places.
std::string for_mapping(std::string_view text);

// The text of a liberty file; one that ends in .gz is unpacked.
std::string load_liberty_text(const std::string& path);

}  // namespace hadal::synth
