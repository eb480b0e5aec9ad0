"""What a person sees while a job works: the stage, how far it is, and how fast."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

_EVERY = 0.5  # seconds between looks
_PERIOD = 300  # seconds whose speed tells the time left: some stages move on only every few seconds


class Stages:
    """Runs the stages of a job one after the other, showing each and keeping its seconds."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._console = Console(file=sys.stderr)

    @contextmanager
    def stage(
        self,
        name: str,
        rows: int | None = None,
        done: Callable[[], int | Sequence[int]] | None = None,
        units: Sequence[str] = ("rows",),
    ) -> Iterator[None]:
        """Shows `name` while the block runs; `done()` says how many of `rows` rows are finished.

        Where other `units` than rows are named, it says how many of each; `rows` are of the first of them.
        """
        started = time.monotonic()
        if not self._console.is_terminal:
            yield
            took = time.monotonic() - started
            finished = [rows or 0, *(_counts(done)[1:] if done else ())]
            rate = f", {rows:,} {units[0]}, {_rates(finished, units, took)}" if rows else ""
            self._console.print(f"{name}: {took:.1f} s{rate}", highlight=False, soft_wrap=True)
        else:
            with self._bar() as bar:
                task = bar.add_task(name, total=rows, rate="")
                stop = threading.Event()
                watcher = threading.Thread(
                    target=self._watch, args=(bar, task, units, done, started, stop), daemon=True
                )
                watcher.start()
                try:
                    yield
                finally:
                    stop.set()
                    watcher.join()
                bar.update(task, completed=rows or 1, total=rows or 1)
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started

    def _bar(self) -> Progress:
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description:<10}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
        )
        return Progress(*columns, console=self._console, speed_estimate_period=_PERIOD)

    def _watch(
        self,
        bar: Progress,
        task: object,
        units: Sequence[str],
        done: Callable[[], int | Sequence[int]] | None,
        started: float,
        stop: threading.Event,
    ) -> None:
        while not stop.wait(_EVERY):
            if done is not None:
                counts = _counts(done)
                rates = _rates(counts, units, time.monotonic() - started)
                bar.update(task, completed=counts[0], rate=rates)  # type: ignore[arg-type]


def _counts(done: Callable[[], int | Sequence[int]]) -> Sequence[int]:
    counts = done()
    return (counts,) if isinstance(counts, int) else counts


def _rates(counts: Sequence[int], units: Sequence[str], seconds: float) -> str:
    return ", ".join(
        f"{count / max(seconds, 0.001):,.0f} {unit}/s" for count, unit in zip(counts, units, strict=True)
    )
