"""A run that was stopped, killed or moved to other ranks ends as if nothing had happened."""

from __future__ import annotations

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from job_process import ROOT
from training_runs import DEMO, STEPS, losses, on_cpu, on_ranks, settings

from training.checkpoints import newest, weights_only

TRAIN = ROOT / "training" / "train.py"


def test_a_run_that_goes_on_has_the_losses_of_one_that_never_stopped(runs: dict[str, Path]) -> None:
    assert losses(runs["resumed"]) == losses(runs["zero3"])


def test_a_rank_told_to_stop_stops_all_after_the_step(runs: dict[str, Path]) -> None:
    said = (runs["resumed"].parent / "said").read_text()
    assert "stopped by a signal after step 3; the same command goes on from the checkpoint of step 3" in said
    assert "going on after step 3" in said


def test_few_checkpoints_are_kept_and_none_by_halves(runs: dict[str, Path]) -> None:
    folder = runs["resumed"] / "checkpoints"
    assert sorted(path.name for path in folder.iterdir()) == ["step-00000003", f"step-{STEPS:08d}"]
    saved = json.loads((folder / f"step-{STEPS:08d}" / "checkpoint.json").read_text())
    assert (saved["step"], saved["world"], saved["zero_stage"]) == (STEPS, 2, 3)


def arguments(*overrides: str) -> list[str]:
    return ["--config", str(DEMO), *(f"--set={override}" for override in overrides)]


def wait_for_checkpoint(job: subprocess.Popen[str], output: Path, step: int) -> None:
    """Until so many steps are saved."""
    deadline = time.monotonic() + 240
    while (found := newest(output / "checkpoints")) is None or found[1].step < step:
        assert job.poll() is None, job.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def started(command: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command,
        env=on_cpu(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.timeout(600)
def test_a_killed_rank_then_one_rank_then_a_signal(
    runs: dict[str, Path], tokens: Path, tmp_path: Path
) -> None:
    """A rank is killed at a random step; one rank alone goes on, is told to stop, and ends with the same losses."""
    output = tmp_path / "out"
    given = settings(tokens, output, 3, **{"checkpoint.every_steps": 1, "checkpoint.keep": 1})
    job = started(on_ranks(2, TRAIN, *arguments(*given)))
    wait_for_checkpoint(job, output, random.Random().randint(1, 3))
    os.kill(_process_of_rank(job.pid, 1), signal.SIGKILL)
    _, said = job.communicate(timeout=300)
    assert job.returncode != 0
    assert "error: rank 0: " in said
    assert "broke off" in said
    assert f'File "{TRAIN}"' not in said, "a traceback"  # the launcher shows one of its own
    assert "the same command goes on from the checkpoint of step" in said
    found = newest(output / "checkpoints")
    assert found is not None
    assert found[1].world == 2

    alone = [sys.executable, str(TRAIN), *arguments(*given)]
    job = started(alone)
    wait_for_checkpoint(job, output, found[1].step + 1)
    job.send_signal(signal.SIGTERM)
    _, said = job.communicate(timeout=300)
    assert job.returncode == 0, said
    assert "Traceback" not in said
    found = newest(output / "checkpoints")
    assert found is not None
    assert found[1].world == 1
    if found[1].step < STEPS:
        assert f"stopped by a signal after step {found[1].step}" in said

    done = subprocess.run(alone, env=on_cpu(), capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    assert losses(output) == pytest.approx(losses(runs["zero3"]), abs=1e-4)
    assert (output / "model" / "model.safetensors").exists()


def _process_of_rank(launcher: int, rank: int) -> int:
    """The process that a launcher started for a rank."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((path / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == launcher and f"\0RANK={rank}\0" in (path / "environ").read_text():
                return int(path.name)
        except (OSError, IndexError):
            continue
    raise AssertionError(f"no process of rank {rank}")


class Evil:
    """What a checkpoint from a stranger may hold."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/evil",)


def test_a_checkpoint_cannot_run_code(tmp_path: Path) -> None:
    torch.save({"state": Evil()}, tmp_path / "evil.pt")
    with weights_only(), pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(tmp_path / "evil.pt", weights_only=False)
