// The RTL as a program: Verilator builds it for a chip into a shared object, which is loaded while we run, so that
// neither our build nor those who do not verify need Verilator.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "chip/chip.h"
#include "verify/rtl_abi.h"

namespace hadal::verify {

struct BuildOptions {
  std::string rtl_directory;     // rtl/ of the source tree, or a changed copy of it
  std::string source_directory;  // src/ of the source tree
  std::string build_directory;   // results lie in build_directory/HASH, by what they are made from
  bool waveforms = false;
};

// Builds the shared object unless it is there already, and returns its path. Throws an input error when Verilator is
// missing or does not accept the sources.
std::string build_rtl(const chip::Chip& chip, const BuildOptions& options);

class RtlModel {
 public:
  explicit RtlModel(const std::string& shared_object);
  ~RtlModel();
  RtlModel(const RtlModel&) = delete;
  RtlModel& operator=(const RtlModel&) = delete;

  int cores() const { return static_cast<int>(ports.size()); }
  // Memories keep their contents; everything else starts anew.
  void reset();
  void settle();
  void edge();
  bool trace(const char* path);
  // Of a model with planted faults (mutants.h): which one acts; 0: none.
  void mutate(int number);
  // Of a model with monitors (src/synth/netlist.h): `see` gets the block, the instance and its bits at every
  // clock edge.
  void watch(void (*see)(void* with, int block, int instance, const uint32_t* words), void* with);

  std::vector<HadalRtlPort> ports;

 private:
  struct Symbols;
  std::unique_ptr<Symbols> symbols_;
  void* model_ = nullptr;
};

}  // namespace hadal::verify
