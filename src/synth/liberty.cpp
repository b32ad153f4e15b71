// A reader of liberty's groups and attributes. Tables and everything else that is not asked for is passed over.
#include "synth/liberty.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <sstream>
#include <vector>

#include "base/error.h"
#include "synth/tools.h"

namespace hadal::synth {
namespace {

struct Group {
  std::string kind, name;
  std::vector<std::pair<std::string, std::string>> attributes;  // "k : v;" and "k (v, ...);"
  std::vector<Group> groups;
  std::string attribute(std::string_view key) const {
    for (const auto& [k, v] : attributes) {
      if (k == key) return v;
    }
    return {};
  }
};

class Reader {
 public:
  Reader(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {}

  // The library group.
  Group library() {
    const std::string kind = token();
    if (kind != "library") fail(fmt::format("'{}' where 'library' should be: this is no liberty file", kind));
    Group top;
    top.kind = kind;
    arguments(top.name);
    expect('{');
    body(top);
    return top;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const {
    size_t line = 1;
    for (size_t i = 0; i < std::min(at_, text_.size()); ++i) line += text_[i] == '\n';
    input_error(fmt::format("{}:{}", file_, line), "{}", message);
  }

  void skip() {
    while (at_ < text_.size()) {
      if (std::isspace(static_cast<unsigned char>(text_[at_])) || text_[at_] == '\\') {
        ++at_;
      } else if (text_.substr(at_, 2) == "/*") {
        const size_t end = text_.find("*/", at_ + 2);
        if (end == std::string_view::npos) fail("a comment without an end");
        at_ = end + 2;
      } else if (text_.substr(at_, 2) == "//") {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        return;
      }
    }
  }

  char peek() {
    skip();
    return at_ < text_.size() ? text_[at_] : '\0';
  }

  void expect(char c) {
    if (peek() != c) fail(fmt::format("'{}' is missing", c));
    ++at_;
  }

  std::string token() {
    skip();
    if (at_ < text_.size() && text_[at_] == '"') {
      const size_t end = text_.find('"', at_ + 1);
      if (end == std::string_view::npos) fail("a string without an end");
      std::string inside(text_.substr(at_ + 1, end - at_ - 1));
      at_ = end + 1;
      return inside;
    }
    const size_t begin = at_;
    while (at_ < text_.size() && !std::isspace(static_cast<unsigned char>(text_[at_])) &&
           std::string_view("(){}:;,\"").find(text_[at_]) == std::string_view::npos)
      ++at_;
    if (at_ == begin) fail(at_ == text_.size() ? "the file ends too early" : fmt::format("'{}' is unexpected", peek()));
    return std::string(text_.substr(begin, at_ - begin));
  }

  // What follows a ':', up to ';' or, as some files leave that out, the end of the line.
  std::string value() {
    skip();
    if (at_ < text_.size() && text_[at_] == '"') return token();
    const size_t end = std::min(text_.find_first_of(";\n}", at_), text_.size());
    std::string result(text_.substr(at_, end - at_));
    while (!result.empty() && std::isspace(static_cast<unsigned char>(result.back())) != 0) result.pop_back();
    at_ = end;
    return result;
  }

  void arguments(std::string& joined) {
    expect('(');
    while (peek() != ')') {
      if (peek() == '\0') fail("the file ends too early");
      if (peek() == ',') {
        ++at_;
        continue;
      }
      if (!joined.empty()) joined += ',';
      joined += token();
    }
    expect(')');
  }

  static bool wanted(std::string_view kind) {
    return kind == "cell" || kind == "pin" || kind == "ff" || kind == "library";
  }

  void pass_over() {  // behind '{'
    for (int depth = 1; depth > 0;) {
      const char c = peek();
      if (c == '\0') fail("a group without an end");
      if (c == '"') {
        token();
        continue;
      }
      depth += c == '{' ? 1 : c == '}' ? -1 : 0;
      ++at_;
    }
  }

  void body(Group& group) {  // behind '{'
    while (peek() != '}') {
      if (peek() == '\0') fail(fmt::format("the group {} ({}) has no end", group.kind, group.name));
      if (peek() == ';') {
        ++at_;
        continue;
      }
      const std::string key = token();
      if (peek() == ':') {
        ++at_;
        group.attributes.emplace_back(key, value());
        continue;
      }
      if (peek() != '(') fail(fmt::format("behind '{}' there is neither ':' nor '('", key));
      std::string joined;
      arguments(joined);
      if (peek() != '{') {
        group.attributes.emplace_back(key, joined);
        continue;
      }
      ++at_;
      if (!wanted(key)) {
        pass_over();
        continue;
      }
      Group child;
      child.kind = key;
      child.name = joined;
      body(child);
      group.groups.push_back(std::move(child));
    }
    ++at_;
  }

  std::string_view text_;
  std::string file_;
  size_t at_ = 0;
};

// "1ps", "0.1ns", "1,ff": a number and a unit that is a prefix of a second or a farad.
double scaled(const std::string& text, const std::string& file, const char* what) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  while (*end == ',' || *end == ' ') ++end;
  const char prefix = static_cast<char>(std::tolower(static_cast<unsigned char>(*end)));
  const double scale = prefix == 'n' ? 1e-9 : prefix == 'p' ? 1e-12 : prefix == 'f' ? 1e-15 : prefix == 'u' ? 1e-6 : 0;
  if (!(number * scale > 0)) input_error(file, "{} is '{}'; a number with ns, ps, pf or ff would be right", what, text);
  return number * scale;
}

void find_buffer(const Group& top, Liberty& library) {
  double smallest = std::numeric_limits<double>::infinity();
  for (const Group& cell : top.groups) {
    if (cell.kind != "cell" || cell.attribute("dont_use") == "true") continue;
    const Group* input = nullptr;
    const Group* output = nullptr;
    int pins = 0;
    for (const Group& pin : cell.groups) {
      if (pin.kind != "pin") continue;
      ++pins;
      (pin.attribute("direction") == "input" ? input : output) = &pin;
    }
    if (pins != 2 || input == nullptr || output == nullptr) continue;
    std::string function = output->attribute("function");
    if (function.size() > 2 && function.front() == '(' && function.back() == ')')
      function = function.substr(1, function.size() - 2);
    const double area = std::strtod(cell.attribute("area").c_str(), nullptr);
    if (function != input->name || area >= smallest) continue;
    smallest = area;
    library.buffer = cell.name;
    library.buffer_input = input->name;
    library.buffer_output = output->name;
    library.buffer_input_f = std::strtod(input->attribute("capacitance").c_str(), nullptr) * library.cap_unit_f;
  }
}

}  // namespace

Liberty parse_liberty(std::string_view text, const std::string& file) {
  const Group top = Reader(text, file).library();
  Liberty library;
  library.name = top.name;
  library.time_unit_s = scaled(top.attribute("time_unit"), file, "time_unit");
  library.cap_unit_f = scaled(top.attribute("capacitive_load_unit"), file, "capacitive_load_unit");
  library.voltage_v = std::strtod(top.attribute("nom_voltage").c_str(), nullptr);
  bool flip_flop = false;
  for (const Group& cell : top.groups) {
    if (cell.kind != "cell") continue;
    ++library.cells;
    for (const Group& part : cell.groups) flip_flop = flip_flop || part.kind == "ff";
  }
  if (!flip_flop) input_error(file, "has no flip-flop; give a library of standard cells");
  find_buffer(top, library);
  if (library.buffer.empty()) input_error(file, "has no buffer; give a library of standard cells");
  return library;
}

std::string for_mapping(std::string_view text) {
  std::istringstream in{std::string(text)};
  std::string result;
  std::vector<std::string> group;  // the lines of the flip-flop that is being read
  for (std::string line; std::getline(in, line);) {
    const size_t begin = std::min(line.find_first_not_of(" \t"), line.size());
    const std::string_view body = std::string_view(line).substr(begin);
    if (group.empty() && !body.starts_with("ff (") && !body.starts_with("ff(")) {
      result += line + "\n";
      continue;
    }
    group.push_back(line);
    if (body.find('}') == std::string_view::npos) continue;
    const auto key_at = [](const std::string& each, std::string_view key) {
      const size_t at = std::min(each.find_first_not_of(" \t"), each.size());
      const bool found = each.compare(at, key.size(), key) == 0;
      const size_t next = each.find_first_not_of(" \t", at + key.size());
      return found && next != std::string::npos && each[next] == ':' ? at : std::string::npos;
    };
    const bool complement = std::any_of(group.begin(), group.end(), [&](const std::string& each) {
      return key_at(each, "next_state") != std::string::npos && each.find("\"!") != std::string::npos;
    });
    for (std::string& each : group) {
      const size_t clear = key_at(each, "clear"), preset = key_at(each, "preset");
      if (complement && clear != std::string::npos) each.replace(clear, 5, "preset");
      if (complement && preset != std::string::npos) each.replace(preset, 6, "clear");
      result += each + "\n";
    }
    group.clear();
  }
  return result;
}

std::map<std::string, Cell> parse_cells(std::string_view text, const std::string& file) {
  const Group top = Reader(text, file).library();
  std::map<std::string, Cell> cells;
  for (const Group& group : top.groups) {
    if (group.kind != "cell") continue;
    Cell cell;
    bool whole = true;
    for (const Group& part : group.groups) {
      if (part.kind == "ff") {
        const size_t comma = part.name.find(',');
        cell.state = part.name.substr(0, comma);
        cell.inverse = part.name.substr(std::min(comma, part.name.size() - 1) + 1);
        cell.next = part.attribute("next_state");
        cell.clear = part.attribute("clear");
        cell.preset = part.attribute("preset");
      } else if (part.kind == "pin" && part.attribute("direction") == "input") {
        cell.inputs.push_back(part.name);
      } else if (part.kind == "pin" && part.attribute("direction") == "output") {
        cell.outputs.emplace_back(part.name, part.attribute("function"));
        whole = whole && !cell.outputs.back().second.empty();
      }
    }
    if (whole && !cell.outputs.empty()) cells.emplace(group.name, std::move(cell));
  }
  return cells;
}

std::string load_liberty_text(const std::string& path) {
  if (!std::filesystem::exists(path)) input_error(path, "there is no such file; give a liberty file (.lib or .lib.gz)");
  if (!path.ends_with(".gz")) return read_file(path);
  std::string text;
  const std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(("gunzip -c " + quoted(path)).c_str(), "r"), pclose);
  check(pipe != nullptr, "gunzip cannot be run");
  std::vector<char> block(1 << 16);
  for (size_t n; (n = fread(block.data(), 1, block.size(), pipe.get())) > 0;) text.append(block.data(), n);
  if (text.empty()) input_error(path, "cannot be unpacked by gunzip");
  return text;
}

}  // namespace hadal::synth
