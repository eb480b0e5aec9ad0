#!/usr/bin/env bash
# Makes the environment $1 from requirements.lock. The stamp $1/.installed is written last; a run that was cut off
# leaves $1/.installing instead, and the next one begins anew.
set -euo pipefail
cd "$(dirname "$0")/.."

venv=$1
python=$(.ci/check_tools.sh)
pip=("$venv/bin/python" -m pip -qq --disable-pip-version-check --no-input)
say() { echo "[$1/5] $2"; }

if [ -e "$venv/.installing" ]; then
    echo "The last installation was cut off: beginning anew."
    rm -rf "$venv"
fi
say 1 "$venv with $("$python" --version)"
"$python" -m venv "$venv"
rm -f "$venv/.installed"
touch "$venv/.installing"
"${pip[@]}" install -c requirements.lock pip setuptools

say 2 "torch (with CUDA, some 3 GB are downloaded)"
"${pip[@]}" install -c requirements.lock torch

say 3 "the pinned packages of requirements.lock (some 1 GB)"
# pyspark comes as source: built by the pinned setuptools, not by whichever is newest
"${pip[@]}" install --no-build-isolation -r <(grep -v '^deepspeed==' requirements.lock)

say 4 "deepspeed (its build asks for torch and ninja)"
PATH="$PWD/$venv/bin:$PATH" DS_BUILD_OPS=0 "${pip[@]}" install --no-build-isolation -c requirements.lock deepspeed

say 5 "polyinstruct itself (editable)"
"${pip[@]}" install --no-build-isolation --no-deps -e .
mv "$venv/.installing" "$venv/.installed"
