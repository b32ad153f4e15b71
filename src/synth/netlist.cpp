// Monitors in a copy of rtl/, and the gates behind them.
#include "synth/netlist.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <sstream>

#include "base/error.h"
#include "sim/functional.h"
#include "synth/gates.h"
#include "synth/tools.h"
#include "verify/kernels.h"
#include "verify/lockstep.h"
#include "verify/random_program.h"
#include "verify/rtl_model.h"

namespace hadal::synth {
namespace {

namespace fs = std::filesystem;

constexpr int kInstructions = 60;  // of a random program
constexpr int kRuns = 64;          // side by side in Gates

bool is_clock(const std::string& signal) { return signal == "clk_i" || signal.ends_with(".clk_i"); }

// The netlist with one net an assignment and the pins of what stays outside as ports: what is timed, too.
std::string file_of(const Synthesis& s) { return (fs::path(s.netlist).parent_path() / "timing.v").string(); }

// A block and its gates: those as they are, and copies with a fault each.
class Watched {
 public:
  Watched(const Synthesis& s, int number, const std::map<std::string, Cell>& cells, int faults, uint64_t seed,
          bool count_on)
      : count_on_(count_on), text_(read_file(file_of(s))), gates_(text_, cells, file_of(s)) {
    result.name = s.block.name;
    result.instances = s.block.count;
    check(s.block.count <= kRuns, "{} copies of {}; {} can be run side by side", s.block.count, s.block.name, kRuns);
    bits_ = port_bits(text_);
    monitor(bits_, number, where_);
    for (const PortBit& bit : bits_) nets_.push_back(gates_.find(bit.net));
    words_ = (static_cast<size_t>(*std::max_element(where_.begin(), where_.end())) + 32) / 32;
    now_.resize(words_ * static_cast<size_t>(s.block.count));
    std::mt19937_64 random(seed);
    for (int i = 0; i < faults; ++i) {
      faulty_.push_back({gates_, true});
      faulty_.back().gates.invert(random() % gates_.gates());
    }
    result.planted = faults;
  }

  // What the monitor of an instance saw. When all instances have been seen, the cycle is run.
  void see(int lane, const uint32_t* words) {
    std::copy(words, words + words_, now_.begin() + static_cast<std::ptrdiff_t>(words_) * lane);
    if (++seen_ < result.instances) return;
    seen_ = 0;
    if (count_on_ || result.difference.empty()) run();
    before_ = now_;
  }
  void finish() {
    result.at_work = evaluated_;
    result.transitions = gates_.activity();
    result.clocking = gates_.clocking();
  }

  BlockCheck result;

 private:
  struct Faulty {
    Gates gates;
    bool moves;  // its flip-flops changed in the last cycle
  };

  void run() {
    ++result.cycles;
    const bool same = now_ == before_;
    if (same && !moves_ && std::none_of(faulty_.begin(), faulty_.end(), [](const Faulty& f) { return f.moves; }))
      return;
    bool reset = false;
    values_.resize(bits_.size());
    for (size_t i = 0; i < bits_.size(); ++i) {
      uint64_t runs = 0;  // free ones repeat the others, so that transitions are those of the block
      for (int r = 0; r < kRuns; ++r) {
        const auto lane = static_cast<size_t>(r % result.instances);
        runs |= uint64_t{now_[lane * words_ + where_[i] / 32] >> where_[i] % 32 & 1} << r;
      }
      values_[i] = runs;
      if (bits_[i].signal == "rst_ni") reset = runs == 0;
    }
    if (!same || moves_) {
      ++evaluated_;
      moves_ = step(gates_, reset, &result.difference);
    }
    std::erase_if(faulty_, [&](Faulty& f) {
      if (same && !f.moves) return false;
      std::string difference;
      f.moves = step(f.gates, reset, &difference);
      result.noticed += !difference.empty();
      return !difference.empty();
    });
  }

