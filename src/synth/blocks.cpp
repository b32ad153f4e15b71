// Elaboration by Yosys; the module tree is read from its ILANG text.
#include "synth/blocks.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <functional>
#include <set>

#include "base/error.h"
#include "synth/tools.h"
#include "verify/packages.h"

namespace hadal::synth {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMemory = "hadal_sram";
constexpr uint64_t kMemoryWidth = 256;  // bits a word of hadal_sram
constexpr uint64_t kMemoryWords = 256;  // its default
constexpr std::string_view kTop = "hadal_top";

// "$paramod\mm_dot\K=s32'..." and "$paramod$HASH\mm_dot" both give mm_dot; "\mm_dot" too.
std::string base_of(std::string_view id) {
  const size_t begin = id.find('\\');
  if (begin == std::string_view::npos) return std::string(id);
  const size_t end = id.find('\\', begin + 1);
  return std::string(id.substr(begin + 1, end == std::string_view::npos ? end : end - begin - 1));
}

uint64_t words_of(std::string_view id) {
  const size_t at = id.find("Words=");
  if (at == std::string_view::npos) return kMemoryWords;
  const size_t digits = id.find('\'', at);
  uint64_t value = 0;
  for (size_t i = digits + 1; i < id.size() && (id[i] == '0' || id[i] == '1'); ++i) value = value * 2 + (id[i] == '1');
  return value;
}

std::string cleaned(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const bool good = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    if (good) result += c;
  }
  return result;
}

