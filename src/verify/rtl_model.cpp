// Runs Verilator, loads what it built.
#include "verify/rtl_model.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "verify/file_lock.h"
#include "verify/packages.h"

namespace hadal::verify {
namespace {

namespace fs = std::filesystem;

constexpr int kResetCycles = 4;

std::string content(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// The text without comments and layout, so that those do not cause a new build.
std::string essence(const fs::path& path) {
  std::string text;
  bool comment = false, space = false;
  const std::string all = content(path);
  for (size_t i = 0; i < all.size(); ++i) {
    const char c = all[i];
    if (c == '\n') comment = false;
    if (c == '/' && i + 1 < all.size() && all[i + 1] == '/') comment = true;
    if (comment || c == '\n' || c == ' ') {
      space = true;
      continue;
    }
    if (space) text += ' ';
    space = false;
    text += c;
  }
  return text;
}

uint64_t hash(uint64_t seed, const std::string& text) {  // FNV-1a
  for (const char c : text) seed = (seed ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return seed;
}

// Packages first, then modules; generated packages take the place of the checked-in one.
std::vector<fs::path> sources(const fs::path& rtl) {
  std::vector<fs::path> packages, modules;
  for (const auto& entry : fs::recursive_directory_iterator(rtl)) {
    const fs::path& path = entry.path();
    if (path.extension() != ".sv" || path.filename() == "hadal_isa_pkg.sv") continue;
    (path.stem().string().ends_with("_pkg") ? packages : modules).push_back(path);
  }
  if (modules.empty()) input_error(rtl.string(), "there is no RTL; give the rtl/ folder of the source tree");
  std::sort(packages.begin(), packages.end());
  std::sort(modules.begin(), modules.end());
  packages.insert(packages.end(), modules.begin(), modules.end());
  return packages;
}

}  // namespace

std::string build_rtl(const chip::Chip& chip, const BuildOptions& options) {
  const fs::path rtl = fs::absolute(options.rtl_directory);
  const int cores = chip.cores;
  const std::vector<fs::path> files = sources(rtl);
  const fs::path shim = rtl / "cosim" / "hadal_rtl.cpp", include = fs::absolute(options.source_directory);
  uint64_t key = hash(0xCBF29CE484222325u, chip_package(chip));
  for (const fs::path& file : files) key = hash(hash(key, file.filename().string()), essence(file));
  key = hash(key, essence(shim) + essence(include / "verify" / "rtl_abi.h") + essence(rtl / "hadal_isa_pkg.sv"));
  key = hash(key, fmt::format("{} {}", cores, options.waveforms));

  const bool mutants = fs::exists(rtl / "mutants");
  const fs::path directory = fs::absolute(options.build_directory) / fmt::format("{:016x}", key);
  const fs::path built = directory / "hadal_rtl.so";
  const FileLock lock(directory.string() + ".lock");  // another process may be building the same
  if (fs::exists(built)) return built.string();
  write_packages(chip, directory.string());
  // Several cores: one is compiled by itself and used N times. Faults and waveforms reach through all modules, so those
  // models are of one piece.
  const bool by_core = cores > 1 && !mutants && !options.waveforms;
  const std::string obj = (directory / "obj").string();
  std::string command = fmt::format(
      "verilator --cc --exe {} -O3 --x-assign fast --x-initial fast --noassert --top-module hadal_top "
      "-Wno-fatal -Wno-lint -Wno-style --Mdir '{}' -o hadal_rtl.tmp -CFLAGS '-fPIC -std=c++17 "
      "-DHADAL_CORES={}{} -I{}' -LDFLAGS -shared {}",
      by_core ? "--hierarchical" : "--build -j 2 -MAKEFLAGS OPT_FAST=-O2", obj, cores,
      mutants ? " -DHADAL_MUTANTS" : "", include.string(), options.waveforms ? "--trace-fst " : "");
  command += fmt::format("'{0}/hadal_isa_pkg.sv' '{0}/hadal_chip_pkg.sv'", directory.string());
  for (const fs::path& file : files) command += fmt::format(" '{}'", file.string());
  command += fmt::format(" '{}'", shim.string());
  // The core first and alone: its rule has two targets, so a parallel make would run Verilator twice on the same files.
  if (by_core)
    command += fmt::format(
        " && make -C '{0}' -f Vhadal_top_hier.mk Vhadal_core/Vhadal_core.mk && "
        "make -C '{0}' -f Vhadal_top_hier.mk -j 2 OPT_FAST=-O2 hier_build",
        obj);
  const fs::path log = directory / "verilator.log";
  command = fmt::format("{{ {}; }} >'{}' 2>&1", command, log.string());
  if (std::system("verilator --version >/dev/null 2>&1") != 0)
    input_error("verilator", "is not installed; run tools/setup.sh rtl");
  if (std::system(command.c_str()) != 0) {
    const std::string text = content(log);
    const size_t at = std::min(text.find("%Error"), text.find("error:"));
    input_error(log.string(), "Verilator does not accept the RTL: {}",
                at == std::string::npos ? "see there" : text.substr(at, text.find('\n', at) - at));
  }
  fs::rename(directory / "obj" / "hadal_rtl.tmp", built);
  return built.string();
}

struct RtlModel::Symbols {
  void* library = nullptr;
  decltype(&hadal_rtl_new) create = nullptr;
  decltype(&hadal_rtl_delete) destroy = nullptr;
  decltype(&hadal_rtl_cores) cores = nullptr;
  decltype(&hadal_rtl_reset) reset = nullptr;
  decltype(&hadal_rtl_settle) settle = nullptr;
  decltype(&hadal_rtl_edge) edge = nullptr;
  decltype(&hadal_rtl_mutant) mutant = nullptr;
  decltype(&hadal_rtl_trace) trace = nullptr;

  template <typename F>
  void find(F& function, const char* name) {
    function = reinterpret_cast<F>(dlsym(library, name));
    check(function != nullptr, "the RTL model has no {}", name);
  }
};

RtlModel::RtlModel(const std::string& shared_object) : symbols_(std::make_unique<Symbols>()) {
  Symbols& s = *symbols_;
  s.library = dlopen(shared_object.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (s.library == nullptr) input_error(shared_object, "cannot be loaded ({}); delete it to build it anew", dlerror());
  s.find(s.create, "hadal_rtl_new");
  s.find(s.destroy, "hadal_rtl_delete");
  s.find(s.cores, "hadal_rtl_cores");
  s.find(s.reset, "hadal_rtl_reset");
  s.find(s.settle, "hadal_rtl_settle");
  s.find(s.edge, "hadal_rtl_edge");
  s.find(s.mutant, "hadal_rtl_mutant");
  s.find(s.trace, "hadal_rtl_trace");
  model_ = s.create();
  ports.resize(static_cast<size_t>(s.cores(model_)));
}

RtlModel::~RtlModel() {
  if (model_ != nullptr) symbols_->destroy(model_);
  dlclose(symbols_->library);
}

void RtlModel::reset() {
  for (HadalRtlPort& port : ports) port.r_valid = port.b_valid = port.ar_ready = port.aw_ready = port.w_ready = 0;
  symbols_->reset(model_, 1);
  for (int i = 0; i < kResetCycles; ++i) {
    settle();
    edge();
  }
  symbols_->reset(model_, 0);
}
void RtlModel::mutate(int number) { symbols_->mutant(model_, number); }
void RtlModel::watch(void (*see)(void*, int, int, const uint32_t*), void* with) {
  void (*hadal_rtl_watch)(void (*)(void*, int, int, const uint32_t*), void*) = nullptr;
  symbols_->find(hadal_rtl_watch, "hadal_rtl_watch");
  hadal_rtl_watch(see, with);
}
void RtlModel::settle() { symbols_->settle(model_, ports.data()); }
void RtlModel::edge() { symbols_->edge(model_); }
bool RtlModel::trace(const char* path) { return symbols_->trace(model_, path) != 0; }

}  // namespace hadal::verify
