// What synthesis must know of a cell library besides handing its file on: units, voltage, a cell to drive inputs with.
#pragma once

#include <string>
#include <string_view>

namespace hadal::synth {

struct Liberty {
  std::string name;           // library (NAME)
  double time_unit_s = 0;     // of the tables, and so of what OpenSTA prints
  double cap_unit_f = 0;      // farad
  double voltage_v = 0;       // nominal
  double area_unit_um2 = 1;   // areas of open libraries are in um2
  int cells = 0;
  std::string buffer;         // the smallest buffer
  std::string buffer_input, buffer_output;
  double buffer_input_f = 0;  // capacitance of its input
};

// Reads `text` of `file`. Throws an input error (FILE or FILE:LINE) when it is no liberty file, or has no units, no
// flip-flop or no buffer.
Liberty parse_liberty(std::string_view text, const std::string& file);

// The text of a liberty file; one that ends in .gz is unpacked.
std::string load_liberty_text(const std::string& path);

}  // namespace hadal::synth
