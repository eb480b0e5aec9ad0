#!/usr/bin/env bash
# Trains on the machines of a hostfile (a line "NAME slots=GPUS" each), which this one reaches by ssh without a password.
# Project, environment and data lie at the same paths on all of them, `output` on a disk that they share.
#   training/launch/hostfile.sh training/configs/x_llama_7b_zh.yaml [--set KEY=VALUE ...]
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/.venv/bin:$PATH"
exec deepspeed --hostfile "${HOSTFILE:-training/launch/hostfile}" training/train.py --config "$@"
