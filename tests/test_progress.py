"""What a person sees while a job works."""

from __future__ import annotations

import io
import re
import time

import pytest
from rich.console import Console

from pipelines import progress
from pipelines.progress import Stages


def stages_on(terminal: bool) -> tuple[Stages, io.StringIO]:
    written, stages = io.StringIO(), Stages()
    stages._console = Console(file=written, force_terminal=terminal, width=160)
    return stages, written


def test_a_bar_tells_rates_of_all_units_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_EVERY", 0.05)
    stages, written = stages_on(terminal=True)
    started = time.monotonic()

    def done() -> tuple[int, int]:
        seconds = time.monotonic() - started
        return int(100 * seconds), int(2000 * seconds)

    with stages.stage("translate", 1000, done, ("segments", "target tokens")):
        time.sleep(0.7)
    seen = [
        (int(segments), int(tokens.replace(",", "")), left)
        for segments, tokens, left in re.findall(
            r"(\d+) segments/s, ([\d,]+) target tokens/s \S+ left: (\S+)", _plain(written)
        )
    ]
    assert any(80 < segments < 120 and 1600 < tokens < 2400 for segments, tokens, _ in seen), seen
    assert any(left in ("0:00:09", "0:00:10") for _, _, left in seen), seen


def test_without_a_terminal_a_stage_is_one_line() -> None:
    stages, written = stages_on(terminal=False)
    with stages.stage("translate", 10, lambda: (10, 300), ("segments", "target tokens")):
        pass
    with stages.stage("score", 7, lambda: 7):
        pass
    with stages.stage("write"):
        pass
    first, second, third = written.getvalue().splitlines()
    assert re.fullmatch(r"translate: 0.0 s, 10 segments, [\d,]+ segments/s, [\d,]+ target tokens/s", first)
    assert re.fullmatch(r"score: 0.0 s, 7 rows, [\d,]+ rows/s", second)
    assert third == "write: 0.0 s"


def _plain(written: io.StringIO) -> str:
    return re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", written.getvalue())
