"""Runs the training job several times in the same processes, so that tests need not start them for each.

torchrun --nproc_per_node 2 several_runs.py CONFIG '[["key=value", ...], ...]'
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from schemas.loading import load
from schemas.training_run import TrainingRun
from training.ranks import start_ranks
from training.train import train


def main() -> None:
    ranks = start_ranks()
    for overrides in json.loads(sys.argv[2]):
        train(load(TrainingRun, Path(sys.argv[1]), overrides), ranks)


if __name__ == "__main__":
    main()
