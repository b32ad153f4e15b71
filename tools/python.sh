#!/usr/bin/env bash
# Runs Python with the packages of tools/FOLDER/requirements.txt (goldens), in a virtual environment under build/.
#   [PACKAGES=FOLDER] tools/python.sh SCRIPT [ARGUMENT...]
# Only goldens, comparisons and their benchmarks come here: building and testing need no Python.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh python
folder=${PACKAGES:-goldens}
wanted=tools/$folder/requirements.txt
venv=build/venv-$folder
if ! cmp -s "$wanted" "$venv/requirements.txt"; then
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$wanted"
  cp "$wanted" "$venv/requirements.txt"
fi
exec "$venv/bin/python" "$@"
