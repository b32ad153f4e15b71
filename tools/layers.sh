#!/usr/bin/env bash
# Prints every #include that points up: the order of the folders is the order of their lines in CMakeLists.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
git ls-files 'src/*.h' 'src/*.cpp' | xargs -r grep -HnE '^#include "' | awk -F '[/":]+' '
  FNR == NR { if (match($0, /^hadal_(library|executable)\([a-z_]+/)) { split($0, word, /[( )]/); rank[word[2]] = ++ranks }; next }
  { line = $0; sub(/:[0-9]+:.*/, "", line); split(line, from, "/")
    sub(/.*#include "/, "", $0); split($0, to, "/")
    if (!(from[2] in rank)) print line ": src/" from[2] " is not in CMakeLists.txt"
    else if (!(to[1] in rank)) print line ": include \"" $0 " by its folder, e.g. \"base/error.h\""
    else if (rank[to[1]] > rank[from[2]]) print line ": src/" from[2] " may not include src/" to[1] }' CMakeLists.txt -
