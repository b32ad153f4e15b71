#!/usr/bin/env bash
# Every check of the sources that does not run them. Prints what is wrong; exits 1 if anything is.
#   tools/lint.sh [JOBS]        needs build/compile_commands.json (any configured build/)
set -euo pipefail
cd "$(dirname "$0")/.."
jobs=${1:-$(nproc)}
failed=0

# Fails when the command finds lines (exit 0 or 1, as grep has it) or breaks (any other status).
none() {
  local heading=$1 found status=0
  shift
  found=$("$@" 2>&1) || status=$?
  if [ -n "$found" ] || [ $status -gt 1 ]; then
    printf 'lint: %s\n%s\n\n' "$heading" "$found"
    failed=1
  fi
}

# Fails when the command does.
passes() {
  local heading=$1 found
  shift
  if ! found=$("$@" 2>&1); then
    printf 'lint: %s\n%s\n\n' "$heading" "$found"
    failed=1
  fi
}

unformatted() {
  git ls-files '*.h' '*.cpp' | while read -r source; do
    clang-format --dry-run -Werror "$source" 2>/dev/null || echo "$source"
  done
}

# clang-tidy on every source of the build, unless it and what it includes are as they were when it last passed.
tidy_file() {
  local source=$1 stamp=build/lint/${1//\//.} found flags
  sha256sum --check --status "$stamp" 2>/dev/null && return 0
  found=$(clang-tidy --quiet -p build "$source" 2>/dev/null) || { echo "${found:-clang-tidy failed on $source}"; return 1; }
  flags=$(grep -F -- "-c $PWD/$source\"" build/compile_commands.json | grep -oE -- '-(I|isystem )[^ ]+' | sort -u)
  # shellcheck disable=SC2086 # several words
  { echo .clang-tidy; clang++ -std=c++20 $flags -MM "$source" | tr -d '\\' | tr ' ' '\n' | grep -v ':$' | grep .; } |
    xargs sha256sum >"$stamp"
}
export -f tidy_file
tidy() {
  mkdir -p build/lint
  sed -n "s|^ *\"file\": \"$PWD/\(.*\)\"$|\1|p" build/compile_commands.json | sort -u |
    xargs -r -P "$jobs" -I{} bash -c 'tidy_file "$0"' {}
}

none "not in the house format (make format)" unformatted
none "wider than 120 columns" git grep -nE '^.{121,}' -- '*.h' '*.cpp'
none "not ASCII" git grep -nP '[^\x00-\x7F]' -- '*.h' '*.cpp' '*.cmake' '*.sh' CMakeLists.txt Makefile
none "a file that two tests may write at once (TemporaryDirectory is for one)" \
  git grep -nE 'TempDir\(\)|temp_directory_path|mkdtemp' -- src ':!src/base/temporary_directory.cpp'
none "unfinished work" git grep -nwE 'TODO|FIXME|XXX|HACK' -- src tests
none "only src/cli prints" git grep -nE '(std::(cout|cerr|clog)|fmt::print|\b(printf|puts|fputs) *\()' \
  -- src ':!src/cli' ':!*_bench.cpp' ':!*_fuzz.cpp'
# The model folders are left out: prose and vocabularies.
none "a path of one machine" git grep -nIE '(^|[^[:alnum:]_.~/])/(work|root|home/[a-z][^/ ]*|Users/[A-Za-z][^/ ]*)/' -- . ':!models'
none "an include against the order of CMakeLists.txt" tools/layers.sh
none "a link of the docs that leads nowhere" tools/links.sh
passes "clang-tidy" tidy

[ $failed -eq 0 ] && echo "lint: clean"
exit $failed
