#!/usr/bin/env bash
# A whole model of random weights in a published shape through the simulated chip at full depth: time to write the
# checkpoint (in shards), to load and compile it, to generate, and resident memory. Cleans up behind itself.
#   [PROMPT=TEXT] [RANDOM_OPTIONS="..."] tools/full_depth.sh [CONFIG] [TOKENS] [OPTION of hadal run and serve ...]
# DeepSeek-R1-Distill-Qwen-1.5B takes 3.6 GB in $TMPDIR (/tmp), more than as much memory, and a few minutes. DeepSeek-V3
# whole, its routed experts holes of the files, takes 19 GB, as much memory as --host-memory GIB and 6 GB, and half an hour:
#   PROMPT=Hi RANDOM_OPTIONS=--sparse-experts tools/full_depth.sh DeepSeek-V3 2 --chips 0 --rows 1 --host-memory 8
set -euo pipefail
cd "$(dirname "$0")/.."
config=${1:-tests/shapes/DeepSeek-R1-Distill-Qwen-1.5B.json}
tokens=${2:-8}
shift $(($# < 2 ? $# : 2))
folder=$(mktemp -d "${TMPDIR:-/tmp}/hadal-full-depth.XXXXXX")
trap 'rm -rf "$folder"' EXIT

field() { awk -v key="$1:" '$1 == key { print int($2 / 1024) }' "/proc/$2/status" 2> /dev/null || true; }

# shellcheck disable=SC2086 # several words
build/hadal random "$config" -o "$folder/model" ${RANDOM_OPTIONS:-}

# A server says its address once the model is loaded and compiled.
start=$(date +%s%N)
build/hadal serve "$folder/model" --port 0 --sequences 1 "$@" > "$folder/ready" &
server=$!
until [ -s "$folder/ready" ]; do
  kill -0 "$server"
  sleep 0.02
done
echo "loaded and compiled in $((($(date +%s%N) - start) / 1000000)) ms, $(field VmRSS "$server") MiB resident"
kill -TERM "$server"
wait "$server"

prompt=${PROMPT:-The quick brown fox jumps over the lazy dog}
build/hadal run "$folder/model" --prompt "$prompt" -n "$tokens" "$@" > "$folder/out" &
run=$!
peak=0
while kill -0 "$run" 2> /dev/null; do
  now=$(field VmHWM "$run")
  peak=${now:-$peak}
  sleep 0.2
done
wait "$run"
grep -a -A 2 'host time' "$folder/out"
grep -a -A 1 -E '^(Host memory|Chips) ' "$folder/out" || true
echo "resident at most $peak MiB"
