#!/usr/bin/env bash
# Area and path of the vector unit's parts on a liberty file: cells, area and the longest path between registers as ABC
# sees it, without wires.
#   dv/vx/synth.sh LIBERTY [MODULE...]
# Each module flat and for speed (buffering and sizing); hadal_vx itself by hierarchy and for area, without a path.
# LIBERTY may be packed (.gz).
set -euo pipefail
liberty=${1:?a liberty file}
shift
[ $# -gt 0 ] || set -- hadal_vx_fp_add hadal_vx_fp_mul hadal_vx_lane hadal_vx_sfu_lane hadal_vx_quant_lane \
  hadal_vx_sum_tree hadal_vx_max hadal_vx_walk hadal_vx_read hadal_vx_write hadal_vx_decode
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
case $liberty in
  *.gz) gunzip -c "$liberty" >"$out/cells.lib" ;;
  *) cp "$liberty" "$out/cells.lib" ;;
esac
cd "$(dirname "$0")/../.."
mapfile -t modules < <(ls rtl/vx/*.sv | grep -v _pkg)
# A weak driver and a load make ABC size gates; the numbers are in the units of the library.
printf 'set_driving_cell %s\nset_load 1.0\n' "${HADAL_DRIVER:-BUFx2_ASAP7_75t_R}" >"$out/drive"
# For speed: restructure with choices, map for delay, buffer, size up and then down where there is slack.
echo 'strash; dch; map -B 0.9; topo; buffer -c; upsize; dnsize; stime -p' >"$out/speed"
printf '%-24s %9s %12s %10s\n' module cells area path
for module in "$@"; do
  flatten=-flatten map="abc -liberty $out/cells.lib -constr $out/drive -script $out/speed"
  [ "$module" != hadal_vx ] || flatten='' map="abc -liberty $out/cells.lib"
  yosys -Q -q -l "$out/log" -p "read_verilog -sv rtl/hadal_isa_pkg.sv rtl/vx/hadal_vx_pkg.sv ${modules[*]};
    synth -top $module $flatten; dfflibmap -liberty $out/cells.lib; opt; $map; opt_clean -purge;
    tee -o $out/stat stat -liberty $out/cells.lib" >/dev/null
  cells=$(awk '/Number of cells:/ { n = $NF } END { print n }' "$out/stat")
  area=$(awk '/Chip area/ { a = $NF } END { printf "%.0f", a }' "$out/stat")
  path=-
  [ -z "$flatten" ] || path=$(grep -oE 'Delay = +[0-9.]+ ps' "$out/log" | tail -n 1 | grep -oE '[0-9.]+' || echo '-')
  printf '%-24s %9s %12s %7s ps\n' "$module" "$cells" "$area" "$path"
done
