// Random vector instructions on the RTL and on the functional simulator: every byte of SPM and ACC must agree.
//   vx_bench [--groups N] [--seed S] [--only KIND] [--single] [--vcd FILE]
//   vx_bench cycles [CHIP.yaml]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <set>
#include <string>

#include "cycles.h"
#include "device.h"
#include "random.h"

namespace hadal::dv {
namespace {

constexpr size_t kSpmBytes = 64 * 1024, kAccBytes = 16 * 1024;  // of chips/hadal-rtl.yaml

struct Options {
  int groups = 2000;
  uint64_t seed = 1;
  std::string only, vcd;
  bool single = false;
};

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const auto value = [&] {
      if (i + 1 < argc) return std::string(argv[++i]);
      std::fprintf(stderr, "vx_bench: %s needs a value\n", name.c_str());
      std::exit(2);
    };
    if (name == "--groups")
      options.groups = std::stoi(value());
    else if (name == "--seed")
      options.seed = std::stoull(value());
    else if (name == "--only")
      options.only = value();
    else if (name == "--vcd")
      options.vcd = value();
    else if (name == "--single")
      options.single = true;
    else {
      std::fprintf(stderr, "vx_bench: unknown option %s\n", name.c_str());
      std::exit(2);
    }
  }
  return options;
}

// An instruction with the configuration words that change before it.
struct Step {
  isa::Instr instr;
  Config config;
};

std::vector<isa::Instr> code_of(const std::vector<Step>& steps, Config& loaded) {
  std::vector<isa::Instr> code;
  for (const Step& step : steps) {
    for (size_t key = 0; key < step.config.size(); ++key) {
      if (step.config[key] == loaded[key]) continue;
      isa::Instr cfg;
      cfg.op = isa::Op::kCfg;
      cfg.unit = static_cast<uint8_t>(isa::Unit::kVx);
      cfg.key = static_cast<uint8_t>(key);
      cfg.imm = step.config[key];
      code.push_back(cfg);
    }
    loaded = step.config;
    code.push_back(step.instr);
  }
  return code;
}

size_t difference(const Image& a, const Image& b, bool acc) {
  const auto& x = acc ? a.acc : a.spm;
  const auto& y = acc ? b.acc : b.spm;
  return static_cast<size_t>(std::mismatch(x.begin(), x.end(), y.begin()).first - x.begin());
}

void explain(const Step& step, const Image& before, const Image& expected, const Image& found) {
  std::printf("  %s\n  cfg", isa::disassemble(step.instr).c_str());
  for (uint32_t word : step.config) std::printf(" %d", static_cast<int>(word));
  std::printf("\n");
  for (bool acc : {false, true}) {
    size_t byte = difference(expected, found, acc);
    const auto& x = acc ? expected.acc : expected.spm;
    if (byte == x.size()) continue;
    const auto at = [&](const Image& image) {
      uint32_t word;
      std::copy_n((acc ? image.acc : image.spm).begin() + static_cast<long>(byte / 4 * 4), 4,
                  reinterpret_cast<uint8_t*>(&word));
      return word;
    };
    std::printf("  first difference: %s line %zu byte %zu: expected word %08x, found %08x, before %08x\n",
                acc ? "acc" : "spm", byte / 64, byte % 64, at(expected), at(found), at(before));
  }
}

// The crosses that must be seen: function x types x broadcast, and what else changes the data path.
void count(const isa::Instr& in, std::map<std::string, uint64_t>& cover) {
  std::string cross = kind_of(in);
  const bool typed =
      in.op == isa::Op::kValu || in.op == isa::Op::kVmula || in.op == isa::Op::kVsfu || in.op == isa::Op::kVred;
  if (typed) cross += in.at ? " a:bf16" : " a:f32";
  if ((in.op == isa::Op::kValu && kind_of(in) != "VALU.ABS") || in.op == isa::Op::kVmula) {
    static const char* const kBroadcast[] = {"none", "row", "col", "scalar"};
    cross += std::string(in.bt ? " b:bf16 " : " b:f32 ") + kBroadcast[in.bc];
  }
  if (typed) cross += in.dt ? " d:bf16" : " d:f32";
  if (in.op == isa::Op::kVqnt || kind_of(in) == "VPRM.PAIRSWAP") cross += in.at ? " a:bf16" : " a:f32";
  if (in.op == isa::Op::kVqnt || kind_of(in) == "VCVT.Q2F") {
    cross += " G" + std::to_string(128 >> (in.flags >> isa::flag::kGroupShift));
    if (in.op == isa::Op::kVqnt) cross += " digits:" + std::to_string(in.digits);
  }
  ++cover[cross];
}