// Lines of `text` one by one, without their ends.
void for_each_line(std::string_view text, const std::function<void(std::string_view)>& use) {
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    use(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

std::string_view trimmed(std::string_view line) {
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return line;
}

// Names that Yosys made up hold the place in the source and a running number of the whole design. Numbers of their own
// in each module keep its text the same while other modules change.
class Renumber {
 public:
  std::string operator()(std::string_view line) {
    std::string result;
    while (!line.empty()) {
      const size_t begin = line.find('$');
      if (begin == std::string_view::npos || (begin > 0 && line[begin - 1] != ' ')) {
        const size_t end = begin == std::string_view::npos ? line.size() : begin + 1;
        result += line.substr(0, end);
        line.remove_prefix(end);
        continue;
      }
      result += line.substr(0, begin);
      const size_t end = std::min(line.find(' ', begin), line.size());
      const std::string_view name = line.substr(begin, end - begin);
      if (name.find(".sv:") == std::string_view::npos) {
        result += name;
      } else {
        result += fmt::format("$n{}", numbers_.try_emplace(std::string(name), numbers_.size()).first->second);
      }
      line.remove_prefix(end);
    }
    return result;
  }

 private:
  std::map<std::string, size_t> numbers_;
};

struct Raw {
  std::string text;                                        // lines, cells of modules marked by their ids
  std::vector<std::pair<std::string, std::string>> cells;  // id of the module, instance
};

std::map<std::string, Raw> split_modules(std::string_view ilang, std::vector<std::string>& order) {
  std::map<std::string, Raw> modules;
  Raw* now = nullptr;
  for_each_line(ilang, [&](std::string_view line) {
    const std::string_view body = trimmed(line);
    if (body.starts_with("attribute \\src ")) return;
    if (line.starts_with("module ")) {
      order.emplace_back(line.substr(7));
      now = &modules[order.back()];
    }
    if (now == nullptr) return;
    if (body.starts_with("cell ")) {
      const size_t space = body.find(' ', 5);
      const std::string_view id = body.substr(5, space - 5);
      if (id.starts_with('\\') || id.starts_with("$paramod"))
        now->cells.emplace_back(std::string(id), std::string(body.substr(space + 1)));
    }
    now->text.append(line).append("\n");
    if (line == "end") now = nullptr;
  });
  return modules;
}

bool is_block(std::string_view base) {
  const auto& kinds = block_kinds();
  return std::any_of(kinds.begin(), kinds.end(), [&](const BlockKind& k) { return k.module == base; });
}

// The module, what is flattened into it, and what stays outside.
void collect(const Design& design, const std::string& name, std::set<std::string>& inside,
             std::set<std::string>& outside) {
  inside.insert(name);
  for (const auto& [child, count] : design.modules.at(name).children) {
    const Module& m = design.modules.at(child);
    if (is_block(m.base) || m.memory_bits > 0) {
      outside.insert(child);
    } else if (!inside.contains(child)) {
      collect(design, child, inside, outside);
    }
  }
}

}  // namespace

const std::vector<BlockKind>& block_kinds() {
  static const std::vector<BlockKind> kinds = {
      {"mm_dot", "matrix", "exact dot unit"},
      {"mm_fix", "matrix", "fix-up lane"},
      {"mm_lane", "matrix", "operand buffer of a row or column"},
      {"mm_grid", "matrix", "operand decoders and registers"},
      {"mm_drain", "matrix", "drain: queue, row multiplexer"},
      {"mm_buffers", "matrix", "ways into the operand buffers"},
      {"mm_a_fetch", "matrix", "fetch of A"},
      {"mm_b_fetch", "matrix", "fetch of B"},
      {"hadal_mm", "matrix", "sequence, scales, configuration"},
      {"hadal_vx_lane", "vector", "lane"},
      {"hadal_vx_lanes", "vector", "control of the lanes"},
      {"hadal_vx_sfu_lane", "vector", "lane of special functions"},
      {"hadal_vx_sfu", "vector", "control of special functions"},
      {"hadal_vx_quant_lane", "vector", "lane of quantisation"},
      {"hadal_vx_quant", "vector", "control of quantisation"},
      {"hadal_vx_sum", "vector", "sum: groups and tree"},
      {"hadal_vx_max", "vector", "maximum"},
      {"hadal_vx_transpose", "vector", "transposition"},
      {"hadal_vx_compress", "vector", "compression"},
      {"hadal_vx_hist", "vector", "histogram"},
      {"hadal_vx_read", "vector", "operand reader"},
      {"hadal_vx_write", "vector", "result writer"},
      {"hadal_vx_exec", "vector", "datapath between the parts"},
      {"hadal_vx_ctrl", "vector", "decoding and interlock"},
      {"hadal_vx", "vector", "frame of the unit"},
      {"hadal_ctl", "control", "decode, registers, loops"},
      {"hadal_fetch", "control", "prefetch"},
      {"hadal_queue", "control", "queue of a unit"},
      {"hadal_sem", "control", "semaphores"},
      {"hadal_ld", "dma", "load engine"},
      {"hadal_st", "dma", "store engine"},
      {"hadal_nx", "network", "sender"},
      {"hadal_outbox", "network", "outbox"},
      {"hadal_noc", "network", "bus between cores"},
      {"hadal_mem", "memory", "arbiter and crossbar"},
      {"hadal_core", "core", "wiring of a core"},
  };
  return kinds;
}

std::string key_of(const Block& block) {
  std::vector<std::string> lines;
  for_each_line(block.ilang, [&](std::string_view line) {
    std::string& text = lines.emplace_back();
    for (size_t i = 0; i < line.size(); ++i) {
      const char c = line[i];
      text += c;
      if (c == '$' && i + 1 < line.size() && line[i + 1] == '/') i = line.rfind('/', line.find_first_of(": ", i));
      while ((c == '$' || c == ':') && i + 1 < line.size() &&
             std::isdigit(static_cast<unsigned char>(line[i + 1])) != 0)
        ++i;
    }
  });
  std::sort(lines.begin(), lines.end());
  return "RTL " + fingerprint(fmt::format("{}", fmt::join(lines, "\n")));
}

Design parse_design(std::string_view ilang, const std::string& top, const std::string& file) {
  std::vector<std::string> order;
  std::map<std::string, Raw> raw = split_modules(ilang, order);
  const std::string top_id = "\\" + top;
  const auto found =
      std::find_if(order.begin(), order.end(), [&](const std::string& id) { return base_of(id) == top; });
  if (found == order.end()) input_error(file, "has no module {}; it is what Yosys wrote for another design", top);

  // Clean names. A module with several sets of parameters is told apart by the instance that has it.
  std::map<std::string, int> variants;
  for (const std::string& id : order) ++variants[base_of(id)];
  std::map<std::string, std::string> instance_of;
  for (const std::string& id : order) {
    for (const auto& [child, instance] : raw.at(id).cells) instance_of.try_emplace(child, instance);
  }
  std::map<std::string, std::string> clean;
  std::set<std::string> taken;
  for (const std::string& id : order) {
    const std::string base = base_of(id);
    std::string name = base;
    if (base == kMemory) {
      name = fmt::format("{}_{}", base, words_of(id));
    } else if (variants[base] > 1) {
      std::string_view instance = instance_of[id];
      instance.remove_prefix(std::min(instance.find("u_"), instance.size()));
      if (instance.starts_with("u_")) instance.remove_prefix(2);
      name = fmt::format("{}_{}", base, cleaned(instance));
    }
    while (!taken.insert(name).second) name += "x";
    clean[id] = name;
  }

  Design design;
  design.top = clean.at(*found);
  for (const std::string& id : order) {
    Module m;
    m.name = clean.at(id);
    m.base = base_of(id);
    if (m.base == kMemory) m.memory_bits = words_of(id) * kMemoryWidth;
    Renumber renumber;
    for_each_line(raw.at(id).text, [&](std::string_view raw_line) {
      const std::string line = renumber(raw_line);
      const std::string_view body = trimmed(line);
      if (line.starts_with("module ")) {
        m.text += fmt::format("module \\{}\n", m.name);
        return;
      }
      if (body.starts_with("cell ")) {
        const size_t space = body.find(' ', 5);
        const auto known = clean.find(std::string(body.substr(5, space - 5)));
        if (known != clean.end()) {
          m.text += fmt::format("  cell \\{}{}\n", known->second, body.substr(space));
          return;
        }
      }
      m.text += line + "\n";
    });
    for (const auto& [child, instance] : raw.at(id).cells) {
      const auto known = clean.find(child);
      if (known == clean.end()) input_error(file, "module {} uses {}, which is not in it", m.base, child);
      ++m.children[known->second];
    }
    design.modules.emplace(m.name, std::move(m));
  }

  // How often each is in the design, and where memories are.
  std::map<std::string, int> count;
  const std::function<void(const std::string&)> walk = [&](const std::string& name) {
    ++count[name];
    const Module& m = design.modules.at(name);
    design.memory_bits += m.memory_bits;
    for (const auto& [child, times] : m.children) {
      for (int i = 0; i < times; ++i) walk(child);
      design.memories[name] += design.modules.at(child).memory_bits * static_cast<uint64_t>(times);
    }
  };
  walk(design.top);
  std::erase_if(design.memories, [](const auto& entry) { return entry.second == 0; });

  for (const BlockKind& kind : block_kinds()) {
    for (const auto& [name, m] : design.modules) {
      if (m.base != kind.module || count[name] == 0) continue;
      Block b;
      b.name = name;
      b.group = kind.group;
      b.what = kind.what;
      b.count = count[name];
      b.clocked = m.text.find(" \\clk_i\n") != std::string::npos;
      b.reset = m.text.find(" \\rst_ni\n") != std::string::npos;
      std::set<std::string> inside, outside;
      collect(design, name, inside, outside);
      for (const std::string& each : inside) b.ilang += design.modules.at(each).text;
      for (const std::string& each : outside) b.ilang += design.modules.at(each).text;
      // What the outside modules contain must be known until they have become black boxes.
      std::set<std::string> below, ignored;
      const std::function<void(const std::string&)> deeper = [&](const std::string& each) {
        for (const auto& [child, times] : design.modules.at(each).children) {
          if (inside.contains(child) || outside.contains(child) || !below.insert(child).second) continue;
          deeper(child);
        }
      };
      for (const std::string& each : outside) deeper(each);
      for (const std::string& each : below) b.ilang += design.modules.at(each).text;
      b.outside.assign(outside.begin(), outside.end());
      design.blocks.push_back(std::move(b));
    }
  }
  return design;
}

Design elaborate(const chip::Chip& chip, const std::string& rtl, const std::string& directory) {
  require_program("yosys", "yosys");
  verify::write_packages(chip, directory);
  std::vector<std::string> packages{directory + "/hadal_isa_pkg.sv", directory + "/hadal_chip_pkg.sv"}, modules;
  for (const auto& entry : fs::recursive_directory_iterator(rtl)) {
    const fs::path& path = entry.path();
    if (path.extension() != ".sv" || path.filename() == "hadal_isa_pkg.sv") continue;
    (path.stem().string().ends_with("_pkg") ? packages : modules).push_back(path.string());
  }
  if (modules.empty()) input_error(rtl, "there is no RTL; give the rtl/ folder of the source tree");
  std::sort(packages.begin() + 2, packages.end());
  std::sort(modules.begin(), modules.end());
  std::string script = "read_verilog -sv -DSYNTHESIS";
  for (const auto* list : {&packages, &modules}) {
    for (const std::string& file : *list) script += " " + file;
  }
  const std::string ilang = directory + "/design.il";
  script += fmt::format("\nhierarchy -check -top {}\nproc\ncheck -assert\nwrite_ilang {}\n", kTop, ilang);
  write_file(directory + "/elaborate.ys", script);
  run_logged(fmt::format("yosys -Q -s {}", quoted(directory + "/elaborate.ys")), directory + "/elaborate.log",
             "the elaboration of the RTL by Yosys");
  return parse_design(read_file(ilang), std::string(kTop), ilang);
}

}  // namespace hadal::synth
