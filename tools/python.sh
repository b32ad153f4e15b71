#!/usr/bin/env bash
# Runs Python with the packages of tools/goldens/requirements.txt, in a virtual environment under build/venv.
#   tools/python.sh SCRIPT [ARGUMENT...]
# Only goldens, comparisons and their benchmarks come here: building and testing need no Python.
set -euo pipefail
cd "$(dirname "$0")/.."
tools/setup.sh python
wanted=tools/goldens/requirements.txt
if ! cmp -s $wanted build/venv/requirements.txt; then
  python3 -m venv build/venv
  build/venv/bin/pip install --quiet --disable-pip-version-check -r $wanted
  cp $wanted build/venv/requirements.txt
fi
exec build/venv/bin/python "$@"
