"""Runs the training job several times in the same processes, which take seconds to start; tells what stopped a run.

torchrun --nproc_per_node 2 several_runs.py CONFIG '[["key=value", ...], ...]'

A first entry `trouble=signal` sends SIGTERM to the last rank in the third step; `trouble=gradient` makes the third
step's gradient NaN while its loss is a number.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any
from unittest import mock

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipelines.errors import UserError
from schemas.loading import load
from schemas.training_run import TrainingRun
from training.data import Tokens
from training.model import PackedLoss
from training.ranks import Ranks, start_ranks
from training.train import train

THIRD = 2  # steps are counted from 0


def main() -> None:
    ranks = start_ranks()
    for overrides in json.loads(sys.argv[2]):
        trouble = overrides.pop(0) if overrides[0].startswith("trouble=") else None
        try:
            with (
                mock.patch.multiple(Tokens, step=step_with(trouble, ranks)),
                mock.patch.multiple(PackedLoss, forward=forward_with(trouble)),
            ):
                train(load(TrainingRun, Path(sys.argv[1]), overrides), ranks)
        except UserError as error:
            print(f"error: {error}", file=sys.stderr)


now = {"step": -1}


def step_with(trouble: str | None, ranks: Ranks) -> Any:
    original = Tokens.step

    def step(self: Tokens, number: int, *given: Any) -> Any:
        now["step"] = number
        if trouble == "trouble=signal" and number == THIRD and ranks.rank == ranks.world - 1:
            os.kill(os.getpid(), signal.SIGTERM)
        return original(self, number, *given)

    return step


def forward_with(trouble: str | None) -> Any:
    original = PackedLoss.forward

    def forward(self: PackedLoss, *given: Any) -> Any:
        losses = original(self, *given)
        if trouble == "trouble=gradient" and now["step"] == THIRD:
            return losses + (0 * losses.sum()).sqrt()  # adds 0, whose derivative is infinite times 0
        return losses

    return forward


if __name__ == "__main__":
    main()