  // A cycle of `gates`; whether a flip-flop changed.
  bool step(Gates& gates, bool reset, std::string* difference) {
    for (size_t i = 0; i < bits_.size(); ++i) {
      if (bits_[i].input && nets_[i] >= 0) gates.set(nets_[i], values_[i]);
    }
    gates.settle();
    for (size_t i = 0; i < bits_.size() && !reset && difference->empty(); ++i) {
      if (bits_[i].input || is_clock(bits_[i].signal)) continue;
      const uint64_t wrong = (nets_[i] < 0 ? 0 : gates.get(nets_[i])) ^ values_[i];
      result.compared += &gates == &gates_ ? static_cast<uint64_t>(result.instances) : 0;
      if (wrong == 0) continue;
      const int lane = std::countr_zero(wrong);
      *difference = fmt::format("cycle {}, instance {}: the gates say {}[{}] = {}, the RTL {}", result.cycles, lane,
                                bits_[i].signal, bits_[i].bit, (values_[i] >> lane & 1) ^ 1, values_[i] >> lane & 1);
    }
    return gates.clock();
  }

  const bool count_on_;
  std::string text_;
  Gates gates_;
  std::vector<Faulty> faulty_;
  std::vector<PortBit> bits_;
  std::vector<size_t> where_;  // of each bit in what the monitor hands over
  std::vector<int> nets_;      // of each bit; -1: no gate reads or drives it
  size_t words_ = 0;           // an instance
  std::vector<uint32_t> now_, before_;
  std::vector<uint64_t> values_;
  int seen_ = 0;
  bool moves_ = true;
  uint64_t evaluated_ = 0;
};

constexpr const char* kBusy[] = {"mm.rows32", "ld.stream", "st.stream", "nx.self", "vx.add",
                                 "vx.mula",   "vx.exp2",   "vx.sum",    "vx.max",  "vx.quant"};

}  // namespace

Workload random_programs(const chip::Chip& chip, int count, uint64_t seed) {
  Workload work{.programs = {}, .random_memory = true};
  for (int i = 0; i < count; ++i)
    work.programs.push_back(verify::random_program(chip, seed + static_cast<uint64_t>(i), kInstructions).program);
  return work;
}

Workload busy_kernels(const chip::Chip& chip) {
  Workload work{.programs = {}, .count_on = true};
  for (const verify::Kernel& kernel : verify::kernels(chip)) {
    if (std::find(std::begin(kBusy), std::end(kBusy), kernel.name) != std::end(kBusy))
      work.programs.push_back(kernel.program);
  }
  check(work.programs.size() == std::size(kBusy), "{} of {} kernels", work.programs.size(), std::size(kBusy));
  return work;
}

std::vector<PortBit> port_bits(std::string_view netlist) {
  std::vector<PortBit> bits;
  std::istringstream in{std::string(netlist)};
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string direction, name;
    words >> direction >> name;
    if (direction != "input" && direction != "output") continue;
    const bool input = direction == "input";
    int high = -1;
    if (name.starts_with("[")) {
      high = std::atoi(name.c_str() + 1);
      words >> name;
    }
    if (name.ends_with(";")) name.pop_back();
    if (high >= 0) {
      for (int bit = 0; bit <= high; ++bit) bits.push_back({fmt::format("{}[{}]", name, bit), name, bit, input});
    } else if (!name.starts_with("\\")) {
      bits.push_back({name, name, 0, input});
    } else {  // a bit by itself, with an escaped name
      std::string signal = name.substr(1);
      int bit = 0;
      if (signal.ends_with("]")) {
        const size_t open = signal.rfind('[');
        bit = std::atoi(signal.c_str() + open + 1);
        signal.resize(open);
      }
      bits.push_back({name, signal, bit, input});
    }
  }
  return bits;
}

