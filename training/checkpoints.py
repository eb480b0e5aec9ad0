"""Checkpoints: whole or not there, a few of them, and good for any number of ranks.

    <output>/checkpoints/step-00000200/
      state/          what DeepSpeed saves, a part for each rank
      universal/      the same for another number of ranks, made when it is first needed
      checkpoint.json step, configuration, data, ranks

A checkpoint is written under another name, and renamed when all ranks are done. PyTorch reads it with weights only:
what lies in it cannot run code.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import shutil
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import psutil
import torch

from pipelines.atomic import write_json
from pipelines.errors import UserError
from training.ranks import Ranks, first_line

_STATE, _UNIVERSAL = "state", "universal"
FAILED = 3  # exit code of a run that could not go on


@dataclass(frozen=True)
class Saved:
    """What a checkpoint says of itself: `step` steps were taken; `identity` is the configuration's hash."""

    step: int
    identity: str
    content_sha256: str
    world: int
    zero_stage: int


def checkpoint_path(folder: Path, step: int) -> Path:
    return folder / f"step-{step:08d}"


def newest(folder: Path) -> tuple[Path, Saved] | None:
    """The newest whole checkpoint, if there is one. Raises `UserError` if it cannot be read."""
    found = sorted(folder.glob("step-*"))
    if not found:
        return None
    about = found[-1] / "checkpoint.json"
    try:
        return found[-1], Saved(**json.loads(about.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UserError(
            f"{about}: cannot be read ({error}); remove that checkpoint to resume an older one"
        ) from None


def save(engine: Any, ranks: Ranks, folder: Path, saved: Saved, keep: int | None, needed: int) -> None:
    """Saves the state of all ranks, of a step that has no checkpoint yet, and keeps the newest `keep` (None: all).

    `needed` is about how many bytes it takes: raises `UserError`, on all ranks, where the disk has not got them. A rank
    that fails while it writes ends the run, and the older checkpoints stand.
    """
    path = checkpoint_path(folder, saved.step)
    partial = folder / f".partial-{path.name}"
    ranks.everywhere(lambda: _make_room(ranks, folder, partial, needed))
    try:
        with quiet():
            # weights that are not trained are those of the model that the run began with
            engine.save_checkpoint(
                str(partial), tag=_STATE, save_latest=False, exclude_frozen_parameters=True
            )
    except (OSError, RuntimeError) as error:
        shutil.rmtree(partial, ignore_errors=True)
        give_up(ranks, folder, f"saving the checkpoint of step {saved.step} broke off ({first_line(error)})")
    if ranks.first:
        write_json(partial / "checkpoint.json", asdict(saved))
        os.rename(partial, path)
        for old in sorted(folder.glob("step-*"))[:-keep] if keep else ():
            shutil.rmtree(old)
    ranks.wait()


def _make_room(ranks: Ranks, folder: Path, partial: Path, needed: int) -> None:
    if not ranks.first:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(".partial-*"):
            shutil.rmtree(left)
        free = shutil.disk_usage(folder).free
        if free < needed:
            raise UserError(
                f"{folder}: a checkpoint takes about {needed / 2**30:,.1f} GiB, and the disk has "
                f"{free / 2**30:,.1f} GiB free; {resume_hint(folder)}"
            )
        partial.mkdir()
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); {resume_hint(folder)}") from None


def give_up(ranks: Ranks, folder: Path, what: str) -> NoReturn:
    """Ends this rank at once, with one message: the others may be waiting for it and cannot be asked."""
    print(f"error: rank {ranks.rank}: {what}; {resume_hint(folder)}", file=sys.stderr, flush=True)
    os._exit(FAILED)


def resume_hint(folder: Path) -> str:
    """What there is to go on from."""
    found = sorted(folder.glob("step-*"))
    if not found:
        return "there is no checkpoint yet: the next run begins anew"
    return f"the same command goes on from the checkpoint of step {int(found[-1].name.removeprefix('step-'))}"


def tag_for(path: Path, saved: Saved, ranks: Ranks, stage: int) -> str:
    """Which part of a checkpoint this number of ranks loads; on rank 0, makes it if it has to be made.

    Without ZeRO every rank has all of the state, and any number can load it. Raises `UserError`.
    """
    if saved.zero_stage != stage:
        raise UserError(
            f"deepspeed: {path} was made with ZeRO stage {saved.zero_stage}; expected the same (got stage {stage})"
        )
    if saved.world == ranks.world or stage == 0:
        return _STATE
    ranks.everywhere(lambda: _convert(path / _STATE, path / _UNIVERSAL) if ranks.first else None)
    return _UNIVERSAL


def is_universal(tag: str) -> bool:
    return tag == _UNIVERSAL


def load(engine: Any, path: Path, tag: str) -> None:
    """Loads weights and optimiser states. Raises `UserError` if they do not fit or cannot be read."""
    try:
        with weights_only(), quiet():
            found, _ = engine.load_checkpoint(
                str(path),
                tag=tag,
                load_module_strict=all(parameter.requires_grad for parameter in engine.module.parameters()),
                load_lr_scheduler_states=False,
            )
    except Exception as error:  # torch, pickle and DeepSpeed raise what they like
        raise UserError(f"{path}: cannot be loaded ({first_line(error)})") from None
    if found is None:
        raise UserError(f"{path}: cannot be loaded ({tag} is not whole); remove it to resume an older one")
    # a universal checkpoint has one count of Adam's steps, which DeepSpeed gives to all groups of weights, on the CPU:
    # each would count its own steps in it, and a fused Adam wants it beside the weights
    optimizer = getattr(engine.optimizer, "optimizer", engine.optimizer)
    for parameter, state in optimizer.state.items():
        if torch.is_tensor(state.get("step")):
            state["step"] = state["step"].detach().clone().to(parameter.device)


def _convert(state: Path, universal: Path) -> None:
    """Makes the form of a checkpoint that any number of ranks can load, unless it is there. Raises `UserError`."""
    from deepspeed.checkpoint import ds_to_universal

    if universal.exists():
        return
    partial = universal.with_name(f".{universal.name}")
    shutil.rmtree(partial, ignore_errors=True)
    needed = 2 * sum(file.stat().st_size for file in state.rglob("*.pt"))  # in pieces first, then whole
    free = shutil.disk_usage(state).free
    if free < needed:
        raise UserError(
            f"{state}: converting it for another number of ranks takes about {needed / 2**30:,.1f} GiB, and the disk "
            f"has {free / 2**30:,.1f} GiB free"
        )
    print(f"{state}: converting it for another number of ranks", file=sys.stderr, flush=True)
    workers = _workers(state)
    arguments = argparse.Namespace(
        input_folder=str(state),
        output_folder=str(partial),
        num_extract_workers=workers,
        num_merge_workers=workers,
        keep_temp_folder=False,
        strict=True,
        inject_missing_state=True,
    )
    try:
        with weights_only(), quiet():
            ds_to_universal.main(arguments)
        os.rename(partial, universal)
    except Exception as error:  # torch, pickle and DeepSpeed raise what they like
        shutil.rmtree(partial, ignore_errors=True)
        raise UserError(
            f"{state}: cannot be converted for another number of ranks ({first_line(error)})"
        ) from None


def _workers(state: Path) -> int:
    """How many processes convert a checkpoint: as many as there are files and cores, and as the memory allows."""
    sizes = [file.stat().st_size for file in state.rglob("*.pt")]
    available: int = psutil.virtual_memory().available
    room = available // (2 * max(sizes, default=1))  # a file, and what is cut from it
    return max(1, min(len(sizes), len(os.sched_getaffinity(0)), room))


@contextlib.contextmanager
def weights_only() -> Any:
    """Makes every `torch.load`, DeepSpeed's too, refuse what is neither a tensor nor one of the classes named here."""
    from deepspeed.runtime.fp16.loss_scaler import DynamicLossScaler, LossScaler
    from deepspeed.runtime.zero.config import ZeroStageEnum
    from deepspeed.utils.tensor_fragment import fragment_address

    os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"
    try:
        with torch.serialization.safe_globals(
            [LossScaler, DynamicLossScaler, ZeroStageEnum, fragment_address]
        ):
            yield
    finally:
        del os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"]


@contextlib.contextmanager
def quiet() -> Any:
    """Keeps DeepSpeed from printing."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield
