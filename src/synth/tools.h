// Runs the programs that synthesis needs, each with a log, and turns their failures into one line.
#pragma once

#include <string>

namespace hadal::synth {

// Throws an input error naming the Debian package when `program` is not installed.
void require_program(const std::string& program, const std::string& package);

// Runs a shell command with its output in `log` and returns its wall seconds. When it fails, an input error names the
// log and its first line that contains one of "ERROR", "Error" and "error".
double run_logged(const std::string& command, const std::string& log, const std::string& what);

std::string read_file(const std::string& path);                     // "" when it cannot be read
void write_file(const std::string& path, const std::string& text);  // whole or not at all
std::string quoted(const std::string& path);                        // for a shell
std::string fingerprint(const std::string& text);                   // 16 hexadecimal digits

}  // namespace hadal::synth