// All crosses count() can name.
size_t crosses() {
  size_t n = 0;
  for (const std::string& kind : all_kinds()) {
    if (kind == "VMULA" || (kind.starts_with("VALU") && kind != "VALU.ABS"))
      n += 2 * 2 * 4 * 2;
    else if (kind == "VALU.ABS" || kind.starts_with("VSFU") || kind.starts_with("VRED"))
      n += 4;
    else if (kind == "VQNT")
      n += 2 * 3 * 2;
    else if (kind == "VCVT.Q2F")
      n += 3;
    else if (kind == "VPRM.PAIRSWAP")
      n += 2;
    else
      n += 1;
  }
  return n;
}

int run(const Options& options) {
  std::printf("seed %llu, %d groups\n", static_cast<unsigned long long>(options.seed), options.groups);
  Generator random(options.seed);
  Device device(options.vcd, static_cast<uint32_t>(options.seed));
  Image image(kSpmBytes, kAccBytes);
  Config loaded{};
  std::map<std::string, uint64_t> cover;
  uint64_t instructions = 0, refused = 0, cycles = 0, bytes = 0;
  for (int group = 0; group < options.groups; ++group) {
    if (group % 4 == 0) random.fill(image);
    const Image start = image;
    const Config loaded_at_start = loaded;
    const uint32_t length = options.single || random.one_in(2) ? 1 : 2 + random.below(10);
    std::vector<Step> steps;
    std::vector<Image> after;  // expected
    while (steps.size() < length) {
      Step step{{}, loaded_at_start};
      step.instr = random.instruction(image, step.config, options.only);
      Image next = steps.empty() ? start : after.back();
      if (!reference(step.instr, step.config, next).empty()) {
        ++refused;
        continue;
      }
      steps.push_back(step);
      after.push_back(next);
    }
    const Behaviour behaviours[] = {{256, 3, 3}, {256, 1, 1}, {180, 1, 6}, {60, 2, 20}};
    const Behaviour& behaviour = behaviours[random.below(4)];
    const Run result = device.run(code_of(steps, loaded), image, behaviour);
    cycles += result.cycles;
    bytes += kSpmBytes + kAccBytes;
    instructions += steps.size();
    for (const Step& step : steps) count(step.instr, cover);
    if (!result.hung && !result.fault && image == after.back()) continue;

    std::printf("group %d differs%s%s; run on its own, instruction by instruction:\n", group,
                result.hung ? " (hung)" : "", result.fault ? " (fault)" : "");
    device.reset();
    Image found = start;
    loaded = {};
    for (size_t i = 0; i < steps.size(); ++i) {
      const Image before = found;
      const Run again = device.run(code_of({steps[i]}, loaded), found, behaviour);
      if (!again.hung && !again.fault && found == after[i]) continue;
      std::printf("instruction %zu of %zu%s:\n", i + 1, steps.size(), again.hung ? " hangs" : "");
      explain(steps[i], before, after[i], found);
      return 1;
    }
    std::printf("each alone is right: they disturb each other\n");
    for (size_t i = 0; i < steps.size(); ++i) explain(steps[i], start, after.back(), image);
    return 1;
  }
  std::printf("%llu instructions (%llu random ones were not legal), %llu cycles, %.1f MB compared, 0 differences\n",
              static_cast<unsigned long long>(instructions), static_cast<unsigned long long>(refused),
              static_cast<unsigned long long>(cycles), static_cast<double>(bytes) / 1e6);
  std::printf("coverage of function x types x broadcast x format: %zu of %zu crosses\n", cover.size(), crosses());
  std::map<std::string, uint64_t> kinds;
  for (const auto& [cross, n] : cover) kinds[cross.substr(0, cross.find(' '))] += n;
  for (const auto& [kind, n] : kinds) std::printf("  %-16s %8llu\n", kind.c_str(), static_cast<unsigned long long>(n));
  const bool whole = options.only.empty() && options.groups >= 1000;
  return whole && cover.size() != crosses() ? 1 : 0;
}

}  // namespace
}  // namespace hadal::dv

int main(int argc, char** argv) {
  if (argc > 1 && std::string(argv[1]) == "cycles") {
    return hadal::dv::print_cycles(argc > 2 ? argv[2] : "chips/hadal-rtl.yaml");
  }
  return hadal::dv::run(hadal::dv::parse(argc, argv));
}
