#!/usr/bin/env bash
# Runs each fuzz target of a build folder for some seconds; its corpus and any crashing input stay in that folder.
#   tools/fuzz.sh BUILD_DIR SECONDS
set -euo pipefail
build=$1 seconds=$2
shopt -s nullglob
targets=("$build"/*_fuzz)
[ ${#targets[@]} -gt 0 ] || { echo "tools/fuzz.sh: no fuzz target in $build" >&2; exit 1; }
for target in "${targets[@]}"; do
  corpus=$build/corpus/$(basename "$target")
  mkdir -p "$corpus"
  echo "== $target"
  "$target" -max_total_time="$seconds" -artifact_prefix="$target." -print_final_stats=1 -verbosity=0 "$corpus"
done
