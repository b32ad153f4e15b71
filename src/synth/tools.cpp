// Commands through the shell; files by way of a temporary name.
#include "synth/tools.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>

#include "base/error.h"

namespace hadal::synth {

void require_program(const std::string& program, const std::string& package) {
  if (std::system(fmt::format("command -v {} >/dev/null 2>&1", program).c_str()) != 0)
    input_error(program, "is not installed; it is in the Debian package {}: run tools/setup.sh synth", package);
}

double run_logged(const std::string& command, const std::string& log, const std::string& what) {
  const auto begin = std::chrono::steady_clock::now();
  const int status = std::system(fmt::format("{{ {}; }} >{} 2>&1", command, quoted(log)).c_str());
  const std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
  if (status == 0) return wall.count();
  std::istringstream lines(read_file(log));
  std::string first = "see there";
  for (std::string line; std::getline(lines, line);) {
    if (line.find("ERROR") == std::string::npos && line.find("rror:") == std::string::npos) continue;
    first = line;
    break;
  }
  input_error(log, "{} failed: {}", what, first);
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, const std::string& text) {
  const std::string temporary = path + ".tmp";
  {
    std::ofstream out(temporary, std::ios::binary);
    out << text;
    if (!out.flush()) input_error(path, "cannot be written; give a directory that can");
  }
  std::filesystem::rename(temporary, path);
}

std::string quoted(const std::string& path) {
  std::string result = "'";
  for (const char c : path) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string fingerprint(const std::string& text) {
  uint64_t hash = 0xCBF29CE484222325u;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return fmt::format("{:016x}", hash);
}

}  // namespace hadal::synth
