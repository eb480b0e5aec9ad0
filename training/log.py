"""What a run tells while it trains: a line a step in `log.jsonl`, TensorBoard, W&B, and the terminal. Rank 0 alone."""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

_EVERY_S = 10.0  # between lines, where there is no terminal to draw a bar on


class Log:
    """The log of a run that goes on after `start` steps; what an earlier run told of later ones is dropped."""

    def __init__(
        self, output: Path, start: int, last: int, wandb: str | None, config: Mapping[str, Any]
    ) -> None:
        from torch.utils.tensorboard import SummaryWriter

        output.mkdir(parents=True, exist_ok=True)
        self._path = output / "log.jsonl"
        # without a checkpoint nothing of an earlier run stands, not even its validation before the first step
        kept = [entry for entry in read_log(self._path) if start and entry["step"] <= start]
        self._path.write_text("".join(json.dumps(entry) + "\n" for entry in kept), encoding="utf-8")
        self._stream = self._path.open("a", encoding="utf-8")
        self._board = SummaryWriter(str(output / "tensorboard"), purge_step=start + 1)
        self._wandb = _wandb(wandb, output, config)
        self._console = Console(file=sys.stderr)
        self._bar = None
        if self._console.is_terminal:
            columns = (
                TextColumn("training"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"),
                TimeElapsedColumn(), TextColumn("left:"), TimeRemainingColumn(),
            )  # fmt: skip
            self._bar = Progress(*columns, console=self._console)
            self._task = self._bar.add_task("", total=last, completed=start)
            self._bar.start()
        self._last, self._told = last, 0.0

    def say(self, text: str) -> None:
        """Prints a line to standard error."""
        self._console.print(text, highlight=False, soft_wrap=True)

    def step(self, entry: Mapping[str, Any]) -> None:
        """Tells of a step: `step` (taken so far), `loss`, `losses` by group, and other numbers."""
        self._write(entry, "train")
        speed = f"{entry['tokens_per_s']:,.0f} tokens/s"
        line = f"step {entry['step']:,} of {self._last:,}: loss {entry['loss']:.4f}, {speed}"
        if entry.get("mfu") is not None:
            line += f", MFU {100 * entry['mfu']:.1f} %"
        if self._bar is not None:
            self._bar.update(self._task, completed=entry["step"], description=line.split(": ")[1])
        elif entry["step"] == self._last or time.monotonic() - self._told > _EVERY_S:
            self._told = time.monotonic()
            self.say(line)

    def validation(self, step: int, losses: Mapping[str, float], whole: float) -> None:
        """Tells of a validation: the loss of each group, and of all."""
        self._write({"step": step, "validation": whole, "validation_losses": dict(losses)}, "validation")
        groups = ", ".join(f"{group} {loss:.4f}" for group, loss in losses.items())
        self.say(f"step {step:,}: validation loss {whole:.4f} ({groups})")

    def close(self) -> None:
        if self._bar is not None:
            self._bar.stop()
        self._stream.close()
        self._board.close()
        if self._wandb is not None:
            self._wandb.finish()

    def _write(self, entry: Mapping[str, Any], kind: str) -> None:
        self._stream.write(json.dumps(entry) + "\n")
        self._stream.flush()
        numbers = {name: value for name, value in entry.items() if isinstance(value, (int, float))}
        for name, values in entry.items():
            if isinstance(values, dict):
                numbers |= {f"{name}/{group}": value for group, value in values.items()}
        for name, value in numbers.items():
            if name != "step":
                self._board.add_scalar(f"{kind}/{name}", value, entry["step"])
        if self._wandb is not None:
            self._wandb.log({f"{kind}/{name}": value for name, value in numbers.items()}, step=entry["step"])


def read_log(path: Path) -> list[dict[str, Any]]:
    """The entries of a `log.jsonl`; a line that a killed run left unfinished is none."""
    entries = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            entries.append(json.loads(line))
        except ValueError:
            continue
    return entries


def print_outcome(entries: Sequence[Mapping[str, Any]], output: Path) -> None:
    """Prints how the losses fell, for each language and task, and where things are."""
    steps = [entry for entry in entries if "loss" in entry]
    checks = [entry for entry in entries if "validation" in entry]
    groups = sorted({group for entry in steps for group in entry["losses"]})
    table = Table("loss", "first step", "last step", "first validation", "last validation")
    for column in table.columns[1:]:
        column.justify = "right"
    for group in ("all", *groups):
        trained = [
            entry["loss"] if group == "all" else entry["losses"][group]
            for entry in steps
            if group == "all" or group in entry["losses"]
        ]
        held_out = [
            entry["validation"] if group == "all" else entry["validation_losses"][group]
            for entry in checks
            if group == "all" or group in entry["validation_losses"]
        ]
        ends = [
            f"{values[place]:.4f}" if values else "-" for values in (trained, held_out) for place in (0, -1)
        ]
        table.add_row(group, *ends)
    console = Console()
    console.print(table)
    console.print(
        f"model: {output / 'model'}; log: {output / 'log.jsonl'}; TensorBoard: {output / 'tensorboard'}",
        soft_wrap=True,
    )


def _wandb(project: str | None, output: Path, config: Mapping[str, Any]) -> Any:
    if project is None:
        return None
    import wandb

    place = output.absolute()
    # the same when the run goes on, and no other run's
    id = hashlib.sha256(str(place).encode()).hexdigest()[:16]
    return wandb.init(
        project=project, dir=str(output), config=dict(config), resume="allow", id=id, name=place.name
    )
