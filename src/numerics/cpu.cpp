// Which MMA engines this machine runs, decided once.
#include <hwy/targets.h>

#include <string>

#include "numerics/mma_engine.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__) && defined(__x86_64__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace hadal::num {
namespace {

#if defined(__x86_64__)
bool has_avx512_vnni() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
         __builtin_cpu_supports("avx512vbmi") && __builtin_cpu_supports("avx512vnni");
}

// Linux gives a process the 8 KiB of tile state only when it asks for them.
bool request_tiles() {
#if defined(__linux__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned kTileBit = 1u << 24, kInt8Bit = 1u << 25;
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || (d & kTileBit) == 0 || (d & kInt8Bit) == 0) return false;
  constexpr long kRequestPermission = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
#else
  return false;
#endif
}

const bool kHasVnni = has_avx512_vnni();
const bool kHasAmx = kHasVnni && request_tiles();
#else
const bool kHasVnni = false, kHasAmx = false;
#endif

}  // namespace

bool has_engine(Engine engine) { return engine == Engine::kAmx ? kHasAmx : engine == Engine::kVnni ? kHasVnni : true; }

void mma_with(Engine engine, const Mma& op) {
  switch (engine) {
    case Engine::kAmx: return mma_amx(op);
    case Engine::kVnni: return mma_vnni(op);
    case Engine::kPortable: return mma_portable(op);
  }
}

const char* target_name() {
  static const std::string name = [] {
    std::string text = kHasAmx ? "AMX-INT8, " : kHasVnni ? "AVX-512 VNNI, " : "";
    // The supported target with the lowest bit is the best one.
    const auto targets = hwy::SupportedTargets();
    return text + hwy::TargetName(targets & -targets);
  }();
  return name.c_str();
}

void mma(const Mma& op) { mma_with(kHasAmx ? Engine::kAmx : kHasVnni ? Engine::kVnni : Engine::kPortable, op); }

}  // namespace hadal::num
