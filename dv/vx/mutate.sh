#!/usr/bin/env bash
# Plants the faults of dv/vx/mutations.txt in copies of the vector unit, one at a time: a bench must notice each.
#   [JOBS=2] dv/vx/mutate.sh [NAME...]
# Exits 1 when one survives, or when a fault no longer applies to the text.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=build/rtl-vx/mutants
mkdir -p "$work"
caught=0 planted=0 survivors=()
# Columns are split at " | "; the last one may hold more of them.
while IFS= read -r line; do
  [[ $line =~ ^#|^$ ]] && continue
  name=$(cut -d'|' -f1 <<<"$line" | tr -d ' ')
  bench=$(cut -d'|' -f2 <<<"$line" | tr -d ' ')
  module=$(cut -d'|' -f3 <<<"$line" | tr -d ' ')
  change=$(perl -pe 's/^[^|]*\|[^|]*\|[^|]*\| //' <<<"$line")
  from=$(perl -pe 's/(?<!\\) \| .*$//' <<<"$change") to=$(perl -pe 's/^.*?(?<!\\) \| //' <<<"$change")
  if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
  planted=$((planted + 1))
  rm -rf "$work/rtl"
  cp -r rtl/vx "$work/rtl"
  file=$work/rtl/hadal_vx_$module.sv
  FROM=$from TO=$to perl -0pi -e '$t = $ENV{TO}; $t =~ s/\\n/\n/g; $t =~ s/\\\|/|/g; s/$ENV{FROM}/$t/' "$file"
  if cmp -s "$file" "rtl/vx/hadal_vx_$module.sv"; then
    echo "$name: its text is not in hadal_vx_$module.sv"
    survivors+=("$name")
    continue
  fi
  if ! RTL=$work/rtl OUT=$work/out OPT=-O0 dv/vx/build.sh "$bench" >"$work/build.log" 2>&1; then
    echo "$name: does not build"
    tail -n 5 "$work/build.log"
    survivors+=("$name")
    continue
  fi
  case $bench in
    leaves_bench) arguments=(300000) ;;
    *) arguments=(--groups 2000) ;;
  esac
  if timeout 600 "$work/out/$bench" "${arguments[@]}" >"$work/run.log" 2>&1; then
    echo "$name: survives"
    survivors+=("$name")
  else
    seen=$(grep -m 1 -oE 'group [0-9]+ differs( \(hung\))?|[a-z0-9 ]+: a [0-9a-f]+' "$work/run.log" || tail -n 1 "$work/run.log")
    echo "$name: caught ($seen)"
    caught=$((caught + 1))
  fi
done <dv/vx/mutations.txt
echo "$caught of $planted planted faults caught"
[ ${#survivors[@]} -eq 0 ] || { echo "not caught: ${survivors[*]}"; exit 1; }
