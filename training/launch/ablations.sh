#!/usr/bin/env bash
# The ablations of the x-LLaMA paper's Figure 6 for one language, one after the other: each part of CoIT alone, and unions.
#   training/launch/ablations.sh zh
set -euo pipefail
cd "$(dirname "$0")/../.."
export PATH="$PWD/.venv/bin:$PATH"
x=${1:?expected a language, such as zh}

for mixture in alpaca-en "alpaca-$x" "en-$x" "$x-en" "alpaca-en.alpaca-$x" "alpaca-en.en-$x" "alpaca-en.$x-en" \
    "alpaca-$x.en-$x" "alpaca-$x.$x-en" "alpaca-en.alpaca-$x.$x-en" "alpaca-en.alpaca-$x.en-$x.$x-en"; do
    deepspeed training/train.py --config "training/configs/x_llama_7b_$x.yaml" \
        --set "data.mixture=$mixture" --set "output=out/ablations/$x/$mixture"
done
