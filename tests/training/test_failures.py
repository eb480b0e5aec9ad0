"""What can go wrong while training: one sentence, and a checkpoint to go on from."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from training_runs import DEMO, LORA, STEPS, losses, on_cpu, settings

from pipelines.errors import UserError
from schemas.loading import ConfigError, load
from schemas.training_run import TrainingRun
from training.checkpoints import Saved, newest, save, tag_for
from training.data import open_tokens
from training.model import model_shape
from training.ranks import Ranks
from training.train import check, main

SEVERAL = Path(__file__).with_name("several_runs.py")


def test_a_run_that_cannot_go_on_says_why(runs: dict[str, Path], tokens: Path, tmp_path: Path) -> None:
    """One rank: losses and gradients that are no numbers, data that does not fit, and checkpoints of two ranks."""
    shutil.copytree(runs["stopped"], tmp_path / "stopped")
    shutil.copytree(runs["lora3"], tmp_path / "lora")
    shutil.rmtree(tmp_path / "lora" / "checkpoints" / f"step-{STEPS:08d}")
    groups = runs["lora3"].with_name("zero3-groups.json")
    adapters = LORA | {"model.path": runs["text2"] / "model", "deepspeed": groups}
    given = [
        settings(tokens, tmp_path / "wild", **{"optimizer.learning_rate": "1.0e+30"}),
        settings(tokens, tmp_path / "small", **{"model.shape.vocab_size": 100}),
        settings(tokens, tmp_path / "short", **{"data.pack_tokens": 64}),
        settings(tokens, tmp_path / "other", **{"data.mixture": "muit"}),
        settings(tokens, tmp_path / "wild", **{"optimizer.learning_rate": 0.1}),
        *(["trouble=gradient", *settings(tokens, tmp_path / f"nan{stage}", stage)] for stage in (0, 2, 3)),
        settings(tokens, tmp_path / "stopped", 3),
        settings(tokens, tmp_path / "stopped"),
        settings(tokens, tmp_path / "nan2"),
        settings(tokens, tmp_path / "lora", **adapters),
    ]
    command = [sys.executable, str(SEVERAL), str(DEMO), json.dumps(given)]
    done = subprocess.run(command, env=on_cpu(), capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    for expected, line in zip(
        (
            "the loss is nan, so the step was not taken; the same command goes on from the checkpoint of step",
            "which has 4,000 pieces, but the model knows 100",
            "data.pack_tokens: the longest example has 256 tokens; expected at least as many (got 64)",
            "has no mixture 'muit'; it has coit-zh",
            "was made with another configuration; give another output, or remove it",
            *["step 3: the gradient's norm is"] * 3,
            "was made with ZeRO stage 2; expected the same (got stage 3)",
        ),
        said,
        strict=True,
    ):
        assert expected in line
    found = newest(tmp_path / "wild" / "checkpoints")
    assert found is not None
    assert f"step {found[1].step + 1}:" in said[0]
    for stage in (0, 3):  # what is saved is the state before the step, and what is logged ends there
        found = newest(tmp_path / f"nan{stage}" / "checkpoints")
        assert found is not None
        assert found[1].step == 2
        assert len(losses(tmp_path / f"nan{stage}")) == 2
    # from there, and from the checkpoint of two ranks, one goes on with the losses of the run that never stopped
    for name, whole in (("nan2", "zero2"), ("stopped", "zero2"), ("lora", "lora2")):
        assert losses(tmp_path / name) == pytest.approx(losses(runs[whole]), abs=1e-4)


def test_a_disk_that_is_full(tokens: Path, tmp_path: Path) -> None:
    """No file can be longer than a megabyte: the checkpoint cannot be written, and nothing by halves is left."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    given = settings(tokens, tmp_path / "out", **{"checkpoint.every_steps": 1})
    runs = json.dumps([given])
    command = [sys.executable, str(SEVERAL), str(DEMO), runs]
    done = subprocess.run(
        command, env=on_cpu(), capture_output=True, text=True, timeout=300, check=False, preexec_fn=limit
    )
    assert done.returncode == 3, done.stderr
    assert "error: rank 0: saving the checkpoint of step 1 broke off" in done.stderr
    assert "there is no checkpoint yet" in done.stderr
    assert "Traceback" not in done.stderr
    assert newest(tmp_path / "out" / "checkpoints") is None


class Alone(Ranks):
    """One rank that asks nobody."""

    def everywhere(self, work):  # type: ignore[no-untyped-def]
        return work()


ALONE = Alone(0, 0, 1, torch.device("cpu"))


def test_room_is_looked_for_before_a_checkpoint_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(3 << 30))
    saved = Saved(8, "", "", 1, 2)
    with pytest.raises(UserError, match=r"takes about 10\.0 GiB, and the disk has 3\.0 GiB free"):
        save(None, ALONE, tmp_path / "checkpoints", saved, 2, 10 << 30)


def test_what_is_no_configuration_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("model: {path: x}\n")
    with pytest.raises(ConfigError) as refused:
        main(["--config", str(tmp_path / "wrong.yaml")])
    assert refused.value.problems == tuple(
        f"{tmp_path / 'wrong.yaml'}: {key}: Field required" for key in ("data", "output", "deepspeed")
    )


def test_wandb_is_looked_for_before_the_model_is_loaded(tokens: Path, tmp_path: Path) -> None:
    config = load(TrainingRun, DEMO, [*settings(tokens, tmp_path), "wandb=project"])
    data, _, manifest, _ = open_tokens(config.data, None, False)
    with pytest.raises(UserError, match="wandb: is not installed"):
        check(config, data, manifest, model_shape(config.model))


def test_a_checkpoint_is_not_converted_without_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "step-00000008" / "state"
    state.mkdir(parents=True)
    (state / "zero_pp_rank_0.pt").write_bytes(bytes(1 << 20))
    usage = namedtuple("usage", "free")
    saved = Saved(8, "", "", 2, 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 20))
    with pytest.raises(
        UserError, match=r"converting it for another number of ranks takes about .* the disk has"
    ):
        tag_for(state.parent, saved, ALONE, 2)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40))
    with pytest.raises(UserError, match="cannot be converted for another number of ranks"):
        tag_for(state.parent, saved, ALONE, 2)
    assert [path.name for path in state.parent.iterdir()] == ["state"]
