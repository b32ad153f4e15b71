#!/usr/bin/env bash
# Both readers of the SystemVerilog of the cores: Verilator with every warning on, and Yosys' elaboration check.
#   tools/rtl_lint.sh [CHIP]        needs build/hadal
set -euo pipefail
cd "$(dirname "$0")/.."
chip=${1:-hadal-rtl}
packages=build/rtl/packages
build/hadal verify --chip "$chip" --write-packages "$packages"
headers=("$packages/hadal_isa_pkg.sv" "$packages/hadal_chip_pkg.sv" rtl/hadal_pkg.sv rtl/vx/hadal_vx_pkg.sv)
mapfile -t modules < <(git ls-files 'rtl/*.sv' | grep -v '_pkg\.sv$')

verilator --lint-only -Wall --top-module hadal_top rtl/waivers.vlt rtl/vx/waivers.vlt "${headers[@]}" "${modules[@]}"
yosys -q -p "read_verilog -sv ${headers[*]} ${modules[*]}; hierarchy -check -top hadal_top; proc; check -assert" |
  { grep -v 'Replacing memory' || true; }
wide=$(grep -nE '^.{121,}' "${modules[@]}" rtl/hadal_pkg.sv || true)
[ -z "$wide" ] || { echo "wider than 120 columns: $wide"; exit 1; }
echo "rtl: lint clean"
