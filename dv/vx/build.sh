#!/usr/bin/env bash
# Builds the benches of the vector unit into build/rtl-vx/: Verilator's model, our C++ and the libraries of build/.
#   dv/vx/build.sh [JOBS]
set -euo pipefail
cd "$(dirname "$0")/../.."
jobs=${1:-$(nproc)}
root=$PWD
out=$root/build/rtl-vx
packages=(rtl/hadal_isa_pkg.sv rtl/vx/hadal_vx_pkg.sv)
libraries=(sim program chip numerics isa base)

cmake --build build --target hadal_sim hadal_program hadal_chip hadal_numerics hadal_isa hadal_base -j "$jobs" >/dev/null
archives=()
for library in "${libraries[@]}"; do archives+=("$root/build/libhadal_$library.a"); done

mkdir -p "$out"
verilator --cc --exe -Wall --trace -O3 --top-module hadal_vx --Mdir "$out/bench" -o "$out/vx_bench" \
  rtl/vx/waivers.vlt -y rtl/vx "${packages[@]}" rtl/vx/hadal_vx.sv \
  "$root"/dv/vx/{vx_bench,device,random,reference}.cpp \
  -CFLAGS "-std=c++20 -O2 -ffp-contract=off -I$root/src -I$root/dv/vx" \
  -LDFLAGS "-Wl,--start-group ${archives[*]} -Wl,--end-group -lfmt -lyaml-cpp -lhwy -lpthread"
make -C "$out/bench" -f Vhadal_vx.mk -j "$jobs" OPT_FAST=-O2 OBJCACHE=ccache >"$out/bench.log" 2>&1 ||
  { grep -m 20 -E 'error|Error' "$out/bench.log"; exit 1; }
