#!/usr/bin/env bash
# Builds the benches of the vector unit into build/rtl-vx/: Verilator's model, our C++ and the libraries of build/.
#   [JOBS=2] [HADAL_VCD=1] dv/vx/build.sh [BENCH...]        HADAL_VCD=1: with waveforms (--vcd FILE)
# RTL, OUT and OPT name another copy of the sources, another place for the result and another C++ optimisation
# (dv/vx/mutate.sh).
set -euo pipefail
cd "$(dirname "$0")/../.."
jobs=${JOBS:-$(nproc)}
root=$PWD
out=${OUT:-$root/build/rtl-vx}
rtl=${RTL:-rtl/vx}
packages=(rtl/hadal_isa_pkg.sv "$rtl/hadal_vx_pkg.sv")
libraries=(sim program chip numerics isa base)

cmake --build build --target "${libraries[@]/#/hadal_}" -j "$jobs" >/dev/null
archives=()
for library in "${libraries[@]}"; do archives+=("$root/build/libhadal_$library.a"); done

# build_one TOP NAME SOURCE...: Verilator's model of TOP and the C++ of dv/vx into build/rtl-vx/NAME.
build_one() {
  local top=$1 name=$2 sources=()
  shift 2
  for source in "$@"; do sources+=("$root/dv/vx/$source.cpp"); done
  verilator --cc --exe -Wall ${OPT:+-Wno-fatal} ${HADAL_VCD:+--trace} -O3 --top-module "$top" \
    --Mdir "$out/$name.d" -o "$(realpath "$out")/$name" rtl/vx/waivers.vlt -y "$rtl" -y dv/vx \
    "${packages[@]}" "$(ls "$rtl/$top.sv" "dv/vx/$top.sv" 2>/dev/null)" "${sources[@]}" \
    -CFLAGS "-std=c++20 -Wall -Wextra -ffp-contract=off -I$root/src -I$root/dv/vx" \
    -LDFLAGS "-Wl,--start-group ${archives[*]} -Wl,--end-group -lfmt -lyaml-cpp -lhwy -lpthread"
  make -C "$out/$name.d" -f "V$top.mk" -j "$jobs" OPT_FAST="${OPT:--O2}" OBJCACHE=ccache >"$out/$name.log" 2>&1 ||
    { grep -m 20 -E 'error|Error' "$out/$name.log"; exit 1; }
}

mkdir -p "$out"
[ $# -gt 0 ] || set -- vx_bench leaves_bench
for name in "$@"; do
  case $name in
    vx_bench) build_one hadal_vx vx_bench vx_bench device random reference cycles ;;
    leaves_bench) build_one hadal_vx_leaves leaves_bench leaves_bench ;;
    *) echo "dv/vx/build.sh: no bench '$name'" >&2; exit 2 ;;
  esac
done
