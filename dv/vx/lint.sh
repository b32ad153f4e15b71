#!/usr/bin/env bash
# Both readers of the vector unit's SystemVerilog: Verilator with every warning on, and Yosys' elaboration check.
set -euo pipefail
cd "$(dirname "$0")/../.."
packages=(rtl/hadal_isa_pkg.sv rtl/vx/hadal_vx_pkg.sv)
verilator --lint-only -Wall --top-module hadal_vx rtl/vx/waivers.vlt -y rtl/vx "${packages[@]}" rtl/vx/hadal_vx.sv
mapfile -t modules < <(ls rtl/vx/*.sv | grep -v _pkg)
yosys -q -p "read_verilog -sv ${packages[*]} ${modules[*]}; hierarchy -check -top hadal_vx; proc; check -assert" |
  { grep -v 'Replacing memory' || true; }
wide=$(grep -nE '^.{121,}' rtl/vx/*.sv || true)
[ -z "$wide" ] || { echo "wider than 120 columns: $wide"; exit 1; }
echo "rtl/vx: lint clean"
