#!/usr/bin/env bash
# Installs the Debian packages that are missing; quick and silent when none is.
#   tools/setup.sh [build] [lint] [fuzz] [rtl] [synth] [python] [web] [browser]
# Why each is needed: docs/dependencies.md. HADAL_NO_SETUP=1 skips this and leaves the packages to you.
set -euo pipefail

declare -A packages=(
  [build]="build-essential cmake ninja-build ccache pkg-config libfmt-dev libyaml-cpp-dev nlohmann-json3-dev
           libcli11-dev libhwy-dev libgtest-dev libbenchmark-dev libpcre2-dev libutf8proc-dev libcpp-httplib-dev
           coinor-libcbc-dev libsqlite3-dev libopenmpi-dev openmpi-bin"
  [lint]="git clang clang-format clang-tidy"
  [python]="python3 python3-venv"
  [fuzz]="clang libclang-rt-14-dev"
  [rtl]="verilator yosys"
  [web]="nodejs npm"
  [browser]="chromium fonts-dejavu-core"
  [synth]="yosys opensta qflow-tech-osu018"
)

[ -z "${HADAL_NO_SETUP:-}" ] || exit 0

# Node.js from elsewhere brings npm with it, and Debian's npm would not go beside it.
if command -v node >/dev/null && command -v npm >/dev/null; then packages[web]=""; fi

wanted=()
for group in "${@:-build}"; do
  [ -n "${packages[$group]+known}" ] || { echo "tools/setup.sh: no group '$group'; there are: ${!packages[*]}" >&2; exit 2; }
  read -r -d '' -a list <<<"${packages[$group]}" || true
  wanted+=("${list[@]}")
done

if ! command -v dpkg-query >/dev/null; then
  echo "tools/setup.sh: not a Debian system; install the equivalents of: ${wanted[*]}, then set HADAL_NO_SETUP=1" >&2
  exit 1
fi

# "ii" = installed; dpkg-query prints nothing for a package it has never heard of.
present=" $(dpkg-query -W -f '${db:Status-Abbrev}${Package} ' "${wanted[@]}" 2>/dev/null || true)"
missing=()
for package in "${wanted[@]}"; do
  [[ $present == *" ii $package "* ]] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

run=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null; then
    echo "tools/setup.sh: needs root once; run as root: apt-get install ${missing[*]}" >&2
    exit 1
  fi
  run=(sudo)
fi

echo "Installing ${missing[*]}"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { "${run[@]}" apt-get update -q &&
       "${run[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"; } \
     </dev/null >"$log" 2>&1; then
  reason=$(grep -m 1 '^E:' "$log" || tail -n 1 "$log")
  echo "tools/setup.sh: apt could not install ${missing[*]} ($reason); is there a network and a Debian mirror?" >&2
  exit 1
fi
