"""Runs the training job several times in the same processes, which take seconds to start; tells what stopped a run.

torchrun --nproc_per_node 2 several_runs.py CONFIG '[["key=value", ...], ...]'
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipelines.errors import UserError
from schemas.loading import load
from schemas.training_run import TrainingRun
from training.ranks import start_ranks
from training.train import train


def main() -> None:
    ranks = start_ranks()
    for overrides in json.loads(sys.argv[2]):
        try:
            train(load(TrainingRun, Path(sys.argv[1]), overrides), ranks)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
