"""What a person sees while a job works: the stage, how far it is, and how fast."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
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
        done: Callable[[], int] | None = None,
        unit: str = "rows",
    ) -> Iterator[None]:
        """Shows `name` while the block runs; `done()` says how many of `rows` rows (or other `unit`) are finished."""
        started = time.monotonic()
        if not self._console.is_terminal:
            yield
            took = time.monotonic() - started
            rate = f", {rows:,} {unit}, {rows / max(took, 0.001):,.0f} {unit}/s" if rows else ""
            self._console.print(f"{name}: {took:.1f} s{rate}", highlight=False)
        else:
            with self._bar() as bar:
                task = bar.add_task(name, total=rows, rate="")
                stop = threading.Event()
                watcher = threading.Thread(
                    target=self._watch, args=(bar, task, unit, done, started, stop), daemon=True
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
        return Progress(*columns, console=self._console)

    def _watch(
        self,
        bar: Progress,
        task: object,
        unit: str,
        done: Callable[[], int] | None,
        started: float,
        stop: threading.Event,
    ) -> None:
        while not stop.wait(_EVERY):
            if done is not None:
                finished = done()
                rate = finished / (time.monotonic() - started)
                bar.update(task, completed=finished, rate=f"{rate:,.0f} {unit}/s")  # type: ignore[arg-type]
