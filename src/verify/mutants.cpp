// Reads the list of faults and plants them behind a selector.
#include "verify/mutants.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

#include "base/error.h"

namespace hadal::verify {
namespace {

namespace fs = std::filesystem;

// Columns end at '|'; '\|' is a bar.
std::vector<std::string> columns(const std::string& line) {
  std::vector<std::string> found(1);
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\\' && i + 1 < line.size() && line[i + 1] == '|') {
      found.back() += line[++i];
    } else if (line[i] == '|') {
      found.emplace_back();
    } else {
      found.back() += line[i];
    }
  }
  for (std::string& text : found) {
    const size_t first = std::min(text.find_first_not_of(' '), text.size());
    text = text.substr(first, text.find_last_not_of(' ') + 1 - first);
  }
  return found;
}

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void replace_once(std::string& text, const std::string& from, const std::string& to, const std::string& where) {
  const size_t at = text.find(from);
  if (at == std::string::npos || text.find(from, at + 1) != std::string::npos)
    input_error(where, "'{}' is {} in it; it must be there once", from,
                at == std::string::npos ? "not" : "more than once");
  text.replace(at, from.size(), to);
}

}  // namespace

std::vector<Mutation> load_mutations(const std::string& path) {
  std::ifstream in(path);
  if (!in) input_error(path, "cannot be read; give a list like rtl/mutations.txt");
  std::vector<Mutation> all;
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const std::vector<std::string> c = columns(line);
    if (c.size() != 4)
      input_error(fmt::format("{}:{}", path, number), "{} columns; name | file | expression | replacement has 4",
                  c.size());
    all.push_back({c[0], c[1], c[2], c[3]});
  }
  return all;
}

void write_mutants(const std::string& rtl, const std::vector<Mutation>& mutations, const std::string& to) {
  fs::remove_all(to);
  fs::create_directories(to);
  fs::copy(rtl, to, fs::copy_options::recursive);
  std::ofstream(fs::path(to) / "mutants") << "planted\n";
  std::map<std::string, std::string> files;
  const auto text_of = [&](const std::string& file) -> std::string& {
    const auto [at, fresh] = files.try_emplace(file);
    if (fresh) at->second = read(fs::path(rtl) / file);
    return at->second;
  };
  // All originals are looked up before any is changed: a replacement may repeat another's text.
  for (const Mutation& m : mutations) {
    std::string copy = text_of(m.file);
    replace_once(copy, m.original, "", fmt::format("{} ({})", m.file, m.name));
  }
  for (size_t i = 0; i < mutations.size(); ++i) {
    const Mutation& m = mutations[i];
    std::string mark = fmt::format("@@{}@@", i);
    replace_once(text_of(m.file), m.original, mark, fmt::format("{} ({})", m.file, m.name));
  }
  for (size_t i = 0; i < mutations.size(); ++i) {
    const Mutation& m = mutations[i];
    replace_once(text_of(m.file), fmt::format("@@{}@@", i),
                 fmt::format("((hadal_top.mutant_i == 8'd{}) ? ({}) : ({}))", i + 1, m.replacement, m.original),
                 m.file);
  }
  replace_once(text_of("hadal_top.sv"), "  input  logic              clk_i,\n",
               "  input  logic [7:0] mutant_i,\n  input  logic              clk_i,\n", "hadal_top.sv");
  for (const auto& [file, text] : files) std::ofstream(fs::path(to) / file) << text;
}

}  // namespace hadal::verify