std::string monitor(const std::vector<PortBit>& bits, int number, std::vector<size_t>& where) {
  std::vector<std::string> signals;
  std::map<std::string, size_t> width, at;
  for (const PortBit& bit : bits) {
    if (width[bit.signal] == 0) signals.push_back(bit.signal);
    width[bit.signal] = std::max(width[bit.signal], static_cast<size_t>(bit.bit) + 1);
  }
  size_t sum = 0;
  std::string list;
  for (const std::string& signal : signals) {
    at[signal] = sum;
    sum += width[signal];
    list.insert(0, fmt::format("{}{}", signal, list.empty() ? "" : ", "));
  }
  where.clear();
  for (const PortBit& bit : bits) where.push_back(at[bit.signal] + static_cast<size_t>(bit.bit));
  return fmt::format(
      "  import \"DPI-C\" function int hadal_lane_{0}();\n"
      "  import \"DPI-C\" function void hadal_see_{0}(input int lane, input bit [{1}:0] bits);\n"
      "  int hadal_lane;\n  initial hadal_lane = hadal_lane_{0}();\n"
      "  always @(posedge clk_i) hadal_see_{0}(hadal_lane, {{{2}}});\n",
      number, sum - 1, list);
}

std::string module_file(const std::string& rtl, const std::string& module) {
  for (const auto& entry : fs::recursive_directory_iterator(rtl)) {
    if (entry.path().filename() == module + ".sv") return entry.path().string();
  }
  return "";
}

void write_watched_rtl(const std::string& rtl, const std::vector<Synthesis>& blocks, const std::string& to) {
  fs::remove_all(to);
  fs::create_directories(to);
  fs::copy(rtl, to, fs::copy_options::recursive);
  std::string shim = read_file(to + "/cosim/hadal_rtl.cpp");
  shim +=
      "\nnamespace {\nvoid (*watcher)(void*, int, int, const uint32_t*) = nullptr;\nvoid* watching = nullptr;\n}\n"
      "extern \"C\" {\nvoid hadal_rtl_watch(void (*see)(void*, int, int, const uint32_t*), void* with) {\n"
      "  watcher = see;\n  watching = with;\n}\n";
  for (size_t i = 0; i < blocks.size(); ++i) {
    const std::string& name = blocks[i].block.name;
    const std::string place = module_file(to, name);
    if (place.empty()) input_error(name, "cannot be watched: it is no module of its own file {}.sv", name);
    std::string text = read_file(place);
    std::vector<size_t> where;
    text.insert(text.rfind("endmodule"), monitor(port_bits(read_file(file_of(blocks[i]))), static_cast<int>(i), where));
    write_file(place, text);
    shim += fmt::format(
        "int hadal_lane_{0}(void) {{\n  static int next = 0;\n  return next++ % {1};\n}}\n"
        "void hadal_see_{0}(int lane, const svBitVecVal* bits) {{\n"
        "  if (watcher != nullptr) watcher(watching, {0}, lane, bits);\n}}\n",
        i, blocks[i].block.count);
  }
  shim += "}\n";
  write_file(to + "/cosim/hadal_rtl.cpp", "#include \"svdpi.h\"\n" + shim);
}

NetlistCheck check_netlist(const chip::Chip& chip, const std::string& built, const std::vector<Synthesis>& blocks,
                           const std::map<std::string, Cell>& cells, const Workload& workload, int faults,
                           uint64_t seed) {
  std::vector<Watched> watched;
  watched.reserve(blocks.size());
  for (size_t i = 0; i < blocks.size(); ++i)
    watched.emplace_back(blocks[i], static_cast<int>(i), cells, faults, seed + i, workload.count_on);
  verify::RtlModel model(built);
  model.watch(
      [](void* all, int block, int lane, const uint32_t* words) {
        (*static_cast<std::vector<Watched>*>(all))[static_cast<size_t>(block)].see(lane, words);
      },
      &watched);
  NetlistCheck result;
  for (size_t i = 0; i < workload.programs.size() && result.difference.empty(); ++i) {
    verify::MemoryTiming memory;
    if (workload.random_memory) memory.random_seed = seed + i;
    verify::Lockstep lockstep(chip, model, {memory, ""});
    sim::FunctionalOptions functional;
    functional.observer = lockstep.observer();
    sim::Functional(chip, workload.programs[i], functional).launch();
    result.lines += lockstep.result().lines;
    result.instructions += lockstep.result().instructions;
    result.cycles += lockstep.result().cycles;
    result.difference = lockstep.result().difference;
  }
  for (Watched& w : watched) {
    w.finish();
    result.blocks.push_back(w.result);
  }
  return result;
}

}  // namespace hadal::synth
